package store

import (
	"bytes"
	"context"
	"io"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Authority answers what the store can't know of groups. It is called within transactions, by the
// writer and by readers at once, and must not call the store.
type Authority interface {
	// Heads returns the heads of a group's control set under which to write now; none if the group
	// isn't known. The control set is on the disk. From call to call the heads of a group only
	// advance, except where there are more heads than a header may name.
	Heads(conv event.Conversation) []crypto.Hash

	// Readers returns the persons, without the owner, whom messages are for that were written under
	// these heads.
	Readers(conv event.Conversation, control []crypto.Hash) []crypto.PersonID

	// Members returns the persons, without the owner, who were in the group under these heads,
	// whether they still are or not.
	Members(conv event.Conversation, control []crypto.Hash) []crypto.PersonID

	// Out says whether the owner is out of a group, and how they went last, also if they have come
	// back since.
	Out(conv event.Conversation) (out bool, how Reason)
}

// ControlDraft is a control event to be written.
type ControlDraft struct {
	Conversation event.Conversation // ignored for event.Create
	Act          event.Control
}

// isGroup reports whether a conversation is a group: it has no other person, and is not that of the
// owner's devices.
func (r *reader) isGroup(c *layout.Conversation) bool {
	return c.Other == (crypto.PersonID{}) && c.ID != r.s.self
}

// group returns a conversation that is a group, or ErrNoConversation.
func (r *reader) group(id event.Conversation) (layout.Conversation, error) {
	c, err := r.conversation(id)
	if err == nil && !r.isGroup(&c) {
		err = ErrNoConversation
	}
	return c, err
}

// headsOf returns the control heads that the author of an event had. For a create event it is the
// event itself.
func headsOf(h *event.Header) []crypto.Hash {
	if h.Kind == event.KindCreate {
		return []crypto.Hash{crypto.Hash(h.Conversation)}
	}
	return h.Control
}

// Groups returns the groups that this store keeps, in the order of their IDs.
func (s *Store) Groups() ([]event.Conversation, error) {
	var out []event.Conversation
	err := s.view(func(r *reader) error {
		return r.eachConversation(func(c *layout.Conversation) error {
			if r.isGroup(c) {
				out = append(out, c.ID)
			}
			return nil
		})
	})
	return out, err
}

// Hide has a group left out of lists, or shown in them again. Errors: ErrNoConversation.
func (s *Store) Hide(ctx context.Context, group event.Conversation, hidden bool) error {
	return s.do(ctx, func(b *batch) error {
		c, err := b.group(group)
		if err != nil || c.Hidden == hidden {
			return err
		}
		c.Hidden = hidden
		b.saveConversation(&c)
		b.noteConversation(c.ID)
		return nil
	})
}

// Hidden reports whether a group is left out of lists; false for one that is not here.
func (s *Store) Hidden(group event.Conversation) (hidden bool, err error) {
	err = s.view(func(r *reader) error {
		c, err := r.group(group)
		hidden = err == nil && c.Hidden
		if err == ErrNoConversation {
			err = nil
		}
		return err
	})
	return hidden, err
}

// OwnHeads returns the control heads under which this device last wrote in a group, none if it has
// written nothing there.
func (s *Store) OwnHeads(conv event.Conversation) ([]crypto.Hash, error) {
	var heads []crypto.Hash
	err := s.view(func(r *reader) error {
		c, err := r.group(conv)
		if err != nil || c.Own == 0 {
			return err
		}
		l, err := r.log(c.Own)
		if err != nil || len(l.Segments) == 0 {
			return err
		}
		x, err := r.entry(l.At(l.Segments.Last()))
		if err == nil {
			heads = headsOf(&x.header)
		}
		return err
	})
	return heads, err
}

// Controls returns the control set of a group, in no useful order. Errors: ErrNoConversation.
func (s *Store) Controls(conv event.Conversation) ([]event.Event, error) {
	var out []event.Event
	err := s.view(func(r *reader) error {
		c, err := r.group(conv)
		if err != nil {
			return err
		}
		for _, v := range r.Prefix(bucketControls, layout.U32(c.Number)) {
			e, err := r.control(v)
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		return nil
	})
	return out, err
}

// detached returns an event that outlives its transaction.
func detached(e event.Event) event.Event {
	e.HeaderBytes, e.Signature = bytes.Clone(e.HeaderBytes), bytes.Clone(e.Signature)
	return e
}

// SomeControls returns control events of a group, in the order of the given IDs. It stops before
// the headers and bodies exceed maxBytes, but returns at least one event. IDs that are not here are
// skipped. Errors: ErrNoConversation.
func (s *Store) SomeControls(conv event.Conversation, ids []crypto.Hash, maxBytes int) ([]event.Event, error) {
	var out []event.Event
	err := s.view(func(r *reader) error {
		c, err := r.group(conv)
		if err != nil {
			return err
		}
		size := 0
		for _, id := range ids {
			v := r.Get(bucketControls, layout.ControlKey(c.Number, event.ID(id)))
			if v == nil {
				continue
			}
			e, err := r.control(v)
			if err != nil {
				return err
			}
			if size += len(e.HeaderBytes) + len(e.Body); len(out) > 0 && size > maxBytes {
				return nil
			}
			out = append(out, e)
		}
		return nil
	})
	return out, err
}

// control returns a control event from its value in the set of its group.
func (r *reader) control(v []byte) (event.Event, error) {
	st, err := layout.ParseEvent(v)
	if err != nil {
		return event.Event{}, err
	}
	h, err := event.ParseHeader(st.HeaderBytes)
	if err != nil {
		return event.Event{}, damaged("control event: %w", err)
	}
	e, err := r.whole(&entry{Event: st, header: h, id: idOf(st.HeaderBytes)})
	return detached(e), err
}

// PutControls adds to the control set of a group, and makes the group if it isn't here. The caller
// has proven the events. Events that are in the set already stay as they are. Errors: ErrKind (not
// control events of this group), ErrNoConversation (not a group).
func (s *Store) PutControls(ctx context.Context, conv event.Conversation, events []event.Event) error {
	sealed := make([][]byte, len(events))
	for i := range events {
		e := &events[i]
		if e.Header.Conversation != conv || e.Header.Kind.Class() != event.ClassControl || e.Body == nil || e.Signature == nil {
			return ErrKind
		}
		sealed[i] = s.dir.Keyring.Seal(e.Body, e.Header.BodyHash[:])
	}
	if len(events) == 0 {
		return nil
	}
	return s.do(ctx, func(b *batch) error {
		c, err := b.addConversation(conv, crypto.PersonID{})
		if err != nil {
			return err
		}
		if !b.isGroup(&c) {
			return ErrNoConversation
		}
		for i := range events {
			e := &events[i]
			st := &layout.Event{FirstSeen: b.now, HeaderBytes: e.HeaderBytes, Signature: e.Signature, Sealed: sealed[i]}
			b.putControl(c.Number, e.ID, st)
		}
		return nil
	})
}

// putControl adds an event to the control set of a group, if it is not there.
func (b *batch) putControl(conversation uint32, id event.ID, st *layout.Event) {
	if key := layout.ControlKey(conversation, id); b.Get(bucketControls, key) == nil {
		b.Put(bucketControls, key, st.Bytes())
	}
}

// AppendControl writes a control event under Authority.Heads, into this device's log and the
// control set at once. event.Create begins a group; the conversation of the event that is returned
// is the new one. The caller makes sure that the owner is permitted to write it, and makes one call
// after the other. Errors: ErrNoConversation, event.ErrMalformed.
func (s *Store) AppendControl(ctx context.Context, d ControlDraft) (event.Event, error) {
	content, err := d.Act.Marshal()
	if err != nil {
		return event.Event{}, err
	}
	h, body, err := newBlank(s.cfg.Rand, d.Act.Kind(), content)
	if err != nil {
		return event.Event{}, err
	}
	h.Flags = event.FlagCritical
	var out event.Event
	err = s.do(ctx, func(b *batch) error {
		h.Clock = b.clock()
		x, err := b.writeControl(d.Conversation, h, body)
		if err != nil {
			return err
		}
		st := &layout.Event{FirstSeen: b.now, HeaderBytes: x.HeaderBytes, Signature: x.Signature, Sealed: x.Sealed}
		b.putControl(x.in.Conversation, x.id, st)
		out, err = b.whole(x)
		return err
	})
	return out, err
}

// writeControl writes a control event into the log of this device.
func (b *batch) writeControl(conv event.Conversation, h event.Header, body event.Body) (*entry, error) {
	if h.Kind == event.KindCreate {
		return b.begin(h, body)
	}
	c, err := b.group(conv)
	if err != nil {
		return nil, err
	}
	return b.own.write(&c, h, body)
}

// begin writes the first event of a new group.
func (b *batch) begin(h event.Header, body event.Body) (*entry, error) {
	h.Device, h.Card, h.Sequence = b.s.own.Device.ID(), b.s.own.Card.Head(), 1
	var err error
	if h.Instance, err = newInstance(b.s.cfg.Rand); err != nil {
		return nil, err
	}
	e, err := event.New(h, body)
	if err != nil {
		return nil, err
	}
	c, err := b.addConversation(e.Header.Conversation, crypto.PersonID{})
	if err != nil {
		return nil, err
	}
	return b.own.written(b.own.addOwnLog(&c, e.Header.Log()), &e)
}

// newBlank returns a header and a body whose random parts are drawn.
func newBlank(random io.Reader, kind event.Kind, content []byte) (event.Header, event.Body, error) {
	h, body := event.Header{Kind: kind}, event.Body{Content: content}
	for _, b := range [][]byte{body.Salt[:], h.Key[:]} {
		if _, err := io.ReadFull(random, b); err != nil {
			return h, body, err
		}
	}
	return h, body, nil
}
