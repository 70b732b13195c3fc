package sharing

import (
	"testing"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// shelf is a store of which runs are read: it counts how often.
type shelf struct {
	runs *Runs
	run  event.Run
	read int

	meanwhile func() // during the next reading
}

func newShelf(bodies ...int) *shelf {
	s := &shelf{}
	for _, n := range bodies {
		s.run.Events = append(s.run.Events, event.Event{HeaderBytes: []byte{1}, Body: make([]byte, n)})
	}
	s.runs = NewRuns(func(event.Log, uint64, int, int) (event.Run, error) {
		s.read++
		if s.meanwhile != nil {
			s.meanwhile()
		}
		return s.run, nil
	})
	return s
}

func (s *shelf) load(t *testing.T, conversation byte, first uint64) {
	t.Helper()
	log := event.Log{Conversation: event.Conversation{conversation}}
	if _, err := s.runs.load(sync.Load{Log: log, First: first, Events: 1, Bytes: 1}); err != nil {
		t.Fatal(err)
	}
}

func committed(conversation byte) store.Change {
	return store.Change{Logs: []store.LogChange{{Log: event.Log{Conversation: event.Conversation{conversation}, Instance: event.Instance{7}}}}}
}

// What goes to every member is read once, until a commit may have changed it: what was recalled
// meanwhile must not go out.
func TestRunIsReadAgainAfterACommit(t *testing.T) {
	s := newShelf(10)
	reads := func(what string, want int) {
		t.Helper()
		for range 3 {
			s.load(t, 1, 1)
		}
		if s.read != want {
			t.Errorf("%s: read %d times, want %d", what, s.read, want)
		}
	}
	reads("at first", 1)
	s.runs.Committed(committed(1))
	reads("after a commit in the conversation", 2)
	s.runs.Committed(committed(2))
	s.runs.Committed(store.Change{N: 1})
	reads("after commits elsewhere", 2)
	s.load(t, 1, 2)
	if s.read != 3 {
		t.Error("another run is taken for it")
	}
}

// What a commit has changed while it was read is not remembered.
func TestRunIsReadAgainAfterACommitMeanwhile(t *testing.T) {
	s := newShelf(10)
	s.meanwhile = func() { s.runs.Committed(committed(1)) }
	s.load(t, 1, 1)
	s.meanwhile = nil
	if s.load(t, 1, 1); s.read != 2 {
		t.Error("what was read before the commit is given after it")
	}
}

// What is remembered is little.
func TestFewShortRunsAreRemembered(t *testing.T) {
	for size, want := range map[int]int{maxLoadedSize/2 - 1: 1, maxLoadedSize / 2: 2} {
		s := newShelf(size, maxLoadedSize/2-1)
		s.load(t, 1, 1)
		if s.load(t, 1, 1); s.read != want {
			t.Errorf("%d bytes: read %d times, want %d", size, s.read, want)
		}
	}
	s := newShelf(10)
	for i := range uint64(3*maxLoaded + 1) {
		if s.load(t, 1, i+1); len(s.runs.loaded) > maxLoaded {
			t.Fatalf("%d runs are remembered", len(s.runs.loaded))
		}
	}
	// Of one with recalls in it those may change without the log.
	s.run.Recalls = make([]event.Event, 1)
	s.read = 0
	s.load(t, 2, 1)
	if s.load(t, 2, 1); s.read != 2 {
		t.Error("a run with recalls is remembered")
	}
}
