package sync_test

import (
	"slices"
	"testing"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// A peer whose disk is full gets nothing more, in any log, until it stores something or offers. The
// session stays, and what was refused goes again.
func TestNothingIsPushedToAFullDisk(t *testing.T) {
	a, b := write(t, direct, self, 3, 10), write(t, direct, ownOther, 2, 10)
	for _, again := range []struct {
		name string
		in   func(*script) []sync.Effect
		want []string
	}{
		{"an acknowledgement", func(s *script) []sync.Effect { return s.have(b.log, b.to(1)) }, []string{"Refusal", "Acked", "Load", "Wake"}},
		{"an offer", func(s *script) []sync.Effect { return s.offer(nil, nil) }, []string{"Refusal", "Load", "Load"}},
	} {
		t.Run(again.name, func(t *testing.T) {
			s := talking(t, nil, nil)
			s.step(a.now(1))
			run := sentRun(t, s.step(a.loaded(1, 1)))
			s.want(s.step(a.now(2)), "Load")
			full := wire.Frame{Refused: &wire.Refused{Reason: wire.NoRoom, Run: run.Number}}
			if why := find[sync.Refusal](t, s.got(full)); why != (sync.Refusal{Reason: wire.NoRoom}) {
				t.Errorf("told %+v", why)
			}
			s.want(s.step(a.loaded(2, 2))) // read before: not sent
			s.want(s.step(b.now(1)))

			effects := again.in(s)
			s.want(effects, again.want...)
			if why := find[sync.Refusal](t, effects); why != (sync.Refusal{}) {
				t.Errorf("told %+v", why)
			}
			if !slices.Contains(effects, sync.Effect(sync.Load{Log: a.log, First: 1, Events: 2, Bytes: event.MaxRunSent})) {
				t.Errorf("what was refused does not go again: %v", effects)
			}
		})
	}
}

// Without room, a run is refused by its number alone, and a record waits. When there is room, the
// record is tried again, and an offer brings the run.
func TestFullDiskTakesLater(t *testing.T) {
	theirs := write(t, direct, peer, 2, 10)
	s := talking(t, nil, nil)
	came := find[sync.Ingest](t, s.run(theirs.run(1, 2)))
	effects := s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.NoRoom})
	s.want(effects, "refused")
	if r := *effects[0].(sync.Send).Frame.Refused; r.Reason != wire.NoRoom || r.Run != 1 || r.Tag != nil || r.Device != (event.Log{}).Device {
		t.Errorf("says %+v", r)
	}
	r, err := event.NewRecord(deviceKeys[2], event.Record{Kind: 9, Counter: 1})
	if err != nil {
		t.Fatal(err)
	}
	record := find[sync.IngestRecord](t, s.got(wire.Frame{Record: &wire.Record{Record: r}}))
	s.want(s.step(sync.Stored{Ticket: record.Ticket, Refused: wire.NoRoom}))

	s.want(s.step(sync.Room{}), "IngestRecord", "RoundBegan", "offers")
	s.want(s.step(sync.Room{})) // nothing was refused since
	s.want(s.run(theirs.run(1, 2)), "Ingest")
}

// Where the shell says that there is room, or that somebody was accepted, before it says that something found
// none, it may have looked before that. So what it refused is offered again, once.
func TestNoRoomThatIsOutOfDate(t *testing.T) {
	room := func(s *script) []sync.Effect { return s.step(sync.Room{}) }
	rejoin := func(s *script) []sync.Effect { return s.rejoin(sync.Conversation{ID: direct}) }
	for _, when := range []struct {
		name  string
		in    func(*script) []sync.Effect
		why   wire.Reason
		later []string // where the shell looks after that
	}{
		{"room on the disk", room, wire.NoRoom, []string{"refused", "RoundDropped"}},
		{"room for strangers", room, wire.OverBudget, []string{"refused"}},
		{"accepted", rejoin, wire.OverBudget, []string{"refused"}},
	} {
		t.Run(when.name, func(t *testing.T) {
			theirs := write(t, direct, peer, 3, 10)
			s := talking(t, nil, nil)
			first := find[sync.Ingest](t, s.run(theirs.run(1, 1)))
			second := find[sync.Ingest](t, s.run(theirs.run(2, 2)))
			s.want(when.in(s))
			third := find[sync.Ingest](t, s.run(theirs.run(3, 3)))
			s.want(s.step(sync.Stored{Ticket: first.Ticket, Refused: when.why}), "refused")
			s.want(s.step(sync.Stored{Ticket: second.Ticket, Refused: when.why}), "refused", "RoundBegan", "offers")
			s.want(s.step(sync.Stored{Ticket: third.Ticket, Refused: when.why}), when.later...)
		})
	}
	t.Run("a record", func(t *testing.T) {
		r, err := event.NewRecord(deviceKeys[2], event.Record{Kind: 9, Counter: 1})
		if err != nil {
			t.Fatal(err)
		}
		s := talking(t, nil, nil)
		came := find[sync.IngestRecord](t, s.got(wire.Frame{Record: &wire.Record{Record: r}}))
		s.want(s.step(sync.Room{}))
		s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.NoRoom}), "IngestRecord")
		s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.NoRoom}))
		s.want(s.step(sync.Room{}), "IngestRecord")
	})
	t.Run("stored", func(t *testing.T) { // what has found room is no reason to try anything again
		theirs := write(t, direct, peer, 1, 10)
		r, err := event.NewRecord(deviceKeys[2], event.Record{Kind: 9, Counter: 1})
		if err != nil {
			t.Fatal(err)
		}
		s := talking(t, nil, nil)
		run := find[sync.Ingest](t, s.run(theirs.run(1, 1)))
		s.want(s.step(sync.Room{}))
		record := find[sync.IngestRecord](t, s.got(wire.Frame{Record: &wire.Record{Record: r}}))
		s.want(s.step(sync.Stored{Ticket: record.Ticket, Refused: wire.NoRoom}))
		s.want(s.step(sync.Stored{Ticket: run.Ticket, Segments: event.Segments{theirs.to(1)}}), "have")
	})
}

