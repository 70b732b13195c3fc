package sync_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// mostAtOnce bounds the bytes that are sent before Drained, runs and answers aside: see
// sync.PaceBytes.
const mostAtOnce = sync.PaceBytes + wire.MaxFrame + 256<<10

// gauge is a peer that gets what was sent only when nothing else is sent any more. It measures how
// much is sent until then.
type gauge struct {
	*script
	control  func(sync.LoadControl) sync.LoadedControl
	frames   []wire.Frame
	sent     int // bytes since the last Drained
	draining bool
}

func newGauge(s *script) *gauge {
	return &gauge{script: s, control: func(e sync.LoadControl) sync.LoadedControl {
		return sync.LoadedControl{Conversation: e.Conversation}
	}}
}

// take answers what is asked of the shell, but for Drain, and holds the session to its pace.
func (g *gauge) take(effects []sync.Effect) {
	g.t.Helper()
	for _, e := range effects {
		switch e := e.(type) {
		case sync.Send:
			g.frames = append(g.frames, e.Frame)
			g.sent += len(e.Frame.Marshal())
			if g.sent > mostAtOnce {
				g.t.Fatalf("%d bytes wait to be written", g.sent)
			}
		case sync.LoadControl:
			g.take(g.step(g.control(e)))
		case sync.Drain:
			g.draining = true
		case sync.Close:
			g.t.Fatal(e.Reason)
		}
	}
}

// drain has all arrive, for some seconds, after which nothing waits any more.
func (g *gauge) drain() {
	g.t.Helper()
	for range 10 {
		for g.draining {
			g.draining, g.sent = false, 0
			g.take(g.step(sync.Drained{}))
		}
		g.sent = 0
		g.take(g.later(time.Second))
	}
	if idle, queues := g.session.Idle(); !idle {
		g.t.Fatal(queues)
	}
}

// listed returns how many logs were listed in offers and Have.
func (g *gauge) listed() (offered, had int) {
	for _, f := range g.frames {
		if f.Offers != nil {
			for _, o := range f.Offers.Offers {
				offered += len(o.Logs)
			}
		}
		if f.Have != nil {
			had += len(f.Have.Logs)
		}
	}
	return offered, had
}

// roomsOf makes groups of which this node holds so many logs each, of a device.
func roomsOf(groups, logs int, device func(log int) crypto.DeviceID) []sync.Conversation {
	var all []sync.Conversation
	for i := range groups {
		c := sync.Conversation{Logs: map[event.Log]event.Segments{}, Locator: []crypto.Hash{{1}}}
		binary.BigEndian.PutUint32(c.ID[:], uint32(i+1))
		c.OurTag, c.PeerTag = make32(0x10), make32(0x20)
		copy(c.OurTag[1:], c.ID[:4])
		copy(c.PeerTag[1:], c.ID[:4])
		for j := range logs {
			log := event.Log{Conversation: c.ID, Device: device(j)}
			binary.BigEndian.PutUint32(log.Instance[:], uint32(j))
			c.Logs[log] = event.Segments{{First: 1, Last: 1000, ID: event.ID{1}}}
		}
		all = append(all, c)
	}
	return all
}

func someDevice(i int) crypto.DeviceID {
	var d crypto.DeviceID
	binary.BigEndian.PutUint32(d[4:], uint32(i))
	return d
}

func (g *gauge) join(conversations ...sync.Conversation) {
	g.t.Helper()
	g.take(g.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: conversations}))
}

// Two who share many large groups, and meet when everything in them has changed.
func TestShortOffersAreAnsweredInTurn(t *testing.T) {
	const groups, logs = 100, 500
	g := newGauge(newScript(t))
	rooms := roomsOf(groups, logs, someDevice)
	g.join(rooms...)
	var offers []wire.Offer
	for _, c := range rooms {
		offers = append(offers, wire.Offer{Tag: c.PeerTag, Store: theirStore, Want: wire.WantNow, Locator: c.Locator, Digest: &crypto.Hash{9}})
	}
	for number := range uint64(3) { // asked again, it is not answered more often than there is room
		for i := range offers {
			offers[i].Number = number
		}
		g.take(g.got(wire.Frame{Offers: &wire.Offers{Offers: offers}}))
	}
	g.drain()
	if offered, _ := g.listed(); offered < groups*logs || offered >= 2*groups*logs {
		t.Errorf("%d logs offered, want %d, and some of them again", offered, groups*logs)
	}
}

