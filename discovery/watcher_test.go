package discovery

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
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
	reads int
}

func (m *machine) read() (Network, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	return m.n, m.err
}

func (m *machine) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
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

// Where the system tells of changes, the interfaces are read soon after one, once for several that come together,
// and else seldom.
func TestWatcherIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{n: network("10.0.0.1")}
		w := newWatcher(m)
		from, system := io.Pipe()
		w.listen = func() (io.ReadCloser, error) { return from, nil }
		c := w.Subscribe()
		inBubble(t, w.Run, func() {
			expect(t, c, network("10.0.0.1"))
			began := m.count()
			pass(time.Minute)
			if n := m.count() - began; n < 6 || n > 8 {
				t.Errorf("read %d times in a minute without a change", n)
			}
			m.set(func() { m.n = network("10.0.0.2") })
			began = m.count()
			for range 5 {
				_, _ = system.Write([]byte("changed"))
				pass(settling / 10)
			}
			expectNothing(t, c)
			pass(settling)
			expect(t, c, network("10.0.0.2"))
			if n := m.count() - began; n != 1 {
				t.Errorf("read %d times for changes that came together", n)
			}
			// A machine that has slept is seen as soon as one where nobody tells of changes.
			m.set(func() { m.slept += time.Hour })
			pass(pollEvery)
			expect(t, c, network("10.0.0.2"))
			// What the system did not tell of is seen all the same.
			m.set(func() { m.n = network("10.0.0.3") })
			pass(readEvery + pollEvery)
			expect(t, c, network("10.0.0.3"))
			// It tells no more.
			_ = system.Close()
			synctest.Wait()
			m.set(func() { m.n = network("10.0.0.4") })
			pass(pollEvery)
			expect(t, c, network("10.0.0.4"))
		})
	})
}

// That the system has dropped some of what it tells is a change like any other.
func TestWatcherIsToldOfManyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{n: network("10.0.0.1")}
		w := newWatcher(m)
		many := make(overrun)
		w.listen = func() (io.ReadCloser, error) { return many, nil }
		c := w.Subscribe()
		inBubble(t, w.Run, func() {
			expect(t, c, network("10.0.0.1"))
			m.set(func() { m.n = network("10.0.0.2") })
			many <- os.NewSyscallError("read", errManyChanges)
			pass(settling)
			expect(t, c, network("10.0.0.2"))
		})
	})
}

// overrun yields errors until it is closed.
type overrun chan error

func (o overrun) Read([]byte) (int, error) {
	if err, more := <-o; more {
		return 0, err
	}
	return 0, io.EOF
}

func (o overrun) Close() error {
	close(o)
	return nil
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
