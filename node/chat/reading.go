package chat

import (
	"context"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// filter is a Filter whose names are resolved; nil lets everybody through.
type filter struct {
	from *crypto.PersonID
	in   *event.Conversation
}

// filter resolves a Filter. A person or group given by the whole ID need not be known here:
// otherwise a program that goes on reading by ID would fail once a stranger is forgotten.
func (m *Messages) filter(f Filter) (out filter, err error) {
	if f.From != "" {
		id, err := m.cfg.Contacts.PersonOf(f.From)
		if err != nil {
			return out, err
		}
		out.from = &id
	}
	if f.In != "" {
		c, err := m.cfg.Contacts.ConversationOf(f.In)
		if err != nil {
			return out, err
		}
		out.in = &c
	}
	return out, nil
}

// Shown returns a Keep that wants the messages that pass a filter and whose author is not blocked.
// The filter's names are resolved now.
func (m *Messages) Shown(f Filter) (store.Keep, error) {
	resolved, err := m.filter(f)
	return m.passing(resolved), err
}

func (m *Messages) passing(f filter) store.Keep {
	return func(s store.Source) bool {
		if f.from != nil && s.Author != *f.from || f.in != nil && s.Conversation != *f.in {
			return false
		}
		them, _ := m.cfg.People.Get(s.Author)
		return !them.Blocked
	}
}

// wants returns a Keep that wants the messages of others that pass the filter and whose author is
// not blocked.
func (m *Messages) wants(f filter) store.Keep {
	passes := m.passing(f)
	return func(s store.Source) bool { return s.Author != m.self && passes(s) }
}

// part reads rows after a number of the change counter in one transaction. It may read fewer than
// limit, and returns how far it has looked.
type part func(after uint64, limit int, keep store.Keep) (rows []store.Row, looked uint64, err error)

const (
	// rowsAtOnce is how many rows are read in one transaction, before it is known how long they are.
	rowsAtOnce = 100

	// maxRead is how much is read for one answer, in bytes: an answer has room for as much text, and the node
	// need not hold the rest. It is exceeded by rowsAtOnce rows at most.
	maxRead = 4 << 20
)

// read reads messages after a cursor until limit of them have passed a filter, or as many as an answer has room for.
func (m *Messages) read(ctx context.Context, after string, f Filter, limit int, part part) (Page, error) {
	revealed, _ := m.cfg.Revealed.Now()
	page := Page{Cursor: after, Revealed: revealed}
	at, err := m.at(after)
	if err != nil {
		return page, err
	}
	resolved, err := m.filter(f)
	if err != nil {
		return page, err
	}
	at, err = part.each(ctx, at, limit, m.wants(resolved), func(rows []store.Row) {
		if page.Messages == nil && len(rows) == rowsAtOnce { // more is likely to come
			page.Messages = make([]Message, 0, limit)
		}
		for i := range rows {
			page.Messages = append(page.Messages, m.message(&rows[i]))
		}
	})
	page.Cursor = m.cfg.Store.Cursor(at)
	return page, err
}

// each reads part after part, and gives each to f, until there were limit rows, or more than maxRead bytes, or there
// are no more. It returns how far it has looked.
func (p part) each(ctx context.Context, after uint64, limit int, keep store.Keep, f func([]store.Row)) (at uint64, err error) {
	size := 0
	for at = after; limit > 0 && size < maxRead && ctx.Err() == nil; {
		rows, looked, err := p(at, min(limit, rowsAtOnce), keep)
		if err != nil {
			return at, err
		}
		f(rows)
		for i := range rows {
			size += weight(&rows[i])
		}
		if limit -= len(rows); looked == at {
			break
		}
		at = looked
	}
	return at, ctx.Err()
}

// weight is about how much a row holds, in bytes.
func weight(r *store.Row) int {
	size := len(r.Text)
	for i := range r.Files {
		size += len(r.Files[i].Preview) + len(r.Files[i].Wave)
	}
	return size
}

// at returns the number that a cursor stands for. An empty one is the beginning.
func (m *Messages) at(cursor string) (uint64, error) {
	if cursor == "" {
		return 0, nil
	}
	return m.cfg.Store.At(cursor)
}

// Unread returns unread messages past a cursor, in the order of arrival.
func (m *Messages) Unread(ctx context.Context, after string, f Filter, limit int) (Page, error) {
	return m.read(ctx, after, f, limit, m.cfg.Store.Unread)
}

// Arrivals returns messages of others past a cursor, in the order of arrival.
func (m *Messages) Arrivals(ctx context.Context, after string, f Filter, limit int) (Page, error) {
	return m.read(ctx, after, f, limit, m.cfg.Store.Arrivals)
}

// MarkRead says that the owner has seen messages. Their authors learn it unless the owner has said
// otherwise. So do those who are blocked and have written before them in the same group, though the owner
// does not see what they write: they could tell from what is never read that they are blocked.
func (m *Messages) MarkRead(ctx context.Context, ids ...event.ID) error {
	return m.Reading(ctx, func(tell bool) (map[event.Conversation]uint64, error) {
		if err := m.cfg.Store.MarkRead(ctx, tell, ids...); err != nil || !tell || !m.anyBlocked() {
			return nil, asOurs(err)
		}
		return m.newest(ids)
	})
}

// MarkArrived is MarkRead for messages by their cursors, which are found sooner than IDs.
func (m *Messages) MarkArrived(ctx context.Context, cursors ...string) error {
	arrivals := make([]uint64, len(cursors))
	for i, cursor := range cursors {
		var err error
		if arrivals[i], err = m.cfg.Store.At(cursor); err != nil {
			return err
		}
	}
	return m.Reading(ctx, func(tell bool) (map[event.Conversation]uint64, error) {
		newest, err := m.cfg.Store.MarkArrived(ctx, tell, arrivals...)
		return newest, asOurs(err)
	})
}

// Reading has messages marked as read by mark, which is given whether their authors are to be told, and
// returns up to which arrival the owner has read what is in each group. Then it tells what follows from
// that.
func (m *Messages) Reading(ctx context.Context, mark func(tell bool) (map[event.Conversation]uint64, error)) error {
	me, err := m.cfg.Owner.Me(ctx)
	if err != nil {
		return err
	}
	read, err := mark(me.ReadReceipts)
	if err != nil || !me.ReadReceipts {
		return err
	}
	err = m.tellHidden(ctx, read)
	m.cfg.Receipts.MarkUnsigned()
	return err
}

func (m *Messages) anyBlocked() bool {
	return slices.ContainsFunc(m.cfg.People.Others(), func(p *people.Person) bool { return p.Blocked })
}

// newest returns the latest arrival among messages for each conversation.
func (m *Messages) newest(ids []event.ID) (map[event.Conversation]uint64, error) {
	newest := make(map[event.Conversation]uint64)
	for _, id := range ids {
		row, err := m.cfg.Store.Row(id)
		if err != nil {
			return nil, asOurs(err)
		}
		newest[row.Conversation] = max(newest[row.Conversation], row.Arrival)
	}
	return newest, nil
}

// maxHidden is how many hidden messages are told as read at once. The rest is, with what is read next.
const maxHidden = 1024

// tellHidden tells the authors of hidden messages that these were read, where the owner has now read what
// came later in the same group. Here they stay unread, and are shown when their author is blocked no
// longer.
func (m *Messages) tellHidden(ctx context.Context, newest map[event.Conversation]uint64) error {
	if !m.anyBlocked() {
		return nil
	}
	m.hidden.Lock()
	defer m.hidden.Unlock()
	for c, before := range newest {
		if !m.cfg.Groups.Known(c) {
			continue
		}
		if err := m.tellHiddenIn(ctx, c, before); err != nil {
			return asOurs(err)
		}
	}
	return nil
}

// tellHiddenIn does tellHidden for one group and what came before some arrival. The caller holds the lock.
func (m *Messages) tellHiddenIn(ctx context.Context, c event.Conversation, before uint64) error {
	hidden := func(s store.Source) bool {
		them, _ := m.cfg.People.Get(s.Author)
		return s.Conversation == c && them.Blocked
	}
	var ids []event.ID
	at := m.toldHidden[c]
	for len(ids) < maxHidden && at < before {
		rows, looked, err := m.cfg.Store.Unread(at, maxHidden-len(ids), hidden)
		if err != nil {
			return err
		}
		if looked == at {
			break
		}
		at = looked
		for _, r := range rows {
			if r.Arrival < before {
				ids = append(ids, r.ID)
			}
		}
	}
	if len(ids) > 0 {
		if err := m.cfg.Store.TellRead(ctx, ids...); err != nil {
			return err
		}
	}
	m.toldHidden[c] = max(m.toldHidden[c], min(at, before))
	return nil
}

// Cursor returns how far the reader with this name has read by this filter. Each filter has a cursor
// of its own, so that a message that one filter skips is not lost to another.
func (m *Messages) Cursor(_ context.Context, name string, f Filter) (string, error) {
	name, err := m.cursorName(name, f)
	if err != nil {
		return "", err
	}
	n, err := m.cfg.Store.Book().Cursor(name)
	return m.cfg.Store.Cursor(n), err
}

// SetCursor notes how far a reader has read.
func (m *Messages) SetCursor(ctx context.Context, name string, f Filter, to string) error {
	n, err := m.at(to)
	if err != nil {
		return err
	}
	if name, err = m.cursorName(name, f); err != nil {
		return err
	}
	return m.cfg.Store.Book().SetCursor(ctx, name, n)
}

// cursorName returns the name under which the store keeps the cursor of a reader and a filter.
func (m *Messages) cursorName(name string, f Filter) (string, error) {
	resolved, err := m.filter(f)
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

// ByKey returns the owner's message that was sent with a key to the person or group that WHO means.
func (m *Messages) ByKey(_ context.Context, who, key string) (Message, error) {
	c, err := m.cfg.Contacts.ConversationOf(who)
	if err != nil {
		return Message{}, err
	}
	row, err := m.cfg.Store.OwnRow(c, event.KeyFor(key))
	if err != nil {
		return Message{}, asOurs(err)
	}
	return m.message(&row), nil
}

// MaxMatches is how many messages Matching returns at most: enough for people to choose from. Anybody can
// make messages whose IDs begin alike, so there may be any number.
const MaxMatches = 16

// Matching returns messages whose IDs are from low to high, in the conversation that WHO means, or in all
// where that is empty: all of them, or MaxMatches. In groups those of blocked persons are hidden.
func (m *Messages) Matching(_ context.Context, low, high event.ID, who string) ([]Message, error) {
	in, err := m.filter(Filter{In: who})
	if err != nil {
		return nil, err
	}
	rows, err := m.cfg.Store.RowsBetween(low, high, MaxMatches, func(s store.Source) bool {
		them, _ := m.cfg.People.Get(s.Author)
		return (in.in == nil || s.Conversation == *in.in) && !(them.Blocked && m.cfg.Groups.Known(s.Conversation))
	})
	if err != nil {
		return nil, asOurs(err)
	}
	out := make([]Message, len(rows))
	for i := range rows {
		out[i] = m.message(&rows[i])
	}
	return out, nil
}
