package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/store/event"
)

// Reading is what the owner and their programs read; *chat.Messages is one.
type Reading interface {
	// Unread returns unread messages whose cursor is past after, by cursor.
	Unread(ctx context.Context, after string, f chat.Filter, limit int) (chat.Page, error)
	MarkRead(ctx context.Context, ids ...event.ID) error
	MarkArrived(ctx context.Context, cursors ...string) error
	// Arrivals returns messages of others whose cursor is past after, by cursor.
	Arrivals(ctx context.Context, after string, f chat.Filter, limit int) (chat.Page, error)
	// Cursor and SetCursor read and set how far a reader, known by name and filter, has read.
	Cursor(ctx context.Context, name string, f chat.Filter) (string, error)
	SetCursor(ctx context.Context, name string, f chat.Filter, to string) error
	// ByKey returns the owner's message that was sent to WHO with a key, or chat.ErrNoMessage.
	ByKey(ctx context.Context, who, key string) (chat.Message, error)
	// History says of the first and the last message whether there are others beyond.
	History(ctx context.Context, who string, r chat.HistoryRange) ([]chat.Message, error)
	// Matching returns messages whose IDs are from low to high, in a conversation or in all.
	Matching(ctx context.Context, low, high event.ID, who string) ([]chat.Message, error)
	// Get leaves out what is not shown.
	Get(ctx context.Context, ids []event.ID, waiting bool) ([]chat.Message, error)
	// Search tells what it finds until there is enough, or no more, or ctx ends, or tell fails.
	Search(ctx context.Context, s chat.Search, tell func(chat.SearchBatch) error) error
}

func (s messagesService) Unread(ctx context.Context, r *earshotv1.UnreadRequest) (*earshotv1.MessagesResponse, error) {
	return page(r.Limit, func(limit int) (chat.Page, error) {
		return s.reading.Unread(ctx, r.After, filter(r.Filter), limit)
	})
}

func (s messagesService) MarkRead(ctx context.Context, r *earshotv1.MarkReadRequest) (*earshotv1.MarkReadResponse, error) {
	ids, err := eventIDs(r.Ids)
	if err != nil {
		return nil, err
	}
	if len(r.Cursors) > localapi.MaxPage {
		return nil, fmt.Errorf("%w: more than %d messages at once", errInvalid, localapi.MaxPage)
	}
	if len(ids) > 0 {
		err = s.reading.MarkRead(ctx, ids...)
	}
	if err == nil && len(r.Cursors) > 0 {
		err = s.reading.MarkArrived(ctx, r.Cursors...)
	}
	return &earshotv1.MarkReadResponse{}, err
}

func (s messagesService) GetMessages(ctx context.Context, r *earshotv1.GetMessagesRequest) (*earshotv1.MessagesResponse, error) {
	ids, err := eventIDs(r.Ids)
	if err != nil {
		return nil, err
	}
	messages, err := s.reading.Get(ctx, ids, r.Waiting)
	kept := clip(messages, localapi.PageBytes, false)
	return &earshotv1.MessagesResponse{Messages: view.Each(kept, view.Message), MoreAfter: len(kept) < len(messages)}, err
}

func (s messagesService) Arrivals(ctx context.Context, r *earshotv1.ArrivalsRequest) (*earshotv1.MessagesResponse, error) {
	return page(r.Limit, func(limit int) (chat.Page, error) {
		return s.reading.Arrivals(ctx, r.After, filter(r.Filter), limit)
	})
}

func (s messagesService) GetCursor(ctx context.Context, r *earshotv1.GetCursorRequest) (*earshotv1.CursorResponse, error) {
	if err := cursorName(r.Name); err != nil {
		return nil, err
	}
	n, err := s.reading.Cursor(ctx, r.Name, filter(r.Filter))
	return &earshotv1.CursorResponse{Cursor: n}, err
}

func (s messagesService) SetCursor(ctx context.Context, r *earshotv1.SetCursorRequest) (*earshotv1.CursorResponse, error) {
	if err := cursorName(r.Name); err != nil {
		return nil, err
	}
	return &earshotv1.CursorResponse{Cursor: r.Cursor}, s.reading.SetCursor(ctx, r.Name, filter(r.Filter), r.Cursor)
}

func (s messagesService) ByKey(ctx context.Context, r *earshotv1.ByKeyRequest) (*earshotv1.Message, error) {
	if r.Key == "" {
		return nil, fmt.Errorf("%w: the key is empty", errInvalid)
	}
	m, err := s.reading.ByKey(ctx, r.Who, r.Key)
	return view.Message(m), err
}

