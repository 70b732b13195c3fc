package session

import (
	"context"
	gosync "sync"

	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/sync"
)

// maxStoring is how many runs of one session wait for their commits. The worker waits when there
// are more.
const maxStoring = 64

// Task is what the worker is to do for an effect. The zero Task is nothing.
type Task struct {
	begin  func(context.Context) (wait func() sync.Input)
	errand func(context.Context) sync.Input
}

// Run returns the task of letting in a run. begin proves it and hands it to the store; wait returns
// the answer for the machine after the commit. The frame in hand keeps its part of the budget until
// then.
func Run(begin func(context.Context) (wait func() sync.Input)) Task { return Task{begin: begin} }

// Errand returns the task of doing anything but letting in a run. do returns an answer if the
// machine waits for one, else nil.
func Errand(do func(context.Context) sync.Input) Task { return Task{errand: do} }

// tasks are those that wait for the worker, in order. The machine bounds how many there are.
type tasks struct {
	given notify.Signal

	mu    gosync.Mutex
	queue []queued
}

type queued struct {
	Task
	budget reserved
}

func (t *tasks) init() { t.given = notify.NewSignal() }

func (t *tasks) put(task Task, budget reserved) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, queued{task, budget})
	t.given.Give()
}

func (t *tasks) take() []queued {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queue
	t.queue = nil
	return q
}

// discard gives back the budget of tasks that nobody will do.
func (t *tasks) discard() {
	for _, q := range t.take() {
		q.budget.release()
	}
}

// storing is a run that waits for its commit.
type storing struct {
	budget reserved
	wait   func() sync.Input
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
			if q.begin != nil {
				stored <- storing{q.budget, q.begin(ctx)}
			} else if answer := q.errand(ctx); answer != nil {
				s.answer(ctx, answer)
			}
		}
	}
}

// confirm answers for runs as they are committed, until stored is closed.
func (s *Session) confirm(ctx context.Context, stored <-chan storing) {
	for p := range stored {
		answer := p.wait()
		p.budget.release()
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
