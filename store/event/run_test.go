package event

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

// maxFrame is the limit of node/PROTOCOL.md.
const maxFrame = 1_310_720

// sent takes a run through its bytes.
func sent(t testing.TB, r Run) (Run, error) {
	t.Helper()
	b := r.Marshal()
	back, err := ParseRun(b)
	if err == nil && !bytes.Equal(back.Marshal(), b) {
		t.Error("came back as other bytes")
	}
	return back, err
}

// mixed returns a run of one log in which each reason to be absent occurs.
func mixed(t testing.TB) (Run, *writer) {
	w := newWriter(t, 1)
	w.next.Lifetime = 60
	var r Run
	for range 6 {
		r.Events = append(r.Events, w.text("hello"))
	}
	own := w.recall(r.Events[1].ID)
	last := w.text("end")
	last.Sign(w.key)
	r.Events = append(r.Events, own, last)
	second := newWriter(t, 2) // another device of the same person
	r.Recalls = []Event{second.recall(r.Events[2].ID), second.recall(r.Events[5].ID)}
	sortRecalls(r.Recalls)
	r.Events[1] = gone(r.Events[1], Recalled) // by own
	r.Events[2] = gone(r.Events[2], Recalled)
	r.Events[3] = gone(r.Events[3], Expired)
	r.Events[4] = gone(r.Events[4], Dropped)
	r.Events[5] = gone(r.Events[5], Recalled)
	return r, w
}

func sortRecalls(recalls []Event) {
	slices.SortFunc(recalls, func(a, b Event) int { return bytes.Compare(a.Header.Target[:], b.Header.Target[:]) })
}

// edited returns a run of an edit whose words went with those of its target, which is not in it.
func edited(t testing.TB) Run {
	w := newWriter(t, 8)
	target := w.text("hello")
	content, err := Edit{Text: "goodbye"}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	edit := w.append(KindEdit, content, target.ID)
	edit.Sign(w.key)
	return Run{Events: []Event{gone(edit, Recalled)}, Recalls: []Event{newWriter(t, 9).recall(target.ID)}}
}

