package sync_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// crew is a group of which this node holds some logs, and both its control events.
func crew(t *testing.T, logs ...*chain) sync.Conversation {
	events := founded(t)
	c := sync.Conversation{ID: events[0].Header.Conversation, OurTag: mineTag, PeerTag: theirTag,
		Locator: []crypto.Hash{events[1].ID, events[0].ID}, Logs: map[event.Log]event.Segments{}}
	for _, l := range logs {
		maps.Copy(c.Logs, l.held(len(l.events)))
	}
	return c
}

func ofGroup(t *testing.T, device crypto.DeviceID, n int) *chain {
	return write(t, founded(t)[0].Header.Conversation, device, n, 10)
}

// offered has the peer offer the group.
func (s *script) offered(o wire.Offer) []sync.Effect {
	s.t.Helper()
	o.Tag, o.Store = theirTag, theirStore
	return s.got(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{o}}})
}

func (s *script) settled(number uint64) []sync.Effect {
	s.t.Helper()
	return s.got(wire.Frame{Settled: &wire.Settled{Tag: theirTag, Number: number}})
}

func offerIn(t *testing.T, effects []sync.Effect) wire.Offer {
	t.Helper()
	for _, e := range effects {
		if send, ok := e.(sync.Send); ok && send.Frame.Offers != nil {
			return send.Frame.Offers.Offers[len(send.Frame.Offers.Offers)-1]
		}
	}
	t.Fatalf("no offer in %v", effects)
	panic("unreachable")
}

// Members who do not follow each other tell each other what they write and nothing else.
func TestMembersMeet(t *testing.T) {
	own, theirs, others := ofGroup(t, self, 2), ofGroup(t, peer, 3), ofGroup(t, third, 4)
	c := crew(t, theirs, others)
	c.Logs[own.log] = event.Segments{own.to(1)}
	s := newScript(t)
	o := offerIn(t, s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{c}}))
	if o.Want != wire.WantOwn || len(o.Logs) != 1 || o.Logs[0].Device != peer || len(o.Locator) != 2 {
		t.Fatalf("%+v", o)
	}
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator, Logs: list(own.held(1))}), "Acked", "settled")
	s.want(s.settled(0))
	s.want(s.step(others.now(4)))
	s.want(s.step(own.now(2)), "Load")
	s.want(s.step(own.loaded(2, 2)), "run")
	s.want(s.got(wire.Frame{Have: &wire.Have{Tag: theirTag, Store: theirStore, Logs: list(own.held(2))}}), "Acked")

	// What somebody else brings is no news for this peer, and nothing of it is told.
	more := ofGroup(t, third, 5)
	s.want(s.step(more.now(5)))
	s.want(s.later(time.Hour))

	// Once the peer follows, it gets that too.
	s.want(s.offered(wire.Offer{Number: 1, Want: wire.WantAll, Locator: c.Locator, Logs: list(more.held(4))}), "Heeds", "Load", "Load")
	s.want(s.step(theirs.loaded(1, 3)), "run")
	s.want(s.step(more.loaded(5, 5)), "run", "settled")
}

// What others write waits for somebody else to bring it: each part for itself, so that what has just come is not
// pushed along with what has waited.
func TestPauses(t *testing.T) {
	const pause, step = 500 * time.Millisecond, 125 * time.Millisecond
	others := ofGroup(t, third, 9)
	c := crew(t, others)
	c.Logs = nil
	s := newScript(t)
	s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{c}})
	s.offered(wire.Offer{Want: wire.WantAll, Locator: c.Locator})
	load := func(effects []sync.Effect, first uint64, n int) {
		t.Helper()
		if l := find[sync.Load](t, effects); l.First != first || l.Events != n {
			t.Errorf("loads %d from %d, want %d from %d", l.Events, l.First, n, first)
		}
	}
	s.step(others.now(1))
	s.later(step - time.Millisecond)
	s.step(others.now(2)) // as if it had come with the first
	s.later(step)
	s.step(others.now(4))
	s.later(step)
	s.step(others.now(5))
	s.want(s.later(pause - 3*step))
	load(s.later(time.Millisecond), 1, 2) // and not what came later
	s.want(s.step(others.loaded(1, 2)), "run")
	s.later(step - time.Millisecond)
	s.step(others.now(6))
	s.got(wire.Frame{Have: &wire.Have{Tag: theirTag, Store: theirStore, Logs: list(others.held(4))}}) // somebody else has brought it
	s.want(s.later(step), "Wake")
	s.got(wire.Frame{Have: &wire.Have{Tag: theirTag, Store: theirStore, Logs: list(others.held(4))}}) // nothing new
	if n := s.session.Delayed(); n != 2 {
		t.Errorf("%d pauses of two parts", n)
	}
	load(s.later(step), 5, 1)
	s.step(others.now(9)) // while it is read
	s.want(s.step(others.loaded(5, 5)), "run")
	load(s.later(time.Hour), 6, 4)
	s.want(s.step(others.loaded(6, 9)), "run")
	s.want(s.later(time.Hour))
}

