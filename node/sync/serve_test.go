package sync_test

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

func TestNotServed(t *testing.T) {
	own := write(t, direct, self, 30, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: own.held(30), Opening: sync.Opening{Log: own.log, First: 4}})
	s.want(s.later(1999 * time.Millisecond))
	load := find[sync.Load](t, s.later(time.Millisecond))
	if load.First != 4 || load.Events != event.MaxOpeningEvents || load.Bytes != event.MaxOpeningSent {
		t.Fatalf("%+v", load)
	}
	s.want(s.step(own.loaded(4, 19)), "run")
	s.want(s.step(own.now(30)))
	s.want(s.later(time.Minute))
	s.want(s.offer(nil, nil), "Load") // accepted

	// Nothing to say at first: the first message is the opening.
	s = joined(t, sync.Conversation{ID: direct})
	s.later(time.Hour)
	s.want(s.step(own.now(1)), "Load")
	s.want(s.step(own.loaded(1, 1)), "run")
	s.later(time.Hour)
	s.want(s.step(own.now(2)), "Load")
	s.want(s.step(own.loaded(1, 2)), "run")

	// More than a request may have is not sent.
	s = joined(t, sync.Conversation{ID: direct, Logs: own.held(30), Opening: sync.Opening{Log: own.log, First: 1}})
	s.later(time.Hour)
	s.want(s.step(own.loaded(1, 17)))
}

// Who is not served and writes on was not heard of before the next session. What they write goes with
// the opening run again, at times, for as long as it fits.
func TestOpeningRunComesWithMore(t *testing.T) {
	own := write(t, direct, self, 30, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: own.held(1), Opening: sync.Opening{Log: own.log, First: 1}})
	find[sync.Load](t, s.later(2*time.Second))
	s.want(s.step(own.now(2))) // while it is read
	s.want(s.step(own.loaded(1, 1)), "run", "Wake")
	s.want(s.later(time.Minute - time.Millisecond))
	if load := find[sync.Load](t, s.later(time.Millisecond)); load.First != 1 {
		t.Errorf("%+v", load)
	}
	s.want(s.step(own.loaded(1, 2)), "run")
	s.want(s.later(time.Hour)) // nothing is new
	find[sync.Load](t, s.step(own.now(16)))
	s.want(s.step(own.loaded(1, 16)), "run")
	s.want(s.later(time.Hour)) // there is no room for more
	s.want(s.step(own.now(17)))
	s.want(s.later(time.Hour))

	// Nor is there if the next one is too large.
	s = joined(t, sync.Conversation{ID: direct, Logs: own.held(3), Opening: sync.Opening{Log: own.log, First: 1}})
	find[sync.Load](t, s.later(2*time.Second))
	s.want(s.step(own.loaded(1, 2)), "run")
	s.want(s.step(own.now(4)))
	s.want(s.later(time.Hour))

	// It is taken as often, and no more.
	theirs := write(t, direct, peer, 3, 10)
	s = newScript(t)
	s.step(sync.Joined{Conversations: []sync.Conversation{{ID: direct}}})
	s.want(s.run(theirs.run(1, 1)), "Request")
	s.later(requestPause - time.Millisecond)
	s.want(s.run(theirs.run(1, 2)))
	s.later(time.Millisecond)
	s.want(s.run(theirs.run(1, 3)), "Request")
	s.want(s.run(theirs.run(1, 3)))
}

// requestPause is the least time between two opening runs that are taken.
const requestPause = 30 * time.Second

func TestServesNot(t *testing.T) {
	theirs := write(t, direct, peer, 20, 10)
	for _, given := range [][]sync.Conversation{{{ID: direct}}, nil} {
		s := newScript(t)
		s.want(s.step(sync.Joined{Conversations: given}))
		s.want(s.offer(nil, theirs.held(20)))
		s.want(s.run(theirs.run(1, 17)))
		s.want(s.run(theirs.run(1, 16)), "Request")
		s.want(s.run(theirs.run(1, 16)))
		s.want(s.got(wire.Frame{Settled: &wire.Settled{}}))
		s.want(s.have(theirs.log, theirs.to(1)))
		s.want(s.got(wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Person: crypto.PersonID{1}}}}))
		s.want(s.step(sync.Joined{Serve: true, Conversations: []sync.Conversation{{ID: direct}}}), "RoundBegan", "offers", "settled")
		s.want(s.run(theirs.run(1, 16)), "Ingest")
	}
}

// A group that was left is neither pushed nor taken. Joining it again begins anew.
func TestLeave(t *testing.T) {
	own, theirs := write(t, group, self, 2, 10), write(t, group, peer, 2, 10)
	in := sync.Conversation{ID: group, OurTag: mineTag, PeerTag: theirTag, Logs: own.held(1)}
	s := joined(t, in)
	s.want(s.offer(theirTag, own.held(1)), "Acked", "settled")
	s.want(s.step(sync.Joined{Serve: true}), "RoundDropped")
	s.want(s.step(own.now(2)))
	run := theirs.run(1, 1)
	run.Tag = theirTag
	s.want(s.run(run), "refused")
	in.Logs = own.held(2)
	s.want(s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{in}}), "RoundBegan", "offers", "Load")
	came := find[sync.Ingest](t, s.run(run))
	s.want(s.step(own.loaded(2, 2)), "run") // Settled was said

	// Nor does anything change where it is given again, unless something was refused.
	s.want(s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{in}}))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.OverBudget}), "refused", "RoundBegan", "offers")
	came = find[sync.Ingest](t, s.run(run))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.OverBudget}), "refused")
	s.want(s.run(run))
	s.want(s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{in}}), "RoundBegan", "offers")
	s.want(s.run(run), "Ingest")
}
