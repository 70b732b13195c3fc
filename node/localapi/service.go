package localapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/node/chat"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// defaultPage and maxPage bound the messages of one answer, and pageBytes their text: an answer
	// must not cost the node more than its caller needs to go on.
	defaultPage = 100
	maxPage     = 1000
	pageBytes   = 4 << 20

	// maxCursorName is in bytes: a cursor is kept for ever.
	maxCursorName = 64
)

// service answers each method of the schema by calls of the node.
type service struct{ node Node }

var (
	_ earshotv1.NodeHandler     = service{}
	_ earshotv1.PeopleHandler   = service{}
	_ earshotv1.MessagesHandler = service{}
	_ earshotv1.GroupsHandler   = service{}
)

func (s service) Send(ctx context.Context, r *earshotv1.SendRequest) (*earshotv1.Sent, error) {
	reply, err := optionalID(r.ReplyTo)
	if err != nil {
		return nil, err
	}
	wait, err := newWait(r.Wait, r.Timeout)
	if err != nil {
		return nil, err
	}
	m, err := s.node.Send(ctx, chat.Outgoing{To: r.To, Text: r.Text, ReplyTo: reply, Key: r.Key})
	if err == nil {
		m, err = wait.from(time.Now()).wait(ctx, s.node, m)
	}
	return sent(m), err
}

func (s service) Wait(ctx context.Context, r *earshotv1.WaitRequest) (*earshotv1.Sent, error) {
	id, err := eventID(r.Id)
	if err != nil {
		return nil, err
	}
	wait, err := newWait(r.State, r.Timeout)
	if err != nil {
		return nil, err
	}
	m, err := wait.from(time.Now()).wait(ctx, s.node, chat.Message{ID: id})
	return sent(m), err
}

func (s service) Resolve(ctx context.Context, r *earshotv1.ResolveRequest) (*earshotv1.Target, error) {
	switch r.Kind {
	case "", "person", "group":
	default:
		return nil, fmt.Errorf("%w: no such kind: %q", errInvalid, r.Kind)
	}
	t, err := s.node.Target(ctx, r.Who, r.Kind)
	return target(t), err
}

func (s service) Unread(ctx context.Context, r *earshotv1.UnreadRequest) (*earshotv1.MessagesResponse, error) {
	return page(r.Limit, func(limit int) (chat.Page, error) {
		return s.node.Unread(ctx, r.After, filter(r.Filter), limit)
	})
}

func (s service) MarkRead(ctx context.Context, r *earshotv1.MarkReadRequest) (*earshotv1.MarkReadResponse, error) {
	if len(r.Ids) > maxPage {
		return nil, fmt.Errorf("%w: more than %d messages at once", errInvalid, maxPage)
	}
	ids := make([]event.ID, len(r.Ids))
	for i, text := range r.Ids {
		var err error
		if ids[i], err = eventID(text); err != nil {
			return nil, err
		}
	}
	return &earshotv1.MarkReadResponse{}, s.node.MarkRead(ctx, ids...)
}

func (s service) Arrivals(ctx context.Context, r *earshotv1.ArrivalsRequest) (*earshotv1.MessagesResponse, error) {
	return page(r.Limit, func(limit int) (chat.Page, error) {
		return s.node.Arrivals(ctx, r.After, filter(r.Filter), limit)
	})
}

func (s service) GetCursor(ctx context.Context, r *earshotv1.GetCursorRequest) (*earshotv1.CursorResponse, error) {
	if err := cursorName(r.Name); err != nil {
		return nil, err
	}
	n, err := s.node.Cursor(ctx, r.Name, filter(r.Filter))
	return &earshotv1.CursorResponse{Cursor: n}, err
}

func (s service) SetCursor(ctx context.Context, r *earshotv1.SetCursorRequest) (*earshotv1.CursorResponse, error) {
	if err := cursorName(r.Name); err != nil {
		return nil, err
	}
	return &earshotv1.CursorResponse{Cursor: r.Cursor}, s.node.SetCursor(ctx, r.Name, filter(r.Filter), r.Cursor)
}

func (s service) History(ctx context.Context, r *earshotv1.HistoryRequest) (*earshotv1.MessagesResponse, error) {
	before, err := optionalID(r.Before)
	if err != nil {
		return nil, err
	}
	after, err := optionalID(r.After)
	if err != nil {
		return nil, err
	}
	if before != nil && after != nil {
		return nil, fmt.Errorf("%w: both before and after", errInvalid)
	}
	limit, err := pageLimit(r.Limit)
	if err != nil {
		return nil, err
	}
	messages, err := s.node.History(ctx, r.Who, chat.HistoryRange{Limit: limit, Before: before, After: after})
	return &earshotv1.MessagesResponse{Messages: convert(clip(messages, after == nil), message)}, err
}

