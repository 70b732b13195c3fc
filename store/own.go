package store

import (
	"cmp"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// ownLogs writes the logs of this device. An event is signed only where a run has to end: that
// signature proves all events before it.
type ownLogs struct {
	*batch
	tails map[uint32]*tail // by log: what was written since the last signature
}

// tail is the end of an own log, as far as no signature proves it yet.
type tail struct {
	last    layout.Slot
	card    crypto.Hash
	control []crypto.Hash
	events  int
	size    int
}

// write appends an event to the log of this device in a conversation. The header says what is the
// event's own; the rest is filled in here.
func (w *ownLogs) write(c *layout.Conversation, h event.Header, body event.Body) (*entry, error) {
	if w.isGroup(c) {
		if w.s.cfg.Authority != nil {
			h.Control = w.s.cfg.Authority.Heads(c.ID)
		}
		if len(h.Control) == 0 { // nobody would accept the event
			return nil, ErrNoConversation
		}
	}
	l, err := w.ownLog(c)
	if err != nil {
		return nil, err
	}
	return w.writeIn(c, l, h, body)
}

// writeIn appends an event to a log of this device, under the control heads that its header has.
func (w *ownLogs) writeIn(c *layout.Conversation, l *layout.Log, h event.Header, body event.Body) (*entry, error) {
	h.Conversation, h.Device, h.Instance = l.Name.Conversation, l.Name.Device, l.Name.Instance
	h.Card = w.s.own.Card.Head()
	h.Sequence = l.Segments.Last() + 1
	if h.Sequence > 1 {
		h.Previous = l.Segments[len(l.Segments)-1].ID
	}
	seen, err := w.unseen(c, l)
	if err != nil {
		return nil, err
	}
	for _, other := range seen {
		h.Seen = append(h.Seen, event.Position{
			Device: other.Name.Device, Instance: other.Name.Instance, Sequence: other.Top.Sequence, ID: other.Top.ID,
		})
	}
	e, err := event.New(h, body)
	if err != nil {
		return nil, err
	}
	for _, other := range seen {
		delete(w.s.writing.fresh[c.Number], other.Number)
	}
	return w.written(l, &e)
}

// written stores the next event of a log of this device.
func (w *ownLogs) written(l *layout.Log, e *event.Event) (x *entry, err error) {
	h := &e.Header
	if l.Segments, err = l.Segments.Add(event.Segment{First: h.Sequence, Last: h.Sequence, ID: e.ID}); err != nil {
		return nil, err
	}
	l.Events++
	w.touch(l)
	w.grown[l.Number] = true
	x = &entry{
		Slot: l.At(h.Sequence),
		Event: &layout.Event{
			FirstSeen:   w.now,
			HeaderBytes: e.HeaderBytes,
			Sealed:      w.s.dir.Keyring.Seal(e.Body, e.Header.BodyHash[:]),
		},
		in:     l,
		header: e.Header,
		id:     e.ID,
		plain:  e.Body,
	}
	t := w.tails[l.Number]
	if t != nil && (t.events == event.MaxRunEvents || t.size+e.Size() > event.MaxRunSize || t.card != h.Card || !slices.Equal(t.control, h.Control)) {
		w.sign(l.Number)
		t = nil
	}
	if t == nil {
		t = &tail{card: h.Card, control: h.Control}
		w.tails[l.Number] = t
	}
	t.last, t.events, t.size = x.Slot, t.events+1, t.size+e.Size()
	if h.Kind.SelfProven() {
		signStored(x.Event, w.s.own.Device)
		delete(w.tails, l.Number)
	}
	return x, w.order.add(x)
}

// ownLog returns the log that this device writes in a conversation. A new one is made where the
// last one was cut off, or is of an earlier era.
func (w *ownLogs) ownLog(c *layout.Conversation) (*layout.Log, error) {
	if c.Own != 0 && c.Era == w.s.era {
		if l, err := w.log(c.Own); err != nil || l.Segments.Last() < l.Limit {
			return l, err
		}
	}
	instance, err := newInstance(w.s.cfg.Rand)
	if err != nil {
		return nil, err
	}
	log := event.Log{Conversation: c.ID, Device: w.s.own.Device.ID(), Instance: instance}
	return w.addOwnLog(c, log), nil
}

// addOwnLog makes the log in which this device goes on in a conversation.
func (w *ownLogs) addOwnLog(c *layout.Conversation, log event.Log) *layout.Log {
	l := w.addLog(c.Number, log, w.s.own.Person, layout.BranchFirst)
	c.Own, c.Era = l.Number, w.s.era
	w.saveConversation(c)
	return l
}

// unseen returns the other logs that have placed an event since this device last wrote in the
// conversation: as many as a header may name, the latest of them, in the order of a header.
func (w *ownLogs) unseen(c *layout.Conversation, own *layout.Log) ([]*layout.Log, error) {
	fresh := w.s.writing.fresh[c.Number]
	if fresh == nil {
		fresh = map[uint32]bool{}
		if err := w.eachLog(c.Number, func(l *layout.Log) error {
			fresh[l.Number] = true
			return nil
		}); err != nil {
			return nil, err
		}
		if w.s.writing.fresh == nil {
			w.s.writing.fresh = map[uint32]map[uint32]bool{}
		}
		w.s.writing.fresh[c.Number] = fresh
	}
	delete(fresh, own.Number)
	var seen []*layout.Log
	for n := range fresh {
		l, err := w.log(n)
		if err != nil {
			return nil, err
		}
		// Nobody would accept an event past the limit as a cause. Of a forked log of this device
		// not everybody has the same branch.
		if l.Top.Sequence == 0 || l.Top.Sequence > l.Limit || l.Forked != 0 && l.Name.Device == w.s.own.Device.ID() {
			delete(fresh, n)
			continue
		}
		seen = append(seen, l)
	}
	if len(seen) > event.MaxSeen {
		slices.SortFunc(seen, func(x, y *layout.Log) int {
			return cmp.Or(cmp.Compare(y.Top.T, x.Top.T), cmp.Compare(x.Number, y.Number))
		})
		seen = seen[:event.MaxSeen]
	}
	slices.SortFunc(seen, func(x, y *layout.Log) int { return x.Name.Compare(y.Name) })
	return seen, nil
}

// sign signs the end of an own log.
func (w *ownLogs) sign(log uint32) {
	t := w.tails[log]
	if t == nil {
		return
	}
	delete(w.tails, log)
	w.signAt(t.last)
}

// signAt signs an event of this device, which is stored.
func (w *ownLogs) signAt(p layout.Slot) {
	st, err := w.stored(p)
	if err != nil || st == nil {
		w.Fail(cmp.Or(err, ErrNoEvent))
		return
	}
	if st.Signature == nil {
		signStored(st, w.s.own.Device)
		w.Put(bucketEvents, p.Bytes(), st.Bytes())
	}
}

// signStored signs an event of this device.
func signStored(e *layout.Event, key crypto.DeviceKey) {
	whole := event.Event{Header: event.Header{Device: key.ID()}, HeaderBytes: e.HeaderBytes}
	whole.Sign(key)
	e.Signature = whole.Signature
}