// What comes while a part of the log is read, or can't be pushed, is told, and has its pause.
func TestPauseOfTheRest(t *testing.T) {
	others := ofGroup(t, third, 9)
	c := crew(t, others)
	c.Logs = nil
	c.Follow = true
	s := newScript(t)
	s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{c}})
	s.offered(wire.Offer{Want: wire.WantAll, Locator: c.Locator})
	s.step(others.now(1))
	s.want(s.later(250*time.Millisecond), "have", "Wake")
	s.want(s.later(250*time.Millisecond), "Load", "Wake")
	s.want(s.step(others.now(2)), "Wake")
	have := s.later(250 * time.Millisecond)
	s.want(have, "have", "Wake")
	run := sentRun(t, s.step(others.loaded(1, 1)))

	s.step(others.now(3))
	s.later(time.Second)
	s.got(wire.Frame{Refused: &wire.Refused{Reason: wire.NoRoom, Run: run.Number}})
	s.step(others.loaded(2, 3)) // is not sent: there is no room
	s.step(others.now(4))
	s.want(s.later(time.Second), "have", "Wake")
	s.want(s.got(wire.Frame{Have: &wire.Have{Tag: theirTag, Store: theirStore, Logs: list(others.held(3))}}), "Refusal", "Wake")
	if l := find[sync.Load](t, s.later(500*time.Millisecond)); l.First != 4 {
		t.Errorf("loads from %d", l.First)
	}
}

// A session heeds what others write in a group where it is followed, or follows, and in no other.
func TestHeeds(t *testing.T) {
	heeds := func(effects []sync.Effect, want ...bool) {
		t.Helper()
		var got []bool
		for _, e := range effects {
			if h, is := e.(sync.Heeds); is {
				got = append(got, h.On)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	c := crew(t, ofGroup(t, third, 4))
	s := newScript(t)
	join := func(c sync.Conversation) []sync.Effect {
		return s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{c}})
	}
	offered := func(want wire.Want) []sync.Effect { return s.offered(wire.Offer{Want: want, Locator: c.Locator}) }
	followed := c
	followed.Follow = true
	heeds(join(followed), false)       // nothing moves before the peer has offered it too
	heeds(offered(wire.WantOwn), true) // this node follows
	heeds(join(c), false)              // no more
	heeds(offered(wire.WantNow))       // what is here now, and nothing that comes
	heeds(offered(wire.WantAll), true) // the peer follows
	heeds(join(followed))              // both do
	heeds(offered(wire.WantOwn))       // this node still does
	heeds(s.step(sync.Follow{Conversation: c.ID}), false)
	heeds(s.step(sync.Follow{Conversation: c.ID, On: true}), true)
	quiet := followed
	quiet.Quiet = true
	heeds(join(quiet), false)
	heeds(join(followed), true)
	heeds(s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}}), false) // left
}

