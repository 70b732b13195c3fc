package sync_test

import (
	"errors"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// sentAs returns the frames of one kind among effects.
func sentAs(effects []sync.Effect, name string) (out []wire.Frame) {
	for _, e := range effects {
		if nameOf(e) == name {
			out = append(out, e.(sync.Send).Frame)
		}
	}
	return out
}

// What is with the shell is bounded in bytes and in records too. Answers make room again.
func TestBusyWithBytesAndRecords(t *testing.T) {
	const each = 60 << 10
	s := talking(t, nil, nil)
	long := write(t, direct, peer, 120, each)
	var last sync.Ticket
	bytes := 0
	for first := 1; !s.session.Busy(); first += 10 {
		if first > 111 {
			t.Fatal("never busy")
		}
		run := long.run(first, first+9)
		for i := range run.Events {
			bytes += len(run.Events[i].HeaderBytes) + len(run.Events[i].Body)
		}
		last = find[sync.Ingest](t, s.run(run)).Ticket
	}
	if bytes <= sync.WindowBytes || bytes > sync.WindowBytes+11*each {
		t.Errorf("busy with %d bytes", bytes)
	}
	s.step(sync.Stored{Ticket: last})
	if s.session.Busy() {
		t.Error("busy after an answer")
	}

	s = talking(t, nil, nil)
	var tickets []sync.Ticket
	for n := range uint64(1000) {
		if s.session.Busy() {
			break
		}
		r, err := event.NewRecord(deviceKeys[2], event.Record{Kind: 9, Counter: 1, Subject: []byte{byte(n), byte(n >> 8)}})
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, find[sync.IngestRecord](t, s.got(wire.Frame{Record: &wire.Record{Record: r}})).Ticket)
	}
	if len(tickets) != 64 {
		t.Fatalf("busy with %d records", len(tickets))
	}
	s.step(sync.Stored{Ticket: tickets[0]})
	if s.session.Busy() {
		t.Error("busy after an answer about a record")
	}
}

// Answers may come in any order: each answers its own run.
func TestAnswersAreOfTheirRuns(t *testing.T) {
	log := write(t, direct, peer, 2, 10)
	other := write(t, direct, third, 1, 10)
	s := talking(t, nil, nil)
	first := find[sync.Ingest](t, s.run(log.run(1, 2)))
	second := find[sync.Ingest](t, s.run(other.run(1, 1)))
	haves := sentAs(s.step(sync.Stored{Ticket: second.Ticket, Segments: event.Segments{other.to(1)}}), "have")
	if len(haves) != 1 || haves[0].Have.Answers != 2 || haves[0].Have.Logs[0].Device != third {
		t.Errorf("answer: %+v", haves)
	}
	s.want(s.step(sync.Stored{Ticket: second.Ticket, Segments: event.Segments{other.to(1)}})) // it has been
	haves = sentAs(s.step(sync.Stored{Ticket: first.Ticket, Segments: event.Segments{log.to(2)}}), "have")
	if len(haves) != 1 || haves[0].Have.Answers != 1 || haves[0].Have.Logs[0].Device != peer {
		t.Errorf("answer: %+v", haves)
	}
}

// A run that could not be stored ends the session, so that the peer does not take it for stored.
func TestFailureToStoreEndsTheSession(t *testing.T) {
	log := write(t, direct, peer, 1, 10)
	s := talking(t, nil, nil)
	came := find[sync.Ingest](t, s.run(log.run(1, 1)))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Err: errors.New("disk full")}), "Close")
}