// There are a great many groups in which the peer has written.
func TestFirstOffersAreSentInTurn(t *testing.T) {
	const groups, logs = 700, 4
	g := newGauge(newScript(t))
	rooms := roomsOf(groups, logs, func(int) crypto.DeviceID { return peer })
	for _, c := range rooms {
		for log := range c.Logs {
			c.Logs[log] = gapped(event.MaxSegments)
		}
	}
	g.join(rooms...)
	g.drain()
	if offered, _ := g.listed(); offered != groups*logs {
		t.Errorf("%d logs offered, want %d", offered, groups*logs)
	}
}

// A group has a great many logs: what doesn't fit the offer is said bit by bit.
func TestManyLogsAreSaidInTurn(t *testing.T) {
	const logs = 60_000
	g := newGauge(newScript(t))
	c := roomsOf(1, logs, someDevice)[0]
	c.Follow = true
	g.join(c)
	offer := wire.Offer{Tag: c.PeerTag, Store: theirStore, Locator: c.Locator, Digest: &crypto.Hash{9}}
	g.take(g.got(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{offer}}}))
	offer.Number, offer.Digest, offer.Want = 1, nil, wire.WantOwn
	g.take(g.got(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{offer}}}))
	g.drain()
	if offered, had := g.listed(); offered == 0 || offered+had != logs {
		t.Errorf("%d logs offered, %d told, want %d", offered, had, logs)
	}
}

// Control sets are large, and the peer lacks all of them.
func TestControlSetsAreSentInTurn(t *testing.T) {
	rooms := roomsOf(4, 0, someDevice)
	g := newGauge(newScript(t))
	asked := map[event.Conversation]int{}
	const frames = 20
	g.control = func(e sync.LoadControl) sync.LoadedControl {
		asked[e.Conversation]++
		one := event.Event{Header: event.Header{Conversation: e.Conversation}, Body: make([]byte, 40<<10)}
		events := slices.Repeat([]event.Event{one}, e.Bytes/len(one.Body))
		return sync.LoadedControl{Conversation: e.Conversation, Events: events, More: asked[e.Conversation] < frames}
	}
	g.join(append(rooms, sync.Conversation{ID: direct})...)
	var offers []wire.Offer
	for _, c := range rooms {
		offers = append(offers, wire.Offer{Tag: c.PeerTag, Store: theirStore, Want: wire.WantOwn})
	}
	g.take(g.got(wire.Frame{Offers: &wire.Offers{Offers: offers}}))
	g.drain()
	count := 0
	for _, f := range g.frames {
		if f.Control != nil {
			count++
		}
	}
	if count != frames*len(rooms) {
		t.Fatalf("%d frames of control events, want %d", count, frames*len(rooms))
	}
}

func TestRecordsAreSentInTurn(t *testing.T) {
	const records = 500
	c := sync.Conversation{ID: direct}
	for i := range records {
		r, err := event.NewRecord(deviceKeys[0], event.Record{Kind: 9, Counter: 1, Subject: binary.BigEndian.AppendUint32(nil, uint32(i)), Value: make([]byte, 15<<10)})
		if err != nil {
			t.Fatal(err)
		}
		c.Records = append(c.Records, r)
	}
	// At once, and one by one as they are signed.
	for _, live := range []bool{false, true} {
		g := newGauge(newScript(t))
		given := c
		if live {
			given.Records = nil
		}
		g.join(given)
		g.take(g.offer(nil, nil))
		if live {
			for _, r := range c.Records {
				g.take(g.step(sync.HeldRecord{Conversation: direct, Record: r}))
			}
		}
		g.drain()
		came := map[string]bool{}
		for _, f := range g.frames {
			if f.Record != nil {
				came[string(f.Record.Record.Subject)] = true
			}
		}
		if len(came) != records {
			t.Errorf("live %t: %d records, want %d", live, len(came), records)
		}
	}
}

