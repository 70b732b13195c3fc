package sync_test

import (
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// rejoin gives the conversations anew.
func (s *script) rejoin(conversations ...sync.Conversation) []sync.Effect {
	return s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self, ownOther}, Conversations: conversations})
}

// loadControl returns what is known by the only LoadControl among effects.
func loadControl(t *testing.T, effects []sync.Effect) []crypto.Hash {
	t.Helper()
	return find[sync.LoadControl](t, effects).Known
}

// The peer of a quiet group gets at once what is new of the control set.
func TestQuietGetsControlAtOnce(t *testing.T) {
	c := crew(t)
	c.Quiet = true
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	s.want(s.step(sync.HeldControl{Conversation: c.ID, Locator: []crypto.Hash{{9}}}), "LoadControl")
}

// What the peer was sent of a control set, and what its runs name, it is known to have.
func TestKnownControl(t *testing.T) {
	c, events := crew(t), founded(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn})
	effects := s.step(sync.LoadedControl{Conversation: c.ID, Events: events[:1], More: true})
	if known := loadControl(t, effects); len(known) != 1 || known[0] != events[0].ID {
		t.Errorf("known after sending: %x", known)
	}

	theirs := ofGroup(t, peer, 1)
	theirs.events[0].Header.Control = []crypto.Hash{events[1].ID}
	run := theirs.run(1, 1)
	run.Tag = theirTag
	s = joined(t, c)
	s.offered(wire.Offer{Want: wire.WantAll, Locator: c.Locator[1:]})
	s.step(sync.LoadedControl{Conversation: c.ID})
	s.want(s.step(sync.Received{Frame: wire.Frame{Run: &run}}), "Ingest")
	effects = s.step(sync.HeldControl{Conversation: c.ID, Locator: []crypto.Hash{{9}}})
	if known := loadControl(t, effects); len(known) != 2 || known[0] != events[1].ID {
		t.Errorf("known by a run: %x", known)
	}
}

// In a group, the own person's other devices bring what they write to the same peers. In the direct
// conversation it is pushed at once.
func TestOtherDeviceOfOwner(t *testing.T) {
	log := ofGroup(t, ownOther, 2)
	c := crew(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantAll, Locator: c.Locator})
	s.want(s.step(log.now(2)), "Wake")

	log = write(t, direct, ownOther, 2, 10)
	s = talking(t, nil, nil)
	s.want(s.step(log.now(2)), "Load")
}

// A short offer that was settled is over: a full offer after that is answered by Settled alone.
func TestFullOfferAfterShortOne(t *testing.T) {
	var logs []*chain
	for i := range byte(6) {
		logs = append(logs, ofGroup(t, crypto.DeviceID{i + 1}, 2))
	}
	c := crew(t, logs...)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	s.step(sync.Compare{Conversation: c.ID})
	s.want(s.settled(1), "RoundEnded")
	var all []wire.LogSegments
	for _, l := range logs {
		all = append(all, list(l.held(2))...)
	}
	s.want(s.offered(wire.Offer{Number: 1, Want: wire.WantNow, Locator: c.Locator, Logs: all}), "settled")
}

