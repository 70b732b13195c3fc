package store

import (
	"cmp"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// ownLogs writes the logs of this device. An event is signed only where a run has to end: that
// signature proves all events before it.
type ownLogs struct {
	*batch
	tails map[uint32]*tail // by log: what was written since the last signature
}

// tail is the end of an own log, as far as no signature proves it yet.
type tail struct {
	last    slot
	card    crypto.Hash
	control []crypto.Hash
	events  int
	size    int
}

// write appends an event to the log of this device in a conversation. The header says what is the
// event's own; the rest is filled in here.
func (w *ownLogs) write(c *conversation, h event.Header, body event.Body) (*entry, error) {
	if w.isGroup(c) {
		if w.s.cfg.Authority != nil {
			h.Control = w.s.cfg.Authority.Heads(c.id)
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
func (w *ownLogs) writeIn(c *conversation, l *logState, h event.Header, body event.Body) (*entry, error) {
	h.Conversation, h.Device, h.Instance = l.log.Conversation, l.log.Device, l.log.Instance
	h.Card = w.s.own.Card.Head()
	h.Sequence = l.segments.Last() + 1
	if h.Sequence > 1 {
		h.Previous = l.segments[len(l.segments)-1].ID
	}
	seen, err := w.unseen(c, l)
	if err != nil {
		return nil, err
	}
	for _, other := range seen {
		h.Seen = append(h.Seen, event.Position{
			Device: other.log.Device, Instance: other.log.Instance, Sequence: other.top.sequence, ID: other.top.id,
		})
	}
	e, err := event.New(h, body)
	if err != nil {
		return nil, err
	}
	for _, other := range seen {
		delete(w.s.writing.fresh[c.number], other.number)
	}
	return w.written(l, &e)
}

// written stores the next event of a log of this device.
func (w *ownLogs) written(l *logState, e *event.Event) (x *entry, err error) {
	h := &e.Header
	if l.segments, err = l.segments.Add(event.Segment{First: h.Sequence, Last: h.Sequence, ID: e.ID}); err != nil {
		return nil, err
	}
	l.events++
	w.touch(l)
	w.grown[l.number] = true
	x = &entry{
		slot: slot{l.number, h.Sequence},
		stored: &stored{
			firstSeen:   w.now,
			headerBytes: e.HeaderBytes,
			sealed:      w.s.disk.Keyring.Seal(e.Body, e.Header.BodyHash[:]),
		},
		in:     l,
		header: e.Header,
		id:     e.ID,
	}
	t := w.tails[l.number]
	if t != nil && (t.events == event.MaxRunEvents || t.size+e.Size() > event.MaxRunSize || t.card != h.Card || !slices.Equal(t.control, h.Control)) {
		w.sign(l.number)
		t = nil
	}
	if t == nil {
		t = &tail{card: h.Card, control: h.Control}
		w.tails[l.number] = t
	}
	t.last, t.events, t.size = x.slot, t.events+1, t.size+e.Size()
	if h.Kind.SelfProven() {
		x.sign(w.s.own.Device)
		delete(w.tails, l.number)
	}
	return x, w.order.add(x)
}

// ownLog returns the log that this device writes in a conversation. A new one is made where the
// last one was cut off, or is of an earlier era.
func (w *ownLogs) ownLog(c *conversation) (*logState, error) {
	if c.own != 0 && c.era == w.s.era {
		if l, err := w.log(c.own); err != nil || l.segments.Last() < l.limit {
			return l, err
		}
	}
	instance, err := newInstance(w.s.cfg.Rand)
	if err != nil {
		return nil, err
	}
	log := event.Log{Conversation: c.id, Device: w.s.own.Device.ID(), Instance: instance}
	return w.addOwnLog(c, log), nil
}

// addOwnLog makes the log in which this device goes on in a conversation.
func (w *ownLogs) addOwnLog(c *conversation, log event.Log) *logState {
	l := w.addLog(c.number, log, w.s.own.Person, branchFirst)
	c.own, c.era = l.number, w.s.era
	w.saveConversation(c)
	return l
}

// unseen returns the other logs that have placed an event since this device last wrote in the
// conversation: as many as a header may name, the latest of them, in the order of a header.
func (w *ownLogs) unseen(c *conversation, own *logState) ([]*logState, error) {
	fresh := w.s.writing.fresh[c.number]
	if fresh == nil {
		fresh = map[uint32]bool{}
		if err := w.eachLog(c.number, func(l *logState) error {
			fresh[l.number] = true
			return nil
		}); err != nil {
			return nil, err
		}
		if w.s.writing.fresh == nil {
			w.s.writing.fresh = map[uint32]map[uint32]bool{}
		}
		w.s.writing.fresh[c.number] = fresh
	}
	delete(fresh, own.number)
	var seen []*logState
	for n := range fresh {
		l, err := w.log(n)
		if err != nil {
			return nil, err
		}
		// Nobody would accept an event past the limit as a cause. Of a forked log of this device
		// not everybody has the same branch.
		if l.top.sequence == 0 || l.top.sequence > l.limit || l.forked != 0 && l.log.Device == w.s.own.Device.ID() {
			delete(fresh, n)
			continue
		}
		seen = append(seen, l)
	}
	if len(seen) > event.MaxSeen {
		slices.SortFunc(seen, func(x, y *logState) int {
			return cmp.Or(cmp.Compare(y.top.t, x.top.t), cmp.Compare(x.number, y.number))
		})
		seen = seen[:event.MaxSeen]
	}
	slices.SortFunc(seen, func(x, y *logState) int { return x.log.Compare(y.log) })
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
func (w *ownLogs) signAt(p slot) {
	st, err := w.stored(p)
	if err != nil || st == nil {
		w.Fail(cmp.Or(err, ErrNoEvent))
		return
	}
	if st.signature == nil {
		st.sign(w.s.own.Device)
		w.Put(bucketEvents, p.bytes(), st.bytes())
	}
}

// sign signs an event of this device.
func (e *stored) sign(key crypto.DeviceKey) {
	whole := event.Event{Header: event.Header{Device: key.ID()}, HeaderBytes: e.headerBytes}
	whole.Sign(key)
	e.signature = whole.Signature
}