// A round in which something found no room has not brought everything.
func TestRoundWithoutRoomIsDropped(t *testing.T) {
	theirs := write(t, direct, peer, 1, 10)
	s := joined(t, sync.Conversation{ID: direct})
	s.want(s.offer(nil, nil), "settled")
	came := find[sync.Ingest](t, s.run(theirs.run(1, 1)))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.NoRoom}), "refused", "RoundDropped")
	s.want(s.got(wire.Frame{Settled: &wire.Settled{}}))
}

// The proof that a log is forked goes again where there was no room for it.
func TestProofOfForkGoesAgain(t *testing.T) {
	ours, other := write(t, direct, third, 3, 10), write(t, direct, third, 3, 11)
	s := joined(t, sync.Conversation{ID: direct, Logs: ours.held(3)})
	s.want(s.offer(nil, other.held(3)), "Load")
	run := sentRun(t, s.step(ours.loaded(3, 3)))
	s.got(wire.Frame{Refused: &wire.Refused{Reason: wire.NoRoom, Run: run.Number}})
	if load := find[sync.Load](t, s.have(ours.log, other.to(3))); load.First != 3 {
		t.Errorf("loads from %d", load.First)
	}
}

// A peer that has left the conversation of a refused run, before there was room again, is offered
// another one: it pushes nothing anywhere until it gets an offer.
func TestRoomIsToldWhereTheConversationWasLeft(t *testing.T) {
	theirs, c := ofGroup(t, peer, 1), crew(t)
	s := joined(t, sync.Conversation{ID: direct}, c)
	s.offer(nil, nil)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	run := theirs.run(1, 1)
	run.Tag = theirTag
	came := find[sync.Ingest](t, s.run(run))
	s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.NoRoom})
	s.rejoin(sync.Conversation{ID: direct})
	if o := offerIn(t, s.step(sync.Room{})); len(o.Tag) != 0 {
		t.Errorf("offers %x", o.Tag)
	}
	s.want(s.step(sync.Room{})) // nothing was refused since
}

// A peer that has room again is believed by any offer, also of a group that was left here, and by any
// Have, also of a group that is quiet.
func TestRoomIsHeardInAnyGroup(t *testing.T) {
	a, c, other := write(t, direct, self, 1, 10), crew(t), ofGroup(t, peer, 1)
	quiet := c
	quiet.Quiet = true
	for _, again := range []struct {
		name   string
		joined []sync.Conversation
		in     func(*script) []sync.Effect
	}{
		{"an offer", []sync.Conversation{{ID: direct}}, func(s *script) []sync.Effect {
			return s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
		}},
		{"an acknowledgement", []sync.Conversation{{ID: direct}, quiet}, func(s *script) []sync.Effect {
			return s.got(wire.Frame{Have: &wire.Have{Tag: theirTag, Store: theirStore, Logs: list(other.held(1))}})
		}},
	} {
		t.Run(again.name, func(t *testing.T) {
			s := joined(t, sync.Conversation{ID: direct}, c)
			s.offer(nil, nil)
			s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
			s.rejoin(again.joined...)
			s.step(a.now(1))
			run := sentRun(t, s.step(a.loaded(1, 1)))
			s.got(wire.Frame{Refused: &wire.Refused{Reason: wire.NoRoom, Run: run.Number}})
			s.want(again.in(s), "Refusal", "Load")
		})
	}
}

// Of the records that wait for room, those are forgotten that newer ones replace: the newest is not
// lost for being the last.
func TestNewestRecordWaitsForRoom(t *testing.T) {
	const records = 100 // more than wait at once
	s := talking(t, nil, nil)
	for n := range uint64(records) {
		r, err := event.NewRecord(deviceKeys[2], event.Record{Kind: 9, Counter: n + 1})
		if err != nil {
			t.Fatal(err)
		}
		record := find[sync.IngestRecord](t, s.got(wire.Frame{Record: &wire.Record{Record: r}}))
		s.step(sync.Stored{Ticket: record.Ticket, Refused: wire.NoRoom})
	}
	effects := s.step(sync.Room{})
	s.want(effects, "IngestRecord")
	if r := find[sync.IngestRecord](t, effects).Record; r.Counter != records {
		t.Errorf("tries record %d again", r.Counter)
	}
}

// Control events for which there is neither room on the disk nor a place to wait come again by an
// offer.
func TestControlPastTheBoundComesAgain(t *testing.T) {
	c := crew(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	for range 100 { // more than wait at once
		events := find[sync.IngestControl](t, s.got(wire.Frame{Control: &wire.Control{Tag: theirTag, Events: founded(t)}}))
		s.step(sync.Stored{Ticket: events.Ticket, Refused: wire.NoRoom})
	}
	if o := offerIn(t, s.step(sync.Room{})); o.Want == wire.WantNothing {
		t.Error("asks for nothing")
	}
}
