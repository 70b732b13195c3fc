package store

import (
	"bytes"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
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
	Files        []File     // what is attached; none if Recalled
	Place        Place      // where it stands
	Notice       *Notice    // the row is that of a notice; then only ID, Conversation, Clock, Received, T and Arrival are set besides
}

// view says what people see of events.
type view struct {
	*reader
	edits, twins presence // in bucketActs and bucketTwins
}

// row builds the row of an event that has one.
func (v *view) row(x *entry) (Row, error) {
	row := v.bareRow(x)
	var err error
	if !row.Own {
		if row.Unread, err = v.isUnread(x.Arrival); err != nil {
			return row, err
		}
	}
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
	if err := v.addFiles(row, x, body.Attachments); err != nil {
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
		Place:        Place{x.id, x.Slot},
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
func (v *view) rowAt(p layout.Slot) (row Row, err error) {
	var x *entry
	if n, notice := p.Notice(); notice {
		row, err = v.noticeRow(n)
	} else {
		x, err = v.entry(p)
	}
	switch {
	case err == ErrNoEvent:
		return Row{}, damaged("a row without its event")
	case err != nil:
		return Row{}, err
	case x == nil:
		return row, nil
	}
	return v.row(x)
}

// RowOrNotice is Row for the ID under which a notice stands among messages, too.
func (s *Store) RowOrNotice(id event.ID) (row Row, err error) {
	n, notice := layout.NoticeOf(id)
	if !notice {
		return s.Row(id)
	}
	err = s.view(func(r *reader) error {
		row, err = r.noticeRow(n)
		return err
	})
	return row, err
}

// Row returns the row of a message, or of the one that is shown for its key.
func (s *Store) Row(id event.ID) (Row, error) {
	return s.rowOf(func(r *reader) (*entry, error) { return r.view.rowEntry(id) })
}

// Header returns the header of the event that is shown for a message. Errors: ErrNoEvent.
func (s *Store) Header(message event.ID) (h event.Header, err error) {
	err = s.view(func(r *reader) error {
		x, err := r.view.rowEntry(message)
		if err == nil {
			h = x.header
		}
		return err
	})
	return h, err
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

// RowsBetween returns rows that are wanted and whose IDs are from low to high: all, or as many as limit. It
// looks at no more than maxPassed that are not wanted. Where another row is shown for a key, that is
// returned, with its own ID.
func (s *Store) RowsBetween(low, high event.ID, limit int, keep Keep) (rows []Row, err error) {
	err = s.view(func(r *reader) error {
		passed := 0
		for at := range ids.Between(r.Reader, low, high) {
			if len(rows) == limit || passed == maxPassed {
				return nil
			}
			row, err := r.view.rowBetween(at, low, high, keep)
			switch {
			case err == ErrNoEvent || err == nil && slices.ContainsFunc(rows, func(o Row) bool { return o.ID == row.ID }):
				passed++
			case err != nil:
				return err
			default:
				rows = append(rows, row)
			}
		}
		return nil
	})
	return rows, err
}

// rowBetween returns the row of the event in a slot of the index, if it is wanted and shown and has such
// an ID. Otherwise ErrNoEvent.
func (v *view) rowBetween(at ids.Slot, low, high event.ID, keep Keep) (Row, error) {
	p, wanted, err := v.wanted(at[:], keep)
	if err != nil {
		return Row{}, err
	}
	if !wanted {
		return Row{}, ErrNoEvent
	}
	x, err := v.entry(p)
	if err == nil && (bytes.Compare(x.id[:], low[:]) < 0 || bytes.Compare(x.id[:], high[:]) > 0) {
		err = ErrNoEvent // the index has the beginnings of IDs only
	}
	if err == nil {
		x, err = v.shownFor(x)
	}
	if err == nil && v.hidden(x) {
		err = ErrNoEvent
	}
	if err != nil {
		return Row{}, err
	}
	return v.row(x)
}

// viewKey returns the key of a row in bucketView.
func (v *view) viewKey(c *layout.Conversation, id event.ID) ([]byte, error) {
	if n, ok := layout.NoticeOf(id); ok {
		row, err := v.noticeRow(n)
		if err == nil && row.Conversation != c.ID {
			err = ErrNoEvent
		}
		return layout.ViewKey(c.Number, row.T, id), err
	}
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

// Quoted returns the row of a message of a conversation, without its progress and reactions: what is
// shown of it where another one answers it.
func (s *Store) Quoted(c event.Conversation, id event.ID) (Row, error) {
	var row Row
	err := s.view(func(r *reader) error {
		x, err := r.view.rowEntry(id)
		if err != nil {
			return err
		}
		if x.header.Conversation != c || r.hidden(x) {
			return ErrNoEvent
		}
		row = r.view.bareRow(x)
		if x.Absent != event.Present {
			return nil
		}
		return r.view.addWords(&row, x)
	})
	return row, err
}
