package sync_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

func TestOutOfOrder(t *testing.T) {
	hello := wire.Frame{Hello: &wire.Hello{Version: 1}}
	admission := wire.Frame{Admission: &wire.Admission{Mode: 1}}
	identity := wire.Frame{Identity: &wire.Identity{Card: []byte("c")}}
	greeting := []wire.Frame{hello, admission, identity}
	settled := wire.Frame{Settled: &wire.Settled{Tag: theirTag}}
	for name, frames := range map[string][]wire.Frame{
		"settled first":         {settled},
		"identity first":        {identity},
		"no admission":          {hello, identity},
		"hello twice":           {hello, hello},
		"hello again":           append(greeting[:3:3], hello),
		"no offer":              append(greeting[:3:3], settled),
		"have without an offer": append(greeting[:3:3], wire.Frame{Have: &wire.Have{Tag: theirTag, Logs: list(map[event.Log]event.Segments{{}: gapped(1)})}}),
		"card unasked":          append(greeting[:3:3], wire.Frame{Card: &wire.Card{}}),
		"two stores": append(greeting[:3:3], wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{
			{Store: event.Instance{1}}, {Tag: theirTag, Store: event.Instance{2}}}}}),
	} {
		s := &script{t: t, now: time.Unix(1000, 0), session: sync.New(sync.Config{Self: self, Peer: peer})}
		s.step(sync.Open{Card: []byte("card")})
		for i, f := range frames {
			effects := s.got(f)
			if i < len(frames)-1 {
				continue
			}
			if end := find[sync.Close](t, effects); !errors.Is(end.Reason, sync.ErrProtocol) {
				t.Errorf("%s: %v", name, end.Reason)
			}
		}
	}
}

func TestRunOfAnotherConversation(t *testing.T) {
	s := talking(t, nil, nil)
	s.want(s.run(write(t, group, peer, 1, 10).run(1, 1)), "Close")
}

// A peer that pushes past its window is read no further.
func TestBusy(t *testing.T) {
	log := write(t, direct, peer, sync.WindowRuns+2, 10)
	s := talking(t, nil, nil)
	var tickets []sync.Ticket
	for n := 1; n <= sync.WindowRuns+1; n++ {
		if s.session.Busy() {
			t.Fatalf("busy with %d runs", n-1)
		}
		tickets = append(tickets, find[sync.Ingest](t, s.run(log.run(n, n))).Ticket)
	}
	if !s.session.Busy() {
		t.Fatal("not busy")
	}
	s.step(sync.NeedCard{Ticket: tickets[0]}) // whoever waits for a card must be able to read it
	if s.session.Busy() {
		t.Fatal("busy waiting for a card")
	}
}

// A peer that claims to hold more and more logs is remembered within bounds.
func TestClaimsAreBounded(t *testing.T) {
	s := talking(t, nil, nil)
	for n := range 100 {
		h := &wire.Have{Store: theirStore}
		for i := range 1000 {
			l := wire.LogSegments{Segments: gapped(20)}
			binary.BigEndian.PutUint64(l.Device[:], uint64(n*1000+i+1))
			h.Logs = append(h.Logs, l)
		}
		s.want(s.step(sync.Received{Frame: wire.Frame{Have: h}}))
	}
	holes := write(t, direct, third, 256, 10).run(1, 256) // which bring more pieces than anybody tells
	for i := 0; i < 256; i += 2 {
		holes = dropped(holes, i)
	}
	holes.Events[255].Signature = make([]byte, crypto.SignatureSize)
	s.run(holes)
	for n := range 20 {
		o := wire.Offer{Store: theirStore, Number: uint64(n + 1)}
		for i := range 4000 {
			h := wire.RecordSummary{Kind: 1, Counter: 1, Subject: []byte("subject")}
			binary.BigEndian.PutUint64(h.Device[:], uint64(n*4000+i+1))
			o.Records = append(o.Records, h)
		}
		s.step(sync.Received{Frame: wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{o}}}})
	}
	for n := range 100 {
		o := wire.Offer{Store: theirStore}
		o.Tag = make32(byte(n + 1))
		for i := range 4000 {
			o.Records = append(o.Records, wire.RecordSummary{Kind: 1, Counter: uint64(i + 1)})
		}
		for _, e := range s.step(sync.Received{Frame: wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{o}}}}) {
			if r, ok := e.(sync.Recognize); !ok || len(r.Tags) > n+1 {
				t.Fatalf("%T", e)
			}
		}
	}
	if n := s.session.Remembered(); n > 1<<14+1<<12 {
		t.Errorf("%d things are remembered", n)
	}
	if n := s.session.Weight(); n < 4<<20 || n > 16<<20 {
		t.Errorf("they weigh %d bytes", n)
	}
	s.session.Forget()
	if n := s.session.Weight(); n > 32<<10 {
		t.Errorf("after they were forgotten, %d bytes are left", n)
	}
	// What is here is pushed and told none the less.
	own := write(t, direct, self, 1, 10)
	s.want(s.step(own.now(1)), "Load")
}

