package session

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/libp2p/go-libp2p/core/network"
	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFramesComeInOrder(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.greets()
		var want []byte
		for n := range byte(50) {
			v.says(sighting(n))
			want = append(want, n)
		}
		if got := v.performed(); !slices.Equal(got, want) {
			t.Errorf("performed: %v", got)
		}
		v.cancel()
		v.ends(context.Canceled)
	})
}

// What the host can't do ends the session with the host's reason, and nothing is done after it.
func TestErrorOfTheHostEndsIt(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		failed := errors.New("failed")
		v.house.does = func(e sync.Effect) (task Task, err error) {
			if _, ok := e.(sync.Sighted); ok {
				err = failed
			}
			return task, err
		}
		v.start(true)
		v.greets()
		v.says(sighting(1), sighting(2))
		v.ends(failed)
		if got := v.performed(); !slices.Equal(got, []byte{1}) {
			t.Errorf("performed: %v", got)
		}
	})
}

// The worker goes on while the commits of earlier runs are awaited, and in the order in which it
// was given its tasks.
func TestTasksAreDoneInOrder(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		var done []string
		note := func(what string, n byte) { v.house.note(func() { done = append(done, what+string('0'+rune(n))) }) }
		commit, begin := make(chan struct{}), make(chan struct{})
		v.house.does = func(e sync.Effect) (Task, error) {
			s, ok := e.(sync.Sighted)
			if !ok {
				return Task{}, nil
			}
			n := s.Sightings[0].Device[0]
			if n%2 == 1 {
				return Errand(func(context.Context) sync.Input { note("errand ", n); return nil }), nil
			}
			return Run(event.Run{}, func(context.Context) func() sync.Input {
				<-begin
				note("begin ", n)
				return func() sync.Input { <-commit; note("commit ", n); return sync.Tick{} }
			}), nil
		}
		v.start(true)
		v.greets()
		for n := range byte(5) {
			v.says(sighting(n))
		}
		close(begin)
		synctest.Wait()
		if want := []string{"begin 0", "errand 1", "begin 2", "errand 3", "begin 4"}; !slices.Equal(done, want) {
			t.Errorf("done: %q, want %q", done, want)
		}
		done = nil
		close(commit)
		synctest.Wait()
		if want := []string{"commit 0", "commit 2", "commit 4"}; !slices.Equal(done, want) {
			t.Errorf("done: %q, want %q", done, want)
		}
		v.goesOn()
	})
}

// An answer of the worker's and one that follows a commit reach the machine.
func TestAnswersReachTheMachine(t *testing.T) {
	for name, task := range map[string]func(sync.Input) Task{
		"of an errand": func(in sync.Input) Task { return Errand(func(context.Context) sync.Input { return in }) },
		"of a commit": func(in sync.Input) Task {
			return Run(event.Run{}, func(context.Context) func() sync.Input { return func() sync.Input { return in } })
		},
	} {
		t.Run(name, func(t *testing.T) {
			visited(t, func(t *testing.T, v *visit) {
				v.house.does = func(e sync.Effect) (Task, error) {
					in, ok := e.(sync.Ingest)
					if !ok {
						return Task{}, nil
					}
					return task(sync.Stored{Ticket: in.Ticket, Err: sync.ErrStore}), nil
				}
				v.start(true)
				v.greets()
				v.says(v.run(10))
				v.ends(sync.ErrStore)
			})
		})
	}
}

func TestEnd(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	t.Run("before Run", func(t *testing.T) {
		visited(t, func(t *testing.T, v *visit) {
			v.End(first)
			v.End(second)
			v.start(true)
			v.ends(first)
		})
	})
	t.Run("during Run", func(t *testing.T) {
		visited(t, func(t *testing.T, v *visit) {
			v.start(true)
			v.greets()
			v.End(first)
			v.End(second)
			v.ends(first)
		})
	})
	t.Run("while the peer reads nothing", func(t *testing.T) {
		visited(t, func(t *testing.T, v *visit) {
			v.start(false)
			v.End(first)
			v.ends(first)
		})
	})
	t.Run("after Run", func(t *testing.T) {
		visited(t, func(t *testing.T, v *visit) {
			v.start(true)
			v.cancel()
			v.ends(context.Canceled)
			v.End(first)
		})
	})
	t.Run("by the peer", func(t *testing.T) {
		visited(t, func(t *testing.T, v *visit) {
			v.start(true)
			v.greets()
			v.peer.Close()
			v.ends(io.EOF)
		})
	})
}

