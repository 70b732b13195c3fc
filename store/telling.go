package store

import (
	"bytes"
	"context"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// News is what has happened in a group since the owner was last told.
type News struct {
	Heads   []crypto.Hash // of the control set: the owner has been told of everything up to these
	Notices []Notice

	// Moved are the persons who have come into the group or have gone from it, the owner too. How
	// far messages of the owner's have come depends on them.
	Moved []crypto.PersonID
}

// Tell keeps what has happened in a group, and notes that the group has changed. Each notice takes
// a place among the arrivals. The caller calls it when Authority, and all that is shown of the
// group, is up to date, so that nobody who is told of the change sees the group as it was. News
// follow from the control set: whoever is cut off before this commit works them out again from what
// Told says. Errors: ErrNoConversation, event.ErrMalformed, event.ErrTooLarge.
func (s *Store) Tell(ctx context.Context, group event.Conversation, news News) error {
	for i := range news.Notices {
		if err := news.Notices[i].check(); err != nil {
			return err
		}
	}
	return s.do(ctx, func(b *batch) error {
		c, err := b.group(group)
		if err != nil {
			return err
		}
		b.noteConversation(c.ID)
		if err := b.noteStates(&c, news.Moved); err != nil {
			return err
		}
		b.files.moved(len(news.Moved))
		for i := range news.Notices {
			if err := b.tell(&c, news.Notices[i]); err != nil {
				return err
			}
		}
		var told []byte
		for _, h := range news.Heads {
			told = append(told, h[:]...)
		}
		b.Put(bucketTold, layout.U32(c.Number), told)
		return nil
	})
}

// tell keeps one notice. It is shown behind all that is shown in the group by now. A group that is not
// here has no place for it.
func (b *batch) tell(c *layout.Conversation, n Notice) error {
	n.N, n.Group, n.Told, n.T = b.arrive(), c.ID, b.s.cfg.Now(), 0
	key := layout.U64(n.N)
	if c.Number != 0 {
		n.T = max(n.Told.UnixMilli(), 1)
		if k := b.lastRow(c.Number); k != nil {
			last, err := layout.ParseView(k, b.Get(bucketView, k))
			if err != nil {
				return err
			}
			n.T = max(n.T, last.T)
		}
		id, at := layout.NoticeID(n.N), layout.NoticeSlot(n.N)
		b.putRow(c.Number, layout.ViewKey(c.Number, n.T, id), at.Bytes())
		if err := b.voices.said(voice{conversation: c.Number}, layout.ShownAs(n.T, id, at), n.N); err != nil {
			return err
		}
	}
	b.Put(bucketNotices, key, b.s.dir.Keyring.Seal(n.marshal(), noticeAAD(key)))
	return nil
}

// TellOf keeps one notice of a group, which may not be here, as where the owner was only invited to it.
// Errors: event.ErrMalformed, event.ErrTooLarge.
func (s *Store) TellOf(ctx context.Context, n Notice) error {
	if err := n.check(); err != nil {
		return err
	}
	return s.do(ctx, func(b *batch) error { return b.tell(&layout.Conversation{ID: n.Group}, n) })
}

// Told returns the control heads of a group up to which the owner has been told what happened; none
// if they have been told nothing. Errors: ErrNoConversation.
func (s *Store) Told(group event.Conversation) (heads []crypto.Hash, err error) {
	err = s.view(func(r *reader) error {
		c, err := r.group(group)
		if err != nil {
			return err
		}
		told := bytes.Clone(r.Get(bucketTold, layout.U32(c.Number)))
		for ; len(told) >= len(crypto.Hash{}); told = told[len(crypto.Hash{}):] {
			heads = append(heads, crypto.Hash(told[:len(crypto.Hash{})]))
		}
		if len(told) > 0 {
			return damaged("told heads: %d bytes too many", len(told))
		}
		return nil
	})
	return heads, err
}

// Notices returns up to limit notices whose N is above after, by N.
func (s *Store) Notices(after uint64, limit int) (out []Notice, err error) {
	err = s.view(func(r *reader) error {
		for k, v := range r.From(bucketNotices, layout.U64(after+1)) {
			if len(out) == limit {
				return nil
			}
			n, err := r.notice(k, v)
			if err != nil {
				return err
			}
			out = append(out, n)
		}
		return nil
	})
	return out, err
}

// noticeRow returns the row of a notice, or ErrNoEvent.
func (r *reader) noticeRow(n uint64) (Row, error) {
	key := layout.U64(n)
	v := r.Get(bucketNotices, key)
	if v == nil {
		return Row{}, ErrNoEvent
	}
	notice, err := r.notice(key, v)
	if err == nil && notice.T == 0 {
		err = ErrNoEvent
	}
	return Row{ID: layout.NoticeID(n), Conversation: notice.Group, Clock: notice.Told, Received: notice.Told, T: notice.T, Arrival: n, Notice: &notice}, err
}

// notice reads a notice from its key and value.
func (r *reader) notice(key, value []byte) (Notice, error) {
	plain, err := r.s.dir.Keyring.Open(value, noticeAAD(key))
	if err != nil {
		return Notice{}, damaged("notice: %w", err)
	}
	n, err := parseNotice(plain)
	n.N = layout.Number(key)
	return n, err
}
