package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Draft is a message to be written, or an edit of one, or a reaction to one.
type Draft struct {
	Conversation event.Conversation
	Kind         event.Kind // KindText, KindEdit, KindReaction, or one that has a fallback text
	Content      []byte     // of the kind
	Target       event.ID   // of an edit or a reaction: the message that it is about
	Fallback     string
	Key          *[16]byte // nil: a random one
	Lifetime     uint64    // seconds; 0: for ever
}

// Entry is a message that was written. Of an edit or a reaction only what its header
// says is there; the row that it changed has to be looked up.
type Entry struct {
	Row
	Existing bool // it was there already, under the same key
}

// Append writes a message into this device's log and returns it when it is on the
// disk. A key that was used gives the earlier message if that has the same content,
// else ErrKeyUsed. Other errors: ErrNoConversation, ErrKind, ErrNoEvent (an edit is not of
// an own text, or a reaction to no message), event.ErrTooLarge, event.ErrMalformed.
func (s *Store) Append(ctx context.Context, d Draft) (Entry, error) {
	entries, err := s.AppendAll(ctx, []Draft{d})
	if err != nil {
		return Entry{}, err
	}
	return entries[0], nil
}

// AppendAll appends messages in order in one transaction. It stops at the first that can't be written, and returns
// those before it, which are on the disk, with the error.
func (s *Store) AppendAll(ctx context.Context, drafts []Draft) ([]Entry, error) {
	letters := make([]letter, len(drafts))
	for i := range drafts {
		var err error
		if letters[i], err = s.letter(&drafts[i]); err != nil {
			return nil, err
		}
	}
	var out []Entry
	var stopped error
	err := s.do(ctx, func(b *batch) error {
		out, stopped = make([]Entry, 0, len(letters)), nil
		for i := range letters {
			before := b.Changes()
			e, err := b.append(&letters[i])
			switch {
			case err == nil:
				out = append(out, e)
			case b.Changes() == before:
				stopped = err
				return nil
			default:
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, stopped
}

// letter is a draft with what is random about it.
type letter struct {
	draft *Draft
	body  event.Body
	key   [16]byte
}

func (s *Store) letter(d *Draft) (letter, error) {
	shown := d.Kind.Class() == event.ClassMessage || d.Kind.Class() == event.ClassOther && d.Fallback != ""
	if !shown && !isEdit(d.Kind) {
		return letter{}, ErrKind
	}
	l := letter{draft: d, body: event.Body{Content: d.Content, Fallback: d.Fallback}}
	if _, err := io.ReadFull(s.cfg.Rand, l.body.Salt[:]); err != nil {
		return letter{}, err
	}
	if d.Key != nil {
		l.key = *d.Key
		return l, nil
	}
	// Ascending, so that the index of keys grows at its end.
	binary.BigEndian.PutUint64(l.key[:], uint64(s.cfg.Now().UnixMilli())<<16)
	_, err := io.ReadFull(s.cfg.Rand, l.key[6:])
	return l, err
}

func (b *batch) append(l *letter) (Entry, error) {
	d := l.draft
	c, err := b.conversation(d.Conversation)
	if err != nil {
		return Entry{}, err
	}
	if p, used := slotAt(b.Get(bucketKeys, localKey(c.number, b.s.own.Person, l.key))); used {
		return b.existing(p, d)
	}
	h := event.Header{Kind: d.Kind, Lifetime: d.Lifetime, Key: l.key, Clock: b.clock()}
	if isEdit(d.Kind) {
		if h.Target, err = b.aim(&c, d); err != nil {
			return Entry{}, err
		}
	}
	x, err := b.write(&c, h, l.body)
	if err != nil {
		return Entry{}, err
	}
	out := Entry{Row: b.view.bareRow(x)} // not read back: this is what senders wait for
	if isEdit(d.Kind) {
		return out, nil
	}
	if a := b.delivery.audience(&c, x.header.Control); len(a.persons) > 0 {
		out.Progress = a.unreached(x.in, x.sequence)
	}
	return out, out.setWords(d.Content, d.Fallback)
}

// clock is the wall clock as headers can say it.
func (b *batch) clock() int64 { return min(max(b.now, 0), event.MaxClock) }

func (b *batch) existing(p slot, d *Draft) (Entry, error) {
	x, err := b.entry(p)
	if err != nil {
		return Entry{}, err
	}
	if x.absent != event.Present {
		return Entry{}, ErrKeyUsed
	}
	body, err := b.content(x)
	if err != nil {
		return Entry{}, err
	}
	if x.header.Kind != d.Kind || !bytes.Equal(body.Content, d.Content) || body.Fallback != d.Fallback {
		return Entry{}, ErrKeyUsed
	}
	row, err := b.view.row(x)
	return Entry{Row: row, Existing: true}, err
}

// write appends an event to the log of this device in a conversation. The header has
// what is the event's own; the rest is filled in here.
func (b *batch) write(c *conversation, h event.Header, body event.Body) (*entry, error) {
	if b.isGroup(c) {
		if b.s.cfg.Authority != nil {
			h.Control = b.s.cfg.Authority.Heads(c.id)
		}
		if len(h.Control) == 0 { // nobody would take it
			return nil, ErrNoConversation
		}
	}
	l, err := b.ownLog(c)
	if err != nil {
		return nil, err
	}
	return b.writeIn(c, l, h, body)
}

// writeIn appends an event to a log of this device, under the control heads that its header has.
func (b *batch) writeIn(c *conversation, l *logState, h event.Header, body event.Body) (*entry, error) {
	h.Conversation, h.Device, h.Instance = l.log.Conversation, l.log.Device, l.log.Instance
	h.Card = b.s.own.Card.Head()
	h.Sequence = l.segments.Last() + 1
	if h.Sequence > 1 {
		h.Previous = l.segments[len(l.segments)-1].ID
	}
	seen, err := b.unseen(c, l)
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
		delete(b.s.writing.fresh[c.number], other.number)
	}
	return b.written(l, &e)
}

// written stores the next event of the log of this device.
func (b *batch) written(l *logState, e *event.Event) (x *entry, err error) {
	h := &e.Header
	if l.segments, err = l.segments.Add(event.Segment{First: h.Sequence, Last: h.Sequence, ID: e.ID}); err != nil {
		return nil, err
	}
	l.events++
	b.touch(l)
	b.grown[l.number] = true
	x = &entry{
		slot: slot{l.number, h.Sequence},
		stored: &stored{
			firstSeen:   b.now,
			headerBytes: e.Head,
			sealed:      b.s.disk.Keyring.Seal(e.Body, e.Header.BodyHash[:]),
		},
		in:     l,
		header: e.Header,
		id:     e.ID,
	}
	t := b.tails[l.number]
	if t != nil && (t.events == event.MaxRunEvents || t.size+e.Size() > event.MaxRunSize || t.card != h.Card || !slices.Equal(t.control, h.Control)) {
		b.sign(l.number)
		t = nil
	}
	if t == nil {
		t = &tail{card: h.Card, control: h.Control}
		b.tails[l.number] = t
	}
	t.last, t.events, t.size = x.slot, t.events+1, t.size+e.Size()
	if h.Kind.SelfProven() {
		x.sign(b.s.own.Device)
		delete(b.tails, l.number)
	}
	return x, b.add(x)
}

// ownLog returns the log that this device writes in a conversation. One that was cut, or is of
// an era before, is followed by a new one.
func (b *batch) ownLog(c *conversation) (*logState, error) {
	if c.own != 0 && c.era == b.s.era {
		if l, err := b.log(c.own); err != nil || l.segments.Last() < l.limit {
			return l, err
		}
	}
	instance, err := b.s.newInstance()
	if err != nil {
		return nil, err
	}
	log := event.Log{Conversation: c.id, Device: b.s.own.Device.ID(), Instance: instance}
	return b.addOwnLog(c, log), nil
}

// addOwnLog makes the log that this device goes on with in a conversation.
func (b *batch) addOwnLog(c *conversation, log event.Log) *logState {
	l := b.addLog(c.number, log, b.s.own.Person, branchFirst)
	c.own, c.era = l.number, b.s.era
	b.saveConversation(c)
	return l
}

// unseen returns the other logs that have placed an event since this device last
// wrote in the conversation: the latest of them, as a header may name them and in
// its order.
func (b *batch) unseen(c *conversation, own *logState) ([]*logState, error) {
	fresh := b.s.writing.fresh[c.number]
	if fresh == nil {
		fresh = map[uint32]bool{}
		if err := b.eachLog(c.number, func(l *logState) error {
			fresh[l.number] = true
			return nil
		}); err != nil {
			return nil, err
		}
		if b.s.writing.fresh == nil {
			b.s.writing.fresh = map[uint32]map[uint32]bool{}
		}
		b.s.writing.fresh[c.number] = fresh
	}
	delete(fresh, own.number)
	var seen []*logState
	for n := range fresh {
		l, err := b.log(n)
		if err != nil {
			return nil, err
		}
		// Nobody would take what is past the limit, and of a forked log of this device not everybody takes the same branch.
		if l.top.sequence == 0 || l.top.sequence > l.limit || l.forked != 0 && l.log.Device == b.s.own.Device.ID() {
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

// content returns the parsed body, which must be present.
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
