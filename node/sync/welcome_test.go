package sync_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
)

// Who was brought in by this node's person and does not offer the group is welcomed, once.
func TestWelcomes(t *testing.T) {
	c, welcome := crew(t), welcomed(t)
	c.Welcome = true
	loaded := sync.LoadedWelcome{Conversation: c.ID, Welcome: welcome}
	s := joined(t, sync.Conversation{ID: direct}, c)
	s.want(s.later(1999 * time.Millisecond))
	s.want(s.later(time.Millisecond), "LoadWelcome", "Wake")
	if got := find[sync.Send](t, s.step(loaded)).Frame.Welcome; got != welcome {
		t.Fatalf("sent %+v", got)
	}
	s.want(s.step(loaded))
	s.offer(nil, nil)
	s.want(s.later(time.Hour))
	s.rejoin()
	s.want(s.rejoin(sync.Conversation{ID: direct}, c), "RoundBegan", "offers")
	s.want(s.later(time.Hour))
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator}), "settled")

	// As soon as the peer has offered anything else.
	s = joined(t, sync.Conversation{ID: direct}, c)
	s.want(s.offer(nil, nil), "settled", "LoadWelcome", "Wake")
	s.want(s.step(sync.LoadedWelcome{Conversation: c.ID}))

	// Also where this node's person has gone since.
	c.Quiet = true
	s = joined(t, sync.Conversation{ID: direct}, c)
	s.want(s.offer(nil, nil), "settled", "LoadWelcome", "Wake")
	c.Quiet = false

	// Who offers it needs no welcome, and who was brought in by somebody else gets none from here.
	s = joined(t, sync.Conversation{ID: direct}, c)
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator}), "settled", "Wake")
	s.want(s.later(time.Hour))
	c.Welcome = false
	s = joined(t, sync.Conversation{ID: direct}, c)
	s.want(s.offer(nil, nil), "settled")
	s.want(s.later(time.Hour))
}

// Whoever has brought the peer into more groups than the peer takes welcomes sends no more of them: the
// peer would end the session, and every one after it.
func TestNoMoreWelcomesThanArePermitted(t *testing.T) {
	all := []sync.Conversation{{ID: direct}}
	for i := range 300 {
		c := crew(t)
		c.ID[0], c.ID[1], c.Welcome = byte(i), byte(i>>8), true
		c.OurTag, c.PeerTag = bytes.Clone(c.ID[:]), append([]byte{1}, c.ID[1:]...)
		c.PeerTag[31] = byte(i)
		all = append(all, c)
	}
	s := joined(t, all...)
	sent, welcome := 0, welcomed(t)
	for next := s.later(2 * time.Second); len(next) > 0; {
		effects := next
		next = nil
		for _, e := range effects {
			switch e := e.(type) {
			case sync.LoadWelcome:
				next = append(next, s.step(sync.LoadedWelcome{Conversation: e.Conversation, Welcome: welcome})...)
			case sync.Drain:
				next = append(next, s.step(sync.Drained{})...)
			case sync.Send:
				if e.Frame.Welcome != nil {
					sent++
				}
			}
		}
	}
	if sent != 256 {
		t.Errorf("%d welcomes", sent)
	}
	if idle, queues := s.session.Idle(); !idle {
		t.Error(queues)
	}
}

// What the peer offers by a tag that nobody has given is asked about once, and again when what is
// known has changed. Whatever it is, nothing is said to the peer.
func TestOfferIsRecognized(t *testing.T) {
	c := crew(t)
	c.Quiet = true
	s := joined(t, sync.Conversation{ID: direct})
	if asked := find[sync.Recognize](t, s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})); len(asked.Tags) != 1 || !bytes.Equal(asked.Tags[0], theirTag) {
		t.Errorf("asked %x", asked.Tags)
	}
	s.want(s.rejoin(sync.Conversation{ID: direct}), "Recognize")
	s.want(s.rejoin(sync.Conversation{ID: direct}, c), "Heeds", "offers", "settled")
	s.want(s.rejoin(sync.Conversation{ID: direct}, c))
}

