package store

import (
	"bytes"
	"context"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Overview is a conversation in sum.
type Overview struct {
	Conversation event.Conversation
	Other        crypto.PersonID // of a direct one
	Hidden       bool            // the owner does not want the group in lists
	T            int64           // of what is shown last; 0: nothing is
	Unread       int             // messages of others
	Mentions     int             // how many of them mention the owner
	Archived     bool            // the owner has put it away, and nothing was said since
	Chosen       desk.Chosen
	Draft, Edit  *desk.Draft // nil: none

	// What follows is there of those overviews only that were picked.
	Last    *Row      // what is shown last; nil: nothing
	First   *event.ID // the unread message that is shown first; nil: none
	Waiting bool      // somebody lacks something that the owner has written

	number  uint32
	last    layout.Shown
	arrival uint64 // of what was said last
}

// Sums says what counts in an overview.
type Sums struct {
	Shown   Keep // whose messages are shown
	Counted Keep // whose are counted as unread
}

// Overviews returns all conversations in sum: those that pick returns, in its order. pick is given all,
// without what is only there of picked ones, and must not call the store. What it costs grows with the
// number of conversations and of those who have said something there, not with what they have said.
func (s *Store) Overviews(of Sums, pick func([]Overview) []Overview) (picked []Overview, err error) {
	err = s.view(func(r *reader) error {
		o := overviews{reader: r, sums: of}
		all, err := o.all()
		if err != nil {
			return err
		}
		picked = pick(all)
		for i := range picked {
			if err := o.complete(&picked[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return picked, err
}

// Overview returns one conversation in sum. Errors: ErrNoConversation.
func (s *Store) Overview(id event.Conversation, of Sums) (out Overview, err error) {
	err = s.view(func(r *reader) error {
		c, err := r.conversation(id)
		if err != nil {
			return err
		}
		o := overviews{reader: r, sums: of}
		out = newOverview(&c)
		for k, v := range r.Prefix(bucketVoices, layout.U32(c.Number)) {
			if err := o.add(&out, k, v); err != nil {
				return err
			}
		}
		if out.Chosen, err = s.desk.Chosen(r.Reader, id); err != nil {
			return err
		}
		if out.Draft, out.Edit, err = s.desk.Drafts(r.Reader, id); err != nil {
			return err
		}
		out.archive()
		return o.complete(&out)
	})
	return out, err
}

// overviews makes overviews in one transaction.
type overviews struct {
	*reader
	sums Sums
}

func newOverview(c *layout.Conversation) Overview {
	return Overview{Conversation: c.ID, Other: c.Other, Hidden: c.Hidden, number: c.Number}
}

// all returns the overviews of all conversations, but for what only picked ones have.
func (o *overviews) all() (all []Overview, err error) {
	byNumber, byID := map[uint32]int{}, map[event.Conversation]int{}
	if err := o.eachConversation(func(c *layout.Conversation) error {
		byNumber[c.Number], byID[c.ID] = len(all), len(all)
		all = append(all, newOverview(c))
		return nil
	}); err != nil {
		return nil, err
	}
	for k, v := range o.Prefix(bucketVoices, nil) {
		number, _, ok := layout.ParseVoiceKey(k)
		at, there := byNumber[number]
		if !ok || !there {
			return nil, damaged("a voice in no conversation")
		}
		if err := o.add(&all[at], k, v); err != nil {
			return nil, err
		}
	}
	if err := o.s.desk.Each(o.Reader, func(c event.Conversation, chosen *desk.Chosen, draft *desk.Draft) {
		at, there := byID[c]
		switch {
		case !there:
		case chosen != nil:
			all[at].Chosen = *chosen
		case draft.Edits != nil:
			all[at].Edit = draft
		default:
			all[at].Draft = draft
		}
	}); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].archive()
	}
	return all, nil
}

func (o *Overview) archive() { o.Archived = o.Chosen.Archived != 0 && o.arrival <= o.Chosen.Archived }

// add adds what one person has said.
func (o *overviews) add(to *Overview, key, value []byte) error {
	sum, err := layout.ParseVoice(value)
	if err != nil {
		return err
	}
	_, person, ok := layout.ParseVoiceKey(key)
	if !ok {
		return damaged("voice of %d bytes", len(key))
	}
	by := Source{Conversation: to.Conversation, Author: person}
	notices := person == crypto.PersonID{}
	if notices || o.sums.Shown(by) {
		if to.last.Compare(&sum.Last) < 0 {
			to.last, to.T = sum.Last, sum.Last.T
		}
		if !notices {
			to.arrival = max(to.arrival, sum.Arrival)
		}
	}
	if sum.Unread > 0 && o.sums.Counted(by) {
		to.Unread += int(sum.Unread)
		to.Mentions += int(sum.Mentions)
	}
	return nil
}

// complete adds what only picked overviews have.
func (o *overviews) complete(to *Overview) error {
	if to.last != (layout.Shown{}) {
		row, err := o.view.rowAt(to.last.Slot)
		if err != nil {
			return err
		}
		to.Last = &row
	}
	if to.Unread > 0 {
		if err := o.first(to); err != nil {
			return err
		}
	}
	c, err := o.conversation(to.Conversation)
	if err != nil {
		return err
	}
	to.Waiting, err = o.waits(&c)
	return err
}

// first looks for the unread message that is shown first.
func (o *overviews) first(to *Overview) error {
	const prefix = 4 + 16 // conversation and person; behind them stands where the row is shown
	var first, value []byte
	for k, v := range o.Prefix(bucketVoices, layout.U32(to.number)) {
		sum, err := layout.ParseVoice(v)
		if err != nil {
			return err
		}
		_, person, _ := layout.ParseVoiceKey(k)
		if sum.Unread == 0 || !o.sums.Counted(Source{Conversation: to.Conversation, Author: person}) {
			continue
		}
		of := layout.UnreadOf(to.number, person)
		key, u := o.Seek(bucketUnreadOf, of)
		if !bytes.HasPrefix(key, of) {
			return damaged("unread rows are missing")
		}
		if first == nil || bytes.Compare(key[prefix:], first) < 0 {
			first, value = key[prefix:], u
		}
	}
	if first == nil {
		return nil
	}
	u, err := layout.ParseUnread(value)
	if err != nil {
		return err
	}
	x, err := o.entry(u.Slot)
	if err == ErrNoEvent {
		return damaged("an unread row without its event")
	}
	if err == nil {
		to.First = &x.id
	}
	return err
}

// meant returns the conversation for which the owner sets something. With is the other person of a
// direct one, of whom nothing need be kept: then it is made.
func (b *batch) meant(id event.Conversation, with crypto.PersonID) error {
	_, err := b.conversation(id)
	if err == ErrNoConversation && with != (crypto.PersonID{}) && id == event.Direct(b.s.own.Person, with) {
		_, err = b.addConversation(id, with)
	}
	return err
}

// Chosen returns what the owner has set for a conversation.
func (s *Store) Chosen(id event.Conversation) (c desk.Chosen, err error) {
	err = s.view(func(r *reader) error {
		c, err = s.desk.Chosen(r.Reader, id)
		return err
	})
	return c, err
}

// Choose changes what the owner has set for a conversation; with is the other person of a direct one. f
// is given what was set, and the number of the change counter for desk.Chosen.Archived; it may run more
// than once. Errors: ErrNoConversation.
func (s *Store) Choose(ctx context.Context, id event.Conversation, with crypto.PersonID, f func(c *desk.Chosen, now uint64)) error {
	return s.do(ctx, func(b *batch) error {
		if err := b.meant(id, with); err != nil {
			return err
		}
		was, err := s.desk.Chosen(&b.Batch.Reader, id)
		if err != nil {
			return err
		}
		to := was
		if f(&to, b.Sequence(bucketArrivals)); to != was {
			s.desk.Choose(b.Batch, id, to)
			b.noteConversation(id)
		}
		return nil
	})
}

// SetDraft keeps what the owner has begun to write in a conversation, in place of what was kept; with is
// the other person of a direct one. It counts as no change that people see, so the change counter stays. Errors: ErrNoConversation, those
// of desk.Desk.SetDraft.
func (s *Store) SetDraft(ctx context.Context, id event.Conversation, with crypto.PersonID, d desk.Draft) (out desk.Draft, err error) {
	err = s.do(ctx, func(b *batch) error {
		if err := b.meant(id, with); err != nil {
			return err
		}
		d.Set = s.cfg.Now()
		out, err = s.desk.SetDraft(b.Batch, id, d)
		return err
	})
	return out, err
}

// Drafts returns the draft of a message and that of an edit; nil where there is none.
func (s *Store) Drafts(id event.Conversation) (message, edit *desk.Draft, err error) {
	err = s.view(func(r *reader) error {
		message, edit, err = s.desk.Drafts(r.Reader, id)
		return err
	})
	return message, edit, err
}