func (s messagesService) History(ctx context.Context, r *earshotv1.HistoryRequest) (*earshotv1.MessagesResponse, error) {
	limit, err := pageLimit(r.Limit)
	if err != nil {
		return nil, err
	}
	wanted := chat.HistoryRange{Limit: limit, Notices: r.Notices, Waiting: r.Waiting}
	given := 0
	for _, place := range []struct {
		text string
		id   **event.ID
	}{{r.Before, &wanted.Before}, {r.After, &wanted.After}, {r.Around, &wanted.Around}} {
		if *place.id, err = optionalID(place.text); err != nil {
			return nil, err
		}
		if *place.id != nil {
			given++
		}
	}
	if given > 1 {
		return nil, fmt.Errorf("%w: more than one of before, after and around", errInvalid)
	}
	messages, err := s.reading.History(ctx, r.Who, wanted)
	if wanted.Around != nil {
		messages = clipAround(messages, *wanted.Around)
	} else {
		messages = clip(messages, localapi.PageBytes, wanted.After == nil)
	}
	answer := &earshotv1.MessagesResponse{Messages: view.Each(messages, view.Message)}
	if n := len(messages); n > 0 {
		answer.MoreBefore, answer.MoreAfter = !messages[0].First, !messages[n-1].Last
	} else { // what was named is beyond the end of what was asked for
		answer.MoreBefore, answer.MoreAfter = wanted.After != nil, wanted.Before != nil
	}
	return answer, err
}

func (s messagesService) FindMessages(ctx context.Context, r *earshotv1.FindMessagesRequest) (*earshotv1.MessagesResponse, error) {
	const digits = 2 * len(event.ID{})
	missing := digits - len(r.Prefix)
	if missing < 0 || len(r.Prefix) < localapi.MinPrefix {
		return nil, fmt.Errorf("%w: the beginning of an ID has %d to %d digits", errInvalid, localapi.MinPrefix, digits)
	}
	low, err := eventID(r.Prefix + strings.Repeat("0", missing))
	if err != nil {
		return nil, err
	}
	high, err := eventID(r.Prefix + strings.Repeat("f", missing))
	if err != nil {
		return nil, err
	}
	messages, err := s.reading.Matching(ctx, low, high, r.In)
	return &earshotv1.MessagesResponse{Messages: view.Each(messages, view.Message)}, err
}

func filter(f *earshotv1.Filter) chat.Filter {
	return chat.Filter{From: f.GetFrom(), In: f.GetIn()}
}

func cursorName(name string) error {
	if name == "" || len(name) > localapi.MaxReader {
		return fmt.Errorf("%w: the name of a cursor has 1 to %d bytes", errInvalid, localapi.MaxReader)
	}
	return nil
}

func pageLimit(asked uint32) (int, error) {
	switch {
	case asked == 0:
		return localapi.DefaultPage, nil
	case asked > localapi.MaxPage:
		return 0, fmt.Errorf("%w: more than %d messages at once", errInvalid, localapi.MaxPage)
	}
	return int(asked), nil
}

// page answers with the messages that are read, as many as the answer has room for.
func page(asked uint32, read func(limit int) (chat.Page, error)) (*earshotv1.MessagesResponse, error) {
	limit, err := pageLimit(asked)
	if err != nil {
		return nil, err
	}
	p, err := read(limit)
	if err != nil {
		return nil, err
	}
	kept := clip(p.Messages, localapi.PageBytes, false)
	if len(kept) < len(p.Messages) {
		p.Cursor = kept[len(kept)-1].Cursor
	}
	return &earshotv1.MessagesResponse{Messages: view.Each(kept, view.Message), Cursor: p.Cursor, Revealed: p.Revealed}, nil
}

// clip keeps at least one message, and no more than most bytes of text and previews: the first ones, or the
// last.
func clip(messages []chat.Message, most int, last bool) []chat.Message {
	size := 0
	for i := range messages {
		m := &messages[i]
		if last {
			m = &messages[len(messages)-1-i]
		}
		size += len(m.Text)
		for _, f := range m.Files {
			size += weight(len(f.Preview), len(f.Name), len(f.Wave), 0)
		}
		if size > most && i > 0 {
			if last {
				return messages[len(messages)-i:]
			}
			return messages[:i]
		}
	}
	return messages
}

// clipAround keeps a message, and of what is before and behind it what is next to it, each with half of
// localapi.PageBytes.
func clipAround(messages []chat.Message, id event.ID) []chat.Message {
	if len(messages) == 0 {
		return nil
	}
	at := slices.IndexFunc(messages, func(m chat.Message) bool { return m.ID == id })
	if at < 0 { // a message of another ID is shown in its place
		at = len(messages) / 2
	}
	before := clip(messages[:at+1], localapi.PageBytes/2, true)
	after := clip(messages[at:], localapi.PageBytes/2, false)
	return messages[at+1-len(before) : at+len(after)]
}
