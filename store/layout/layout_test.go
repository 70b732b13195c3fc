package layout

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

var (
	someConversation = Conversation{ID: event.Conversation{1}, Number: 2, Other: crypto.PersonID{3}, Own: 4, Era: 5, Hidden: true}
	someLog          = Log{
		Number: 1, Conversation: 2, Name: event.Log{Conversation: event.Conversation{3}, Device: crypto.DeviceID{4}, Instance: event.Instance{5}},
		Person: crypto.PersonID{6}, Branch: BranchOther, Forked: 7, Limit: NoLimit, Top: Placed{Sequence: 8, T: -9, ID: event.ID{10}}, Events: 11,
		Segments: event.Segments{{First: 1, Last: 2, ID: event.ID{12}}, {First: 4, Last: 9, ID: event.ID{13}}},
	}
	someEvent = Event{
		Flags: FlagSigned | FlagShown, Absent: event.Present, FirstSeen: -1, T: 2, Arrival: 3, Withheld: 4,
		HeaderBytes: []byte("header"), Signature: bytes.Repeat([]byte{5}, crypto.SignatureSize), Sealed: []byte("body"),
	}
	someStretch = Stretch{First: 1, Slot: Slot{2, 3}, Count: 4}
	someRanges  = event.Ranges{{First: 1, Last: 2}, {First: 4, Last: 9}}
)

// What was written is read as it was.
func TestRoundTrip(t *testing.T) {
	c, err := ParseConversation(someConversation.ID, someConversation.Bytes())
	check(t, err)
	equal(t, "conversation", c, someConversation)
	l, err := ParseLog(someLog.Number, someLog.Bytes())
	check(t, err)
	equal(t, "log", *l, someLog)
	e, err := ParseEvent(someEvent.Bytes())
	check(t, err)
	equal(t, "event", *e, someEvent)
	s, err := ParseRanges(RangesBytes(someRanges))
	check(t, err)
	equal(t, "ranges", s, someRanges)
	if s, err := ParseRanges(nil); s != nil || err != nil {
		t.Error("ranges of no value:", s, err)
	}
	p := Slot{Log: 1, Sequence: 2}
	if got, ok := SlotAt(p.Append([]byte("a key"))); !ok || got != p {
		t.Error("slot:", got, ok)
	}
	key := p.Append(WaitingFor(1, crypto.DeviceID{2}, event.Instance{3}, 4))
	w, err := ParseWaiting(key)
	check(t, err)
	g := Gaps{Sequence: 4, Log: 5, Rows: event.Range{First: 6, Last: 7}}
	gaps, err := ParseGaps(someGaps, g.Bytes())
	check(t, err)
	equal(t, "gaps", gaps, g)
	equal(t, "key of what waits", w, Waiting{Conversation: 1, Device: crypto.DeviceID{2}, Instance: event.Instance{3}, Sequence: 4, Slot: p})
}

// An event has no signature without its flag, and no body where it is absent, even an empty one.
func TestEventWithoutItsParts(t *testing.T) {
	e := someEvent
	e.Signature, e.Sealed, e.Absent = nil, nil, event.Recalled
	got, err := ParseEvent(e.Bytes())
	check(t, err)
	if got.Is(FlagSigned) || got.Signature != nil || got.Sealed != nil || !got.Is(FlagShown) || got.Is(FlagGap) {
		t.Errorf("%+v", got)
	}
}

var someGaps = append(GapsFor(WaitingFor(1, crypto.DeviceID{2}, event.Instance{3}, 4), event.ID{9}), U32(5)...)

// What is cut short or goes on too long was damaged.
func TestDamage(t *testing.T) {
	for what, f := range map[string]struct {
		value []byte
		parse func([]byte) error
	}{
		"conversation": {someConversation.Bytes(), func(b []byte) error { _, err := ParseConversation(event.Conversation{}, b); return err }},
		"log":          {someLog.Bytes()[:logFixed], func(b []byte) error { _, err := ParseLog(1, b); return err }},
		"ranges":       {RangesBytes(someRanges), func(b []byte) error { _, err := ParseRanges(b); return err }},
		"waiting": {Slot{}.Append(WaitingFor(1, crypto.DeviceID{}, event.Instance{}, 1)), func(b []byte) error {
			_, err := ParseWaiting(b)
			return err
		}},
		"gaps":        {(&Gaps{}).Bytes(), func(b []byte) error { _, err := ParseGaps(someGaps, b); return err }},
		"key of gaps": {someGaps, func(b []byte) error { _, err := ParseGaps(b, (&Gaps{}).Bytes()); return err }},
	} {
		check(t, f.parse(f.value))
		for n := range f.value {
			if err := f.parse(f.value[:n]); !errors.Is(err, disk.ErrDamaged) {
				t.Fatalf("%s of %d bytes: %v", what, n, err)
			}
		}
		if err := f.parse(append(bytes.Clone(f.value), 0)); !errors.Is(err, disk.ErrDamaged) {
			t.Errorf("%s with another byte: %v", what, err)
		}
	}
	whole := someEvent.Bytes()
	for n := range len(whole) - len(someEvent.Sealed) {
		if _, err := ParseEvent(whole[:n]); !errors.Is(err, disk.ErrDamaged) {
			t.Fatalf("event of %d bytes: %v", n, err)
		}
	}
	wrong := someLog
	wrong.Segments = event.Segments{{First: 4, Last: 9}, {First: 1, Last: 2}}
	if _, err := ParseLog(1, wrong.Bytes()); !errors.Is(err, disk.ErrDamaged) {
		t.Error("segments out of order:", err)
	}
}