// A peer may hold more logs than can be remembered, for example when this device was away from many
// groups for long. It can bring them all the same. What is refused then leaves nothing behind.
func TestClaimsKeepNoRunOut(t *testing.T) {
	s := talking(t, nil, nil)
	for n := range 20 {
		h := &wire.Have{Store: theirStore}
		for i := range 1000 {
			l := wire.LogSegments{Segments: event.Segments{{First: 1, Last: 5, ID: event.ID{1}}}}
			binary.BigEndian.PutUint64(l.Device[:], uint64(n*1000+i+1))
			h.Logs = append(h.Logs, l)
		}
		s.want(s.step(sync.Received{Frame: wire.Frame{Have: h}}))
	}
	logs := s.session.Logs()
	for n := range byte(100) {
		came := find[sync.Ingest](t, s.run(write(t, direct, crypto.DeviceID{0xff, n}, 1, 10).run(1, 1)))
		s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.OverBudget}), "refused")
	}
	if n := s.session.Logs(); n != logs {
		t.Errorf("%d logs are remembered, %d before", n, logs)
	}
	log := write(t, direct, crypto.DeviceID{0xfe}, 3, 10)
	came := find[sync.Ingest](t, s.run(log.run(1, 2)))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{log.to(2)}}), "have")
	s.want(s.later(time.Hour)) // it is not pushed back
}

// FuzzSession gives a session frames and answers in any order. Nothing may panic, nothing may be
// held without bound, and one step has few effects.
func FuzzSession(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{20, 6, 21, 8, 41, 9, 42, 12, 60, 61, 62, 63})
	f.Add([]byte{6, 8, 8, 8, 40, 41, 8, 10, 43, 44, 45, 46, 47, 48, 49, 8, 30, 31, 32, 33})
	f.Add([]byte{6, 36, 8, 8, 60, 61, 16, 42, 43})
	f.Add([]byte{83, 85, 36, 37, 44, 46, 99, 100, 60, 61, 102, 103, 104, 105, 106, 107, 108})
	f.Fuzz(func(t *testing.T, course []byte) {
		z := newFuzzed(t)
		for _, choice := range course {
			z.do(choice)
		}
	})
}

type fuzzed struct {
	*script
	frames   []wire.Frame
	logs     []*chain
	loads    []sync.Load
	tickets  []sync.Ticket
	group    sync.Conversation
	members  []*chain
	control  int // LoadControl that aren't answered
	welcomes int // and LoadWelcome
	drain    bool
}

func newFuzzed(t *testing.T) *fuzzed {
	z := &fuzzed{script: newScript(t)}
	z.session.SetPace(1000)
	for _, device := range []crypto.DeviceID{self, ownOther, peer, third} {
		z.logs = append(z.logs, write(t, direct, device, 6, 10))
	}
	for _, f := range frames(t) {
		z.frames = append(z.frames, f.frame)
	}
	z.group = crew(t)
	for _, device := range []crypto.DeviceID{self, peer, third} {
		l := ofGroup(t, device, 6)
		z.members = append(z.members, l)
		run := l.run(3, 5)
		run.Tag = theirTag
		z.frames = append(z.frames, wire.Frame{Run: &run}, wire.Frame{Have: &wire.Have{Tag: theirTag, Logs: list(l.held(6))}})
		for want := range wire.WantNothing + 1 {
			o := wire.Offer{Tag: theirTag, Logs: list(l.held(4)), Want: want, Locator: z.group.Locator[want/2:], Number: uint64(want)}
			z.frames = append(z.frames, wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{o}}})
		}
	}
	z.frames = append(z.frames,
		wire.Frame{Control: &wire.Control{Tag: theirTag, Events: founded(t)}},
		wire.Frame{Settled: &wire.Settled{Tag: theirTag}},
		wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{{Tag: theirTag, Digest: &crypto.Hash{1}}}}},
		wire.Frame{Epoch: &wire.Epoch{Tag: theirTag, Control: z.group.Locator[:1]}})
	for _, l := range z.logs {
		run := l.run(3, 5)
		z.frames = append(z.frames,
			wire.Frame{Run: &run},
			wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{{Logs: list(l.held(4))}}}},
			wire.Frame{Have: &wire.Have{Logs: list(l.held(6))}},
			wire.Frame{Refused: &wire.Refused{Device: l.log.Device, Instance: l.log.Instance, Reason: 1}},
		)
	}
	return z
}