func TestProve(t *testing.T) {
	whole, _ := mixed(t)
	single := newWriter(t, 3).run(1)
	long := newWriter(t, 4).run(MaxRunEvents)
	tail := newWriter(t, 5).run(9)
	tail.Events = tail.Events[4:]
	signed := newWriter(t, 6).run(3)
	signed.Events[1].Sign(fixedKey(t, 6))
	alone := Run{Events: []Event{newWriter(t, 7).recall(ID{1})}}
	unexplained := newWriter(t, 10).run(2) // by a recall that who gets it may have
	unexplained.Events[0] = gone(unexplained.Events[0], Recalled)
	for name, r := range map[string]Run{"edit": edited(t), "unexplained": unexplained, "mixed": whole, "single": single, "long": long, "tail": tail, "signed twice": signed, "recall alone": alone} {
		back, err := sent(t, r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := back.Prove(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := tail.Segment(); s.First != 5 || s.Last != 9 || s.ID != tail.Events[4].ID || tail.Log() != tail.Events[0].Header.Log() {
		t.Errorf("segment %v", s)
	}
}

func TestProveRefuses(t *testing.T) {
	const seq = 3 // where most things go wrong
	for _, c := range []struct {
		name   string
		change func(r *Run, w *writer)
	}{
		{"nothing", func(r *Run, _ *writer) { r.Events = nil }},
		{"unsigned end", func(r *Run, _ *writer) { r.Events[7].Signature = nil }},
		{"end cut off", func(r *Run, _ *writer) { r.Events = r.Events[:6] }},
		{"wrong signature at the end", func(r *Run, _ *writer) { r.Events[7].Signature = r.Events[6].Signature }},
		{"wrong signature within", func(r *Run, _ *writer) { r.Events[0].Signature = r.Events[7].Signature }},
		{"recall within unsigned", func(r *Run, _ *writer) { r.Events[6].Signature = nil }},
		{"wrong signature of its recall", func(r *Run, _ *writer) { r.Events[6].Signature = r.Events[7].Signature }},
		{"signature of another device", func(r *Run, _ *writer) {
			r.Events[7].Signature = fixedKey(t, 2).Sign(domainEvent, r.Events[7].HeaderBytes)
		}},
		{"signature of another domain", func(r *Run, w *writer) {
			r.Events[7].Signature = w.key.Sign(domainRecord, r.Events[7].HeaderBytes)
		}},
		{"gap", func(r *Run, _ *writer) { r.Events = slices.Delete(r.Events, seq, seq+1) }},
		{"sequence skipped by the author", func(r *Run, w *writer) {
			w.next.Sequence++
			r.Events = append(r.Events, w.text("x"))
			r.Events[8].Sign(w.key)
		}},
		{"event twice", func(r *Run, _ *writer) { r.Events = slices.Insert(r.Events, seq, r.Events[seq]) }},
		{"events swapped", func(r *Run, _ *writer) {
			r.Events[0], r.Events[seq] = r.Events[seq], r.Events[0]
		}},
		{"event forged within", func(r *Run, w *writer) {
			w.next = r.Events[seq].Header
			r.Events[seq] = w.text("never said")
		}},
		{"event of another conversation", func(r *Run, w *writer) {
			w.next = r.Events[7].Header
			w.next.Conversation = Conversation{1}
			r.Events[7] = w.text("x")
			r.Events[7].Sign(w.key)
		}},
		{"event of another instance", func(r *Run, w *writer) {
			w.next = r.Events[7].Header
			w.next.Instance = Instance{0xff}
			r.Events[7] = w.text("x")
			r.Events[7].Sign(w.key)
		}},
		{"event of another device", func(r *Run, _ *writer) {
			w := newWriter(t, 9)
			device := w.next.Device
			w.next = r.Events[7].Header
			w.next.Device = device
			r.Events[7] = w.text("x")
			r.Events[7].Sign(w.key)
		}},
		{"crossing card heads", func(r *Run, w *writer) {
			w.next.Card = crypto.Hash{0xcc}
			r.Events = append(r.Events, w.text("x"))
			r.Events[8].Sign(w.key)
		}},
		{"crossing control heads", func(r *Run, w *writer) {
			w.next.Control = []crypto.Hash{{1}}
			r.Events = append(r.Events, w.text("x"))
			r.Events[8].Sign(w.key)
		}},
		{"recalls out of order", func(r *Run, _ *writer) { slices.Reverse(r.Recalls) }},
		{"recall twice", func(r *Run, _ *writer) { r.Recalls = append(r.Recalls, r.Recalls[1]) }},
		{"recall of what is present", func(r *Run, _ *writer) {
			r.Recalls = append(r.Recalls, newWriter(t, 2).recall(r.Events[0].ID))
			sortRecalls(r.Recalls)
		}},
		{"recall of what is dropped", func(r *Run, _ *writer) {
			r.Recalls = append(r.Recalls, newWriter(t, 2).recall(r.Events[4].ID))
			sortRecalls(r.Recalls)
		}},
		{"recall of the target of a text", func(r *Run, _ *writer) {
			*r = edited(t)
			w := newWriter(t, 8)
			target := w.text("hello")
			next := w.text("no edit")
			next.Sign(w.key)
			r.Events, r.Recalls = []Event{gone(next, Recalled)}, []Event{newWriter(t, 9).recall(target.ID)}
		}},
		{"recall of nothing here", func(r *Run, _ *writer) {
			r.Recalls = append(r.Recalls, newWriter(t, 2).recall(ID{1}))
			sortRecalls(r.Recalls)
		}},
		{"recall of another conversation", func(r *Run, _ *writer) {
			w := newWriter(t, 2)
			w.next.Conversation = Conversation{1}
			r.Recalls[0] = w.recall(r.Events[2].ID)
		}},
		{"recall unsigned", func(r *Run, _ *writer) { r.Recalls[0].Signature = nil }},
		{"recall with another's signature", func(r *Run, _ *writer) { r.Recalls[0].Signature = r.Recalls[1].Signature }},
		{"enclosed text", func(r *Run, _ *writer) {
			w := newWriter(t, 2)
			r.Recalls[0] = w.append(KindText, mustContent(t, "x"))
			r.Recalls[0].Sign(w.key)
		}},
		{"enclosed edit", func(r *Run, _ *writer) {
			content, err := Edit{Text: "x"}.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			w := newWriter(t, 2)
			e := w.append(KindEdit, content, r.Recalls[0].Header.Target)
			e.Sign(w.key)
			r.Recalls[0] = e
		}},
		{"enclosed control event", func(r *Run, _ *writer) {
			r.Recalls[0] = newWriter(t, 2).append(lastControl, nil)
		}},
	} {
		r, w := mixed(t)
		c.change(&r, w)
		if err := r.Prove(); !errors.Is(err, ErrUnproven) {
			t.Errorf("%s: proven: %v", c.name, err)
		}
		back, err := sent(t, r)
		if err == nil {
			err = back.Prove()
		} else if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			t.Errorf("%s: proven when sent", c.name)
		}
	}
}

// TestFlippedBits bends a run at every bit: none may prove.
func TestFlippedBits(t *testing.T) {
	w := newWriter(t, 1)
	r := w.run(3)
	recall := newWriter(t, 2).recall(r.Events[1].ID)
	r.Events[1] = gone(r.Events[1], Recalled)
	r.Recalls = []Event{recall}
	b := r.Marshal()
	for i := range b {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[i] ^= 1 << bit
			run, err := ParseRun(c)
			if err == nil {
				err = run.Prove()
			}
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnproven) {
				t.Errorf("byte %d bit %d: %v", i, bit, err)
			}
		}
	}
}

