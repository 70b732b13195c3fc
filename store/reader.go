package store

import (
	"encoding/binary"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

// reader looks things up in one transaction. What it returns is valid until that ends.
type reader struct {
	*tx.Reader
	*logTable
	s        *Store
	view     *view
	delivery *delivery
	unreads  map[uint64]*layout.UnreadMap // parts of bucketUnread that were looked at
}

func newReader(s *Store, t *tx.Reader) *reader {
	r := &reader{Reader: t, logTable: &logTable{Reader: t, known: map[uint32]*layout.Log{}}, s: s}
	r.view, r.delivery = &view{reader: r}, &delivery{reader: r}
	return r
}

// logTable looks up logs, each once.
type logTable struct {
	*tx.Reader
	known map[uint32]*layout.Log
}

// presence says whether a bucket that mostly is empty has any keys, as far as that is known.
type presence int8

const (
	unknown presence = iota
	nothing
	something
)

// anything reports whether a bucket has any keys, and remembers it in known.
func (r *reader) anything(known *presence, bucket tx.Bucket) bool {
	if *known == unknown {
		*known = something
		if r.Empty(bucket) {
			*known = nothing
		}
	}
	return *known == something
}

// conversation returns a conversation, or ErrNoConversation.
func (r *reader) conversation(id event.Conversation) (layout.Conversation, error) {
	b := r.Get(bucketConversations, id[:])
	if b == nil {
		return layout.Conversation{}, ErrNoConversation
	}
	return layout.ParseConversation(id, b)
}

// log returns the log that has a number.
func (t *logTable) log(n uint32) (*layout.Log, error) {
	if l := t.known[n]; l != nil {
		return l, nil
	}
	l, err := layout.ParseLog(n, t.Get(bucketLogs, layout.U32(n)))
	if err == nil {
		t.known[n] = l
	}
	return l, err
}

// named returns a log by its name, nil if there is none.
func (t *logTable) named(conversation uint32, log event.Log, branch byte) (*layout.Log, error) {
	b := t.Get(bucketLogNames, layout.LogName(conversation, log, branch))
	if len(b) != 4 {
		return nil, nil
	}
	return t.log(binary.BigEndian.Uint32(b))
}

// branches returns a log by its name and, if it is forked, its second branch; none if the log is
// not here.
func (t *logTable) branches(conversation uint32, log event.Log) ([]*layout.Log, error) {
	l, err := t.named(conversation, log, layout.BranchFirst)
	if err != nil || l == nil {
		return nil, err
	}
	return t.branchesOf(l)
}

// branchesOf returns a log and, if it is forked, its second branch.
func (t *logTable) branchesOf(l *layout.Log) ([]*layout.Log, error) {
	if l.Forked == 0 {
		return []*layout.Log{l}, nil
	}
	other, err := t.named(l.Conversation, l.Name, layout.BranchOther)
	if err != nil || other == nil {
		return []*layout.Log{l}, err
	}
	return []*layout.Log{l, other}, nil
}

// eachLog calls f for the logs of a conversation, without second branches.
func (t *logTable) eachLog(conversation uint32, f func(*layout.Log) error) error {
	for k, v := range t.Prefix(bucketLogNames, layout.U32(conversation)) {
		if k[len(k)-1] != layout.BranchFirst || len(v) != 4 {
			continue
		}
		l, err := t.log(binary.BigEndian.Uint32(v))
		if err != nil {
			return err
		}
		if err := f(l); err != nil {
			return err
		}
	}
	return nil
}

// eachLogOf calls f for the logs of a person in a conversation, in the order in which they were
// begun.
func (t *logTable) eachLogOf(conversation uint32, person crypto.PersonID, f func(*layout.Log) error) error {
	for k := range t.Prefix(bucketAuthors, layout.AuthorKey(conversation, person)) {
		l, err := t.log(binary.BigEndian.Uint32(k[len(k)-4:]))
		if err != nil {
			return err
		}
		if err := f(l); err != nil {
			return err
		}
	}
	return nil
}

// stored returns the event in a slot, nil if there is none.
func (r *reader) stored(p layout.Slot) (*layout.Event, error) {
	b := r.Get(bucketEvents, p.Bytes())
	if b == nil {
		return nil, nil
	}
	return layout.ParseEvent(b)
}

// entry is an event with what is needed to work on it.
type entry struct {
	layout.Slot
	*layout.Event
	in     *layout.Log
	header event.Header
	id     event.ID
	plain  []byte // the body where it is at hand, as when the event has just come; nil: it is sealed
}

// entry returns the event in a slot, or ErrNoEvent.
func (r *reader) entry(p layout.Slot) (*entry, error) {
	st, err := r.stored(p)
	if err != nil {
		return nil, err
	}
	if st == nil {
		return nil, ErrNoEvent
	}
	l, err := r.log(p.Log)
	if err != nil {
		return nil, err
	}
	h, err := event.ParseHeader(st.HeaderBytes)
	if err != nil {
		return nil, damaged("event: %w", err)
	}
	return &entry{Slot: p, Event: st, in: l, header: h, id: idOf(st.HeaderBytes)}, nil
}

// idOf returns the ID of an event from the bytes of its header.
func idOf(head []byte) event.ID { return crypto.Digest("event", head) }

// byID returns the event that has an ID, or ErrNoEvent.
func (r *reader) byID(id event.ID) (*entry, error) {
	at, ok := ids.Find(r.Reader, id)
	if !ok {
		return nil, ErrNoEvent
	}
	p, _ := layout.SlotAt(at[:])
	x, err := r.entry(p)
	if err == nil && x.id != id {
		return nil, ErrNoEvent
	}
	return x, err
}

// body unseals the body of an event, which must be present.
func (r *reader) body(x *entry) ([]byte, error) {
	if x.plain != nil {
		return x.plain, nil
	}
	b, err := r.s.dir.Keyring.Open(x.Sealed, x.header.BodyHash[:])
	if err != nil {
		return nil, damaged("body of an event: %w", err)
	}
	return b, nil
}

// whole returns an event as it travels. It aliases the transaction.
func (r *reader) whole(x *entry) (event.Event, error) {
	var body []byte
	if x.Absent == event.Present {
		var err error
		if body, err = r.body(x); err != nil {
			return event.Event{}, err
		}
	}
	return event.Event{Header: x.header, ID: x.id, HeaderBytes: x.HeaderBytes, Body: body, Absent: x.Absent, Signature: x.Signature}, nil
}

// ranges returns what a person has of a log by one of the buckets bucketDelivered and bucketRead.
func (r *reader) ranges(bucket tx.Bucket, log uint32, person crypto.PersonID) (event.Ranges, error) {
	return layout.ParseRanges(r.Get(bucket, layout.DeliveryKey(log, person)))
}

// content returns the parsed body of an event, which must be present.
func (r *reader) content(x *entry) (event.Body, error) {
	plain, err := r.body(x)
	if err != nil {
		return event.Body{}, err
	}
	body, err := (&event.Event{Body: plain}).ParseBody()
	if err != nil {
		return event.Body{}, damaged("body of an event: %w", err)
	}
	return body, nil
}

// isOwn reports whether a person is the owner of this store.
func (r *reader) isOwn(p crypto.PersonID) bool { return p == r.s.own.Person }
