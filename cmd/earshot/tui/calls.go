package tui

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/cmd/earshot/transfer"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// api is the client, and streams as a whole.
type api struct{ *localapi.Client }

// Find is Search, whole.
func (a api) Find(ctx context.Context, r *earshotv1.SearchRequest) (found []*earshotv1.Found, err error) {
	s, err := a.Search(ctx, r)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for s.Receive() {
		found = append(found, s.Msg().Found...)
	}
	return found, s.Err()
}

// Waits is the beginning of Outbox.
func (a api) Waits(ctx context.Context, most uint32) (all []*earshotv1.Pending, err error) {
	for q, err := range a.Pending(ctx, most) {
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// Take is Add, whole.
func (a api) Take(ctx context.Context, path string, picture bool) (*earshotv1.Added, error) {
	mover := transfer.Mover{Client: a.Client, Stdout: io.Discard, Stderr: io.Discard}
	all, err := mover.Add(ctx, []string{path}, transfer.How{Picture: picture})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// calls makes the calls of acts: those of one queue one after the other, each other one by itself. Its
// goroutines end with ctx, and each queue's when it is empty.
type calls struct {
	ctx   context.Context
	api   screen.API
	inbox chan<- screen.Event

	mu     sync.Mutex
	queues map[string][]screen.Act // a queue that is there has a goroutine
	all    sync.WaitGroup
}

func newCalls(ctx context.Context, api screen.API, inbox chan<- screen.Event) *calls {
	return &calls{ctx: ctx, api: api, inbox: inbox, queues: make(map[string][]screen.Act)}
}

// start begins acts. It does not wait.
func (c *calls) start(acts []screen.Act) {
	for _, a := range acts {
		if a.Queue == "" {
			c.all.Go(func() { c.do(c.ctx, a) })
			continue
		}
		c.mu.Lock()
		waiting, runs := c.queues[a.Queue]
		c.queues[a.Queue] = append(waiting, a)
		c.mu.Unlock()
		if !runs {
			c.all.Go(func() { c.drain(a.Queue) })
		}
	}
}

// drain does the acts of a queue until there are none.
func (c *calls) drain(queue string) {
	for {
		c.mu.Lock()
		waiting := c.queues[queue]
		if len(waiting) == 0 {
			delete(c.queues, queue)
			c.mu.Unlock()
			return
		}
		c.queues[queue] = waiting[1:]
		c.mu.Unlock()
		c.do(c.ctx, waiting[0])
	}
}

func (c *calls) do(ctx context.Context, a screen.Act) {
	defer c.rescue()
	then := a.Do(ctx, c.api)
	if then == nil {
		return
	}
	select {
	case c.inbox <- then:
	case <-c.ctx.Done():
	}
}

// broken is a panic of another goroutine, which that of the screen goes on with: it has the terminal to put
// back.
type broken struct {
	screen.Then
	what any
}

func (c *calls) rescue() {
	if what := recover(); what != nil {
		select {
		case c.inbox <- broken{what: fmt.Sprintf("%v\n%s", what, debug.Stack())}:
		case <-c.ctx.Done():
		}
	}
}

// last does acts when the screen ends, behind what waits in queues, as long as ctx lasts. Nobody takes
// what follows from them.
func (c *calls) last(ctx context.Context, acts []screen.Act) {
	var all sync.WaitGroup
	for _, a := range acts {
		all.Go(func() {
			defer c.rescue()
			a.Do(ctx, c.api)
		})
	}
	done := make(chan struct{})
	go func() { // ends with the calls, or with the process
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// followed are the changes that a screen is told.
var followed = []string{"arrived", "changed", "gone", "notice", "group", "person", "settings", "requests", "conversation", "draft", "typing", "presence", "online"}

// follow tells what changes, and whether the node is there, until ctx ends.
func (t *runner) follow(ctx context.Context) {
	defer t.calls.rescue()
	after := ""
	for pause := localapi.AwayPause; ctx.Err() == nil; pause = min(2*pause, awayMost) {
		err := t.changes(ctx, &after, func() { pause = localapi.AwayPause })
		t.tell(ctx, screen.Gone{Err: err})
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// awayMost is how long at most the node is not asked for while it is gone.
const awayMost = 2 * time.Second

// changes tells what one stream of changes says, and meanwhile shows notifications, until it ends.
func (t *runner) changes(ctx context.Context, after *string, there func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := t.cfg.Client.Changes(ctx, &earshotv1.ChangesRequest{After: *after, Kinds: followed})
	if err != nil {
		return err
	}
	defer s.Close()
	for first := true; s.Receive(); first = false {
		if first {
			there()
			t.tell(ctx, screen.Back{})
			go t.alert(ctx) // they end with the stream
			go t.meet(ctx)
			go t.move(ctx)
		}
		*after = s.Msg().Cursor
		t.tell(ctx, screen.Changes{Answer: s.Msg()})
	}
	if err := s.Err(); err != nil {
		return err
	}
	return localapi.ErrNotRunning // it ends a stream only when it ends itself
}

// meet tells when somebody comes or goes, at most once in a pause, as long as ctx lasts.
func (t *runner) meet(ctx context.Context) {
	s, err := t.cfg.Client.Watch(ctx, &earshotv1.WatchRequest{})
	if err != nil {
		return // the node has streams enough
	}
	defer s.Close()
	for last := uint64(0); s.Receive(); {
		if s.Msg().Peers == last {
			continue
		}
		last = s.Msg().Peers
		t.tell(ctx, screen.Met{})
		select {
		case <-time.After(meetPause):
		case <-ctx.Done():
		}
	}
}

// move tells how far files come that are fetched, as long as ctx lasts. While nothing moves it sleeps.
func (t *runner) move(ctx context.Context) {
	s, err := t.cfg.Client.Transfers(ctx, &earshotv1.TransfersRequest{})
	if err != nil {
		return
	}
	defer s.Close()
	for s.Receive() {
		if moved := s.Msg().Transfers; len(moved) > 0 {
			t.tell(ctx, screen.Moved{Transfers: moved})
		}
	}
}

// meetPause is how long a screen takes no notice of who comes and goes, after it has.
const meetPause = 250 * time.Millisecond

func (t *runner) tell(ctx context.Context, e screen.Event) {
	select {
	case t.inbox <- e:
	case <-ctx.Done():
	}
}
