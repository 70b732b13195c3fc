package sync_test

import (
	"errors"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// dropped returns a run without the words of one of its events.
func dropped(r event.Run, index int) event.Run {
	r.Events = append([]event.Event(nil), r.Events...)
	r.Events[index].Body, r.Events[index].Absent = nil, event.Dropped
	return r
}

// sentRun returns the run that is sent among effects.
func sentRun(t *testing.T, effects []sync.Effect) event.Run {
	t.Helper()
	for _, e := range effects {
		if send, ok := e.(sync.Send); ok && send.Frame.Run != nil {
			return *send.Frame.Run
		}
	}
	t.Fatalf("no run in %v", effects)
	return event.Run{}
}

func sentHave(t *testing.T, effects []sync.Effect) wire.Have {
	t.Helper()
	for _, e := range effects {
		if send, ok := e.(sync.Send); ok && send.Frame.Have != nil {
			return *send.Frame.Have
		}
	}
	t.Fatalf("no acknowledgement in %v", effects)
	return wire.Have{}
}

// A peer that brings an event without its words does not count as having it, so it gets them from
// here.
func TestDroppedIsNotThePeers(t *testing.T) {
	log := write(t, direct, ownOther, 3, 10)
	s := talking(t, nil, nil)
	came := find[sync.Ingest](t, s.run(dropped(log.run(1, 3), 1)))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{log.part(1, 1), log.part(3, 3)}}), "Acked", "have")
	load := find[sync.Load](t, s.step(log.now(3))) // somebody else has brought it
	if load.First != 2 || load.Events != 1 {
		t.Fatalf("loads %d events from %d", load.Events, load.First)
	}
}

// A run is answered even if nothing of it is held. Otherwise the peer's window would fill up.
func TestRunOfNothingIsAnswered(t *testing.T) {
	log := write(t, direct, ownOther, 1, 10)
	s := talking(t, nil, nil)
	came := find[sync.Ingest](t, s.run(dropped(log.run(1, 1), 0)))
	if h := sentHave(t, s.step(sync.Stored{Ticket: came.Ticket})); len(h.Logs) != 0 || h.Answers != 1 {
		t.Fatalf("%+v", h)
	}
}

// An event that was pushed and answered is not pushed again before the next offer, though the peer
// does not have it: the peer may be unable to take it. The next offer shows whether it still lacks
// it.
func TestGivenIsNotGivenAgain(t *testing.T) {
	own := write(t, direct, self, 3, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: own.held(3)})
	s.offer(nil, nil)
	run := sentRun(t, s.step(own.loaded(1, 3)))
	s.want(s.answer(run.Number, own.log, own.part(1, 1), own.part(3, 3)), "Acked")
	s.want(s.have(own.log, own.part(1, 1), own.part(3, 3)))
	load := find[sync.Load](t, s.offer(nil, map[event.Log]event.Segments{own.log: {own.part(1, 1), own.part(3, 3)}}))
	if load.First != 2 || load.Events != 1 {
		t.Fatalf("loads %d events from %d", load.Events, load.First)
	}
}

// An event that was pushed without its words is pushed with them once they are here.
func TestWordsThatComeLaterAreGiven(t *testing.T) {
	log := write(t, direct, ownOther, 3, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: map[event.Log]event.Segments{log.log: {log.part(1, 1), log.part(3, 3)}}})
	s.offer(nil, nil)
	run := sentRun(t, s.step(sync.Loaded{Log: log.log, Run: dropped(log.run(1, 3), 1)}))
	s.want(s.answer(run.Number, log.log, log.part(1, 1), log.part(3, 3)), "Acked")
	load := find[sync.Load](t, s.step(log.now(3)))
	if load.First != 2 {
		t.Fatalf("loads from %d", load.First)
	}
}

// An answer to a run that was never sent ends the session. An answer that comes twice changes
// nothing.
func TestAnswersOutOfOrder(t *testing.T) {
	own := write(t, direct, self, 1, 10)
	begin := func() *script {
		s := joined(t, sync.Conversation{ID: direct, Logs: own.held(1)})
		s.offer(nil, nil)
		s.want(s.step(own.loaded(1, 1)), "run", "settled")
		return s
	}
	s := begin()
	end := find[sync.Close](t, s.answer(2, own.log, own.to(1)))
	if !errors.Is(end.Reason, sync.ErrProtocol) {
		t.Error(end.Reason)
	}
	s = begin()
	end = find[sync.Close](t, s.got(wire.Frame{Refused: &wire.Refused{Device: self, Instance: own.log.Instance, Reason: wire.OverBudget, Run: 2}}))
	if !errors.Is(end.Reason, sync.ErrProtocol) {
		t.Error(end.Reason)
	}
	s = begin()
	s.want(s.answer(1, own.log, own.to(1)), "Acked")
	s.want(s.answer(1, own.log, own.to(1)))
}

