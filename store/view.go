package store

import (
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Row is a message as people see it.
type Row struct {
	ID           event.ID
	Conversation event.Conversation
	Author       crypto.PersonID
	Device       crypto.DeviceID
	Sequence     uint64
	Kind         event.Kind
	Text         string // of an unknown kind its fallback; empty if Recalled
	ReplyTo      *event.ID
	Clock        time.Time // the author's
	Received     time.Time // by this store's clock
	T            int64     // rows sort by (T, ID)
	Arrival      uint64    // the change counter when it came
	Recalled     bool      // the words are gone
	Gap          bool      // a message or change that came before it is missing
	Late         bool      // it was put before rows that were there already
	Forked       bool      // its author's log has two events of this sequence or an earlier one
	Own          bool      // written by the owner
	Unread       bool      // of somebody else's: the owner has not read it
	Progress               // of a message of the owner's
	Edited       bool      // Text and Mentions are not those of the message itself
	Mentions     []crypto.PersonID
	Reactions    []Reaction // in the order of persons
}

// view says what people see of events.
type view struct {
	*reader
	edits, twins presence // in bucketActs and bucketTwins
}

// row builds the row of an event that has one.
func (v *view) row(x *entry) (Row, error) {
	row := v.bareRow(x)
	row.Unread = !row.Own && v.Get(bucketUnread, layout.U64(x.Arrival)) != nil
	var err error
	if row.Progress, err = v.delivery.progress(x); err != nil {
		return row, err
	}
	if x.Is(layout.FlagGap) { // the mark goes when what was missing comes
		if row.Gap, err = v.stillGap(x); err != nil {
			return row, err
		}
	}
	if x.Absent != event.Present {
		return row, nil
	}
	if err := v.addWords(&row, x); err != nil {
		return Row{}, err
	}
	return row, v.addReactions(&row, x)
}

// addWords puts the words of an event that are here into its row, as edits have made them.
func (v *view) addWords(row *Row, x *entry) error {
	body, err := v.content(x)
	if err != nil {
		return err
	}
	if err := row.setWords(body.Content, body.Fallback); err != nil {
		return err
	}
	return v.addEdits(row, x)
}

// bareRow builds a row without progress, words, edits and reactions.
func (v *view) bareRow(x *entry) Row {
	return Row{
		ID:           x.id,
		Conversation: x.header.Conversation,
		Author:       x.in.Person,
		Device:       x.header.Device,
		Sequence:     x.header.Sequence,
		Kind:         x.header.Kind,
		Clock:        time.UnixMilli(x.header.Clock),
		Received:     time.UnixMilli(x.FirstSeen),
		T:            x.T,
		Arrival:      x.Arrival,
		Recalled:     x.Absent == event.Recalled,
		Gap:          x.Is(layout.FlagGap),
		Late:         x.Is(layout.FlagLate),
		Forked:       x.in.Forked != 0 && x.header.Sequence >= x.in.Forked,
		Own:          v.isOwn(x.in.Person),
	}
}

// setWords puts the words into a row.
func (row *Row) setWords(content []byte, fallback string) error {
	if row.Kind != event.KindText {
		row.Text = fallback
		return nil
	}
	text, err := event.ParseText(content)
	if err != nil {
		return damaged("text: %w", err)
	}
	row.Text, row.ReplyTo, row.Mentions = text.Text, text.ReplyTo, text.Mentions
	return nil
}

// shownFor returns the event whose row people see in place of x: the first one that came with its
// key. ErrNoEvent if there is none.
func (v *view) shownFor(x *entry) (*entry, error) {
	if x.Is(layout.FlagShown) {
		return x, nil
	}
	if class := x.header.Kind.Class(); class == event.ClassAct || class == event.ClassControl {
		return nil, ErrNoEvent
	}
	p, ok := layout.SlotAt(v.Get(bucketKeys, layout.LocalKey(x.in.Conversation, x.in.Person, x.header.Key)))
	if !ok {
		return nil, ErrNoEvent
	}
	return v.entry(p)
}

// rowEntry returns the event whose row is meant by an ID, or ErrNoEvent.
func (v *view) rowEntry(id event.ID) (*entry, error) {
	x, err := v.byID(id)
	if err != nil {
		return nil, err
	}
	return v.shownFor(x)
}

// rowAt returns the row of the event in a slot that an index has.
func (v *view) rowAt(p layout.Slot) (Row, error) {
	x, err := v.entry(p)
	switch {
	case err == ErrNoEvent:
		return Row{}, damaged("a row without its event")
	case err != nil:
		return Row{}, err
	}
	return v.row(x)
}

// Row returns the row of a message, or of the one that is shown for its key.
func (s *Store) Row(id event.ID) (Row, error) {
	return s.rowOf(func(r *reader) (*entry, error) { return r.view.rowEntry(id) })
}

// OwnRow returns the row of the owner's message with a key in a conversation. ErrNoEvent if there is
// none.
func (s *Store) OwnRow(c event.Conversation, key [16]byte) (Row, error) {
	return s.rowOf(func(r *reader) (*entry, error) {
		in, err := r.conversation(c)
		if err != nil {
			return nil, err
		}
		p, ok := layout.SlotAt(r.Get(bucketKeys, layout.LocalKey(in.Number, s.own.Person, key)))
		if !ok {
			return nil, ErrNoEvent
		}
		return r.entry(p)
	})
}

// rowOf returns the row of the event that find finds.
func (s *Store) rowOf(find func(*reader) (*entry, error)) (Row, error) {
	var row Row
	err := s.view(func(r *reader) error {
		x, err := find(r)
		switch {
		case err != nil:
			return err
		case r.hidden(x):
			return ErrNoEvent
		}
		row, err = r.view.row(x)
		return err
	})
	return row, err
}

// States returns how far messages of the owner's have come, in the order of the IDs.
func (s *Store) States(ids []event.ID) ([]Progress, error) {
	states := make([]Progress, len(ids))
	err := s.view(func(r *reader) error {
		for i, id := range ids {
			x, err := r.view.rowEntry(id)
			if err != nil {
				return err
			}
			if states[i], err = r.delivery.progress(x); err != nil {
				return err
			}
		}
		return nil
	})
	return states, err
}

// viewKey returns the key of a row in bucketView.
func (v *view) viewKey(c *layout.Conversation, id event.ID) ([]byte, error) {
	x, err := v.rowEntry(id)
	if err != nil {
		return nil, err
	}
	if x.in.Conversation != c.Number {
		return nil, ErrNoEvent
	}
	return layout.ViewKey(c.Number, x.T, x.id), nil
}

// eachConversation calls f for all conversations, in the order of their IDs.
func (r *reader) eachConversation(f func(*layout.Conversation) error) error {
	for k, v := range r.Prefix(bucketConversations, nil) {
		if len(k) != len(event.Conversation{}) {
			return damaged("conversation ID of %d bytes", len(k))
		}
		c, err := layout.ParseConversation(event.Conversation(k), v)
		if err != nil {
			return err
		}
		if err := f(&c); err != nil {
			return err
		}
	}
	return nil
}