// A round is dropped also where the peer has said Settled and an answer of the shell is lacking.
func TestEndingRoundIsDropped(t *testing.T) {
	theirs := ofGroup(t, peer, 1)
	c := crew(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	s.want(s.step(sync.Compare{Conversation: c.ID}), "RoundBegan", "offers")
	run := theirs.run(1, 1)
	run.Tag = theirTag
	s.want(s.run(run), "Ingest")
	s.want(s.settled(1))
	s.want(s.rejoin(), "RoundDropped")
}

// What is given up on without the shell may be the last that a round waits for.
func TestRoundEndsByGivingUp(t *testing.T) {
	theirs := write(t, direct, peer, 12, 60<<10)
	s := joined(t, sync.Conversation{ID: direct})
	s.offer(nil, nil)
	came := find[sync.Ingest](t, s.run(theirs.run(1, 12))) // the card comes and is of no use
	s.want(s.step(sync.NeedCard{Ticket: came.Ticket, Head: crypto.Hash{1}}), "card request")
	s.want(s.got(wire.Frame{Settled: &wire.Settled{}}))
	s.got(wire.Frame{Card: &wire.Card{}})
	s.want(s.step(sync.CardLearned{}), "Ingest")
	s.want(s.step(sync.NeedCard{Ticket: came.Ticket, Head: crypto.Hash{1}}), "refused", "RoundEnded")

	for _, need := range []func(sync.Ticket) sync.Input{ // there is no room to wait
		func(t sync.Ticket) sync.Input { return sync.NeedCard{Ticket: t, Head: crypto.Hash{1}} },
		func(t sync.Ticket) sync.Input { return sync.NeedControl{Ticket: t} },
	} {
		c := crew(t)
		s := joined(t, c, sync.Conversation{ID: direct})
		s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
		s.offer(nil, nil)
		large := write(t, c.ID, third, 12, 60<<10).run(1, 12)
		large.Tag = theirTag
		s.step(sync.NeedControl{Ticket: find[sync.Ingest](t, s.run(large)).Ticket})
		came := find[sync.Ingest](t, s.run(theirs.run(1, 12)))
		s.want(s.got(wire.Frame{Settled: &wire.Settled{}}))
		s.want(s.step(need(came.Ticket)), "refused", "RoundEnded")
	}
}

// A peer that is not served any more is not told so: it looks as if it were blocked.
func TestNotServedAnyMore(t *testing.T) {
	theirs := write(t, direct, peer, 2, 10)
	s := talking(t, nil, nil)
	s.step(sync.Joined{})
	s.want(s.run(theirs.run(1, 1)))
}

// A group that was left before the peer offered it is no reason to end the session.
func TestLeftBeforeTheOffer(t *testing.T) {
	theirs := ofGroup(t, peer, 1)
	s := joined(t, crew(t))
	s.rejoin()
	run := theirs.run(1, 1)
	run.Tag = theirTag
	s.want(s.run(run))
}

// What is stored of a log may be more than the peer brought: the rest is pushed.
func TestMoreIsStoredThanCame(t *testing.T) {
	log := write(t, direct, ownOther, 3, 10)
	s := talking(t, nil, nil)
	came := find[sync.Ingest](t, s.run(log.run(1, 1)))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{log.to(3)}}), "Acked", "have", "Load")
}

// What a device of the same person has is not reported as acknowledged.
func TestOwnDeviceAcknowledgesNothing(t *testing.T) {
	own := write(t, direct, self, 1, 10)
	s := newScript(t)
	s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self, peer}, Conversations: []sync.Conversation{{ID: direct, Logs: own.held(1)}}})
	s.want(s.offer(nil, own.held(1)), "settled")
}

// What is reported as acknowledged is bounded too, where a peer says something else each time.
func TestAcknowledgedIsBounded(t *testing.T) {
	own := write(t, direct, self, 400, 10)
	s := talking(t, own.held(400), own.held(400))
	have := func(first int) []sync.Effect {
		var pieces event.Segments
		for i := first; len(pieces) < event.MaxSegments; i += 2 {
			pieces = append(pieces, own.part(i, i))
		}
		return s.have(own.log, pieces...)
	}
	s = joined(t, sync.Conversation{ID: direct, Logs: own.held(400)})
	s.offer(nil, nil)
	find[sync.Acked](t, have(1))
	for first := 65; first < 321; first += 64 {
		find[sync.Acked](t, have(first))
	}
	find[sync.Acked](t, have(1)) // was forgotten
}

// An offer asks for what this device writes: what it lists of others is not remembered.
func TestOnlyOwnLogsOfSuchOffers(t *testing.T) {
	others := ofGroup(t, third, 2)
	c := crew(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator, Logs: list(others.held(2))})
	if n := s.session.Remembered(); n != 0 {
		t.Errorf("%d things are remembered", n)
	}
}