func TestShortOffers(t *testing.T) {
	var logs []*chain
	for i := range byte(6) {
		logs = append(logs, ofGroup(t, crypto.DeviceID{i + 1}, 2))
	}
	c := crew(t, logs...)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	short := offerIn(t, s.step(sync.Compare{Conversation: c.ID}))
	if short.Digest == nil || short.Logs != nil || short.Want != wire.WantNow || short.Number != 1 {
		t.Fatalf("%+v", short)
	}
	s.want(s.settled(0))
	s.want(s.settled(1), "RoundEnded")
	s.want(s.settled(1), "Close")

	// The same at the peer: nothing to say. Another thing: everything is said, by both.
	s = joined(t, c)
	s.want(s.offered(wire.Offer{Want: wire.WantNow, Locator: c.Locator, Digest: short.Digest}), "settled")
	answer := s.offered(wire.Offer{Number: 1, Want: wire.WantNow, Locator: c.Locator, Digest: &crypto.Hash{1}})
	s.want(answer, "RoundBegan", "offers")
	if o := offerIn(t, answer); len(o.Logs) != 6 || o.Want != wire.WantNow {
		t.Errorf("%+v", o)
	}
	s.want(s.settled(1), "RoundEnded")
	all := offerIn(t, answer).Logs
	s = joined(t, c)
	s.offered(wire.Offer{Want: wire.WantNow, Locator: c.Locator, Digest: &crypto.Hash{1}})
	s.want(s.offered(wire.Offer{Number: 1, Want: wire.WantNow, Locator: c.Locator, Logs: all[1:]}), "Load")

	// Asked first, the full answer is answered in full.
	s = joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	s.want(s.step(sync.Follow{Conversation: c.ID, On: true}), "Heeds", "RoundBegan", "offers")
	s.want(s.step(sync.Follow{Conversation: c.ID, On: true}))
	s.want(s.offered(wire.Offer{Number: 1, Want: wire.WantNow, Locator: c.Locator, Logs: all}), "RoundBegan", "offers", "settled")
	s.want(s.settled(0))
	s.want(s.settled(2), "RoundEnded")
	if o := offerIn(t, s.step(sync.Follow{Conversation: c.ID})); o.Want != wire.WantOwn {
		t.Errorf("%+v", o)
	}
}

// Control events are sent before what was written under them.
func TestControlFirst(t *testing.T) {
	own := ofGroup(t, self, 2)
	c := crew(t)
	events := founded(t)
	s := joined(t, c)
	load := find[sync.LoadControl](t, s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator[1:]}))
	if len(load.Known) != 1 || load.Known[0] != events[0].ID {
		t.Fatalf("%+v", load)
	}
	s.want(s.step(own.now(1)))
	s.want(s.step(sync.LoadedControl{Conversation: c.ID, Events: events[1:], More: true}), "control", "LoadControl")
	s.want(s.step(sync.LoadedControl{Conversation: c.ID}), "settled", "Load")
	s.want(s.step(own.loaded(1, 1)), "run")

	// Who does not follow gets more of it when it is needed, who does at once.
	newer := append([]crypto.Hash{{7}}, c.Locator...)
	s.want(s.step(sync.HeldControl{Conversation: c.ID, Locator: newer}))
	s.want(s.step(own.now(2)), "LoadControl")
	s.want(s.step(sync.LoadedControl{Conversation: c.ID}), "Load")
	s.want(s.step(own.loaded(2, 2)), "run")
	s.want(s.offered(wire.Offer{Number: 1, Locator: newer}), "Heeds", "settled")
	s.want(s.step(sync.HeldControl{Conversation: c.ID, Locator: append([]crypto.Hash{{8}}, newer...)}), "LoadControl")

	// What it brings itself is not pushed back.
	s = joined(t, c)
	s.offered(wire.Offer{Locator: c.Locator[1:]})
	s.step(sync.LoadedControl{Conversation: c.ID})
	came := s.got(wire.Frame{Control: &wire.Control{Tag: theirTag, Events: events[1:]}})
	s.want(came, "IngestControl")
	load = find[sync.LoadControl](t, s.step(sync.HeldControl{Conversation: c.ID, Locator: []crypto.Hash{{9}, events[1].ID}}))
	if load.Known[0] != events[1].ID {
		t.Errorf("%+v", load)
	}
	s.want(s.step(sync.Stored{Ticket: find[sync.IngestControl](t, came).Ticket}))
}