func TestRunLimits(t *testing.T) {
	w := newWriter(t, 1)
	if r := w.run(MaxRunEvents + 1); r.Prove() == nil {
		t.Error("257 events are proven")
	} else if _, err := sent(t, r); !errors.Is(err, ErrMalformed) {
		t.Errorf("257 events parse: %v", err)
	}

	// The largest bodies, then one of just the right size.
	w = newWriter(t, 1)
	fill := func(bodySize int) Event {
		return w.append(5, make([]byte, bodySize-minBody-4))
	}
	var r Run
	size := 0
	for size+MaxHeader+MaxBody < MaxRunSize {
		r.Events = append(r.Events, fill(MaxBody))
		size += r.Events[len(r.Events)-1].Size()
	}
	head := len(r.Events[len(r.Events)-1].HeaderBytes)
	exact := fill(MaxRunSize - size - head)
	exact.Sign(w.key)
	full := Run{Events: append(slices.Clone(r.Events), exact)}
	if err := full.Prove(); err != nil {
		t.Errorf("1 MiB: %v", err)
	}
	w.next = exact.Header
	over := fill(MaxRunSize - size - head + 1)
	over.Sign(w.key)
	r.Events = append(r.Events, over)
	if err := r.Prove(); !errors.Is(err, ErrUnproven) {
		t.Errorf("1 MiB and a byte: %v", err)
	}
	// A body that has gone still counts.
	r.Events[0] = gone(r.Events[0], Dropped)
	if err := r.Prove(); !errors.Is(err, ErrUnproven) {
		t.Errorf("1 MiB and a byte, less a body: %v", err)
	}

	// Recalls can't make it larger than what a frame takes.
	r = Run{}
	w = newWriter(t, 1)
	second := newWriter(t, 2)
	for range MaxRunEvents {
		e := gone(w.text("x"), Recalled)
		second.next.Kind, second.next.Target = KindRecall, e.ID
		recall := mustNew(t, second.next, Body{
			Extensions: []Extension{{"x", make([]byte, 6000)}},
		})
		recall.Sign(second.key)
		r.Events = append(r.Events, e)
		r.Recalls = append(r.Recalls, recall)
	}
	r.Events[MaxRunEvents-1].Sign(w.key)
	sortRecalls(r.Recalls)
	if err := r.Prove(); !errors.Is(err, ErrUnproven) || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("large recalls: %v", err)
	}
}

// TestLargestRunFitsAFrame adds to what Prove allows all that Marshal puts around it.
func TestLargestRunFitsAFrame(t *testing.T) {
	const tagsAndLengths = 2*4 + 2 + 2 + 2 + 4 // of an event, its header and body, absence, signature, withheld
	most := MaxRunSent + 2*MaxRunEvents*(tagsAndLengths+crypto.SignatureSize) + 2 + tagSize + 9
	if frame := most + 4; frame > maxFrame {
		t.Errorf("a run may take %d bytes, a frame %d", frame, maxFrame)
	}
}

func TestParseRunRefuses(t *testing.T) {
	one := vectors(t)["run one"]
	for name, b := range map[string][]byte{
		"empty":          nil,
		"tag alone":      append([]byte{0x0a, 32}, make([]byte, 32)...),
		"short tag":      append([]byte{0x0a, 1, 1}, one...),
		"empty event":    {0x12, 0},
		"trailing":       append(bytes.Clone(one), 0),
		"event twice":    append(bytes.Clone(one), one...)[:len(one)+5],
		"recall first":   append([]byte{0x1a, 0}, one...),
		"empty recall":   append(bytes.Clone(one), 0x1a, 0),
		"absence past 3": withAbsence(t, 4),
		"huge absence":   withAbsence(t, 1<<8|3),
	} {
		if _, err := ParseRun(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseRun(withAbsence(t, uint64(Dropped))); err != nil {
		t.Errorf("dropped: %v", err)
	}
}

// withAbsence returns a Run message of one event without a body.
func withAbsence(t *testing.T, absent uint64) []byte {
	var e, w canon.Writer
	e.Bytes(1, vectors(t)["header least"])
	e.Uint(3, absent)
	w.Element(2, e.Out())
	return w.Out()
}

func TestTrim(t *testing.T) {
	w := newWriter(t, 1)
	r := w.run(2)
	r.Events[0].Sign(w.key)
	r.Events = append(r.Events, w.recall(ID{1}), w.text("x"), w.text("end"))
	r.Events[3].Sign(w.key)
	r.Events[4].Sign(w.key)
	r.Trim()
	for i, want := range []bool{false, false, true, false, true} {
		if (r.Events[i].Signature != nil) != want {
			t.Errorf("event %d: signature %t", i, !want)
		}
	}
	if err := r.Prove(); err != nil {
		t.Error(err)
	}
}