// An offer that is too large to be kept is kept without what it lists: the peer lacks everything.
func TestLargeOfferIsKeptWithoutLists(t *testing.T) {
	own := ofGroup(t, self, 1)
	c := crew(t, own)
	s := joined(t)
	o := wire.Offer{Want: wire.WantOwn, Logs: list(own.held(1))}
	for i := range 4096 {
		o.Records = append(o.Records, wire.RecordSummary{Kind: 1, Subject: []byte{byte(i >> 8), byte(i)}, Counter: 1})
	}
	s.want(s.offered(o), "Recognize")
	find[sync.LoadControl](t, s.rejoin(c))
	find[sync.Load](t, s.step(sync.LoadedControl{Conversation: c.ID}))
}

// Of two records with one counter, that with the higher hash is the newer one. What the peer has
// and this node gets is counted no more as known from the peer alone.
func TestRecordsOfOneCounter(t *testing.T) {
	var records [2]event.Record
	for i := range records {
		r, err := event.NewRecord(deviceKeys[4], event.Record{Kind: 9, Counter: 1, Value: []byte{byte(i)}})
		if err != nil {
			t.Fatal(err)
		}
		records[i] = r
	}
	lower, higher := records[0], records[1]
	if a, b := lower.Hash(), higher.Hash(); string(a[:]) > string(b[:]) {
		lower, higher = higher, lower
	}
	s := talking(t, nil, nil)
	s.want(s.got(wire.Frame{Record: &wire.Record{Record: lower}}), "IngestRecord")
	s.want(s.step(sync.HeldRecord{Conversation: direct, Record: lower}))
	s.want(s.step(sync.HeldRecord{Conversation: direct, Record: higher}), "record")
	s.want(s.step(sync.HeldRecord{Conversation: direct, Record: lower}))
	if n := s.session.Remembered(); n != 0 {
		t.Errorf("%d things are remembered", n)
	}
}

// A card is asked for once, so it comes once.
func TestCardComesOnce(t *testing.T) {
	s := talking(t, nil, nil)
	s.want(s.step(sync.WantCard{Person: crypto.PersonID{1}}), "card request")
	s.want(s.got(wire.Frame{Card: &wire.Card{}}), "LearnCard")
	s.want(s.got(wire.Frame{Card: &wire.Card{}}), "Close")
}

// Offers may not come before the greeting is over.
func TestOfferBeforeTheIdentity(t *testing.T) {
	offers := wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{{Store: theirStore}}}}
	s := &script{t: t, session: sync.New(sync.Config{Self: self, Peer: peer})}
	s.want(s.step(sync.Open{}), "hello")
	s.want(s.got(offers), "Close")
}

// A group that is joined again gets what has changed meanwhile, though the peer offers nothing
// anew.
func TestRecordsOfMeanwhile(t *testing.T) {
	r, err := event.NewRecord(deviceKeys[4], event.Record{Kind: 9, Counter: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := crew(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	s.rejoin()
	c.Records = []event.Record{r}
	s.want(s.rejoin(c), "offers", "record")
}

// What a peer has of a quiet group is no concern of this node.
func TestQuietAcknowledgesNothing(t *testing.T) {
	own := ofGroup(t, self, 1)
	c := crew(t, own)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	c.Quiet = true
	s.rejoin(c)
	s.want(s.got(wire.Frame{Have: &wire.Have{Tag: theirTag, Store: theirStore, Logs: list(own.held(1))}}))
}

// Of a log that only the peer has, no more pieces are remembered than a log may have.
func TestPiecesAreBounded(t *testing.T) {
	log := write(t, direct, third, 2*event.MaxPieces+20, 10)
	s := talking(t, nil, nil)
	for i := 1; i <= len(log.events); i += 2 {
		came := find[sync.Ingest](t, s.run(log.run(i, i)))
		s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.TooManySegments, Once: true}), "refused")
	}
	if n := s.session.Remembered(); n != event.MaxPieces {
		t.Errorf("%d pieces are remembered", n)
	}
}