// A welcome to a group that is not known here goes to the shell, and waits for room on the disk.
func TestWelcomed(t *testing.T) {
	s := talking(t, nil, nil)
	f := wire.Frame{Welcome: welcomed(t)}
	came := find[sync.IngestWelcome](t, s.got(f))
	if came.Welcome.Join.ID != f.Welcome.Join.ID {
		t.Fatalf("%+v", came)
	}
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.NoRoom}))
	came = find[sync.IngestWelcome](t, s.step(sync.Room{}))
	s.want(s.step(sync.Stored{Ticket: came.Ticket}))
	if idle, queues := s.session.Idle(); !idle {
		t.Error(queues)
	}
	c := crew(t)
	c.ID = f.Welcome.Group()
	s.rejoin(sync.Conversation{ID: direct}, c)
	s.want(s.got(f)) // it is known
}

// Too many welcomes end the session, in the same way for a peer that is served, not accepted or
// blocked, and whether the groups are known or not. Before that, what has not been dealt with is
// bounded.
func TestWelcomesAreBounded(t *testing.T) {
	f := wire.Frame{Welcome: welcomed(t)}
	for name, in := range map[string]sync.Joined{
		"served":       {Serve: true, Conversations: []sync.Conversation{{ID: direct}}},
		"not accepted": {Conversations: []sync.Conversation{{ID: direct}}},
		"blocked":      {},
	} {
		s := newScript(t)
		s.step(in)
		for n := 0; ; n++ {
			effects := s.got(f)
			if e, ok := effects[0].(sync.Close); ok {
				if n != 256 || !errors.Is(e.Reason, sync.ErrProtocol) {
					t.Errorf("%s: %d welcomes, %v", name, n, e.Reason)
				}
				break
			}
			s.want(s.step(sync.Stored{Ticket: find[sync.IngestWelcome](t, effects).Ticket}))
		}
	}
	s := talking(t, nil, nil)
	n := 0
	for ; !s.session.Busy(); n++ {
		s.got(f)
	}
	if n > sync.WindowRuns+1 {
		t.Errorf("%d welcomes are taken at once", n)
	}
}

// Control events for which there was no room among what waits come again, as runs do: the group is
// offered anew once nothing waits any more.
func TestControlEventsTurnedAwayComeAgain(t *testing.T) {
	c := crew(t)
	s := joined(t, c)
	s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator})
	var tickets []sync.Ticket
	f := wire.Frame{Control: &wire.Control{Tag: theirTag, Events: founded(t)}}
	const most = 64
	for range most + 1 {
		tickets = append(tickets, find[sync.IngestControl](t, s.got(f)).Ticket)
	}
	for _, ticket := range tickets {
		s.want(s.step(sync.NeedControl{Ticket: ticket}))
	}
	retried := s.step(sync.HeldControl{Conversation: c.ID, Locator: c.Locator})
	if len(retried) < most {
		t.Fatalf("%d effects", len(retried))
	}
	s.want(retried[most:], "RoundBegan", "offers")
}

func TestEpochs(t *testing.T) {
	c := crew(t)
	e := wire.Epoch{ID: [16]byte{1}, Key: [32]byte{2}, Control: c.Locator[:1], Age: 3}
	share := sync.ShareEpoch{Conversation: c.ID, Epoch: e}
	s := joined(t, c)
	s.want(s.step(share))
	s.want(s.offered(wire.Offer{Want: wire.WantOwn}), "LoadControl")
	sent := s.step(sync.LoadedControl{Conversation: c.ID, Events: founded(t)[:1]})
	s.want(sent, "control", "epoch", "settled")
	if got := sent[1].(sync.Send).Frame.Epoch; !bytes.Equal(got.Tag, mineTag) || got.Key != e.Key {
		t.Errorf("%+v", got)
	}
	s.want(s.step(share), "epoch")
	e.Tag = theirTag
	if got := find[sync.EpochShared](t, s.got(wire.Frame{Epoch: &e})); got.Conversation != c.ID || got.Epoch.ID != e.ID {
		t.Errorf("%+v", got)
	}
	s.want(s.got(wire.Frame{Epoch: &wire.Epoch{Tag: make32(0x30), Control: c.Locator[:1]}}), "Close")
}

// A key that was shared before the peer's offer is sent after it, also if the peer lacks nothing
// else.
func TestEpochBeforeTheOffer(t *testing.T) {
	c := crew(t)
	share := sync.ShareEpoch{Conversation: c.ID, Epoch: wire.Epoch{ID: [16]byte{1}, Key: [32]byte{2}, Control: c.Locator[:1]}}
	s := joined(t, c)
	s.want(s.step(share))
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator}), "epoch", "settled")
	s.want(s.offered(wire.Offer{Number: 1, Want: wire.WantOwn, Locator: c.Locator}), "settled")
}