// What a peer may have is said again when that has changed, but not to one who has not said who it
// is.
func TestPolicy(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.Inbox.Policy()
		synctest.Wait()
		if v.house.rejoins != 0 {
			t.Error("said before the peer is known")
		}
		v.greets()
		v.Inbox.Policy()
		v.Inbox.Policy()
		synctest.Wait()
		if v.house.rejoins != 1 {
			t.Errorf("said %d times", v.house.rejoins)
		}
		v.goesOn()
	})
}

// What the peer may not know about is not told to the machine.
func TestHiddenIsNotTold(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.greets()
		log := func(n byte) event.Log {
			return event.Log{Conversation: v.house.conversation, Device: crypto.DeviceID{1}, Instance: event.Instance{n}}
		}
		v.house.hidden = log(1)
		for n := byte(1); n < 3; n++ {
			v.Inbox.Held(log(n), event.Segments{{First: 1, Last: 1, ID: event.ID{n}}})
		}
		synctest.Wait()
		var loaded []event.Log
		for _, e := range v.house.effects {
			if e, ok := e.(sync.Load); ok {
				loaded = append(loaded, e.Log)
			}
		}
		if !slices.Equal(loaded, []event.Log{log(2)}) {
			t.Errorf("to be pushed: %v", loaded)
		}
	})
}

// What the session was not woken for reaches the machine before the next frame.
func TestUnheededComesFirst(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		told := 0 // when the frame came
		v.house.does = func(e sync.Effect) (Task, error) {
			if _, is := e.(sync.Sighted); is {
				told = len(v.house.asked)
			}
			return Task{}, nil
		}
		c := event.Conversation{9} // in which nothing moves, since the peer does not offer it
		v.house.groups = []sync.Conversation{{ID: c, OurTag: make([]byte, 32), PeerTag: make([]byte, 32), Locator: []crypto.Hash{{1}}}}
		v.start(true)
		v.greets()
		v.Inbox.Held(event.Log{Conversation: c, Device: crypto.DeviceID{77}}, event.Segments{{First: 1, Last: 1}})
		if synctest.Wait(); len(v.house.asked) != 0 {
			t.Error("woken for a log that is not heeded")
		}
		if v.says(sighting(1)); told != 1 {
			t.Errorf("the machine was told of %d logs before the frame", told)
		}
	})
}

// Whether a log comes directly is asked when the machine is about to hear of it.
func TestDirectIsAskedAnew(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.greets()
		log := event.Log{Device: crypto.DeviceID{1}}
		v.Inbox.Direct(true, log)
		synctest.Wait()
		if len(v.house.wondered) != 0 {
			t.Error("woken for what need not be told at once")
		}
		v.Inbox.Direct(true, log)
		v.says(sighting(1))
		v.Inbox.Direct(false, log)
		if synctest.Wait(); !slices.Equal(v.house.wondered, []event.Log{log, log}) {
			t.Errorf("asked of %v", v.house.wondered)
		}
	})
}

// A connection is closed with its session, unless another session is on it.
func TestConnectionOfAnotherSessionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVisit(t)
		v.conn.streams = []network.Stream{&pipeStream{}}
		v.Abandon()
		if v.conn.closed {
			t.Error("the connection of another session is closed")
		}
		if _, err := v.peer.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the stream is still there: %v", err)
		}
		v.conn.streams = nil
		v.Abandon()
		if !v.conn.closed {
			t.Error("a connection without a session stays")
		}
		v.cancel()
	})
}
