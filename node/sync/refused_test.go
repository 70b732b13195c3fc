package sync_test

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// If a run is refused and others have brought what it holds, the peer is still told that it is
// here.
func TestRefusedIsToldAllTheSame(t *testing.T) {
	theirs := write(t, direct, peer, 2, 10)
	s := talking(t, theirs.held(1), theirs.held(1))
	came := find[sync.Ingest](t, s.run(theirs.run(2, 2)))
	s.want(s.step(theirs.now(2))) // the answer to the run will say it
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.NotPermitted}), "refused", "Wake")
	s.want(s.later(time.Second), "have", "Wake")
}

// A log that was refused is offered anew when the peer's conversations are given again, though its
// pictures were forgotten meanwhile, before it was refused or after.
func TestForgottenRefusalIsOffered(t *testing.T) {
	for _, before := range []bool{true, false} {
		theirs := write(t, direct, peer, 1, 10)
		s := talking(t, nil, nil)
		came := find[sync.Ingest](t, s.run(theirs.run(1, 1)))
		if before {
			s.session.Forget()
		}
		s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.OverBudget}), "refused")
		if s.session.Forget(); s.session.Logs() != 0 {
			t.Error("the log is not forgotten")
		}
		s.want(s.rejoin(sync.Conversation{ID: direct}), "RoundBegan", "offers")
		s.want(s.rejoin(sync.Conversation{ID: direct})) // nothing was refused since
	}
}

// A run that is with the shell when the group becomes quiet is refused, though it was stored: the
// peer learns nothing more of the log.
func TestQuietMeanwhile(t *testing.T) {
	c := crew(t)
	theirs := ofGroup(t, peer, 2)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	run := theirs.run(1, 2)
	run.Tag = theirTag
	came := find[sync.Ingest](t, s.run(run))
	c.Quiet = true
	s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{c}})
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{theirs.to(2)}}), "refused")
}

// A log that the peer refuses does not keep the rest of an offer from being settled.
func TestRefusedLogIsSettled(t *testing.T) {
	own := write(t, direct, self, 3, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: own.held(3)})
	s.want(s.offer(nil, nil), "Load")
	s.want(s.step(own.loaded(1, 1)), "run", "Load")
	refused := wire.Refused{Device: own.log.Device, Instance: own.log.Instance, Reason: wire.TooManySegments}
	s.want(s.got(wire.Frame{Refused: &refused}), "settled")
	s.want(s.step(own.loaded(2, 2)))
}

// An offer is settled as soon as the peer has what it lacked, whoever brought it.
func TestSettledByOthers(t *testing.T) {
	log := write(t, direct, ownOther, 3, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: log.held(3)})
	s.want(s.offer(nil, nil), "Load")
	s.want(s.have(log.log, log.to(3)), "Acked", "settled")
}

// Where the peer has another event than this device has written, nothing more of the log is pushed.
func TestContradictedLogIsNotPushed(t *testing.T) {
	own, other := write(t, direct, self, 5, 10), write(t, direct, self, 5, 11)
	s := talking(t, own.held(3), own.held(3))
	s.want(s.have(own.log, other.to(3)), "Rollback")
	s.want(s.step(own.now(4)), "Wake") // to tell it
}

// What was not answered when a group was left is pushed again when it is joined again, though the
// peer has not offered it anew.
func TestUnansweredIsPushedAgain(t *testing.T) {
	own := write(t, group, self, 2, 10)
	in := sync.Conversation{ID: group, OurTag: mineTag, PeerTag: theirTag, Logs: own.held(2)}
	s := joined(t, in)
	s.offer(theirTag, own.held(1))
	s.want(s.step(own.loaded(2, 2)), "run", "settled")
	s.want(s.step(sync.Joined{Serve: true}), "RoundDropped")
	effects := s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{in}})
	if load := find[sync.Load](t, effects); load.First != 2 {
		t.Errorf("loads from %d", load.First)
	}
}

// The opening run that is being read is known by its log, also where by then another one would
// open.
func TestOpeningThatChangesMeanwhile(t *testing.T) {
	own := write(t, direct, self, 1, 10)
	next := sync.Opening{Log: own.log, First: 1}
	next.Log.Instance[0]++
	in := sync.Conversation{ID: direct, Logs: own.held(1), Opening: sync.Opening{Log: own.log, First: 1}}
	s := joined(t, in)
	s.want(s.later(2*time.Second), "Load", "Wake")
	s.step(sync.Joined{Serve: true})
	in.Opening = next
	s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{in}})
	s.step(own.loaded(1, 1))
	if ok, queues := s.session.Idle(); !ok {
		t.Errorf("queues %v", queues)
	}
}
