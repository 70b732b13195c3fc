package reading

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// unread reads what is unread, and marks it read.
type unread struct {
	*Reader
	after    string      // everything up to here that passes the filter has been printed
	revealed uint64      // as the last answer said
	marks    *marker     // nil with Peek
	met      atomic.Bool // the node has answered; set before anything is printed
}

// readUnread prints what is unread, or also what comes.
func (r *Reader) readUnread(ctx context.Context, stop func(error)) (err error) {
	u := &unread{Reader: r}
	if !r.Peek {
		u.marks = startMarker(func(read []seen) error {
			return u.again(ctx, func() error { return u.mark(ctx, read) })
		}, stop)
		defer func() {
			if unmarked := u.marks.end(); err == nil {
				err = unmarked
			}
		}()
	}
	if r.stays() {
		return u.again(ctx, func() error { return u.follow(ctx) })
	}
	if err := u.drain(ctx); err != nil {
		return err
	}
	r.remarks.tellRequests(ctx)
	return nil
}

// again calls f, and where the node has ended meanwhile, once more when it runs again. The user is
// told that it has ended. It is for what stays; a node that does not run at the start is an error.
func (u *unread) again(ctx context.Context, f func() error) error {
	for {
		err := f()
		if !localapi.Gone(err) || !u.met.Load() || u.Once || ctx.Err() != nil {
			return err
		}
		if u.away.CompareAndSwap(false, true) {
			u.lost(err)
		}
		select {
		case <-time.After(localapi.AwayPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow prints what is there and what comes, until there were as many messages as were asked for.
func (u *unread) follow(ctx context.Context) error {
	// Watching begins before reading, so nothing falls between.
	stream, err := u.Client.Watch(ctx, &earshotv1.WatchRequest{})
	if err != nil {
		return err
	}
	defer stream.Close()
	for stream.Receive() {
		u.met.Store(true)
		u.away.Store(false)
		if u.Follow {
			if err := u.tellMore(ctx, stream.Msg()); err != nil {
				return err
			}
		}
		if err := u.drain(ctx); err != nil {
			return err
		}
		if u.enough() {
			return nil
		}
	}
	return stream.Err()
}

// drain prints what is there now. While it prints a page, it has asked for the next.
func (u *unread) drain(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next <-chan answer // to the question that was asked ahead; nil: none was
	for !u.enough() {
		if next == nil {
			next = u.ask(ctx, u.after, 0)
		}
		a := <-next
		next = nil
		if localapi.ProblemOf(a.err).GetCode() == localapi.CodeOtherStore && u.after != "" {
			u.after = "" // the directory was put back, or is another one
			continue
		}
		if a.err != nil {
			return a.err
		}
		again, err := u.startsAgain(a.page)
		switch {
		case err != nil:
			return err
		case again:
			continue
		}
		messages := a.page.Messages
		if len(messages) > 0 && (u.Count == 0 || uint32(len(messages)) < u.Count-u.printed) {
			next = u.ask(ctx, a.page.Cursor, uint32(len(messages)))
		}
		if err := u.print(ctx, messages, u.read); err != nil {
			return err
		}
		if u.after = a.page.Cursor; len(messages) == 0 {
			return nil
		}
	}
	return nil
}

// answer is what the node says of a page.
type answer struct {
	page *earshotv1.MessagesResponse
	err  error
}

// ask asks for what is unread after a cursor, when so many messages are there that are still to be printed.
func (u *unread) ask(ctx context.Context, after string, there uint32) <-chan answer {
	limit := uint32(localapi.MaxPage)
	if u.Count > 0 {
		limit = min(limit, u.Count-u.printed-there)
	}
	came := make(chan answer, 1)
	go func() { // ends with the answer, or with ctx
		page, err := u.Client.Unread(ctx, &earshotv1.UnreadRequest{Filter: &u.filter, After: after, Limit: limit})
		came <- answer{page, err}
	}()
	return came
}

// read has messages marked as read whose rows were written.
func (u *unread) read(all []*earshotv1.Message) {
	u.after = all[len(all)-1].Cursor
	if u.marks == nil {
		return
	}
	group := make([]seen, len(all))
	for i, m := range all {
		group[i] = seen{m.Id, m.Cursor}
	}
	u.marks.read(group)
}

// startsAgain goes back to the first unread message where the node says that older ones may be
// shown again, as after somebody was unblocked. What was printed before has been marked by then and
// is not among them.
func (u *unread) startsAgain(page *earshotv1.MessagesResponse) (bool, error) {
	again := u.revealed != page.Revealed && u.after != "" && u.marks != nil
	u.revealed = page.Revealed
	if !again {
		return false, nil
	}
	u.after = ""
	return true, u.marks.settle()
}

// mark marks messages as read, also after an interrupt.
func (u *unread) mark(ctx context.Context, read []seen) error {
	ctx, cancel := localapi.Outliving(ctx)
	defer cancel()
	by := &earshotv1.MarkReadRequest{}
	for _, one := range read {
		by.Cursors = append(by.Cursors, one.cursor)
	}
	_, err := u.Client.MarkRead(ctx, by)
	if localapi.ProblemOf(err).GetCode() != localapi.CodeOtherStore {
		return err
	}
	by.Reset() // the directory was put back, or is another one
	for _, one := range read {
		by.Ids = append(by.Ids, one.id)
	}
	_, err = u.Client.MarkRead(ctx, by)
	return err
}
