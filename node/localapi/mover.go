package localapi

import (
	"context"
	"sync"
	"time"
)

// afterEnd is how long a reader that was told to end may still tell the node how far it has come.
const afterEnd = 5 * time.Second

// Outliving returns a context that ends five seconds after ctx has ended. It is for telling the
// node what was dealt with, also when the user has interrupted the program.
func Outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(afterEnd, cancel)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { stop(); cancel() }
}

// mover tells the node how far a reader has come. It does so in the background, and each call tells
// of everything that was dealt with by then. So the first message is told at once, and those that
// are dealt with while a call is under way cost the node one commit together.
type mover struct {
	tell func(cursor string) error

	mu     sync.Mutex
	given  string        // the last cursor given to the reader that was not dealt with; "": none
	passed string        // the reader has nothing to deal with up to here; "": nothing is known
	at     string        // everything up to here was dealt with
	told   string        // what the node knows
	era    int           // counts forget
	busy   chan struct{} // closed when no call is under way any more; nil: none is
	err    error         // why the last call failed
}

// give notes what the reader gets.
func (m *mover) give(cursor string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.given, m.passed = cursor, ""
}

// move notes that everything up to a cursor was dealt with.
func (m *mover) move(cursor string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at = cursor; cursor == m.given {
		m.given = ""
	}
	m.start()
}

// pass notes that the reader gets nothing up to a cursor. The node is told at the end, or now.
func (m *mover) pass(cursor string, now bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.passed = cursor; now {
		m.skip()
		m.start()
	}
}

// skip moves over what was passed, if nothing before it is still to be dealt with.
func (m *mover) skip() {
	if m.given == "" && m.passed != "" {
		m.at = m.passed
	}
}

// forget forgets all places: they are not those of the node any more.
func (m *mover) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.given, m.passed, m.at, m.told, m.err = "", "", "", "", nil
	m.era++
}

// again tries once more what has failed because the node was away.
func (m *mover) again() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil && Gone(m.err) {
		m.err = nil
		m.start()
	}
}

// failed returns why the node can't be told how far the reader has come, unless it is only away, or
// has another store now: then the next stream says so.
func (m *mover) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if Gone(m.err) || ProblemOf(m.err).GetCode() == CodeOtherStore {
		return nil
	}
	return m.err
}

// settle waits until the node knows everything, and tries once more if a call has failed.
func (m *mover) settle(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.skip()
	m.start()
	for m.busy != nil {
		busy := m.busy
		m.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
		}
		m.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return m.err
}

// start begins to tell, unless that is under way. The caller holds mu.
func (m *mover) start() {
	if m.busy != nil || m.at == m.told {
		return
	}
	m.busy = make(chan struct{})
	go m.run() // ends when the node knows everything, or can't be told
}

func (m *mover) run() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.at != m.told {
		at, era := m.at, m.era
		m.mu.Unlock()
		err := m.tell(at)
		m.mu.Lock()
		if era != m.era {
			continue
		}
		if m.err = err; err != nil {
			break
		}
		m.told = at
	}
	close(m.busy)
	m.busy = nil
}