// Keys of one bucket sort as the bucket is gone over.
func TestOrderOfKeys(t *testing.T) {
	for what, keys := range map[string][][]byte{
		"view": {ViewKey(1, 2, event.ID{9}), ViewKey(1, 3, event.ID{1}), ViewKey(1, 3, event.ID{2}), ViewKey(2, 0, event.ID{})},
		"edits": {
			Slot{1, 9}.Append(EditKeys(1, event.ID{1}, 2)), Slot{1, 10}.Append(EditKeys(1, event.ID{1}, 2)),
			Slot{2, 1}.Append(EditKeys(1, event.ID{1}, 2)), Slot{1, 1}.Append(EditKeys(1, event.ID{1}, 3)),
		},
		"events": {Slot{1, 2}.Bytes(), Slot{1, 300}.Bytes(), Slot{2, 1}.Bytes(), Slot{256, 1}.Bytes()},
	} {
		for i := 1; i < len(keys); i++ {
			if bytes.Compare(keys[i-1], keys[i]) >= 0 {
				t.Errorf("%s: %x comes before %x", what, keys[i-1], keys[i])
			}
		}
	}
}

// Whatever stands in a value, no parser panics, and what one accepts comes back as the same bytes.
func FuzzParse(f *testing.F) {
	for _, b := range [][]byte{someConversation.Bytes(), someLog.Bytes(), someEvent.Bytes(), RangesBytes(someRanges), someStretch.Bytes()} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseConversation(event.Conversation{}, b); err == nil && !bytes.Equal(c.Bytes(), b) {
			t.Errorf("conversation: %x became %x", b, c.Bytes())
		}
		if l, err := ParseLog(1, b); err == nil && !bytes.Equal(l.Bytes(), b) {
			t.Errorf("log: %x became %x", b, l.Bytes())
		}
		if e, err := ParseEvent(b); err == nil && e.Absent == event.Present && !bytes.Equal(e.Bytes(), b) {
			t.Errorf("event: %x became %x", b, e.Bytes())
		}
		if s, err := ParseRanges(b); err == nil && !bytes.Equal(RangesBytes(s), b) {
			t.Errorf("ranges: %x became %x", b, RangesBytes(s))
		}
		if s, err := ParseStretch(U64(1), b); err == nil && !bytes.Equal(s.Bytes(), b) {
			t.Errorf("arrivals: %x became %x", b, s.Bytes())
		}
		ParseWaiting(b)
	})
}

func TestFiles(t *testing.T) {
	of := File{Slot{1, 2}, 31}
	for _, key := range [][]byte{of.Bytes(), BlobUser(Blob{3}, of), FileWork(4, of)} {
		if back, err := FileAt(key); err != nil || back != of {
			t.Errorf("%x came back as %v, %v", key, back, err)
		}
	}
	if _, err := FileAt(of.Bytes()[1:]); !errors.Is(err, disk.ErrDamaged) {
		t.Error(err)
	}
	ref := FileRef{Blob{5}, lastFileState, lastFileReason, FileAsked | FileByHand}
	back, err := ParseFileRef(ref.Bytes())
	check(t, err)
	equal(t, "reference", back, ref)
	for _, bad := range [][]byte{nil, ref.Bytes()[1:], append(ref.Bytes(), 0)} {
		if _, err := ParseFileRef(bad); !errors.Is(err, disk.ErrDamaged) {
			t.Errorf("%x: %v", bad, err)
		}
	}
	for i := len(Blob{}); i < fileRefSize; i++ {
		bad := ref.Bytes()
		bad[i]++
		if _, err := ParseFileRef(bad); !errors.Is(err, disk.ErrDamaged) {
			t.Errorf("%x: %v", bad, err)
		}
	}
}
