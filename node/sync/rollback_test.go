package sync_test

import (
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

func TestRollback(t *testing.T) {
	own, other := write(t, direct, self, 5, 10), write(t, direct, self, 5, 11)
	for name, c := range map[string]struct {
		theirs event.Segment
		pushed bool // before it is found out
	}{
		"exceeds":           {own.to(5), false},
		"differs":           {other.to(3), false},
		"differs before":    {other.to(2), true},
		"exceeds elsewhere": {other.part(4, 5), false},
	} {
		s := joined(t, sync.Conversation{ID: direct, Logs: own.held(3)})
		effects := s.offer(nil, map[event.Log]event.Segments{own.log: {c.theirs}})
		if c.pushed {
			effects = s.step(own.loaded(find[sync.Load](t, effects).First, 3))
		}
		if r := find[sync.Rollback](t, effects); r.Log != own.log || r.Claimed[0] != c.theirs {
			t.Errorf("%s: %+v", name, r)
		}
		for _, e := range s.have(own.log, other.to(5)) {
			if _, ok := e.(sync.Rollback); ok {
				t.Errorf("%s: twice", name)
			}
		}
	}
	// Of anyone else's log it is no concern of ours: what is pushed proves the fork.
	a, b := write(t, direct, third, 3, 10), write(t, direct, third, 3, 11)
	s := joined(t, sync.Conversation{ID: direct, Logs: a.held(3)})
	s.want(s.offer(nil, b.held(2)), "Load")
	s.want(s.step(a.loaded(3, 3)), "run", "settled")
	// Where both end at the same place, what proves it is pushed once.
	s = joined(t, sync.Conversation{ID: direct, Logs: a.held(3)})
	s.want(s.offer(nil, b.held(3)), "Load")
	s.want(s.step(a.loaded(3, 3)), "run", "settled")
	s.want(s.have(b.log, b.to(3)))
}

// After a rollback, a branch that is no longer than what was here may take its place.
func TestOwnLogIsReplacedByAShorterBranch(t *testing.T) {
	own, other := write(t, direct, self, 3, 10), write(t, direct, self, 3, 11)
	for last := 1; last <= 3; last++ {
		s := joined(t, sync.Conversation{ID: direct, Logs: own.held(3)})
		s.step(sync.Held{Log: own.log, Segments: event.Segments{other.to(last)}})
		if l := find[sync.Load](t, s.offer(nil, nil)); l.Log != own.log || l.First != 1 {
			t.Errorf("%d: %+v", last, l)
		}
	}
}

// If the peer contradicts a log of this device, it is told only the part that it has acknowledged
// and what it brings after that. Everything that is here is pushed all the same.
func TestDoubtedLog(t *testing.T) {
	own, other := write(t, direct, self, 9, 10), write(t, direct, self, 9, 11)
	told := func(effects []sync.Effect) (out []wire.LogSegments) {
		for _, e := range effects {
			if send, ok := e.(sync.Send); ok && send.Frame.Have != nil {
				out = append(out, send.Frame.Have.Logs...)
			}
			if send, ok := e.(sync.Send); ok && send.Frame.Offers != nil {
				for _, o := range send.Frame.Offers.Offers {
					out = append(out, o.Logs...)
				}
			}
		}
		return out
	}
	doubted := func(known ...event.Segment) (*script, []sync.Effect) {
		s := newScript(t)
		return s, s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self, ownOther}, Conversations: []sync.Conversation{
			{ID: direct, Logs: own.held(5), Doubted: map[event.Log]event.Segments{own.log: known}}}})
	}
	if s, effects := doubted(); len(told(effects)) != 0 || len(told(s.step(own.now(6)))) != 0 || len(told(s.later(time.Second))) != 0 {
		t.Error("who has acknowledged nothing is told something")
	}
	s, effects := doubted(own.to(2))
	if got := told(effects); len(got) != 1 || !slices.Equal(got[0].Segments, event.Segments{own.to(2)}) {
		t.Fatalf("told %v", got)
	}
	if load := find[sync.Load](t, s.offer(nil, own.held(2))); load.First != 3 {
		t.Errorf("pushed from %d", load.First)
	}
	in := find[sync.Ingest](t, s.run(own.run(3, 4)))
	if got := told(s.step(sync.Stored{Ticket: in.Ticket, Segments: event.Segments{own.to(5)}})); len(got) != 1 || !slices.Equal(got[0].Segments, event.Segments{own.to(4)}) {
		t.Errorf("told %v of what it has brought", got)
	}
	in = find[sync.Ingest](t, s.run(other.run(5, 7)))
	if got := told(s.step(sync.Stored{Ticket: in.Ticket, Segments: event.Segments{own.to(5)}, Refused: wire.Forked})); len(got) != 1 || !slices.Equal(got[0].Segments, event.Segments{own.to(4)}) {
		t.Errorf("told %v after a fork", got)
	}
}

// What the peer has is reported again when events of this person come back that this disk did not
// have when the peer said so.
func TestAcknowledgedBeforeItCameBack(t *testing.T) {
	own := write(t, direct, self, 6, 10)
	for name, bring := range map[string]func(s *script) []sync.Effect{
		"by another peer": func(s *script) []sync.Effect { return s.step(own.now(4)) },
		"by the peer": func(s *script) []sync.Effect {
			in := find[sync.Ingest](t, s.run(own.run(3, 4)))
			return s.step(sync.Stored{Ticket: in.Ticket, Segments: event.Segments{own.to(4)}})
		},
	} {
		s := joined(t, sync.Conversation{ID: direct, Logs: own.held(2)})
		find[sync.Acked](t, s.offer(nil, own.held(4)))
		if again := find[sync.Acked](t, bring(s)); again.Log != own.log || !slices.Equal(again.Segments, event.Segments{own.to(4)}) {
			t.Errorf("%s: %v", name, again)
		}
		for _, e := range s.step(own.now(5)) { // written here
			if _, ok := e.(sync.Acked); ok {
				t.Errorf("%s: the peer can't have what is written now", name)
			}
		}
	}
}
