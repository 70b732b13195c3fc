package localapi

import (
	"context"
	"errors"
	"iter"
	"time"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// AwayPause is how long a program that stays should wait before it tries again to reach a node
	// that is Gone. A Feed does so by itself.
	AwayPause = 250 * time.Millisecond

	// passedAtOnce is how many changes may come that are none of the reader's before the node is told
	// to move the cursor. So many are looked at again after a crash; to move it each time would cost
	// a commit for each message that the reader does not get.
	passedAtOnce = 1000

	// beginning is the cursor before everything.
	beginning = "0"
)

// Feed tells one reader what has come to the owner since the reader was here last, and then what
// comes. Get one by Client.Feed, set its fields, and range over Messages or Changes; a Feed is for
// one such loop.
//
// A reader with a name has a cursor that the node keeps: everything up to it has been dealt with.
// It follows the loop, as soon as that comes round, but in the background: the loop never waits for
// it. So after a crash some messages may come again, with the same IDs, and none is missed. What is
// under way when the loop is left by break or return was not dealt with, and comes again. Each
// combination of From and In has a cursor of its own under the same name.
//
// A reader without a name keeps a cursor itself: see After.
//
// When the node ends, the feed waits until one runs in the directory again, and goes on where it
// was. If the directory has been replaced or put back to an earlier time meanwhile, Messages goes
// on at the cursor that the node keeps, or without one at the beginning, and Changes says so in an
// answer.
type Feed struct {
	// From and In are WHO: only messages of this person, or in this conversation. They are looked up
	// once, when the loop begins.
	From, In string

	// Own includes what the owner has written.
	Own bool

	// Kinds says what Changes tells, as ChangesRequest.kinds; none: everything.
	Kinds []string

	// After is where a reader without a name begins: the cursor of the last message, or of the last
	// answer of Changes, that it has dealt with. Empty: at the beginning.
	After string

	// Ends has the loop end, without an error, when everything that is there has been told.
	Ends bool

	// Once has the loop end with ErrNotRunning when the node ends. It does so in any case where no
	// node runs when the loop begins.
	Once bool

	// Away, if it is set, is told once each time why the node can't be reached. It must return soon.
	Away func(error)

	// Acks leaves the cursor where it is until Done is called.
	Acks bool

	client *Client
	reader string
	filter *earshotv1.Filter // From and In, by ID; nil before they were looked up
	at     string            // where the next stream begins; "": where the node has the cursor
	kept   bool              // at is where the node has the cursor
	began  bool              // an answer has come
	pause  time.Duration     // see AwayPause
	passed int               // changes since the last message for the reader
	mover  mover
}

// Feed returns a feed for the reader with a name of 1 to MaxReader bytes, or for one that keeps its
// cursor itself if the name is empty.
func (c *Client) Feed(reader string) *Feed {
	f := &Feed{client: c, reader: reader, pause: AwayPause}
	f.mover.tell = f.tell
	return f
}

// Messages tells the messages that others have written, one by one in the order in which they
// arrived, each as it is when it is told. If the loop is not left before, it ends with an error:
// that of ctx when ctx ends. With Ends it may also end without one.
func (f *Feed) Messages(ctx context.Context) iter.Seq2[*earshotv1.Message, error] {
	return func(yield func(*earshotv1.Message, error) bool) {
		err := f.follow(ctx, []string{"arrived"}, func(r *earshotv1.ChangesResponse) error {
			if r.Reset_ {
				return f.reset()
			}
			return f.messages(r, func(m *earshotv1.Message) bool { return yield(m, nil) })
		})
		if err != nil && !errors.Is(err, errLeft) {
			yield(nil, err)
		}
	}
}

