package ingest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
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
