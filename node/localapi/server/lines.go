package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	"github.com/earshot-im/earshot/node/chat"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// maxCommit is how many lines are sent in one call of the node: enough that a commit's cost
	// does not count, few enough that the first is not kept waiting.
	maxCommit = 1024

	// maxUnderWay is how many lines of one stream may be on disk and not answered. A caller that
	// sends more is read no further.
	maxUnderWay = 8192

	// maxAnswer is how many messages one answer of SendLines holds.
	maxAnswer = 512
)

// onDisk is a message that waits to be answered.
type onDisk struct {
	message chat.Message
	since   time.Time
}

// SendLines is a pipeline: lines are read, committed, waited for (until they have got as far as the
// caller wants) and answered. Each stage takes whatever waits, up to a bound, and a full stage
// holds up the one before it, at last the caller.
func (s messagesService) SendLines(ctx context.Context, stream *connect.BidiStream[earshotv1.SendLinesRequest, earshotv1.SendLinesResponse]) error {
	first, err := stream.Receive()
	if err != nil {
		return atEnd(err)
	}
	if first.Open == nil || len(first.Lines) > 0 {
		return fmt.Errorf("%w: the first request must open, and no more", errInvalid)
	}
	wait, err := newWait(first.Open.Wait, first.Open.Timeout)
	if err != nil {
		return err
	}
	// The name is resolved here, once: later lines go to the same person or group even if the name
	// comes to mean another.
	target, err := s.writing.Address(ctx, first.Open.To)
	if err != nil {
		return err
	}
	to := target.ID
	if target.Kind == "group" {
		to = "#" + to
	}
	if err := stream.Send(&earshotv1.SendLinesResponse{}); err != nil {
		return err
	}

	lines := make(chan chat.Outgoing, maxCommit)
	committed := make(chan onDisk, maxUnderWay)
	reached := make(chan chat.Message, maxAnswer)
	unread := make(chan error, 1) // why reading ended, before lines is closed
	var unsent error              // why committing ended, before committed is closed

	group, ctx := errgroup.WithContext(ctx)
	go func() { // ends when the handler returns, if not before: that closes the request
		unread <- readLines(ctx, stream, to, lines)
		close(lines)
	}()
	group.Go(func() error {
		unsent = s.commitLines(ctx, lines, committed)
		close(committed)
		return nil // what was committed is still answered
	})
	group.Go(func() error {
		defer close(reached)
		for d := range committed {
			for batch := gather(d, committed, maxAnswer); len(batch) > 0; {
				done, err := wait.leading(ctx, s.delivery, batch)
				if err != nil {
					return err
				}
				for _, d := range batch[:done] {
					if err := put(ctx, reached, d.message); err != nil {
						return err
					}
				}
				batch = batch[done:]
			}
		}
		return nil
	})
	group.Go(func() error {
		for m := range reached {
			batch := gather(m, reached, maxAnswer)
			if err := stream.Send(&earshotv1.SendLinesResponse{Sent: convert(batch, sent)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if unsent != nil {
		return unsent
	}
	return <-unread
}

func readLines(ctx context.Context, stream *connect.BidiStream[earshotv1.SendLinesRequest, earshotv1.SendLinesResponse], to string, lines chan<- chat.Outgoing) error {
	for {
		r, err := stream.Receive()
		if err != nil {
			return atEnd(err)
		}
		if r.Open != nil {
			return fmt.Errorf("%w: only the first request opens", errInvalid)
		}
		for _, line := range r.Lines {
			if err := put(ctx, lines, chat.Outgoing{To: to, Text: line.Text, Key: line.Key}); err != nil {
				return err
			}
		}
	}
}

func (s messagesService) commitLines(ctx context.Context, lines <-chan chat.Outgoing, committed chan<- onDisk) error {
	for {
		var line chat.Outgoing
		select {
		case next, more := <-lines:
			if !more {
				return nil
			}
			line = next
		case <-ctx.Done():
			return ctx.Err()
		}
		messages, err := s.writing.SendAll(ctx, gather(line, lines, maxCommit))
		now := time.Now()
		for _, m := range messages {
			if err := put(ctx, committed, onDisk{m, now}); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// put sends v, and gives up when ctx ends.
func put[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gather returns first and what else is there, up to limit, without waiting.
func gather[T any](first T, rest <-chan T, limit int) []T {
	batch := []T{first}
	for len(batch) < limit {
		select {
		case v, more := <-rest:
			if !more {
				return batch
			}
			batch = append(batch, v)
		default:
			return batch
		}
	}
	return batch
}

// atEnd returns the error of a read, but nil where it only says that the caller has sent
// everything.
func atEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