// If the peer could not take a control event that was sent, its next offer lacks it, and the event
// is sent again.
func TestControlThatWasNotTakenIsSentAgain(t *testing.T) {
	c := crew(t)
	events := founded(t)
	s := joined(t, c)
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator[1:]}), "LoadControl")
	s.want(s.step(sync.LoadedControl{Conversation: c.ID, Events: events[1:]}), "control", "settled")
	load := find[sync.LoadControl](t, s.offered(wire.Offer{Number: 1, Want: wire.WantOwn, Locator: c.Locator[1:]}))
	if len(load.Known) != 1 || load.Known[0] != events[0].ID {
		t.Fatalf("%+v", load)
	}
}

// What waits for control events is tried again when there are more. Only a bounded amount waits.
func TestNeedControl(t *testing.T) {
	theirs := ofGroup(t, peer, 100)
	c := crew(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	run := func(n int) []sync.Effect {
		r := theirs.run(n, n)
		r.Tag = theirTag
		return s.run(r)
	}
	came := find[sync.Ingest](t, run(1))
	s.want(s.step(sync.NeedControl{Ticket: came.Ticket}))
	s.want(s.step(sync.HeldControl{Conversation: direct, Locator: c.Locator}))
	s.want(s.step(sync.HeldControl{Conversation: c.ID, Locator: c.Locator}), "Ingest")
	s.want(s.step(sync.NeedControl{Ticket: came.Ticket}))
	s.want(s.step(sync.HeldControl{Conversation: c.ID, Locator: c.Locator}), "Ingest")
	s.want(s.step(sync.HeldControl{Conversation: c.ID, Locator: c.Locator})) // overtakes the answer
	s.want(s.step(sync.NeedControl{Ticket: came.Ticket}), "Ingest")
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{theirs.to(1)}}), "Brings", "have")
	for n := 2; n <= 65; n++ {
		s.want(s.step(sync.NeedControl{Ticket: find[sync.Ingest](t, run(n)).Ticket}))
	}
	s.want(s.step(sync.NeedControl{Ticket: find[sync.Ingest](t, run(66)).Ticket}), "Brings", "refused")
	s.want(run(67), "Ingest") // only the one is refused
}

// Of a run that reaches past where its log ends for good, the part before that end is taken.
func TestCut(t *testing.T) {
	theirs := ofGroup(t, peer, 5)
	c := crew(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	r := theirs.run(1, 5)
	r.Tag = theirTag
	came := find[sync.Ingest](t, s.run(r))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{theirs.to(3)}, Refused: wire.NotPermitted}), "have", "refused")

	// What is not for the peer is passed over.
	own := ofGroup(t, self, 9)
	c.Logs = own.held(9)
	s = joined(t, c)
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator}), "Load")
	s.want(s.step(own.loaded(4, 5)), "run", "Load")
	s.want(s.step(sync.Loaded{Log: own.log}), "settled")
	if load := find[sync.Load](t, s.step(ofGroup(t, self, 10).now(10))); load.First != 10 {
		t.Errorf("%+v", load)
	}
}

// A member who was out for a while gets what was said before and after, and nothing of what was
// said between.
func TestWhatIsBetweenIsPassedOver(t *testing.T) {
	own := ofGroup(t, self, 9)
	c := crew(t)
	c.Logs = own.held(9)
	s := joined(t, c)
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator}), "Load")
	s.want(s.step(own.loaded(1, 3)), "run", "Load")
	apart := own.loaded(4, 5)
	apart.Apart = true
	if load := find[sync.Load](t, s.step(apart)); load.First != 6 {
		t.Errorf("%+v", load)
	}
	s.want(s.step(own.loaded(6, 9)), "run", "settled")
	if load := find[sync.Load](t, s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator, Number: 1})); load.First != 4 {
		t.Errorf("in the next round: %+v", load) // it may be for the peer by then
	}
	s.want(s.step(apart), "settled")

	// It may be what proves a fork.
	forked := ofGroup(t, third, 3)
	c.Logs = forked.held(3)
	s = joined(t, c)
	theirs := event.Segments{{First: 1, Last: 3, ID: event.ID{1}}}
	logs := []wire.LogSegments{{Device: third, Instance: forked.log.Instance, Segments: theirs}}
	if load := find[sync.Load](t, s.offered(wire.Offer{Locator: c.Locator, Logs: logs})); load.First != 3 {
		t.Errorf("%+v", load)
	}
	apart = forked.loaded(3, 3)
	apart.Apart = true
	s.want(s.step(apart), "settled")
}

