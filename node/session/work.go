package session

import (
	"context"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// maxStoring is how many runs of one session wait for their commits. The worker waits when there
// are more.
const maxStoring = 64

// What storing a run takes of the processor beside proving it, with what follows: others are told, and views are
// made anew. Most of what a long text takes is to seal it, to write it twice, and to find its words.
const (
	runTime   = time.Millisecond
	eventTime = 25 * time.Microsecond
	byteTime  = 8 * time.Nanosecond

	// attachmentBytes is how many bytes take as much as an attachment: that is found by its bytes, and has to be
	// decided about. So of a contact about as many are taken in a second as are decided about, and few wait for that.
	attachmentBytes = 32 << 10
)

// Task is what the worker is to do for an effect. The zero Task is nothing.
type Task struct {
	begin  func(context.Context) (wait func() sync.Input)
	bytes  int           // about how much is written for the run
	commit time.Duration // what is charged for storing it
	errand func(context.Context) sync.Input
}

// Run returns the task of letting in a run. begin proves it and hands it to the store; wait returns
// the answer for the machine after the commit. Until then memory is held for the frame in hand.
func Run(r event.Run, begin func(context.Context) (wait func() sync.Input)) Task {
	bytes := 0
	for _, all := range [][]event.Event{r.Events, r.Recalls} {
		for i := range all {
			e := &all[i]
			bytes += len(e.HeaderBytes) + len(e.Body) + event.CountAttachments(e.Body)*attachmentBytes
		}
	}
	return Task{begin: begin, bytes: bytes,
		commit: runTime + time.Duration(len(r.Events)+len(r.Recalls))*eventTime + time.Duration(bytes)*byteTime}
}

// Errand returns the task of doing anything but letting in a run. do returns an answer if the
// machine waits for one, else nil. Memory is held for the frame in hand until it returns.
func Errand(do func(context.Context) sync.Input) Task { return Task{errand: do} }

// tasks are those that wait for the worker, in order. The machine bounds how many there are.
type tasks struct {
	given notify.Signal

	mu    gosync.Mutex
	queue []queued
}

type queued struct {
	Task
	held reserved
}

func (t *tasks) init() { t.given = notify.NewSignal() }

func (t *tasks) put(task Task, held reserved) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, queued{task, held})
	t.given.Give()
}

func (t *tasks) take() []queued {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queue
	t.queue = nil
	return q
}

// discard gives back what is held for tasks that nobody will do.
func (t *tasks) discard() {
	for _, q := range t.take() {
		q.held.release()
	}
}

// storing is a run that waits for its commit.
type storing struct {
	held reserved
	wait func() sync.Input
}

// work does tasks in order until ctx ends.
func (s *Session) work(ctx context.Context, stored chan<- storing) {
	defer close(stored)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.tasks.given:
		}
		for _, q := range s.tasks.take() {
			s.do(ctx, q, stored)
		}
	}
}

// do does a task in a turn. An errand's turn lasts until its commit, so the commits of strangers are
// few. A run's commit takes no turn, and is charged at once.
func (s *Session) do(ctx context.Context, q queued, stored chan<- storing) {
	err := s.budget.Bulk(ctx, q.bytes)
	var done func()
	if err == nil {
		done, err = s.budget.Turn(ctx)
	}
	if err != nil { // the session has ended
		q.held.release()
		return
	}
	defer done()
	if q.begin != nil {
		wait := q.begin(ctx)
		s.budget.Spend(q.commit)
		done()
		stored <- storing{q.held, wait}
		return
	}
	answer := q.errand(ctx)
	done()
	q.held.release()
	if answer != nil {
		s.answer(ctx, answer)
	}
}

// confirm answers for runs as they are committed, until stored is closed.
func (s *Session) confirm(ctx context.Context, stored <-chan storing) {
	for p := range stored {
		answer := p.wait()
		p.held.release()
		s.answer(ctx, answer)
	}
}

// answer gives an answer to the loop.
func (s *Session) answer(ctx context.Context, answer sync.Input) {
	select {
	case s.answers <- answer:
	case <-ctx.Done():
	}
}
