package node

import (
	"context"
	"errors"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// wanted resolves a Filter: to messages of others, of whom none is blocked.
func (n *Node) wanted(ctx context.Context, f Filter) (store.Keep, error) {
	keep := func(s store.Source) bool {
		them, _ := n.people.get(s.Author)
		return s.Author != n.me.person && !them.Blocked
	}
	if f.From != "" {
		p, err := n.Resolve(ctx, f.From)
		if err != nil {
			return nil, err
		}
		rest := keep
		keep = func(s store.Source) bool { return s.Author == p.ID && rest(s) }
	}
	if f.In != "" {
		c, _, err := n.conversation(f.In)
		if err != nil {
			return nil, err
		}
		rest := keep
		keep = func(s store.Source) bool { return s.Conversation == c && rest(s) }
	}
	return keep, nil
}

// read reads on by cursor until limit messages have passed a filter, a part at a time, each in a transaction of its own.
func (n *Node) read(ctx context.Context, after uint64, f Filter, limit int,
	part func(after uint64, limit int, keep store.Keep) ([]store.Row, uint64, error)) (Page, error) {
	page := Page{Cursor: after}
	keep, err := n.wanted(ctx, f)
	if err != nil {
		return page, err
	}
	for len(page.Messages) < limit && ctx.Err() == nil {
		rows, looked, err := part(page.Cursor, limit-len(page.Messages), keep)
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

// Cursor is where a named reader is, 0 at the beginning.
func (n *Node) Cursor(_ context.Context, name string) (uint64, error) { return n.store.Cursor(name) }

// SetCursor moves a named reader.
func (n *Node) SetCursor(ctx context.Context, name string, to uint64) error {
	return n.store.SetCursor(ctx, name, to)
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