func TestWantedCards(t *testing.T) {
	theirs := write(t, direct, peer, 1, 10)
	s := newScript(t)
	s.want(s.step(sync.WantCard{Person: crypto.PersonID{1}}))
	s.step(sync.Joined{Serve: true, Conversations: []sync.Conversation{{ID: direct}}})
	s.want(s.offer(nil, nil), "settled", "card request")
	s.want(s.step(sync.WantCard{Person: crypto.PersonID{2}}))
	s.want(s.step(sync.WantCard{Person: crypto.PersonID{1}}))
	came := find[sync.Ingest](t, s.run(theirs.run(1, 1)))
	s.want(s.step(sync.NeedCard{Ticket: came.Ticket, Head: crypto.Hash{3}}))
	var asked []wire.CardOf
	for range 3 {
		profile := frameNamed(t, "identity").Identity.Profile
		learn := find[sync.LearnCard](t, s.got(wire.Frame{Card: &wire.Card{Card: []byte("card"), Profile: profile}}))
		if learn.Profile == nil {
			t.Error("no profile")
		}
		asked = append(asked, learn.CardOf)
		s.step(sync.CardLearned{})
	}
	if asked[0].Person[0] != 1 || asked[1].Head[0] != 3 || asked[2].Person[0] != 2 {
		t.Errorf("asked for %v", asked)
	}
	s.want(s.step(sync.NeedCard{Ticket: came.Ticket, Head: crypto.Hash{4}}), "card request") // another one is needed as well
	for n := range 2000 {
		s.step(sync.WantCard{Person: crypto.PersonID{9, byte(n), byte(n >> 8)}})
	}
	if _, queues := s.session.Idle(); queues[12] > 1024 {
		t.Errorf("%d cards are wanted", queues[12])
	}
}

// While a group is arriving, the peer is offered it and given the join that brings this node's person in,
// unless it has that: then it says that it doesn't count, or offers the group as to any member. Then it is
// offered again, so that it knows that what is before the join is not here.
func TestJoinIsGivenToWhoLacksIt(t *testing.T) {
	c := crew(t)
	c.Quiet, c.Join = true, crypto.Hash{7}
	c.Locator = c.Locator[:1]
	begin := func() *script {
		s := newScript(t)
		s.want(s.step(sync.Joined{Serve: true, Conversations: []sync.Conversation{{ID: direct}, c}}), "Heeds", "RoundBegan", "offers")
		return s
	}
	nothing := wire.Offer{Want: wire.WantNothing, Locator: c.Locator}

	s := begin()
	if asked := find[sync.LoadControl](t, s.offered(nothing)); asked.Conversation != c.ID {
		t.Errorf("asked for %+v", asked)
	}
	sent := s.step(sync.LoadedControl{Conversation: c.ID, Events: founded(t)[1:]})
	s.want(sent, "control", "settled")
	s.want(s.step(sync.HeldControl{Conversation: c.ID, Locator: []crypto.Hash{{8}}}))
	wants := wire.Offer{Want: wire.WantOwn, Locator: []crypto.Hash{{9}}, Number: 1}
	s.want(s.offered(wants), "offers", "settled")

	s = begin()
	nothing.Void = []crypto.Hash{{6}}
	if said := find[sync.Void](t, s.offered(nothing)); said.Conversation != c.ID || len(said.Joins) != 1 || said.Joins[0] != nothing.Void[0] {
		t.Errorf("said %+v", said)
	}
	s = begin()
	nothing.Void = append(nothing.Void, c.Join)
	s.want(s.offered(nothing), "Void", "settled")
}

// What of the peer's joins doesn't count is said in the offer, and again when that changes.
func TestVoidIsSaid(t *testing.T) {
	c := crew(t)
	c.Quiet, c.Void = true, []crypto.Hash{{7}}
	s := newScript(t)
	said := func(effects []sync.Effect) []crypto.Hash {
		for _, o := range find[sync.Send](t, effects).Frame.Offers.Offers {
			if len(o.Tag) > 0 {
				return o.Void
			}
		}
		return nil
	}
	if got := said(s.step(sync.Joined{Serve: true, Conversations: []sync.Conversation{c}})); len(got) != 1 || got[0] != c.Void[0] {
		t.Errorf("said %x", got)
	}
	s.want(s.rejoin(c))
	c.Void = []crypto.Hash{{7}, {8}}
	if got := said(s.rejoin(c)); len(got) != 2 {
		t.Errorf("then %x", got)
	}
}
