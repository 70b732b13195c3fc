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
	"io"
	"time"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// messagesAtOnce is how many messages are read, printed and marked at a time. So many may be
	// printed a second time after a crash between printing and marking.
	messagesAtOnce = 100

	// markTimeout bounds the marking of what has been printed, also after an interrupt.
	markTimeout = 5 * time.Second

	// passedAtOnce is how far a cursor may fall behind while nothing passes its filter. So much is
	// looked at again after a start; to move the cursor past each message would cost a commit each
	// time.
	passedAtOnce = 1000
)

// Reader prints messages that others wrote. Set it up as the flags of `recv` say, then call Run.
type Reader struct {
	Client         *localapi.Client
	Out            show.Printer
	Stdout, Stderr io.Writer

	Follow   bool
	Count    uint32        // 0: all
	Timeout  time.Duration // 0: none
	From, In string        // only messages of this person, or in this conversation; "": of all, in all
	Peek     bool
	Cursor   string // the name of --as; "": what is unread

	filter   earshotv1.Filter // From and In, by ID
	after    uint64           // everything up to here that passes the filter has been printed
	saved    uint64           // where the node has the cursor
	revealed uint64           // as the last answer said
	written  uint32           // messages so far
}

var errTimeout = errors.New("timeout")

// Run reads until it has all that was asked for. A Reader runs once.
func (r *Reader) Run(ctx context.Context) error {
	if err := r.resolve(ctx); err != nil {
		return err
	}
	if r.Cursor != "" {
		c, err := r.Client.GetCursor(ctx, &earshotv1.GetCursorRequest{Name: r.Cursor, Filter: &r.filter})
		if err != nil {
			return err
		}
		r.after, r.saved = c.Cursor, c.Cursor
	}
	if !r.Follow && r.Count == 0 && r.Timeout == 0 {
		return r.drain(ctx)
	}
	watch := ctx
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		watch, cancel = context.WithTimeoutCause(ctx, r.Timeout, errTimeout)
		defer cancel()
	}
	// Watching begins before reading, so nothing falls between.
	stream, err := r.Client.Watch(watch, &earshotv1.WatchRequest{})
	if err == nil {
		defer stream.Close()
		known, more := membership{reader: r}, waiting{reader: r}
		for stream.Receive() {
			if r.Follow && !r.Out.JSON { // for programs, standard error has nothing but errors
				known.tell(ctx, stream.Msg().Changed)
				more.tell(ctx, stream.Msg().Peers)
			}
			if err := r.drain(ctx); err != nil {
				return problem.UnlessStopped(ctx, err)
			}
			if r.Count > 0 && r.written == r.Count {
				return nil
			}
		}
		err = stream.Err()
	}
	// The node is told of the deadline, and may be the first to see it pass.
	if errors.Is(context.Cause(watch), errTimeout) || r.Timeout > 0 && connect.CodeOf(err) == connect.CodeDeadlineExceeded {
		return problem.TimedOut("waited "+r.Timeout.String(), "")
	}
	return problem.UnlessStopped(ctx, err)
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

// drain prints what is there now.
func (r *Reader) drain(ctx context.Context) error {
	for r.Count == 0 || r.written < r.Count {
		limit := uint32(messagesAtOnce)
		if r.Count > 0 {
			limit = min(limit, r.Count-r.written)
		}
		page, err := r.next(ctx, limit)
		if err != nil {
			return err
		}
		if r.startsAgain(page) {
			continue
		}
		if len(page.Messages) == 0 {
			return r.passed(ctx, page.Cursor)
		}
		if err := show.Rows(r.Stdout, page.Messages, r.Out.Message); err != nil {
			return err
		}
		if err := r.mark(ctx, page); err != nil {
			return err
		}
		r.written += uint32(len(page.Messages))
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
// shown again, as after somebody was unblocked. What was printed before has been marked and is not
// among them.
func (r *Reader) startsAgain(page *earshotv1.MessagesResponse) bool {
	again := r.revealed != page.Revealed && r.after > 0 && r.Cursor == "" && !r.Peek
	r.revealed = page.Revealed
	if again {
		r.after = 0
	}
	return again
}

// passed goes on after messages that don't pass the filter. The cursor follows from time to time.
func (r *Reader) passed(ctx context.Context, to uint64) error {
	r.after = to
	if r.Cursor == "" || r.Peek || r.after-r.saved < passedAtOnce {
		return nil
	}
	return r.save(ctx)
}

func (r *Reader) save(ctx context.Context) error {
	_, err := r.Client.SetCursor(ctx, &earshotv1.SetCursorRequest{Name: r.Cursor, Filter: &r.filter, Cursor: r.after})
	r.saved = r.after
	return err
}

// mark notes what was printed, also after an interrupt.
func (r *Reader) mark(ctx context.Context, written *earshotv1.MessagesResponse) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTimeout)
	defer cancel()
	r.after = written.Cursor
	switch {
	case r.Peek:
	case r.Cursor != "":
		err = r.save(ctx)
	default:
		ids := make([]string, len(written.Messages))
		for i, m := range written.Messages {
			ids[i] = m.Id
		}
		_, err = r.Client.MarkRead(ctx, &earshotv1.MarkReadRequest{Ids: ids})
	}
	return err
}
