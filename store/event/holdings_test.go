package event

import (
	"errors"
	"reflect"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

func held(device, instance byte, first, last uint64) HeldRange {
	return HeldRange{Device: crypto.DeviceID{device}, Instance: Instance{instance}, Range: Range{First: first, Last: last}}
}

func fate(device, instance byte, sequence uint64, states ...FileState) HeldState {
	return HeldState{Device: crypto.DeviceID{device}, Instance: Instance{instance}, Sequence: sequence, States: states}
}

func TestHoldings(t *testing.T) {
	manyRanges := func(n int) (h Holdings) {
		for i := range uint64(n) {
			h.Held = append(h.Held, held(1, 1, MaxInteger-1000+2*i, MaxInteger-1000+2*i))
		}
		return h
	}
	full := manyRanges(MaxHeldRanges)
	manyStates := func(n int) (h Holdings) {
		for i := range uint64(n) {
			h.States = append(h.States, fate(1, 1, MaxInteger-500+i, make([]FileState, MaxAttachments)...))
		}
		return h
	}
	full.States = manyStates(MaxHeldStates).States
	for _, c := range []struct {
		name string
		h    Holdings
		ok   bool
	}{
		{"none", Holdings{}, true},
		{"in order", Holdings{
			Held:   []HeldRange{held(1, 1, 5, 6), held(1, 1, 8, 9), held(1, 2, 1, 2), held(2, 1, 1, 2)},
			States: []HeldState{fate(1, 1, 4, FileFetching), fate(1, 1, 7, FileHeld, FileDeclined), fate(1, 2, 3, FilePaused), fate(3, 1, 1, FileChanged)},
		}, true},
		{"full", full, true},
		{"65 ranges", manyRanges(MaxHeldRanges + 1), false},
		{"97 states", manyStates(MaxHeldStates + 1), false},
		{"devices descending", Holdings{Held: []HeldRange{held(2, 1, 1, 2), held(1, 1, 1, 2)}}, false},
		{"instances descending", Holdings{Held: []HeldRange{held(1, 2, 1, 2), held(1, 1, 1, 2)}}, false},
		{"touching", Holdings{Held: []HeldRange{held(1, 1, 1, 2), held(1, 1, 3, 4)}}, false},
		{"descending", Holdings{Held: []HeldRange{held(1, 1, 8, 9), held(1, 1, 1, 2)}}, false},
		{"from 0", Holdings{Held: []HeldRange{held(1, 1, 0, 2)}}, false},
		{"backwards", Holdings{Held: []HeldRange{held(1, 1, 3, 2)}}, false},
		{"huge", Holdings{Held: []HeldRange{held(1, 1, 3, MaxInteger+1)}}, false},
		{"state at 0", Holdings{States: []HeldState{fate(1, 1, 0, FileHeld)}}, false},
		{"state too far", Holdings{States: []HeldState{fate(1, 1, MaxInteger+1, FileHeld)}}, false},
		{"no state", Holdings{States: []HeldState{fate(1, 1, 1)}}, false},
		{"33 states", Holdings{States: []HeldState{fate(1, 1, 1, make([]FileState, MaxAttachments+1)...)}}, false},
		{"unknown state", Holdings{States: []HeldState{fate(1, 1, 1, endOfFileStates)}}, false},
		{"states twice", Holdings{States: []HeldState{fate(1, 1, 1, FileHeld), fate(1, 1, 1, FileHeld)}}, false},
		{"states descending", Holdings{States: []HeldState{fate(1, 1, 2, FileHeld), fate(1, 1, 1, FileHeld)}}, false},
		{"state in a range", Holdings{Held: []HeldRange{held(1, 1, 1, 2), held(1, 1, 4, 6)}, States: []HeldState{fate(1, 1, 3, FileHeld), fate(1, 1, 6, FileHeld)}}, false},
		{"state in the range of another log", Holdings{Held: []HeldRange{held(1, 1, 1, 2), held(1, 2, 4, 6)}, States: []HeldState{fate(1, 1, 5, FileHeld)}}, true},
	} {
		b := c.h.Marshal()
		back, err := ParseHoldings(b)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && !reflect.DeepEqual(back, c.h) {
			t.Errorf("%s came back as %v", c.name, back)
		}
	}
	if n := len(full.Marshal()); n > MaxValue {
		t.Errorf("the longest holdings take %d bytes", n)
	}
}

func TestBodyFits(t *testing.T) {
	preview := func(n int) Attachment { return Attachment{Name: "a", Preview: make([]byte, n)} }
	b := Body{Content: make([]byte, MaxBody-20<<10), Attachments: []Attachment{preview(MaxPreview - 1), preview(MaxPreview), preview(5 << 10)}}
	b.Fit()
	if len(b.Attachments[0].Preview) == 0 || len(b.Attachments[1].Preview) != 0 || len(b.Attachments[2].Preview) == 0 || len(b.bytes()) > MaxBody {
		t.Errorf("%d bytes", len(b.bytes()))
	}
	b = Body{Content: make([]byte, MaxBody), Attachments: []Attachment{preview(1)}}
	if b.Fit(); len(b.Attachments[0].Preview) > 0 {
		t.Error("a preview is left")
	}
	for _, c := range []struct {
		body Body
		want int
	}{{Body{}, 0}, {Body{Content: []byte{1}, Fallback: "x"}, 0}, {Body{Attachments: []Attachment{{}}}, 1}, {Body{Content: []byte{1}, Attachments: make([]Attachment, 3), Fallback: "x"}, 3}} {
		if got := CountAttachments(c.body.bytes()); got != c.want {
			t.Errorf("%+v has %d attachments", c.body, got)
		}
	}
}