// A round ends when everything of its conversation is answered that came before Settled. What came
// later or elsewhere does not matter.
func TestRoundEndsWithWhatCameBefore(t *testing.T) {
	c := sync.Conversation{ID: group, OurTag: mineTag, PeerTag: theirTag}
	s := joined(t, sync.Conversation{ID: direct}, c)
	s.offer(nil, nil)
	s.offer(theirTag, nil)
	before, elsewhere := write(t, direct, peer, 2, 10), write(t, group, peer, 1, 10)
	run := elsewhere.run(1, 1)
	run.Tag = theirTag
	find[sync.Ingest](t, s.run(run))
	first := find[sync.Ingest](t, s.run(before.run(1, 1)))
	s.want(s.got(wire.Frame{Settled: &wire.Settled{}}))
	find[sync.Ingest](t, s.run(before.run(2, 2)))
	if end := find[sync.RoundEnded](t, s.step(sync.Stored{Ticket: first.Ticket, Segments: event.Segments{before.to(1)}})); end.Conversation != direct {
		t.Errorf("%+v", end)
	}
}

// An offer is settled once, and only one that was made.
func TestSettledOfNoOffer(t *testing.T) {
	s := joined(t, sync.Conversation{ID: direct})
	s.offer(nil, nil)
	s.want(s.got(wire.Frame{Settled: &wire.Settled{Number: 1}}), "Close")
}

// A peer that is not served gets one run handed over, if it has few events and bytes.
func TestLargeOpeningIsNoRequest(t *testing.T) {
	s := newScript(t)
	s.step(sync.Joined{Conversations: []sync.Conversation{{ID: direct}}})
	large := write(t, direct, peer, 2, 43<<10)
	s.want(s.run(large.run(1, 2)))
	s.want(s.run(large.run(1, 1)), "Request")

	// Nor is it sent.
	own := write(t, direct, self, 2, 43<<10)
	s = joined(t, sync.Conversation{ID: direct, Logs: own.held(2), Opening: sync.Opening{Log: own.log, First: 1}})
	s.later(time.Hour)
	s.want(s.step(own.loaded(1, 2)))
	// Nor what is not to be had.
	s = joined(t, sync.Conversation{ID: direct, Logs: own.held(2), Opening: sync.Opening{Log: own.log, First: 1}})
	s.later(time.Hour)
	s.want(s.step(sync.Loaded{Log: own.log, Err: errors.New("no such run")}))
	// Nor where the peer has offered meanwhile.
	s = joined(t, sync.Conversation{ID: direct, Logs: own.held(2), Opening: sync.Opening{Log: own.log, First: 1}})
	s.later(time.Hour)
	s.offer(nil, nil)
	if runs := sentAs(s.step(own.loaded(1, 1)), "run"); len(runs) > 1 || len(runs) == 1 && runs[0].Run.Number == 0 {
		t.Errorf("an opening run to who has offered: %+v", runs)
	}
}

// A peer may say in an acknowledgement that it holds more of this device's own log than this device
// does, or something else.
func TestRollbackInAnAcknowledgement(t *testing.T) {
	own, other := write(t, direct, self, 5, 10), write(t, direct, self, 5, 11)
	for _, theirs := range []event.Segment{own.to(5), other.to(3)} {
		s := talking(t, own.held(3), own.held(3))
		find[sync.Rollback](t, s.have(own.log, theirs))
	}
	// And by a run.
	s := talking(t, own.held(3), own.held(3))
	find[sync.Rollback](t, s.run(own.run(4, 5)))
}

// In a group, others' messages wait longer than in a direct conversation, since many may bring
// them. Then they are read from the store once.
func TestOthersWaitLongerInGroups(t *testing.T) {
	for range 3 {
		log := ofGroup(t, third, 2)
		c := crew(t)
		s := joined(t, c)
		s.offered(wire.Offer{Locator: c.Locator})
		s.settled(0)
		s.step(log.now(1))
		s.step(log.now(2))
		loads := 0
		var after time.Duration
		for after = 0; after < 5*time.Second; after += 10 * time.Millisecond {
			for _, e := range s.later(10 * time.Millisecond) {
				if _, ok := e.(sync.Load); ok {
					loads++
					if after < 490*time.Millisecond {
						t.Errorf("after %v", after)
					}
				}
			}
		}
		if loads != 1 {
			t.Errorf("%d loads", loads)
		}
	}
}
