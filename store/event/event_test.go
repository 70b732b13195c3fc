package event

import (
	"bytes"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

// fixedKey returns the device key whose seed is n repeated.
func fixedKey(t testing.TB, n byte) crypto.DeviceKey {
	t.Helper()
	key, err := crypto.NewDeviceKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustContent(t testing.TB, text string) []byte {
	t.Helper()
	b, err := Text{Text: text}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustNew(t testing.TB, h Header, b Body) Event {
	t.Helper()
	e, err := New(h, b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// writer appends to one log, as a store would.
type writer struct {
	t    testing.TB
	key  crypto.DeviceKey
	next Header
}

func newWriter(t testing.TB, n byte) *writer {
	key := fixedKey(t, n)
	return &writer{t: t, key: key, next: Header{
		Conversation: Conversation{0xc0},
		Device:       key.ID(),
		Instance:     Instance{n},
		Sequence:     1,
		Card:         crypto.Hash{0xca, n},
		Clock:        1_700_000_000_000,
	}}
}

func (w *writer) append(k Kind, content []byte, target ...ID) Event {
	w.t.Helper()
	w.next.Key = [16]byte{byte(w.next.Sequence), byte(w.next.Sequence >> 8)}
	h := w.next
	h.Kind = k
	if len(target) > 0 {
		h.Target = target[0]
	}
	if k >= firstControl {
		h.Flags = FlagCritical
	}
	if k > firstControl {
		h.Control = []crypto.Hash{{1}}
	}
	e := mustNew(w.t, h, Body{Salt: [16]byte{1, byte(w.next.Sequence)}, Content: content})
	if k.SelfProven() {
		e.Sign(w.key)
	}
	w.next.Sequence++
	w.next.Previous = e.ID
	w.next.Clock += 1000
	return e
}

func (w *writer) text(s string) Event { return w.append(KindText, mustContent(w.t, s)) }

func (w *writer) recall(target ID) Event {
	return w.append(KindRecall, nil, target)
}

// run appends n texts and signs the last.
func (w *writer) run(n int) Run {
	var r Run
	for range n {
		r.Events = append(r.Events, w.text("hello"))
	}
	r.Events[n-1].Sign(w.key)
	return r
}

// gone returns e without its body.
func gone(e Event, why Absence) Event {
	e.Body, e.Absent = nil, why
	return e
}

func TestRunRoundTrip(t *testing.T) {
	w := newWriter(t, 1)
	r := w.run(5)
	r.Tag = bytes.Repeat([]byte{7}, 32)
	recall := newWriter(t, 2).recall(r.Events[1].ID)
	r.Events[1] = gone(r.Events[1], Recalled)
	r.Recalls = []Event{recall}
	b := r.Marshal()
	back, err := ParseRun(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := back.Prove(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Marshal(), b) {
		t.Error("came back as other bytes")
	}
}
