package reading

import (
	"context"
	"strconv"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// readAs prints what has come since the bookmark of the reader of --as, or also what comes. It
// returns when the consumer of --ack has dealt with it.
func (r *Reader) readAs(ctx context.Context, stop func(error)) error {
	feed, err := r.feed(ctx)
	if err != nil {
		return err
	}
	var a *acks
	if r.Ack {
		a = newAcks(func(l line) { feed.Done(l.cursor) }, r.full)
		go func() { // ends with standard input, or with the process
			stop(a.read(r.Stdin, r.unknown))
		}()
	}
	if r.Follow && !(r.Ack && r.Out.JSON) { // there is no ID by which a notice could be acknowledged
		go r.watch(ctx, stop) // ends with ctx
	}
	err = r.printFeed(ctx, feed, a)
	if err == nil && !r.stays() {
		r.remarks.tellRequests(ctx)
	}
	if r.Ack {
		err = a.last(ctx, err)
	}
	if r.Peek {
		return err
	}
	settling, cancel := localapi.Outliving(ctx)
	defer cancel()
	if unsettled := feed.Settle(settling); err == nil {
		err = unsettled
	}
	return err
}

// feed returns the feed of the reader. With Peek it begins at the bookmark and does not move it.
func (r *Reader) feed(ctx context.Context) (*localapi.Feed, error) {
	feed := r.Client.Feed(r.Name)
	if r.Peek {
		c, err := r.Client.GetCursor(ctx, &earshotv1.GetCursorRequest{Name: r.Name, Filter: &r.filter})
		if err != nil {
			return nil, err
		}
		feed = r.Client.Feed("")
		feed.After = c.Cursor
	}
	feed.From, feed.In = r.filter.From, r.filter.In
	feed.Ends, feed.Once, feed.Away = !r.stays(), r.Once || !r.stays(), r.lost
	feed.Acks = true // a line is dealt with when it was written, or acknowledged
	return feed, nil
}

// watch tells what else is new until ctx ends, or the output fails. A line is written by one call, so
// those of a notice and of a message don't mix.
func (r *Reader) watch(ctx context.Context, stop func(error)) {
	for ctx.Err() == nil {
		if stream, err := r.Client.Watch(ctx, &earshotv1.WatchRequest{}); err == nil {
			for stream.Receive() {
				if err := r.tellMore(ctx, stream.Msg()); err != nil {
					stop(err)
				}
			}
			stream.Close()
		}
		select { // the node has ended, and may run again
		case <-time.After(localapi.AwayPause):
		case <-ctx.Done():
		}
	}
}

func (r *Reader) printFeed(ctx context.Context, feed *localapi.Feed, a *acks) error {
	done := func(all []*earshotv1.Message) {
		if a == nil { // otherwise once it is acknowledged
			feed.Done(all[len(all)-1].Cursor)
		}
	}
	for m, err := range feed.Messages(ctx) {
		if err != nil {
			return err
		}
		if a != nil {
			if err := a.expect(ctx, line{m.Id, m.Cursor}); err != nil {
				return err
			}
		}
		if err := r.print(ctx, []*earshotv1.Message{m}, done); err != nil {
			return err
		}
		if r.enough() {
			break
		}
	}
	return nil
}

// full tells that no more is written until a line is acknowledged.
func (r *Reader) full(first string) {
	problem.Failed(problem.CodeAck, "%d lines wait to be acknowledged, the first of them %s", maxUnacknowledged, first).Print(r.Stderr, r.Out.JSON)
}

// unknown tells of a line on standard input that is no ID of a line that waits.
func (r *Reader) unknown(id string) {
	problem.Failed(problem.CodeAck, "no line that was printed waits to be acknowledged as %s", strconv.Quote(id)).Print(r.Stderr, r.Out.JSON)
}
