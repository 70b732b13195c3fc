package ingest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Each reason why a run is not taken is told to the peer as what it is: of the one run or of the
// log, by a refusal or by the end of the session.
func TestAnswersToRuns(t *testing.T) {
	full, over := 0, 0
	door := New(Config{Store: newHall(t).store, MoreWaits: func(crypto.PersonID) { over++ }, Room: func(bool) { full++ }})
	s := &From{door: door, session: &peer{}, visible: func(_ event.Log, all event.Segments) event.Segments { return all }}
	log := event.Log{Conversation: event.Conversation{1}}
	held := event.Segments{{First: 1, Last: 2, ID: event.ID{2}}}
	for _, c := range []struct {
		err    error
		reason wire.Reason
		once   bool
		ends   error
	}{
		{nil, 0, false, nil},
		{store.ErrTooManySegments, wire.TooManySegments, true, nil},
		{ErrEarly, wire.TooEarly, true, nil},
		{store.ErrBudget, wire.OverBudget, false, nil},
		{store.ErrTooManyLogs, wire.TooManyLogs, false, nil},
		{fmt.Errorf("commit: %w", store.ErrFull), wire.NoRoom, true, nil},
		{authority.ErrFull, wire.NotPermitted, false, nil},
		{authority.ErrDear, wire.NotPermitted, false, nil},
		{store.ErrForked, wire.Forked, false, nil},
		{ErrStranger, wire.NotPermitted, false, nil},
		{authority.ErrNotPermitted, wire.NotPermitted, false, nil},
		{authority.ErrCut, wire.NotPermitted, false, nil},
		{store.ErrCut, wire.NotPermitted, false, nil},
		{ErrUnproven, 0, false, sync.ErrProtocol},
		{errors.New("disk is broken"), 0, false, sync.ErrStore},
	} {
		got, ok := s.answer(t.Context(), 7, log, Ingested{Segments: held, Err: c.err}).(sync.Stored)
		if !ok || got.Ticket != 7 || got.Refused != c.reason || got.Once != c.once || !errors.Is(got.Err, c.ends) || !slices.Equal(got.Segments, held) {
			t.Errorf("%v: %+v", c.err, got)
		}
	}
	if full != 1 || over != 1 {
		t.Errorf("the owner was told %d times of a full disk, %d times that more waits", full, over)
	}
	if got, ok := outcome(7, groups.ErrSuspended).(sync.NeedControl); !ok || got.Ticket != 7 {
		t.Errorf("control events of a group that is suspended don't wait: %+v", got)
	}
	if got, ok := s.answer(t.Context(), 7, log, Ingested{Err: authority.ErrParent}).(sync.NeedControl); !ok || got.Ticket != 7 {
		t.Errorf("an unknown head: %+v", got)
	}
	if got, ok := s.answer(t.Context(), 7, log, Ingested{Err: &groups.NeedsCardError{Head: crypto.Hash{1}}}).(sync.NeedCard); !ok || got.Ticket != 7 || got.Head != (crypto.Hash{1}) {
		t.Errorf("an unknown card: %+v", got)
	}
}

// A session hands over runs before it is known what becomes of those before them. What follows a run
// that found no room is refused like it, until that one comes again.
func TestRunsAfterOneThatFoundNoRoom(t *testing.T) {
	ann, bob, _ := newHalls(t)
	from, _ := ann.from(bob)
	c := event.Direct(ann.id(), bob.id())
	begin := func(run event.Run) (wait func() wire.Reason) {
		stored := from.Run(t.Context(), sync.Ingest{Conversation: c, Run: run})
		return func() wire.Reason { return stored().(sync.Stored).Refused }
	}
	long := strings.Repeat("x", 60_000)
	var runs []event.Run
	for range 30 {
		runs = append(runs, bob.writesTo(ann, long))
	}
	runs = append(runs, bob.writesTo(ann, "that is all"))
	refuses := func() (n int) {
		t.Helper()
		var waits []func() wire.Reason
		for _, run := range runs {
			waits = append(waits, begin(run))
		}
		for i, wait := range waits {
			why := wait()
			if why != 0 && why != wire.OverBudget || n > 0 && why == 0 {
				t.Fatalf("run %d of %d: %v, after %d that were refused", i, len(runs), why, n)
			}
			if why != 0 {
				n++
			}
		}
		return n
	}
	if n := refuses(); n < 2 || n == len(runs) {
		t.Errorf("%d of %d are refused", n, len(runs))
	}
	ann.sets(bob, func(p *book.Person) { p.Contact = true })
	if n := refuses(); n > 0 {
		t.Errorf("with room, %d are refused", n)
	}
}
