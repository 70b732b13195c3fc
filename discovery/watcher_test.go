package discovery

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// machine is what a Watcher sees in tests; the test changes it between polls.
type machine struct {
	mu    sync.Mutex
	n     Network
	err   error
	slept time.Duration // wall time that passed unseen
}

func (m *machine) read() (Network, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n, m.err
}

func (m *machine) wall() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Add(m.slept)
}

func (m *machine) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func network(addr string) Network {
	return Network{Links: []Link{{Name: "eth0", Index: 2, Addrs: ips(addr)}}}
}

func newWatcher(m *machine) *Watcher {
	w := NewWatcher(m.read, slog.New(slog.DiscardHandler))
	w.wall = m.wall
	return w
}

// pass lets d go by, and everything happen that is due until then.
func pass(d time.Duration) {
	time.Sleep(d) // in a bubble: no time at all
	synctest.Wait()
}

func expect(t *testing.T, c <-chan Network, want Network) {
	t.Helper()
	select {
	case n := <-c:
		if !n.Equal(want) {
			t.Errorf("got %v, want %v", n, want)
		}
	default:
		t.Errorf("told nothing, want %v", want)
	}
}

func expectNothing(t *testing.T, c <-chan Network) {
	t.Helper()
	select {
	case n := <-c:
		t.Errorf("told of %v", n)
	default:
	}
}

func inBubble(t *testing.T, run func(context.Context) error, body func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- run(ctx) }()
	synctest.Wait()
	body()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestWatcherTellsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{n: network("10.0.0.1")}
		w := newWatcher(m)
		a, b := w.Subscribe(), w.Subscribe()
		inBubble(t, w.Run, func() {
			expect(t, a, network("10.0.0.1"))
			pass(time.Minute)
			expectNothing(t, a)
			m.set(func() { m.n = network("10.0.0.2") })
			pass(pollEvery)
			expect(t, a, network("10.0.0.2"))
			expectNothing(t, a)
			// b was slow: it finds only what is so now.
			expect(t, b, network("10.0.0.2"))
			expectNothing(t, b)
		})
	})
}

func TestWatcherTellsOfAWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{n: network("10.0.0.1")}
		w := newWatcher(m)
		c := w.Subscribe()
		inBubble(t, w.Run, func() {
			expect(t, c, network("10.0.0.1"))
			m.set(func() { m.slept += sleptFor - time.Second }) // a clock that is set right
			pass(pollEvery)
			expectNothing(t, c)
			m.set(func() { m.slept -= time.Hour })
			pass(pollEvery)
			expectNothing(t, c)
			m.set(func() { m.slept += time.Hour })
			pass(pollEvery)
			expect(t, c, network("10.0.0.1"))
			pass(time.Minute)
			expectNothing(t, c)
		})
	})
}

func TestWatcherOutlivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{err: errors.New("no buffer space")}
		w := newWatcher(m)
		c := w.Subscribe()
		inBubble(t, w.Run, func() {
			pass(time.Minute)
			expectNothing(t, c)
			m.set(func() { m.n, m.err = network("10.0.0.1"), nil })
			pass(pollEvery)
			expect(t, c, network("10.0.0.1"))
			// It woke while the interfaces could not be read.
			m.set(func() { m.err, m.slept = errors.New("again"), time.Hour })
			pass(pollEvery)
			expectNothing(t, c)
			m.set(func() { m.err = nil })
			pass(pollEvery)
			expect(t, c, network("10.0.0.1"))
		})
	})
}

// The machine's own interfaces are read without sending anything.
func TestReadNetwork(t *testing.T) {
	n, err := ReadNetwork()()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range n.Links {
		if l.Name == "" || l.Index == 0 {
			t.Errorf("link %v", l)
		}
	}
	if n, err := ReadNetwork("no-such-interface")(); err != nil || len(n.Links) != 0 {
		t.Errorf("an interface that is not there: %v, %v", n, err)
	}
}
