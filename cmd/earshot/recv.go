package main

import (
	"bufio"
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/control"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

const (
	// messagesAtOnce is how many messages are read, written and marked at a time: what
	// a crash between the last two shows again.
	messagesAtOnce = 100

	// markTimeout is for marking what has been written after an interrupt.
	markTimeout = 5 * time.Second

	// passedAtOnce is how far a cursor falls behind what does not pass its filter: so
	// much is looked at again after a start, and a commit for each would cost more.
	passedAtOnce = 1000
)

// reading is what the flags of `recv` say, and how far it has got.
type reading struct {
	follow  bool
	count   uint32 // 0: all
	timeout time.Duration
	filter  controlv1.Filter
	peek    bool
	cursor  string // --as

	after    uint64 // all up to here that passes the filter was written
	saved    uint64 // where the cursor is, with --as
	revealed uint64 // of the last answer
	written  uint32
}

var errTimeout = errors.New("timeout")

func (a *app) recvCommand() *cobra.Command {
	var r reading
	c := &cobra.Command{
		Use:   "recv",
		Short: "Print unread messages and mark them read",
		Long: `Print unread messages and mark them read, each only after its line was written.
Without --follow, --count or --timeout it prints what is there and ends.

With --as CURSOR it reads by a cursor of that name instead, which the node keeps and
moves on after each line: for programs. Then nothing is marked read, and no receipt
is sent. With --from or --in it is a cursor apart, by the same name: whatever is read
with one filter, nothing is passed over for another.

WHO is looked up once, at the start.

With --follow it also says, on standard error, when somebody adds you to a group.`,
		Example: `  earshot recv --follow
  earshot recv --from bob --count 1 --timeout 1m
  earshot recv --in '#lunch'
  earshot recv --json --as mybot --follow`,
		Args: exactly(),
		RunE: func(c *cobra.Command, args []string) error {
			if err := r.check(c); err != nil {
				return err
			}
			return a.ask(func(ctx context.Context, client *control.Client, _ []string) error {
				return a.recv(ctx, client, &r)
			})(c, args)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&r.follow, "follow", false, "stay, and print messages as they come")
	flags.Uint32Var(&r.count, "count", 0, "end after so many messages")
	flags.DurationVar(&r.timeout, "timeout", 0, "stay this long at most, for example 10s; then end with status 5")
	flags.StringVar(&r.filter.From, "from", "", "only messages of `WHO`")
	flags.StringVar(&r.filter.In, "in", "", "only messages of the conversation with `WHO`, or of the group")
	flags.BoolVar(&r.peek, "peek", false, "mark nothing, move no cursor")
	flags.StringVar(&r.cursor, "as", "", "read by the named `CURSOR`")
	return c
}

func (r *reading) check(c *cobra.Command) error {
	flags := c.Flags()
	switch {
	case flags.Changed("count") && r.count == 0:
		return usage(c, "--count must be at least 1")
	case flags.Changed("timeout") && r.timeout <= 0:
		return usage(c, "--timeout must be more than nothing")
	case flags.Changed("as") && (r.cursor == "" || len(r.cursor) > 64):
		return usage(c, "--as takes a name of 1 to 64 bytes")
	case flags.Changed("from") && r.filter.From == "", flags.Changed("in") && r.filter.In == "":
		return usage(c, "WHO is empty")
	}
	return nil
}

// resolve looks up what may change hands: whoever has a name later, the IDs count.
func (r *reading) resolve(ctx context.Context, client *control.Client) (err error) {
	if r.filter.From != "" {
		if r.filter.From, err = idOf(ctx, client, r.filter.From, "person"); err != nil {
			return err
		}
	}
	if r.filter.In != "" {
		r.filter.In, err = idOf(ctx, client, r.filter.In, "")
	}
	return err
}

// idOf is the ID of whom or what WHO means now, to be named by.
func idOf(ctx context.Context, client *control.Client, who, kind string) (string, error) {
	t, err := client.Resolve(ctx, &controlv1.ResolveRequest{Who: who, Kind: kind})
	if err != nil {
		return "", err
	}
	if t.Kind == "group" {
		return "#" + t.Id, nil
	}
	return t.Id, nil
}

func (a *app) recv(ctx context.Context, client *control.Client, r *reading) error {
	if err := r.resolve(ctx, client); err != nil {
		return err
	}
	if r.cursor != "" {
		c, err := client.GetCursor(ctx, &controlv1.GetCursorRequest{Name: r.cursor, Filter: &r.filter})
		if err != nil {
			return err
		}
		r.after, r.saved = c.Cursor, c.Cursor
	}
	if !r.follow && r.count == 0 && r.timeout == 0 {
		return a.drain(ctx, client, r)
	}
	watch := ctx
	if r.timeout > 0 {
		var cancel context.CancelFunc
		watch, cancel = context.WithTimeoutCause(ctx, r.timeout, errTimeout)
		defer cancel()
	}
	// Watching begins before reading, so nothing falls between.
	stream, err := client.Watch(watch, &controlv1.WatchRequest{})
	if err == nil {
		defer stream.Close()
		var known membership
		for stream.Receive() {
			if r.follow && !a.out.JSON { // for programs, standard error has nothing but errors
				a.tellGroups(ctx, client, stream.Msg().Changed, &known)
			}
			if err := a.drain(ctx, client, r); err != nil {
				return ending(ctx, err)
			}
			if r.count > 0 && r.written == r.count {
				return nil
			}
		}
		err = stream.Err()
	}
	// The node is told of the deadline, and may be the first to see it pass.
	if errors.Is(context.Cause(watch), errTimeout) || r.timeout > 0 && connect.CodeOf(err) == connect.CodeDeadlineExceeded {
		return problem.TimedOut("waited " + r.timeout.String())
	}
	return ending(ctx, err)
}

// drain prints what is there.
func (a *app) drain(ctx context.Context, client *control.Client, r *reading) error {
	for r.count == 0 || r.written < r.count {
		limit := uint32(messagesAtOnce)
		if r.count > 0 {
			limit = min(limit, r.count-r.written)
		}
		page, err := r.next(ctx, client, limit)
		if err != nil {
			return err
		}
		if r.startsAgain(page) {
			continue
		}
		if len(page.Messages) == 0 {
			return r.passed(ctx, client, page.Cursor)
		}
		w := bufio.NewWriter(a.stdout)
		for _, m := range page.Messages {
			if err := a.out.Message(w, m); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := r.mark(ctx, client, page); err != nil {
			return err
		}
		r.written += uint32(len(page.Messages))
	}
	return nil
}

func (r *reading) next(ctx context.Context, client *control.Client, limit uint32) (*controlv1.MessagesResponse, error) {
	if r.cursor != "" {
		return client.Arrivals(ctx, &controlv1.ArrivalsRequest{Filter: &r.filter, After: r.after, Limit: limit})
	}
	return client.Unread(ctx, &controlv1.UnreadRequest{Filter: &r.filter, After: r.after, Limit: limit})
}

// startsAgain goes back to the beginning of what is unread where something older may be
// shown again. What was written before is not among it, having been marked.
func (r *reading) startsAgain(page *controlv1.MessagesResponse) bool {
	again := r.revealed != page.Revealed && r.after > 0 && r.cursor == "" && !r.peek
	r.revealed = page.Revealed
	if again {
		r.after = 0
	}
	return again
}

// passed goes on behind what does not pass the filter. The cursor follows from time to
// time.
func (r *reading) passed(ctx context.Context, client *control.Client, to uint64) error {
	r.after = to
	if r.cursor == "" || r.peek || r.after-r.saved < passedAtOnce {
		return nil
	}
	return r.save(ctx, client)
}

func (r *reading) save(ctx context.Context, client *control.Client) error {
	_, err := client.SetCursor(ctx, &controlv1.SetCursorRequest{Name: r.cursor, Filter: &r.filter, Cursor: r.after})
	r.saved = r.after
	return err
}

// mark notes what was written: also after an interrupt, since it was.
func (r *reading) mark(ctx context.Context, client *control.Client, written *controlv1.MessagesResponse) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTimeout)
	defer cancel()
	r.after = written.Cursor
	switch {
	case r.peek:
	case r.cursor != "":
		err = r.save(ctx, client)
	default:
		ids := make([]string, len(written.Messages))
		for i, m := range written.Messages {
			ids[i] = m.Id
		}
		_, err = client.MarkRead(ctx, &controlv1.MarkReadRequest{Ids: ids})
	}
	return err
}
