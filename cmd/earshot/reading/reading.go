// Package reading reads messages for `recv` and `history`, and prints them.
//
// It owns the one order of steps that loses nothing: a message is asked for, its line is written,
// and only then it is marked as read, or the cursor of --as moves past it. So a crash may print a
// message a second time and never skips one. Names are looked up once, at the start, and IDs are
// used from then on.
//
// It keeps nothing between runs: what is read, and where cursors stand, the node knows. It ends
// with its context, which is no error where it was to stay until then, or at the first error of the
// node or of the output.
package reading

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// callTimeout bounds a call that tells the node how far its reader has come: that is also done
	// after an interrupt.
	callTimeout = 5 * time.Second

	// passedAtOnce is how far a cursor may fall behind while nothing passes its filter. So much is
	// looked at again after a start; to move the cursor past each message would cost a commit each
	// time.
	passedAtOnce = 1000

	// retryPause is how long a reader that stays waits for a node that has ended before it tries
	// again.
	retryPause = 250 * time.Millisecond
)

// Reader prints messages that others wrote. Set it up as the flags of `recv` say, then call Run.
type Reader struct {
	Client         *localapi.Client
	Out            show.Printer
	Stdin          io.Reader // the IDs of Ack
	Stdout, Stderr io.Writer

	Follow   bool
	Once     bool          // end when the node ends
	Count    uint32        // 0: all
	Timeout  time.Duration // 0: none
	From, In string        // only messages of this person, or in this conversation; "": of all, in all
	Peek     bool
	Cursor   string // the name of --as; "": what is unread
	Ack      bool   // the cursor follows what comes on Stdin

	filter   earshotv1.Filter // From and In, by ID
	after    string           // everything up to here that passes the filter has been printed
	moved    string           // the last place that the cursor was told to go to
	revealed uint64           // as the last answer said
	printed  uint32           // messages so far
	marks    *marker          // nil with Peek
	acks     *acks            // nil without Ack
	remarks  remarks
	notices  notices
	met      bool        // the node has answered; set before anything is printed
	away     atomic.Bool // the node has ended, and the user was told
}

var errTimeout = errors.New("timeout")

// Run reads until it has all that was asked for. A Reader runs once.
func (r *Reader) Run(ctx context.Context) error {
	r.remarks.reader, r.notices.reader = r, r
	if err := r.resolve(ctx); err != nil {
		return err
	}
	if r.Cursor != "" {
		c, err := r.Client.GetCursor(ctx, &earshotv1.GetCursorRequest{Name: r.Cursor, Filter: &r.filter})
		if err != nil {
			return err
		}
		r.after, r.moved = c.Cursor, c.Cursor
	}
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		reading, cancel = context.WithTimeoutCause(reading, r.Timeout, errTimeout)
		defer cancel()
	}
	if !r.Peek {
		r.marks = startMarker(func(p []place) error {
			return r.again(reading, func() error { return r.mark(reading, p) })
		}, stop)
	}
	err := r.read(reading, stop)
	if r.marks != nil {
		if unmarked := r.marks.end(); err == nil {
			err = unmarked
		}
	}
	return r.outcome(ctx, reading, err)
}

// stays reports whether to wait for messages that have not come yet.
func (r *Reader) stays() bool { return r.Follow || r.Count > 0 || r.Timeout > 0 }

// read prints what there is, or what comes, and returns when the consumer of --ack has dealt with
// it.
func (r *Reader) read(ctx context.Context, stop func(error)) error {
	if r.Ack {
		r.acks = newAcks(r.marks.reached, r.full)
		go func() { // ends with standard input, or with the process
			r.acks.read(r.Stdin, r.unknown)
			stop(errNoMoreAcks)
		}()
	}
	var err error
	if r.stays() {
		err = r.again(ctx, func() error { return r.follow(ctx) })
	} else if err = r.drain(ctx); err == nil {
		r.remarks.tellRequests(ctx)
	}
	if r.Ack {
		err = r.acks.last(ctx, err)
	}
	return err
}

// outcome is what a command ends with whose reading has ended with err.
func (r *Reader) outcome(ctx, reading context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && r.stays():
		return nil // it was to stay until its user ends it
	case errors.Is(context.Cause(reading), errTimeout), r.Timeout > 0 && connect.CodeOf(err) == connect.CodeDeadlineExceeded:
		return r.timedOut() // the node is told of the deadline, and may be the first to see it pass
	case reading.Err() != nil && ctx.Err() == nil && !errors.Is(context.Cause(reading), errNoMoreAcks):
		return context.Cause(reading) // the marker has failed
	}
	return err
}

func (r *Reader) timedOut() error {
	within := " within " + r.Timeout.String()
	switch {
	case r.printed == 0:
		return problem.TimedOut("no new message"+within, "")
	case r.Count > 0 && r.printed < r.Count:
		return problem.TimedOut(fmt.Sprintf("only %d of %d messages%s", r.printed, r.Count, within), "")
	case r.Ack && r.acks.first() != "":
		return problem.TimedOut("not all lines were acknowledged"+within, "")
	}
	return problem.TimedOut("waited "+r.Timeout.String(), "")
}

// resolve looks up the names of the filter once, at the start. From then on the IDs count, whoever
// takes those names later.
func (r *Reader) resolve(ctx context.Context) (err error) {
	if r.From != "" {
		if r.filter.From, err = idOf(ctx, r.Client, r.From, "person"); err != nil {
			return err
		}
	}
	if r.In != "" {
		r.filter.In, err = idOf(ctx, r.Client, r.In, "")
	}
	return err
}