// When one of the two is no member any more, control events are exchanged and nothing else.
func TestQuiet(t *testing.T) {
	own, theirs := ofGroup(t, self, 3), ofGroup(t, peer, 3)
	c := crew(t, own)
	s := joined(t, c)
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator}), "Load")
	r := theirs.run(1, 1)
	r.Tag = theirTag
	came := find[sync.Ingest](t, s.run(r))
	c.Quiet = true
	out := sync.Joined{Serve: true, Conversations: []sync.Conversation{c}}
	effects := s.step(out)
	if o := offerIn(t, effects); o.Want != wire.WantNothing || o.Logs != nil || o.Records != nil || len(o.Locator) != 2 {
		t.Errorf("%+v", o)
	}
	s.want(s.step(own.loaded(1, 3)))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{theirs.to(1)}}), "refused")
	s.want(s.run(r), "refused")
	s.want(s.step(ofGroup(t, self, 4).now(4)))
	s.want(s.offered(wire.Offer{Number: 1, Locator: c.Locator, Logs: list(theirs.held(3))}), "settled")
	s.want(s.offered(wire.Offer{Number: 2, Locator: c.Locator, Digest: &crypto.Hash{}}), "settled")
	s.want(s.step(sync.Compare{Conversation: c.ID}))
	s.want(s.step(sync.ShareEpoch{Conversation: c.ID, Epoch: wire.Epoch{Control: c.Locator}}))
	s.want(s.step(sync.HeldControl{Conversation: c.ID, Locator: c.Locator[1:]}), "LoadControl")
	s.want(s.step(sync.LoadedControl{Conversation: c.ID, Events: founded(t)[1:]}), "control")
	if idle, queues := s.session.Idle(); !idle {
		t.Error(queues)
	}

	// In again, everything begins anew: also where the peer comes back.
	c.Quiet = false
	s.want(s.step(sync.Joined{Serve: true, Conversations: []sync.Conversation{c}}), "LoadControl", "Heeds", "offers")
	s.want(s.offered(wire.Offer{Number: 3, Want: wire.WantNothing, Locator: c.Locator}), "Heeds")
	s.want(s.step(sync.LoadedControl{Conversation: c.ID}), "settled")
	s.want(s.offered(wire.Offer{Number: 4, Want: wire.WantOwn, Locator: c.Locator}), "offers", "Load")
}

func TestControlOutOfPlace(t *testing.T) {
	c := crew(t)
	for name, f := range map[string]wire.Frame{
		"not offered":   {Control: &wire.Control{Tag: make32(0x30), Events: founded(t)}},
		"not opened":    {Control: &wire.Control{Tag: theirTag, Events: founded(t)}},
		"epoch of none": {Epoch: &wire.Epoch{Tag: theirTag, Control: c.Locator[:1]}},
	} {
		s := joined(t, c)
		if end := find[sync.Close](t, s.got(f)); !errors.Is(end.Reason, sync.ErrProtocol) {
			t.Errorf("%s: %v", name, end.Reason)
		}
	}
	s := joined(t, sync.Conversation{ID: group, OurTag: mineTag, PeerTag: theirTag})
	s.offer(theirTag, nil)
	s.want(s.got(wire.Frame{Control: &wire.Control{Tag: theirTag, Events: founded(t)}}), "Close")

	// A flood of them is read no further than it is dealt with.
	s = joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	for n := 0; !s.session.Busy(); n++ {
		if n > sync.WindowRuns {
			t.Fatal("not busy")
		}
		s.want(s.got(wire.Frame{Control: &wire.Control{Tag: theirTag, Events: founded(t)}}), "IngestControl")
	}
}