// What answers the peer, and what is written now, does not wait for room.
func TestAnswersDoNotWaitForRoom(t *testing.T) {
	own, theirs := write(t, direct, self, 1, 10), write(t, direct, peer, 1, 10)
	s := newScript(t)
	s.session.SetPace(1)
	s.want(s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{{ID: direct}}}), "RoundBegan", "offers", "Drain")
	s.want(s.offer(nil, nil), "settled")
	came := s.run(theirs.run(1, 1))
	s.want(came, "Ingest")
	s.want(s.step(sync.Stored{Ticket: find[sync.Ingest](t, came).Ticket, Segments: event.Segments{theirs.to(1)}}), "have")
	s.want(s.step(own.now(1)), "Load")
	s.want(s.step(own.loaded(1, 1)), "run")
	s.want(s.got(wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Head: crypto.Hash{1}}}}), "FetchCard")
	s.want(s.step(sync.CardFetched{}), "card")
}

// A conversation that is not offered yet, since there is no room, is opened by neither; one that is
// not shared any more is not offered.
func TestOfferThatWaits(t *testing.T) {
	rooms := roomsOf(3, 1, someDevice)
	join := sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: rooms}
	s := newScript(t)
	s.session.SetPace(1)
	first := s.step(join)
	s.want(first, "Heeds", "Heeds", "Heeds", "offers", "Drain")
	if o := offerIn(t, first); string(o.Tag) != string(rooms[0].OurTag) {
		t.Errorf("%+v", o)
	}
	offers := []wire.Offer{{Tag: rooms[1].PeerTag, Store: theirStore, Want: wire.WantOwn, Locator: rooms[1].Locator}}
	s.want(s.got(wire.Frame{Offers: &wire.Offers{Offers: offers}}))
	join.Conversations = rooms[:2]
	s.want(s.step(join))
	second := s.step(sync.Drained{})
	s.want(second, "offers", "settled", "Drain")
	if o := offerIn(t, second); string(o.Tag) != string(rooms[1].OurTag) {
		t.Errorf("%+v", o)
	}
	s.want(s.step(sync.Drained{}))
	s.want(s.step(sync.Drained{})) // nobody asked

	// To name it before that is out of order.
	s = newScript(t)
	s.session.SetPace(1)
	s.step(join)
	s.got(wire.Frame{Offers: &wire.Offers{Offers: offers}})
	s.want(s.got(wire.Frame{Settled: &wire.Settled{Tag: rooms[1].PeerTag}}), "Close")
}

// An answer in full that waits for room stays one, whatever else is to be said of the conversation.
func TestFullAnswerThatWaits(t *testing.T) {
	c := roomsOf(1, 6, someDevice)[0]
	s := newScript(t)
	s.session.SetPace(1)
	s.want(s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{c}}), "Heeds", "offers", "Drain")
	offers := []wire.Offer{{Tag: c.PeerTag, Store: theirStore, Want: wire.WantNow, Locator: c.Locator, Digest: &crypto.Hash{9}}}
	s.want(s.got(wire.Frame{Offers: &wire.Offers{Offers: offers}}))
	s.want(s.step(sync.Follow{Conversation: c.ID, On: true}), "Heeds")
	s.want(s.step(sync.Compare{Conversation: c.ID}))
	answer := s.step(sync.Drained{})
	s.want(answer, "RoundBegan", "offers", "Drain")
	if o := offerIn(t, answer); len(o.Logs) != 6 || o.Want != wire.WantAll || o.Number != 1 {
		t.Errorf("%+v", o)
	}
}