// Changes tells everything that changes, in answers as the node gives them: see ChangesRequest. An
// answer has been dealt with when the loop comes round. The loop ends as that of Messages does.
func (f *Feed) Changes(ctx context.Context) iter.Seq2[*earshotv1.ChangesResponse, error] {
	return func(yield func(*earshotv1.ChangesResponse, error) bool) {
		err := f.follow(ctx, f.Kinds, func(r *earshotv1.ChangesResponse) error {
			if r.Reset_ {
				f.mover.forget()
			}
			f.mover.give(r.Cursor)
			if !yield(r, nil) {
				return errLeft
			}
			if !f.Acks {
				f.Done(r.Cursor)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errLeft) {
			yield(nil, err)
		}
	}
}

// Done says that everything up to a cursor, which is that of a message or an answer of Changes, has
// been dealt with. It must be called in the order in which these were told, by any goroutine, and
// does not wait for the node: see Settle.
func (f *Feed) Done(cursor string) { f.mover.move(cursor) }

// Settle returns when the node knows of everything that has been dealt with, or why it does not.
// The loops over Messages and Changes do so when they end; after a later call of Done it is needed.
func (f *Feed) Settle(ctx context.Context) error { return f.mover.settle(ctx) }

var (
	errLeft  = errors.New("the loop was left")
	errAgain = errors.New("the stream is to begin anew")
)

// messages tells the messages in an answer.
func (f *Feed) messages(r *earshotv1.ChangesResponse, yield func(*earshotv1.Message) bool) error {
	for _, c := range r.Changes {
		m := c.GetArrived()
		if m == nil || m.Own && !f.Own {
			f.passed++
			continue
		}
		f.passed = 0
		f.mover.give(m.Cursor)
		if !yield(m) {
			return errLeft
		}
		if !f.Acks {
			f.Done(m.Cursor)
		}
	}
	// The node answers without changes when many have come that are not asked for.
	now := len(r.Changes) == 0 && !r.Live || f.passed >= passedAtOnce
	if now {
		f.passed = 0
	}
	f.mover.pass(r.Cursor, now)
	return nil
}

// reset goes back since the cursor is not one of this directory's.
func (f *Feed) reset() error {
	f.mover.forget()
	f.at = ""
	if f.reader == "" || f.kept {
		f.at, f.kept = beginning, false
	}
	return errAgain
}

// follow gives what the node answers to take, until take fails or everything was told that is to be.
// It returns when the node knows how far that is.
func (f *Feed) follow(ctx context.Context, kinds []string, take func(*earshotv1.ChangesResponse) error) error {
	err := f.streams(ctx, kinds, take)
	settling, cancel := Outliving(ctx)
	defer cancel()
	if unsettled := f.mover.settle(settling); err == nil {
		err = unsettled
	}
	return err
}

// streams asks for one stream after another as long as the node comes back.
func (f *Feed) streams(ctx context.Context, kinds []string, take func(*earshotv1.ChangesResponse) error) error {
	told := false // Away, since the last answer
	for {
		err := f.stream(ctx, kinds, func(r *earshotv1.ChangesResponse) error {
			f.began, told = true, false
			f.mover.again()
			return take(r)
		})
		switch {
		case errors.Is(err, errAgain):
			continue
		case err == nil, errors.Is(err, errLeft):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case !Gone(err) || f.Once || !f.began:
			return err
		}
		if f.Away != nil && !told {
			told = true
			f.Away(err)
		}
		select {
		case <-time.After(f.pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Gone reports whether an error of a call says that the node can't be reached now.
func Gone(err error) bool { return errors.Is(err, ErrNotRunning) || errors.Is(err, ErrNotAnswering) }

// stream gives the answers of one stream to take.
func (f *Feed) stream(ctx context.Context, kinds []string, take func(*earshotv1.ChangesResponse) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := f.start(ctx); err != nil {
		return err
	}
	s, err := f.client.Changes(ctx, &earshotv1.ChangesRequest{After: f.at, Kinds: kinds, Filter: f.filter})
	if err != nil {
		return err
	}
	defer s.Close()
	for s.Receive() {
		r := s.Msg()
		f.at = r.Cursor
		if err := take(r); err != nil {
			return err
		}
		f.kept = false
		if err := f.mover.failed(); err != nil {
			return err
		}
		if f.Ends && r.Live {
			return nil
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	return ErrNotRunning // the node ends a stream only when it ends itself
}

// start finds out where to begin.
func (f *Feed) start(ctx context.Context) error {
	if f.filter == nil {
		filter := &earshotv1.Filter{}
		var err error
		if filter.From, err = f.resolve(ctx, f.From, "person"); err != nil {
			return err
		}
		if filter.In, err = f.resolve(ctx, f.In, ""); err != nil {
			return err
		}
		f.filter = filter
		if f.reader == "" {
			if f.at = f.After; f.at == "" {
				f.at = beginning
			}
		}
	}
	if f.at == "" {
		c, err := f.client.GetCursor(ctx, &earshotv1.GetCursorRequest{Name: f.reader, Filter: f.filter})
		if err != nil {
			return err
		}
		f.at, f.kept = c.Cursor, true
	}
	return nil
}

// resolve returns the ID of the person or group that WHO means now, as WHO.
func (f *Feed) resolve(ctx context.Context, who, kind string) (string, error) {
	if who == "" {
		return "", nil
	}
	t, err := f.client.Resolve(ctx, &earshotv1.ResolveRequest{Who: who, Kind: kind})
	if err != nil {
		return "", err
	}
	if t.Kind == "group" {
		return "#" + t.Id, nil
	}
	return t.Id, nil
}

// tell tells the node how far the reader has come. That may take long on a busy disk; a node that
// does not answer at all is noticed by the client.
func (f *Feed) tell(cursor string) error {
	if f.reader == "" {
		return nil
	}
	_, err := f.client.SetCursor(context.Background(), &earshotv1.SetCursorRequest{Name: f.reader, Filter: f.filter, Cursor: cursor})
	return err
}
