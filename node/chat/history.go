package chat

import (
	"context"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// shownIn says whose messages are shown in a conversation: in a group, not those of blocked persons.
func (m *Messages) shownIn(s store.Source) bool {
	them, _ := m.cfg.People.Get(s.Author)
	return !them.Blocked || !m.cfg.Groups.Known(s.Conversation)
}

// History returns messages of a conversation, the oldest first. In a group those of blocked persons
// are hidden.
func (m *Messages) History(_ context.Context, who string, r HistoryRange) ([]Message, error) {
	c, _, err := m.cfg.Contacts.Conversation(who)
	if err != nil {
		return nil, err
	}
	rows, err := m.rows(c, r)
	if errors.Is(err, store.ErrNoConversation) {
		return nil, nil
	}
	if err != nil || len(rows) == 0 {
		return nil, asOurs(err)
	}
	out := make([]Message, len(rows))
	for i := range rows {
		out[i] = m.message(&rows[i])
	}
	first, last := &out[0], &out[len(out)-1]
	for _, end := range []struct {
		is   *bool
		page store.Page
	}{{&first.First, store.Page{Before: &first.ID}}, {&last.Last, store.Page{After: &last.ID}}} {
		end.page.Keep, end.page.Notices = m.shownIn, r.Notices
		more, err := m.cfg.Store.More(c, end.page)
		if err != nil {
			return nil, asOurs(err)
		}
		*end.is = !more
	}
	if r.Waiting {
		err = m.addWaiting(out)
	}
	return out, err
}

// rows returns the rows of a conversation that are shown.
func (m *Messages) rows(c event.Conversation, r HistoryRange) ([]store.Row, error) {
	page := store.Page{Before: r.Before, After: r.After, Limit: r.Limit, Keep: m.shownIn, Notices: r.Notices}
	read := func(page store.Page) ([]store.Row, error) { return m.cfg.Store.Rows(c, page) }
	if r.Around == nil {
		return some(page, maxRead, read)
	}
	row, err := m.cfg.Store.RowOrNotice(*r.Around)
	if err != nil {
		return nil, err
	}
	if row.Conversation != c || !m.shownIn(store.Source{Conversation: c, Author: row.Author}) {
		return nil, store.ErrNoEvent
	}
	page.Before, page.Limit = r.Around, r.Limit/2
	before, err := some(page, maxRead/2, read)
	if err != nil {
		return nil, err
	}
	page.Before, page.After, page.Limit = nil, r.Around, (r.Limit-1)/2
	after, err := some(page, maxRead/2, read)
	return slices.Concat(before, []store.Row{row}, after), err
}

// some reads the rows of a page, or as many of those next to where it begins as hold more than most bytes.
func some(page store.Page, most int, read func(store.Page) ([]store.Row, error)) (all []store.Row, err error) {
	size, limit := 0, page.Limit
	for len(all) < limit && size < most {
		page.Limit = min(limit-len(all), rowsAtOnce)
		rows, err := read(page)
		if err != nil || len(rows) == 0 {
			return all, err
		}
		for i := range rows {
			size += weight(&rows[i])
		}
		if page.After != nil {
			all = append(all, rows...)
			page.After = &rows[len(rows)-1].ID
		} else {
			all = slices.Concat(rows, all)
			page.Before = &rows[0].ID
		}
		if len(rows) < page.Limit {
			break
		}
	}
	return all, nil
}

// Get returns messages and notices as they are now, in the order of the IDs, but for those that are not
// shown. With waiting it says for whom own ones wait.
func (m *Messages) Get(_ context.Context, ids []event.ID, waiting bool) (out []Message, err error) {
	for _, id := range ids {
		row, err := m.cfg.Store.RowOrNotice(id)
		switch {
		case errors.Is(err, store.ErrNoEvent):
			continue
		case err != nil:
			return nil, err
		case m.shownIn(store.Source{Conversation: row.Conversation, Author: row.Author}):
			out = append(out, m.message(&row))
		}
	}
	if waiting {
		err = m.addWaiting(out)
	}
	return out, err
}

// maxQuote bounds the text of a quote in bytes.
const maxQuote = 256

// quote returns what a row answers in short, nil if that is not here or not shown. Somebody may name what
// is in another conversation: that is none of this one's.
func (m *Messages) quote(r *store.Row) *Quote {
	row, err := m.cfg.Store.Quoted(r.Conversation, *r.ReplyTo)
	if err != nil || !m.shownIn(store.Source{Conversation: row.Conversation, Author: row.Author}) {
		return nil
	}
	q := &Quote{ID: row.ID, From: m.author(row.Author), Own: row.Own, Kind: kindOf(&row), Text: beginning(row.Text), Files: len(row.Files)}
	if q.Files > 0 {
		q.File = &row.Files[0]
	}
	return q
}

// beginning cuts a text between characters.
func beginning(text string) string {
	if len(text) <= maxQuote {
		return text
	}
	end := maxQuote
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// attached returns what is attached to a row, to be sent again.
func attached(r *store.Row) (out []event.Attachment) {
	for i := range r.Files {
		out = append(out, r.Files[i].Attachment)
	}
	return out
}

// Forwarded is what has become of a message for one of those to whom it was forwarded.
type Forwarded struct {
	Message
	Err error // why it was not sent
}

// Forward sends the words of a message, and what is attached to it, to others, as new messages. Who can't be written to keeps nobody
// else from getting it.
func (m *Messages) Forward(ctx context.Context, id event.ID, to []string) ([]Forwarded, error) {
	row, err := m.cfg.Store.Row(id)
	switch {
	case err != nil:
		return nil, asOurs(err)
	case !m.shownIn(store.Source{Conversation: row.Conversation, Author: row.Author}):
		return nil, ErrNoMessage
	case row.Recalled:
		return nil, ErrRecalled
	}
	var all []Forwarded
	for rest := to; len(rest) > 0; {
		out := make([]Outgoing, len(rest))
		for i, who := range rest {
			out[i] = Outgoing{To: who, Text: row.Text, Attachments: attached(&row)}
		}
		sent, err := m.SendAll(ctx, out)
		for i := range sent {
			all = append(all, Forwarded{Message: sent[i]})
		}
		if rest = rest[len(sent):]; err == nil || len(rest) == 0 {
			break
		}
		if errors.Is(err, store.ErrClosed) || ctx.Err() != nil {
			return all, err
		}
		all, rest = append(all, Forwarded{Err: err}), rest[1:]
	}
	return all, nil
}
