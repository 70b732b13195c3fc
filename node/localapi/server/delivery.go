package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/node/chat"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/store/event"
)

// Delivery is how far the owner's messages have come; *chat.Messages is one.
type Delivery interface {
	// Wait returns once the message has reached the state or can't any more. When ctx ends first it
	// returns the message as it is, and the context's error.
	Wait(ctx context.Context, id event.ID, state string) (chat.Message, error)
	// WaitLeading is Wait for the first of many messages. It returns how far that message has come,
	// and the same for the messages after it that have reached the state as well, up to the first
	// that has not. If ctx ends first, it returns how far the first message has come, and the
	// context's error.
	WaitLeading(ctx context.Context, messages []*chat.Message, state string) ([]chat.Progress, error)
	// Settle returns when what callers were told of by Wait and WaitLeading is what all other methods say.
	Settle(ctx context.Context)
	// Outbox tells what waits, many lines at once, up to limit; 0: all. It ends with an error of tell.
	Outbox(ctx context.Context, limit int, tell func([]waiting.Pending) error) error
	Receipts(ctx context.Context, id event.ID) ([]chat.Reached, error)
}

func (s messagesService) Wait(ctx context.Context, r *earshotv1.WaitRequest) (*earshotv1.Sent, error) {
	id, err := eventID(r.Id)
	if err != nil {
		return nil, err
	}
	wait, err := newWait(r.State, r.Timeout)
	if err != nil {
		return nil, err
	}
	m, err := s.wait(ctx, wait.from(time.Now()), chat.Message{ID: id})
	return view.Sent(m), err
}

func (s messagesService) Outbox(ctx context.Context, r *earshotv1.OutboxRequest, stream *connect.ServerStream[earshotv1.OutboxResponse]) error {
	return s.delivery.Outbox(ctx, int(min(r.Limit, math.MaxInt32)), func(some []waiting.Pending) error {
		return stream.Send(&earshotv1.OutboxResponse{Pending: view.Each(some, view.Pending)})
	})
}

func (s messagesService) Receipts(ctx context.Context, r *earshotv1.ReceiptsRequest) (*earshotv1.ReceiptsResponse, error) {
	id, err := eventID(r.Id)
	if err != nil {
		return nil, err
	}
	list, err := s.delivery.Receipts(ctx, id)
	return &earshotv1.ReceiptsResponse{Reached: view.Each(list, view.Reached)}, err
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
	case chat.StateQueued, chat.StateDelivered, chat.StateRead, chat.StateHeld:
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

// limit returns a context that ends with the timeout, or with ctx.
func (w wait) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.timeout == nil {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, w.start.Add(*w.timeout))
}

// wait returns the message as it is in the end; that the timeout has passed is no error.
func (s messagesService) wait(ctx context.Context, w wait, m chat.Message) (now chat.Message, err error) {
	if w.state == chat.StateQueued && m.State != "" {
		return m, nil
	}
	limited, cancel := w.limit(ctx)
	defer cancel()
	now, err = s.delivery.Wait(limited, m.ID, w.state)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		err = nil
	case err == nil && w.state == chat.StateHeld && now.State != chat.StateCancelled && now.State != chat.StateUndelivered:
		now.State, now.Reason = chat.StateHeld, ""
	}
	return now, err
}

// leading waits for the first of some lines. It returns how many lines, from the first on, need not
// be waited for any more, and sets the states of their messages. It stops before one that was not
// sent, unless that is the first.
func (w wait) leading(ctx context.Context, d Delivery, batch []done) (int, error) {
	if w.state == chat.StateQueued {
		return len(batch), nil
	}
	switch first := slices.IndexFunc(batch, func(d done) bool { return d.refused != nil }); {
	case first == 0:
		return 1, nil
	case first > 0:
		batch = batch[:first]
	}
	limited, cancel := w.from(batch[0].since).limit(ctx)
	defer cancel()
	messages := make([]*chat.Message, len(batch))
	for i := range batch {
		messages[i] = batch[i].message
	}
	reached, err := d.WaitLeading(limited, messages, w.state)
	if err != nil && (!errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil) {
		return 0, err
	}
	for i, now := range reached {
		batch[i].message.Progress = now
	}
	return len(reached), nil
}