func (z *fuzzed) do(choice byte) {
	n := int(choice)
	if n < len(z.frames) {
		if z.session.Busy() {
			return // the shell keeps to it
		}
		z.take(z.step(sync.Received{Frame: z.frames[n]}))
		return
	}
	n -= len(z.frames)
	l := z.logs[n%len(z.logs)]
	switch n / len(z.logs) {
	case 0:
		z.take(z.step(l.now(n%3 + 3)))
	case 1:
		group := z.group
		group.Quiet, group.Follow, group.Welcome = n%8 == 7, n%2 == 0, n%8 == 2
		group.Logs = z.members[n%3].held(3)
		conversation := sync.Conversation{ID: direct, Logs: l.held(2), Opening: sync.Opening{Log: z.logs[0].log, First: 1}}
		z.take(z.step(sync.Joined{Serve: n%3 > 0, Own: []crypto.DeviceID{self, ownOther}, Conversations: []sync.Conversation{conversation, group}[:1+n/2%2]}))
	case 2:
		if len(z.tickets) > 0 {
			answer := []sync.Input{
				sync.Stored{Ticket: z.tickets[0], Segments: event.Segments{l.to(5)}},
				sync.Stored{Ticket: z.tickets[0], Refused: wire.OverBudget},
				sync.NeedCard{Ticket: z.tickets[0], Head: crypto.Hash{byte(n)}},
				sync.NeedControl{Ticket: z.tickets[0]},
			}[n%4]
			z.tickets = z.tickets[1:]
			z.take(z.step(answer))
		}
	case 3:
		if len(z.loads) > 0 {
			load := z.loads[0]
			z.loads = z.loads[1:]
			in := sync.Loaded{Log: load.Log, Err: errors.New("no run")}
			for _, c := range append(z.logs[:4:4], z.members...) {
				if c.log == load.Log && load.First <= 6 && n%4 > 0 {
					in = c.loaded(load.First, 6)
				}
			}
			z.take(z.step(in))
		}
	case 4:
		z.take(z.later(time.Duration(n%4) * 700 * time.Millisecond))
	case 5:
		if z.drain && n%2 == 0 {
			z.drain = false
			z.take(z.step(sync.Drained{}))
		}
		z.take(z.step([]sync.Input{sync.CardLearned{}, sync.CardFetched{}, sync.Share{}, sync.Open{}}[n%4]))
		z.take(z.step([]sync.Input{
			sync.ShareTyping{Conversation: direct, On: true}, sync.ShareTyping{Conversation: z.group.ID}, sync.SharePresence{Away: true}, sync.SharePresence{},
		}[n%4]))
	case 6:
		z.take(z.step(z.members[n%3].now(n%4 + 3)))
		z.take(z.step([]sync.Input{
			sync.Follow{Conversation: z.group.ID, On: true}, sync.Follow{Conversation: z.group.ID},
			sync.Compare{Conversation: z.group.ID}, sync.HeldControl{Conversation: z.group.ID, Locator: []crypto.Hash{{1}}},
		}[n%4]))
	case 7:
		if n%4 == 0 {
			z.take(z.step(sync.ShareEpoch{Conversation: z.group.ID, Epoch: wire.Epoch{Control: z.group.Locator[:1]}}))
		} else if n%4 == 3 && z.welcomes > 0 {
			z.welcomes--
			z.take(z.step(sync.LoadedWelcome{Conversation: z.group.ID, Welcome: welcomed(z.t)}))
		} else if z.control > 0 {
			z.control--
			z.take(z.step(sync.LoadedControl{Conversation: z.group.ID, Events: founded(z.t)[:n%3], More: n%4 == 1}))
		}
	}
}

func (z *fuzzed) take(effects []sync.Effect) {
	if len(effects) > 64 {
		z.t.Fatalf("%d effects of one step", len(effects))
	}
	for i, e := range effects {
		switch e := e.(type) {
		case sync.Send:
			if _, err := wire.ParseFrame(e.Frame.Marshal()); err != nil && e.Frame.Run == nil {
				z.t.Fatalf("sends what can't be read: %v", err)
			}
		case sync.Load:
			z.loads = append(z.loads, e)
		case sync.Ingest:
			z.tickets = append(z.tickets, e.Ticket)
		case sync.IngestRecord:
			z.tickets = append(z.tickets, e.Ticket)
		case sync.IngestControl:
			z.tickets = append(z.tickets, e.Ticket)
		case sync.IngestWelcome:
			z.tickets = append(z.tickets, e.Ticket)
		case sync.LoadWelcome:
			z.welcomes++
		case sync.LoadControl:
			z.control++
		case sync.Drain:
			if z.drain {
				z.t.Fatal("wants to know twice")
			}
			z.drain = true
		case sync.Close:
			if i != len(effects)-1 {
				z.t.Fatal("effects after the end")
			}
		}
	}
	if n := z.session.Remembered(); n > 1<<14+1<<12 {
		z.t.Fatalf("%d things are remembered", n)
	}
	_, queues := z.session.Idle()
	for _, n := range queues {
		if n < 0 || n > sync.WindowBytes+event.MaxRunSent {
			z.t.Fatalf("queues %v", queues)
		}
	}
}