// If one run is refused, the log stays open on both sides.
func TestOneRunIsRefused(t *testing.T) {
	own, theirs := write(t, direct, self, 3, 10), write(t, direct, peer, 3, 10)
	s := talking(t, nil, nil)
	s.step(own.now(1))
	run := sentRun(t, s.step(own.loaded(1, 1)))
	s.want(s.got(wire.Frame{Refused: &wire.Refused{Device: self, Instance: own.log.Instance, Reason: wire.TooManySegments, Run: run.Number}}))
	if load := find[sync.Load](t, s.step(own.now(2))); load.First != 2 {
		t.Fatalf("loads from %d", load.First)
	}

	came := find[sync.Ingest](t, s.run(theirs.run(2, 2)))
	effects := s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.TooManySegments, Once: true})
	s.want(effects, "refused")
	if r := effects[0].(sync.Send).Frame.Refused; r.Run != 1 || r.Device != peer {
		t.Fatalf("%+v", r)
	}
	s.want(s.run(theirs.run(1, 1)), "Ingest")
}

// If a log is held in many pieces, the lowest ones are told, and the next ones as the gaps close.
func TestLowestPiecesAreTold(t *testing.T) {
	log := write(t, direct, third, 200, 10)
	pieces := func(first, last int) (s event.Segments) {
		for i := first; i <= last; i += 2 {
			s = append(s, log.part(i, i))
		}
		return s
	}
	s := talking(t, nil, nil)
	s.step(sync.Held{Log: log.log, Segments: pieces(3, 199)})
	h := sentHave(t, s.later(250*time.Millisecond))
	if n := len(h.Logs[0].Segments); n != event.MaxSegments || h.Logs[0].Segments.Last() != 65 {
		t.Fatalf("%d told up to %d", n, h.Logs[0].Segments.Last())
	}
	s.step(sync.Held{Log: log.log, Segments: append(event.Segments{log.part(1, 65)}, pieces(67, 199)...)})
	h = sentHave(t, s.later(250*time.Millisecond))
	if n := len(h.Logs[0].Segments); n != event.MaxSegments || h.Logs[0].Segments.Last() != 127 {
		t.Fatalf("%d told up to %d", n, h.Logs[0].Segments.Last())
	}
}

// The shell hears when everything was asked for, and when all of it has come.
func TestRoundBegins(t *testing.T) {
	c := crew(t, ofGroup(t, crypto.DeviceID{9}, 1))
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	s.want(s.step(sync.Compare{Conversation: c.ID}), "RoundBegan", "offers")
	s.want(s.settled(1), "RoundEnded")
}

// A run that was refused because too much waited is asked for by a new offer once nothing waits any
// more.
func TestRefusedForWantOfRoomIsAskedForAgain(t *testing.T) {
	x, y := write(t, direct, ownOther, 12, 60<<10), write(t, direct, third, 12, 60<<10)
	s := talking(t, nil, nil)
	a := find[sync.Ingest](t, s.run(x.run(1, 12)))
	b := find[sync.Ingest](t, s.run(y.run(1, 12)))
	s.want(s.step(sync.NeedCard{Ticket: a.Ticket, Head: crypto.Hash{1}}), "card request")
	s.want(s.step(sync.NeedCard{Ticket: b.Ticket, Head: crypto.Hash{1}}), "refused")
	s.want(s.got(wire.Frame{Card: &wire.Card{Card: []byte("card")}}), "LearnCard")
	s.want(s.step(sync.CardLearned{}), "Ingest", "RoundBegan", "offers")
	s.want(s.step(sync.Stored{Ticket: a.Ticket, Segments: event.Segments{x.to(12)}}), "Acked", "have")
	s.want(s.run(y.run(1, 12)), "Ingest")
	s.want(s.later(time.Hour)) // once
}

// When a conversation is left, a run of it that is with the shell is answered later, and runs of it
// that were sent don't fill the window.
func TestNothingOfWhatWasLeftIsUnanswered(t *testing.T) {
	own, theirs := ofGroup(t, self, 1), ofGroup(t, peer, 1)
	c := crew(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	run := theirs.run(1, 1)
	run.Tag = theirTag
	came := find[sync.Ingest](t, s.run(run))
	s.step(own.now(1))
	s.want(s.step(own.loaded(1, 1)), "run")
	s.want(s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}}))
	if n := s.session.Unanswered(); n != 0 {
		t.Errorf("%d bytes fill the window", n)
	}
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{theirs.to(1)}}), "refused")
}

// A round that began ends, whatever happens to its conversation.
func TestRoundIsDropped(t *testing.T) {
	c := crew(t, ofGroup(t, crypto.DeviceID{9}, 1))
	begun := func(want wire.Want) *script {
		s := joined(t, c)
		s.offered(wire.Offer{Want: want, Locator: c.Locator})
		s.want(s.step(sync.Compare{Conversation: c.ID}), "RoundBegan", "offers")
		return s
	}
	quiet := c
	quiet.Quiet = true
	s := begun(wire.WantOwn)
	s.want(s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{quiet}}), "RoundDropped", "offers")
	s.want(begun(wire.WantNothing).settled(1), "RoundDropped")
	s.want(begun(wire.WantOwn).step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}}), "RoundDropped")
}
