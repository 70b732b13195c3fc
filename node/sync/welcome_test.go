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

func TestWelcomes(t *testing.T) {
	events := founded(t)
	c := crew(t)
	s := joined(t, sync.Conversation{ID: direct}, c)
	s.offer(nil, nil)
	s.want(s.later(1999 * time.Millisecond))
	load := find[sync.LoadControl](t, s.later(time.Millisecond))
	if load.Known != nil {
		t.Fatalf("%+v", load)
	}
	s.want(s.step(sync.LoadedControl{Conversation: c.ID, Events: events[:1], More: true}), "welcome", "LoadControl")
	s.want(s.step(sync.LoadedControl{Conversation: c.ID, Events: events[1:]}), "welcome")
	s.want(s.later(time.Hour))
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator}), "settled")

	// Who invited does not wait, but for the peer's first offers.
	c.Welcome = true
	s = joined(t, sync.Conversation{ID: direct}, c)
	s.want(s.offer(nil, nil), "settled", "LoadControl", "Wake")

	// Who offers it needs no welcome.
	s = joined(t, sync.Conversation{ID: direct}, c)
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator}), "settled", "Wake")
	s.want(s.later(time.Hour))

	// Nor does who is out.
	c.Quiet = true
	s = joined(t, sync.Conversation{ID: direct}, c)
	s.offer(nil, nil)
	s.want(s.later(time.Hour))

	// The other way round.
	s = talking(t, nil, nil)
	first, second := wire.Frame{Welcome: &wire.Control{Events: events[:1]}}, wire.Frame{Welcome: &wire.Control{Events: events[1:]}}
	one := find[sync.IngestControl](t, s.got(first))
	if one.Conversation != c.ID {
		t.Fatalf("%+v", one)
	}
	two := find[sync.IngestControl](t, s.got(second))
	s.want(s.step(sync.NeedCard{Ticket: one.Ticket, Head: crypto.Hash{1}}), "card request")
	s.want(s.step(sync.NeedControl{Ticket: two.Ticket}))
	s.want(s.got(wire.Frame{Card: &wire.Card{Card: []byte("card")}}), "LearnCard")
	s.want(s.step(sync.CardLearned{}), "IngestControl")
	s.want(s.step(sync.Stored{Ticket: one.Ticket}))
	s.want(s.step(sync.HeldControl{Conversation: c.ID, Locator: c.Locator[1:]}), "IngestControl")
	s.want(s.step(sync.Stored{Ticket: two.Ticket}))
	if idle, queues := s.session.Idle(); !idle {
		t.Error(queues)
	}
}

func TestWelcomesAreBounded(t *testing.T) {
	s := talking(t, nil, nil)
	f := wire.Frame{Welcome: &wire.Control{Events: founded(t)}}
	for n := 0; ; n++ {
		effects := s.got(f)
		if e, ok := effects[0].(sync.Close); ok {
			if n != 256 || !errors.Is(e.Reason, sync.ErrProtocol) {
				t.Errorf("%d welcomes, %v", n, e.Reason)
			}
			return
		}
		s.want(s.step(sync.Stored{Ticket: find[sync.IngestControl](t, effects).Ticket, Refused: wire.NotPermitted}))
	}
}

func TestEpochs(t *testing.T) {
	c := crew(t)
	e := wire.Epoch{ID: [16]byte{1}, Key: [32]byte{2}, Control: c.Locator[:1], Age: 3}
	share := sync.ShareEpoch{Conversation: c.ID, Epoch: e}
	s := joined(t, c)
	s.want(s.step(share))
	s.want(s.offered(wire.Offer{Want: wire.WantOwn}), "LoadControl", "Wake")
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
	s.want(s.offered(wire.Offer{Want: wire.WantOwn, Locator: c.Locator}), "epoch", "settled", "Wake")
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
