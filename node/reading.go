package node

import (
	"context"
	"errors"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// filter is a Filter whose names are resolved; nil lets everybody through.
type filter struct {
	from *crypto.PersonID
	in   *event.Conversation
}

// filter resolves a Filter. A whole ID needs nobody to be known: who goes on reading by it must not be stopped because a
// stranger is forgotten.
func (n *Node) filter(f Filter) (out filter, err error) {
	if f.From != "" {
		id, err := crypto.ParsePersonID(f.From)
		if err != nil {
			m, err := n.find(f.From, aPerson)
			if err != nil {
				return out, err
			}
			id = m.person.ID
		}
		out.from = &id
	}
	if f.In == "" {
		return out, nil
	}
	who, of := unhashed(f.In, anyone)
	if id, err := crypto.ParsePersonID(who); err == nil { // or a group's, which looks the same
		c := event.Conversation(id)
		if of&aPerson != 0 && !n.groups.Known(c) {
			c = event.Direct(n.me.person, id)
		}
		out.in = &c
		return out, nil
	}
	c, _, err := n.conversation(f.In)
	out.in = &c
	return out, err
}

// wants lets messages of others through that pass the filter and whose author is not blocked.
func (n *Node) wants(f filter) store.Keep {
	return func(s store.Source) bool {
		if f.from != nil && s.Author != *f.from || f.in != nil && s.Conversation != *f.in || s.Author == n.me.person {
			return false
		}
		them, _ := n.people.get(s.Author)
		return !them.Blocked
	}
}

// read reads on by cursor until limit messages have passed a filter, a part at a time, each in a transaction of its own.
func (n *Node) read(ctx context.Context, after uint64, f Filter, limit int,
	part func(after uint64, limit int, keep store.Keep) ([]store.Row, uint64, error)) (Page, error) {
	page := Page{Cursor: after, Revealed: n.revealed.Load()}
	resolved, err := n.filter(f)
	if err != nil {
		return page, err
	}
	for len(page.Messages) < limit && ctx.Err() == nil {
		rows, looked, err := part(page.Cursor, limit-len(page.Messages), n.wants(resolved))
		if err != nil {
			return page, err
		}
		for i := range rows {
			page.Messages = append(page.Messages, n.message(&rows[i]))
		}
		if looked == page.Cursor {
			break
		}
		page.Cursor = looked
	}
	return page, ctx.Err()
}

// Unread returns unread messages whose cursor is past after, by cursor.
func (n *Node) Unread(ctx context.Context, after uint64, f Filter, limit int) (Page, error) {
	return n.read(ctx, after, f, limit, n.store.Unread)
}

// Arrivals returns messages of others whose cursor is past after, by cursor.
func (n *Node) Arrivals(ctx context.Context, after uint64, f Filter, limit int) (Page, error) {
	return n.read(ctx, after, f, limit, n.store.Arrivals)
}

// MarkRead says that the owner has seen messages. Their authors learn it unless the owner has said otherwise.
func (n *Node) MarkRead(ctx context.Context, ids ...event.ID) error {
	me, err := n.Me(ctx)
	if err != nil {
		return err
	}
	if err := n.store.MarkRead(ctx, me.ReadReceipts, ids...); err != nil {
		return asOurs(err)
	}
	if !me.ReadReceipts {
		return nil
	}
	for _, id := range ids {
		if row, err := n.store.Row(id); err == nil {
			n.receipts.mark(row.Conversation, row.Author)
		}
	}
	return nil
}

// Cursor is where a reader is, by name and filter: 0 at the beginning. Each filter has a cursor of its own, so that what
// one passes over is not lost to another.
func (n *Node) Cursor(_ context.Context, name string, f Filter) (uint64, error) {
	name, err := n.cursorName(name, f)
	if err != nil {
		return 0, err
	}
	return n.store.Cursor(name)
}

// SetCursor moves a reader.
func (n *Node) SetCursor(ctx context.Context, name string, f Filter, to uint64) error {
	name, err := n.cursorName(name, f)
	if err != nil {
		return err
	}
	return n.store.SetCursor(ctx, name, to)
}

// cursorName is a name and a filter in one.
func (n *Node) cursorName(name string, f Filter) (string, error) {
	resolved, err := n.filter(f)
	if err != nil {
		return "", err
	}
	if resolved.from != nil {
		name += "\x00from " + resolved.from.String()
	}
	if resolved.in != nil {
		name += "\x00in " + resolved.in.String()
	}
	return name, nil
}

// History returns messages of a conversation, the oldest first. In a group those of blocked persons are hidden.
func (n *Node) History(ctx context.Context, who string, r HistoryRange) ([]Message, error) {
	c, p, err := n.conversation(who)
	if err != nil {
		return nil, err
	}
	rows, err := n.store.Rows(c, store.Page{Before: r.Before, After: r.After, Limit: r.Limit, Keep: func(s store.Source) bool {
		them, _ := n.people.get(s.Author)
		return p != nil || !them.Blocked
	}})
	if errors.Is(err, store.ErrNoConversation) {
		return nil, nil
	}
	if err != nil {
		return nil, asOurs(err)
	}
	out := make([]Message, len(rows))
	for i := range rows {
		out[i] = n.message(&rows[i])
	}
	return out, nil
}
