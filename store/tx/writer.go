package tx

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/earshot-im/earshot/store/disk"
)

// mailbox bounds how many functions wait for the writer, and how many it has taken from there. When
// both are full, Do and Submit wait for room.
const mailbox = 1024

// Hooks is what the owner of a database adds to the batches of its writer. All methods are called
// in the goroutine of Run.
type Hooks interface {
	// Idle returns what is to be written without being asked, nil if there is nothing. It is called
	// before the writer waits for its callers.
	Idle() func(*Batch) error

	// Finish is called when all functions of a batch have run and anything was changed. It makes
	// the last changes before the commit.
	Finish(*Batch) error

	// Committed is called when a batch has ended without an error, before anybody gets an answer.
	// What was changed is on the disk.
	Committed(*Batch)

	// Answered is called after Committed, when everybody has got an answer.
	Answered(*Batch)

	// Undone is called when a batch was undone. If failed is set, its functions have got an error;
	// else those that are to blame for nothing run again in another batch.
	Undone(failed bool)
}

// Writer makes all changes of a database, in the goroutine that runs Run.
type Writer struct {
	db      *DB
	hooks   Hooks
	log     *slog.Logger
	mail    chan *op
	queue   queue         // Run's: what it has taken from mail
	stopped chan struct{} // closed when Run has ended
}

// op is what one caller wants to be done.
type op struct {
	run   func(*Batch) error
	done  chan error    // has room for the one answer
	by    string        // who has brought what is written; "" for the owner
	bytes int           // about how much is written
	later time.Duration // how long it may wait for others; 0: not at all
}

// NewWriter returns the writer of a database. There must be no other.
func NewWriter(db *DB, hooks Hooks, log *slog.Logger) *Writer {
	return &Writer{db: db, hooks: hooks, log: log, mail: make(chan *op, mailbox), stopped: make(chan struct{})}
}

// Do has the writer run f, in one batch with what others want, and returns when that is on the
// disk. If f fails, nothing that it changed remains, and its error is returned. The context bounds
// the wait for room in the mailbox, not the commit.
func (w *Writer) Do(ctx context.Context, f func(*Batch) error) error {
	return w.Submit(ctx, f)()
}

// Submit is Do in two steps: f has its place after all that was submitted before it, and wait
// returns when it is on the disk. The caller may prepare the next one meanwhile.
func (w *Writer) Submit(ctx context.Context, f func(*Batch) error) (wait func() error) {
	return w.submit(ctx, &op{run: f, done: make(chan error, 1)})
}

// SubmitBy is Submit for about so many bytes that somebody else has brought. f has its place after
// what the same one has brought before it. Those who bring something take turns: see queue.
func (w *Writer) SubmitBy(ctx context.Context, by string, bytes int, f func(*Batch) error) (wait func() error) {
	return w.submit(ctx, &op{run: f, done: make(chan error, 1), by: by, bytes: bytes})
}

// DoLater is Do for what need not be written at once: it is written in the next batch that others ask for, before
// what they write, or in one of its own after a while.
func (w *Writer) DoLater(ctx context.Context, later time.Duration, f func(*Batch) error) error {
	return w.submit(ctx, &op{run: f, done: make(chan error, 1), later: later})()
}

func (w *Writer) submit(ctx context.Context, o *op) (wait func() error) {
	select {
	case w.mail <- o:
		return func() error { return w.wait(o) }
	case <-ctx.Done():
		return func() error { return ctx.Err() }
	case <-w.stopped:
		return func() error { return ErrClosed }
	}
}

// wait takes no context: the writer may be running the function, which may set what the caller is
// about to read. It ends within a commit.
func (w *Writer) wait(o *op) error {
	select {
	case err := <-o.done:
		return err
	case <-w.stopped:
		select {
		case err := <-o.done:
			return err
		default:
			return ErrClosed
		}
	}
}

// Run writes until the context ends. Callers that still wait then get ErrClosed. It returns an error that
// matches disk.ErrUnknown if the disk has failed.
func (w *Writer) Run(ctx context.Context) error {
	defer func() {
		close(w.stopped)
		for _, o := range w.queue.all() {
			o.done <- ErrClosed
		}
		for {
			select {
			case o := <-w.mail:
				o.done <- ErrClosed
			default:
				return
			}
		}
	}()
	failed := w.db.engine.Failed()
	for ctx.Err() == nil {
		if err := w.db.engine.Err(); errors.Is(err, disk.ErrUnknown) {
			return err
		}
		w.collect()
		if f := w.hooks.Idle(); f != nil {
			w.commit(append([]*op{{run: f, done: make(chan error, 1)}}, w.queue.take()...))
			continue
		}
		if group := w.queue.take(); len(group) > 0 {
			w.commit(group)
			continue
		}
		select {
		case <-ctx.Done():
		case <-failed:
			failed = nil // it may only be damage, after which things can be read
		case o := <-w.mail:
			w.queue.add(o)
		case <-w.queue.due():
			w.queue.hurry()
		}
	}
	return nil
}

// collect takes from the mailbox what waits now.
func (w *Writer) collect() {
	for w.queue.len < mailbox {
		select {
		case o := <-w.mail:
			w.queue.add(o)
		default:
			return
		}
	}
}

// commit runs a group in one batch and answers everyone in it. If one fails after it has changed
// something, the batch is undone and the others run again without it.
func (w *Writer) commit(group []*op) {
	for len(group) > 0 {
		var b *Batch
		culprit, fault := -1, error(nil)
		err := w.db.write(func(batch *Batch) (err error) {
			b = batch
			culprit, fault, err = w.try(b, group)
			return err
		})
		switch {
		case err != nil:
			w.hooks.Undone(true)
			w.log.Error("store: commit", "err", err)
			for _, o := range group {
				o.done <- err
			}
			return
		case fault == nil:
			w.hooks.Answered(b)
			return
		}
		w.hooks.Undone(false)
		group[culprit].done <- fault
		group = slices.Delete(group, culprit, culprit+1)
	}
}

// try runs a group, commits and answers. Where one fails after it has changed something, nothing is
// committed and nobody answered: its index and its error are returned as culprit and fault. An err
// concerns the batch as a whole.
func (w *Writer) try(b *Batch, group []*op) (culprit int, fault, err error) {
	answers := make([]error, len(group))
	for i, o := range group {
		before := b.changes
		answers[i] = o.run(b)
		if b.err != nil {
			return 0, nil, b.err
		}
		if answers[i] != nil && b.changes != before {
			return i, answers[i], nil
		}
	}
	if b.changes > 0 {
		if err := w.hooks.Finish(b); err != nil {
			return 0, nil, err
		}
		if err := b.commit(); err != nil {
			return 0, nil, err
		}
	}
	b.ended()
	w.hooks.Committed(b)
	for i, o := range group {
		o.done <- answers[i]
	}
	return 0, nil, nil
}