// idOf returns the ID of the person or group that WHO means now, in a form that the node takes as
// WHO.
func idOf(ctx context.Context, client *localapi.Client, who, kind string) (string, error) {
	t, err := client.Resolve(ctx, &earshotv1.ResolveRequest{Who: who, Kind: kind})
	if err != nil {
		return "", err
	}
	if t.Kind == "group" {
		return "#" + t.Id, nil
	}
	return t.Id, nil
}

// again calls f, and where the node has ended meanwhile, once more when it runs again. The user is
// told that it has ended. It is for what stays; a node that does not run at the start is an error.
func (r *Reader) again(ctx context.Context, f func() error) error {
	for {
		err := f()
		if !errors.Is(err, localapi.ErrNotRunning) || !r.met || r.Once || ctx.Err() != nil {
			return err
		}
		if r.away.CompareAndSwap(false, true) {
			problem.Away(err).Print(r.Stderr, r.Out.JSON)
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow prints what is there and what comes, until there were as many messages as were asked for.
func (r *Reader) follow(ctx context.Context) error {
	// Watching begins before reading, so nothing falls between.
	stream, err := r.Client.Watch(ctx, &earshotv1.WatchRequest{})
	if err != nil {
		return err
	}
	defer stream.Close()
	for stream.Receive() {
		r.met = true
		r.away.Store(false)
		if r.Follow {
			r.remarks.follow(ctx, stream.Msg())
			if err := r.notices.tell(ctx); err != nil {
				return err
			}
		}
		if err := r.drain(ctx); err != nil {
			return err
		}
		if r.Count > 0 && r.printed == r.Count {
			return nil
		}
	}
	return stream.Err()
}

// drain prints what is there now.
func (r *Reader) drain(ctx context.Context) error {
	for r.Count == 0 || r.printed < r.Count {
		limit := uint32(localapi.MaxPage)
		if r.Count > 0 {
			limit = min(limit, r.Count-r.printed)
		}
		page, err := r.next(ctx, limit)
		if err != nil {
			return err
		}
		again, err := r.startsAgain(page)
		switch {
		case err != nil:
			return err
		case again:
			continue
		case len(page.Messages) == 0:
			r.pass(page.Cursor)
			return nil
		}
		if err := r.print(ctx, page); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) next(ctx context.Context, limit uint32) (*earshotv1.MessagesResponse, error) {
	if r.Cursor != "" {
		return r.Client.Arrivals(ctx, &earshotv1.ArrivalsRequest{Filter: &r.filter, After: r.after, Limit: limit})
	}
	return r.Client.Unread(ctx, &earshotv1.UnreadRequest{Filter: &r.filter, After: r.after, Limit: limit})
}

// startsAgain goes back to the first unread message where the node says that older ones may be
// shown again, as after somebody was unblocked. What was printed before has been marked by then and
// is not among them.
func (r *Reader) startsAgain(page *earshotv1.MessagesResponse) (bool, error) {
	again := r.revealed != page.Revealed && r.after != "" && r.Cursor == "" && !r.Peek
	r.revealed = page.Revealed
	if !again {
		return false, nil
	}
	r.after = ""
	return true, r.marks.settle()
}

// print writes the messages of a page, each by a call of its own, so that a consumer has every line
// as soon as there is one.
func (r *Reader) print(ctx context.Context, page *earshotv1.MessagesResponse) error {
	for i, m := range page.Messages {
		at := place{m.Id, m.Cursor}
		if i == len(page.Messages)-1 {
			at.cursor = page.Cursor
		}
		if r.acks != nil {
			if err := r.acks.expect(ctx, at); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.Out.Message(r.Stdout, m); err != nil {
			return err
		}
		r.after, r.moved = at.cursor, at.cursor
		r.printed++
		if r.marks != nil && r.acks == nil {
			r.marks.reached(at)
		}
	}
	return nil
}

// pass goes on after messages that don't pass the filter. The cursor follows from time to time.
func (r *Reader) pass(to string) {
	r.after = to
	if r.Cursor == "" || r.Peek || number(to)-number(r.moved) < passedAtOnce {
		return
	}
	r.moved = to
	if r.acks != nil {
		r.acks.passed(place{cursor: to})
	} else {
		r.marks.reached(place{cursor: to})
	}
}

// number is the number in a cursor.
func number(cursor string) uint64 {
	_, text, _ := strings.Cut(cursor, ":")
	n, _ := strconv.ParseUint(text, 10, 64)
	return n
}

// mark tells the node of places that were reached, also after an interrupt.
func (r *Reader) mark(ctx context.Context, places []place) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if r.Cursor != "" {
		_, err := r.Client.SetCursor(ctx, &earshotv1.SetCursorRequest{Name: r.Cursor, Filter: &r.filter, Cursor: places[len(places)-1].cursor})
		return err
	}
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.id
	}
	_, err := r.Client.MarkRead(ctx, &earshotv1.MarkReadRequest{Ids: ids})
	return err
}

// full tells that no more is written until a line is acknowledged.
func (r *Reader) full(first string) {
	problem.Failed(problem.CodeAck, "%d lines wait to be acknowledged, the first of them %s", maxUnacknowledged, first).Print(r.Stderr, r.Out.JSON)
}

// unknown tells of a line on standard input that is no ID of a line that waits.
func (r *Reader) unknown(id string) {
	problem.Failed(problem.CodeAck, "no line that was printed waits to be acknowledged as %s", strconv.Quote(id)).Print(r.Stderr, r.Out.JSON)
}