func (s service) Outbox(ctx context.Context, _ *earshotv1.OutboxRequest) (*earshotv1.OutboxResponse, error) {
	out, err := s.node.Outbox(ctx)
	return &earshotv1.OutboxResponse{Pending: convert(out, pending)}, err
}

func (s service) Cancel(ctx context.Context, r *earshotv1.CancelRequest) (*earshotv1.Sent, error) {
	id, err := eventID(r.Id)
	if err != nil {
		return nil, err
	}
	m, err := s.node.Cancel(ctx, id)
	return sent(m), err
}

func (s service) Edit(ctx context.Context, r *earshotv1.EditRequest) (*earshotv1.Message, error) {
	return changed(r.Id, func(id event.ID) (chat.Message, error) { return s.node.Edit(ctx, id, r.Text) })
}

func (s service) Recall(ctx context.Context, r *earshotv1.RecallRequest) (*earshotv1.Message, error) {
	return changed(r.Id, func(id event.ID) (chat.Message, error) { return s.node.Recall(ctx, id) })
}

func (s service) React(ctx context.Context, r *earshotv1.ReactRequest) (*earshotv1.Message, error) {
	return changed(r.Id, func(id event.ID) (chat.Message, error) { return s.node.React(ctx, id, r.Emoji) })
}

// changed answers with a message after a change of it.
func changed(text string, change func(event.ID) (chat.Message, error)) (*earshotv1.Message, error) {
	id, err := eventID(text)
	if err != nil {
		return nil, err
	}
	m, err := change(id)
	return message(m), err
}

func (s service) Receipts(ctx context.Context, r *earshotv1.ReceiptsRequest) (*earshotv1.ReceiptsResponse, error) {
	id, err := eventID(r.Id)
	if err != nil {
		return nil, err
	}
	list, err := s.node.Receipts(ctx, id)
	return &earshotv1.ReceiptsResponse{Reached: convert(list, reached)}, err
}

// wait is the state that a caller waits for, and for how long.
type wait struct {
	state   string
	timeout *time.Duration // nil: for ever
	start   time.Time
}

func newWait(state string, timeout *durationpb.Duration) (wait, error) {
	w := wait{state: state}
	switch state {
	case "":
		w.state = chat.StateQueued
	case chat.StateQueued, chat.StateDelivered, chat.StateRead:
	default:
		return wait{}, fmt.Errorf("%w: can't wait for the state %q", errInvalid, state)
	}
	if timeout != nil {
		d := timeout.AsDuration()
		if !timeout.IsValid() || d < 0 {
			return wait{}, fmt.Errorf("%w: bad timeout", errInvalid)
		}
		w.timeout = &d
	}
	return w, nil
}

// from returns the same wait with the timeout counted from start.
func (w wait) from(start time.Time) wait {
	w.start = start
	return w
}

// wait returns the message as it is in the end; that the timeout has passed is no error.
func (w wait) wait(ctx context.Context, n Node, m chat.Message) (chat.Message, error) {
	if w.state == chat.StateQueued && m.State != "" {
		return m, nil
	}
	limited := ctx
	if w.timeout != nil {
		var cancel context.CancelFunc
		limited, cancel = context.WithDeadline(ctx, w.start.Add(*w.timeout))
		defer cancel()
	}
	now, err := n.Wait(limited, m.ID, w.state)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = nil
	}
	return now, err
}

func filter(f *earshotv1.Filter) chat.Filter {
	return chat.Filter{From: f.GetFrom(), In: f.GetIn()}
}

func cursorName(name string) error {
	if name == "" || len(name) > maxCursorName {
		return fmt.Errorf("%w: the name of a cursor has 1 to %d bytes", errInvalid, maxCursorName)
	}
	return nil
}

func pageLimit(asked uint32) (int, error) {
	switch {
	case asked == 0:
		return defaultPage, nil
	case asked > maxPage:
		return 0, fmt.Errorf("%w: more than %d messages at once", errInvalid, maxPage)
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
	kept := clip(p.Messages, false)
	if len(kept) < len(p.Messages) {
		p.Cursor = kept[len(kept)-1].Cursor
	}
	return &earshotv1.MessagesResponse{Messages: convert(kept, message), Cursor: p.Cursor, Revealed: p.Revealed}, nil
}

// clip keeps at least one message, and no more than pageBytes of text: the first ones, or the last.
func clip(messages []chat.Message, last bool) []chat.Message {
	size := 0
	for i := range messages {
		m := &messages[i]
		if last {
			m = &messages[len(messages)-1-i]
		}
		size += len(m.Text)
		if size > pageBytes && i > 0 {
			if last {
				return messages[len(messages)-i:]
			}
			return messages[:i]
		}
	}
	return messages
}
