// Package reading reads messages for `recv`, `history` and `search`, and prints those of `recv`.
//
// It owns the one order of steps that loses nothing: a message is asked for, its line is written,
// and only then it is marked as read, or the bookmark of --as moves past it; with --ack only when
// the consumer of the lines says that it has dealt with it. So a crash may print a message a second
// time and never skips one. Names are looked up once, at the start, and IDs are used from then on.
//
// What is unread is read page by page (unread.go). The reader of --as has a Feed of the local API
// (as.go), which also knows how to go on when the node was started again.
//
// The package keeps nothing between runs: what is read, and where bookmarks stand, the node knows.
// It ends with its context, which is no error where it was to stay until then, or at the first error
// of the node or of the output.
package reading

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
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
	Name     string // of the reader of --as; "": what is unread
	Ack      bool   // the bookmark follows what comes on Stdin
	All      bool   // with Follow and JSON: also what becomes of messages that were printed

	filter  earshotv1.Filter // From and In, by ID
	printed uint32           // messages so far
	remarks remarks
	notices notices
	shown   *shown
	away    atomic.Bool // the node has ended, and the user was told
}

var errTimeout = errors.New("timeout")

// Run reads until it has all that was asked for. A Reader runs once.
func (r *Reader) Run(ctx context.Context) error {
	r.remarks.reader, r.notices.reader, r.shown = r, r, newShown(r.Name != "") // a feed tells messages beside what changes
	if err := r.resolve(ctx); err != nil {
		return err
	}
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		reading, cancel = context.WithTimeoutCause(reading, r.Timeout, errTimeout)
		defer cancel()
	}
	var err error
	if r.Name != "" {
		err = r.readAs(reading, stop)
	} else {
		err = r.readUnread(reading, stop)
	}
	return r.outcome(ctx, reading, err)
}

// stays reports whether to wait for messages that have not come yet.
func (r *Reader) stays() bool { return r.Follow || r.Count > 0 || r.Timeout > 0 }

// enough reports whether there were as many messages as were asked for.
func (r *Reader) enough() bool { return r.Count > 0 && r.printed == r.Count }

// outcome is what a command ends with whose reading has ended with err.
func (r *Reader) outcome(ctx, reading context.Context, err error) error {
	var said *problem.Problem
	switch {
	case err == nil || errors.As(err, &said):
		return err
	case ctx.Err() != nil && r.stays():
		return nil // it was to stay until its user ends it
	case errors.Is(context.Cause(reading), errTimeout), r.Timeout > 0 && connect.CodeOf(err) == connect.CodeDeadlineExceeded:
		return r.timedOut(ctx) // the node is told of the deadline, and may be the first to see it pass
	case reading.Err() != nil && ctx.Err() == nil && !errors.Is(context.Cause(reading), errNoMoreAcks):
		return context.Cause(reading) // the marker has failed
	}
	return err
}

func (r *Reader) timedOut(ctx context.Context) error {
	if err := r.Client.Alive(ctx); errors.Is(err, localapi.ErrNotAnswering) {
		return err // nobody knows whether there is a message
	}
	within := " within " + r.Timeout.String()
	switch {
	case r.printed == 0:
		return problem.TimedOut("no new message"+within, "")
	case r.Count > 0 && r.printed < r.Count:
		return problem.TimedOut(fmt.Sprintf("only %d of %d messages%s", r.printed, r.Count, within), "")
	}
	return problem.TimedOut("waited "+r.Timeout.String(), "")
}

// resolve looks up the names of the filter once, at the start. From then on the IDs count, whoever
// takes those names later.
func (r *Reader) resolve(ctx context.Context) (err error) {
	r.filter.From, r.filter.In, err = idsOf(ctx, r.Client, r.From, r.In)
	return err
}

// idsOf returns the IDs of the person and of the person or group that a filter names, where it does.
func idsOf(ctx context.Context, client *localapi.Client, from, in string) (fromID, inID string, err error) {
	if from != "" {
		if fromID, err = idOf(ctx, client, from, "person"); err != nil {
			return "", "", err
		}
	}
	if in != "" {
		inID, err = idOf(ctx, client, in, "")
	}
	return fromID, inID, err
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

// tellMore tells what else is new at the node's counts of changes. It returns the errors of the
// output only.
func (r *Reader) tellMore(ctx context.Context, now *earshotv1.WatchResponse) error {
	r.remarks.follow(ctx, now)
	return r.notices.tell(ctx)
}

// lost tells the user that the node has ended and is waited for.
func (r *Reader) lost(err error) { problem.Away(err).Print(r.Stderr, r.Out.JSON) }
