package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
	"github.com/earshot-im/earshot/node/localapi/view"
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

	// maxAhead is how many bytes of text of one stream are held in memory, and so the most that one
	// commit writes. It must not be less than one request may hold.
	maxAhead = 8 * localapi.MaxRequest
)

// done is a line that waits to be answered.
type done struct {
	message *chat.Message      // without its text
	since   time.Time          // when it was on this disk
	refused *earshotv1.Problem // why it was not sent; then there is no message
}

// ofTheLine are the errors that are about one line. The lines after it may well be sent.
var ofTheLine = []error{chat.ErrText, chat.ErrEmpty, chat.ErrTooLong, chat.ErrKeyUsed}

func aboutTheLine(err error) bool {
	return slices.ContainsFunc(ofTheLine, func(known error) bool { return errors.Is(err, known) })
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
	if wait.state == files.StateHeld {
		return fmt.Errorf("%w: lines have no files to be held", errInvalid)
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
	ahead := semaphore.NewWeighted(maxAhead)
	committed := make(chan done, maxUnderWay)
	reached := make(chan done, maxAnswer)
	unread := make(chan error, 1) // why reading ended, before lines is closed
	var unsent error              // why committing ended, before committed is closed

	group, ctx := errgroup.WithContext(ctx)
	go func() { // ends when the handler returns, if not before: that closes the request
		unread <- readLines(ctx, stream, to, lines, ahead)
		close(lines)
	}()
	group.Go(func() error {
		unsent = s.commitLines(ctx, lines, ahead, committed)
		close(committed)
		return nil // what was committed is still answered
	})
	group.Go(func() error {
		defer close(reached)
		for d := range committed {
			for batch := gather(d, committed, maxAnswer); len(batch) > 0; {
				n, err := wait.leading(ctx, s.delivery, batch)
				if err != nil {
					return err
				}
				for _, d := range batch[:n] {
					if err := put(ctx, reached, d); err != nil {
						return err
					}
				}
				batch = batch[n:]
			}
		}
		return nil
	})
	group.Go(func() error {
		for d := range reached {
			batch := gather(d, reached, maxAnswer)
			if err := stream.Send(&earshotv1.SendLinesResponse{Sent: view.Each(batch, sentLine)}); err != nil {
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

func readLines(ctx context.Context, stream *connect.BidiStream[earshotv1.SendLinesRequest, earshotv1.SendLinesResponse],
	to string, lines chan<- chat.Outgoing, ahead *semaphore.Weighted) error {
	for {
		r, err := stream.Receive()
		if err != nil {
			return atEnd(err)
		}
		if r.Open != nil {
			return fmt.Errorf("%w: only the first request opens", errInvalid)
		}
		for _, line := range r.Lines {
			if err := ahead.Acquire(ctx, int64(len(line.Text))); err != nil {
				return err
			}
			if err := put(ctx, lines, chat.Outgoing{To: to, Text: line.Text, Key: line.Key}); err != nil {
				return err
			}
		}
	}
}

func (s messagesService) commitLines(ctx context.Context, lines <-chan chat.Outgoing, ahead *semaphore.Weighted, committed chan<- done) error {
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
		batch := gather(line, lines, maxCommit)
		if err := s.commitBatch(ctx, batch, committed); err != nil {
			return err
		}
		for _, line := range batch {
			ahead.Release(int64(len(line.Text)))
		}
	}
}

// commitBatch sends lines, all but those that can't be.
func (s messagesService) commitBatch(ctx context.Context, batch []chat.Outgoing, committed chan<- done) error {
	for len(batch) > 0 {
		messages, err := s.writing.SendAll(ctx, batch)
		now := time.Now()
		for i := range messages {
			messages[i].Text = ""
			if err := put(ctx, committed, done{message: &messages[i], since: now}); err != nil {
				return err
			}
		}
		batch = batch[len(messages):]
		switch {
		case err == nil:
			return nil
		case len(batch) == 0 || !aboutTheLine(err):
			return err
		}
		if err := put(ctx, committed, done{refused: problem(ctx, err)}); err != nil {
			return err
		}
		batch = batch[1:]
	}
	return nil
}

// sentLine is the answer to a line.
func sentLine(d done) *earshotv1.Sent {
	if d.refused != nil {
		return &earshotv1.Sent{Problem: d.refused}
	}
	return view.Sent(*d.message)
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
	batch := append(make([]T, 0, min(limit, 1+len(rest))), first)
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
