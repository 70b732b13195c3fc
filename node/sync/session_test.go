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

// A message that is written while both are connected takes these steps and no others. No timer is
// among them.
func TestLivePath(t *testing.T) {
	own := write(t, direct, self, 2, 10)
	s := talking(t, own.held(1), own.held(1))
	load := find[sync.Load](t, s.step(own.now(2)))
	if load.First != 2 || load.Log != own.log {
		t.Fatalf("%+v", load)
	}
	sent := s.step(own.loaded(2, 2))
	s.want(sent, "run")
	acked := s.have(own.log, own.to(2))
	s.want(acked, "Acked")
	if a := find[sync.Acked](t, acked); a.Store != theirStore || a.Segments[0] != own.to(2) {
		t.Errorf("%+v", a)
	}

	theirs := write(t, direct, peer, 2, 10)
	s = talking(t, theirs.held(1), theirs.held(1))
	came := s.run(theirs.run(2, 2))
	s.want(came, "Ingest")
	told := s.step(sync.Stored{Ticket: find[sync.Ingest](t, came).Ticket, Segments: event.Segments{theirs.to(2)}})
	s.want(told, "have")
	if have := find[sync.Send](t, told).Frame.Have; len(have.Logs) != 1 || have.Logs[0].Segments[0] != theirs.to(2) {
		t.Errorf("%+v", have)
	}
	s.want(s.step(theirs.now(2)))
}

func TestIncompatible(t *testing.T) {
	s := &script{t: t, now: time.Unix(1000, 0), session: sync.New(sync.Config{Self: self, Peer: peer})}
	s.step(sync.Open{Card: []byte("card")})
	end := find[sync.Close](t, s.got(wire.Frame{Hello: &wire.Hello{Version: 2}}))
	if !errors.Is(end.Reason, sync.ErrIncompatible) {
		t.Error(end.Reason)
	}
	s.want(s.got(wire.Frame{Hello: &wire.Hello{Version: 1}}))
}

// Many runs are sent before the first answer, but no more than the window allows, and none of them
// twice.
func TestWindow(t *testing.T) {
	own := write(t, direct, self, 40, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: own.held(40)})
	effects := s.offer(nil, nil)
	sent := 0
	for len(effects) > 0 && sent < 100 {
		load := find[sync.Load](t, effects)
		if load.First != uint64(sent+1) {
			t.Fatalf("asks for %d after %d", load.First, sent)
		}
		effects = s.step(own.loaded(load.First, int(load.First)))
		sent++
		if _, ok := effects[0].(sync.Send); !ok {
			t.Fatal("loaded and not sent")
		}
		effects = effects[1:]
	}
	if sent != sync.WindowRuns {
		t.Fatalf("%d runs are unanswered", sent)
	}
	s.want(s.have(own.log, own.to(3)), "Acked") // says nothing of what is under way
	for n := range 3 {
		effects = s.answer(uint64(n+1), own.log, own.to(3))
		load := find[sync.Load](t, effects)
		if load.First != uint64(sync.WindowRuns+n+1) {
			t.Fatalf("goes on at %d", load.First)
		}
		s.want(s.step(own.loaded(load.First, int(load.First))), "run")
	}
}

func TestWindowBytes(t *testing.T) {
	own := write(t, direct, self, 80, 60<<10)
	s := joined(t, sync.Conversation{ID: direct, Logs: own.held(80)})
	effects := s.offer(nil, nil)
	sent, bytes := 0, 0
	for len(effects) > 0 {
		load := find[sync.Load](t, effects)
		last := int(load.First) + 15 // about 1 MiB
		effects = s.step(own.loaded(load.First, last))[1:]
		sent++
		for _, e := range own.events[load.First-1 : last] {
			bytes += len(e.HeaderBytes) + len(e.Body)
		}
	}
	if bytes > sync.WindowBytes || sent < 2 {
		t.Errorf("%d runs of %d bytes are unanswered", sent, bytes)
	}
}

// Logs take turns, so that a long one does not hold the others up.
func TestTurns(t *testing.T) {
	long, short := write(t, direct, self, 20, 10), write(t, direct, ownOther, 1, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: map[event.Log]event.Segments{long.log: {long.to(20)}, short.log: {short.to(1)}}})
	effects := s.offer(nil, nil)
	if len(effects) != 2 {
		t.Fatal(effects)
	}
}

// Others' logs are pushed after a second, unless somebody else was quicker. The peer is told of
// them within a quarter of a second.
func TestOthersWait(t *testing.T) {
	log := write(t, direct, third, 3, 10)
	s := talking(t, log.held(1), log.held(1))
	s.want(s.step(log.now(2)), "Wake")
	s.want(s.later(250*time.Millisecond), "have", "Wake")
	s.want(s.later(749 * time.Millisecond))
	s.want(s.later(time.Millisecond), "Load", "Wake")
	s.want(s.step(log.loaded(2, 2)), "run")
	s.have(log.log, log.to(2))

	s.step(log.now(3))
	s.have(log.log, log.to(3))
	s.want(s.later(250*time.Millisecond), "have", "Wake")
	s.want(s.later(time.Hour)) // nobody is woken for what has come
}

// What the peer was told is not told again, and what comes within a quarter of a second is told
// together.
func TestHaveIsGathered(t *testing.T) {
	a, b := write(t, direct, third, 5, 10), write(t, direct, ownOther, 1, 10)
	s := talking(t, nil, nil)
	for n := range 5 {
		s.step(a.now(n + 1))
		s.now = s.now.Add(10 * time.Millisecond)
	}
	s.have(b.log, b.to(1))
	s.step(b.now(1))
	have := find[sync.Send](t, s.later(200*time.Millisecond)).Frame.Have
	if have == nil || len(have.Logs) != 2 {
		t.Fatalf("%+v", have)
	}
	if b := (wire.Frame{Have: have}).Marshal(); len(b) > 300 {
		t.Errorf("%d bytes", len(b))
	}
	s.want(s.later(250 * time.Millisecond))
}

// Held may come before the Stored of the same commit.
func TestHeldBeforeStored(t *testing.T) {
	log := write(t, direct, peer, 3, 10)
	s := talking(t, nil, nil)
	first := find[sync.Ingest](t, s.run(log.run(1, 1)))
	second := find[sync.Ingest](t, s.run(log.run(2, 3)))
	s.want(s.step(log.now(3)))
	have := find[sync.Send](t, s.step(sync.Stored{Ticket: second.Ticket, Segments: event.Segments{log.to(3)}})).Frame.Have
	if have.Logs[0].Segments[0].Last != 3 {
		t.Fatalf("%+v", have)
	}
	have = find[sync.Send](t, s.step(sync.Stored{Ticket: first.Ticket, Segments: event.Segments{log.to(1)}})).Frame.Have
	if have.Logs[0].Segments[0].Last != 3 {
		t.Fatalf("what is here has shrunk: %+v", have)
	}
	// The answer alone is enough.
	s = talking(t, nil, nil)
	came := find[sync.Ingest](t, s.run(log.run(1, 1)))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{log.to(1)}}), "have")
}

func TestSettled(t *testing.T) {
	own := write(t, direct, self, 4, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: own.held(2)})
	s.want(s.offer(nil, nil), "Load")
	s.step(own.now(4)) // after the offer: not of this round
	s.want(s.step(own.loaded(1, 1)), "run", "Load")
	s.want(s.step(own.loaded(2, 2)), "run", "settled", "Load")

	// Of mine: it ends when all before it is stored.
	theirs := write(t, direct, peer, 2, 10)
	one, two := find[sync.Ingest](t, s.run(theirs.run(1, 1))), find[sync.Ingest](t, s.run(theirs.run(2, 2)))
	s.want(s.got(wire.Frame{Settled: &wire.Settled{}}))
	s.want(s.step(sync.Stored{Ticket: two.Ticket, Segments: event.Segments{theirs.part(2, 2)}}), "have")
	s.want(s.step(sync.Stored{Ticket: one.Ticket, Segments: event.Segments{theirs.to(2)}}), "have", "RoundEnded")
	s.want(s.got(wire.Frame{Settled: &wire.Settled{}}), "Close")

	s = joined(t, sync.Conversation{ID: direct})
	s.want(s.offer(nil, nil), "settled")
	s.want(s.got(wire.Frame{Settled: &wire.Settled{}}), "RoundEnded")
}

func TestRefused(t *testing.T) {
	own := write(t, direct, self, 3, 10)
	s := joined(t, sync.Conversation{ID: direct, Logs: own.held(1)})
	s.offer(nil, nil)
	s.step(own.loaded(1, 1))
	refused := wire.Frame{Refused: &wire.Refused{Device: self, Instance: own.log.Instance, Reason: wire.OverBudget}}
	if why := find[sync.Refusal](t, s.got(refused)); why != (sync.Refusal{Conversation: direct, Reason: wire.OverBudget}) {
		t.Errorf("told %+v", why)
	}
	s.want(s.got(refused)) // once is enough
	forked := wire.Frame{Refused: &wire.Refused{Device: self, Instance: own.log.Instance, Reason: wire.Forked}}
	s.want(s.got(forked)) // this is about one log
	s.want(s.step(own.now(2)), "Wake")
	s.want(s.later(time.Second), "have", "Wake")
	if idle, queues := s.session.Idle(); !idle {
		t.Error(queues)
	}
	effects := s.offer(nil, nil)
	if load := find[sync.Load](t, effects); load.First != 1 { // anew
		t.Errorf("goes on at %d", load.First)
	}
	if why := find[sync.Refusal](t, effects); why != (sync.Refusal{Conversation: direct}) {
		t.Errorf("told %+v", why)
	}

	// And the other way round.
	theirs := write(t, direct, peer, 2, 10)
	came := find[sync.Ingest](t, s.run(theirs.run(1, 1)))
	s.want(s.step(sync.Stored{Ticket: came.Ticket, Refused: wire.OverBudget}), "refused")
	s.want(s.run(theirs.run(2, 2)))
}

func TestCards(t *testing.T) {
	a, b := write(t, direct, third, 2, 10), write(t, direct, peer, 1, 10)
	s := talking(t, nil, nil)
	one := find[sync.Ingest](t, s.run(a.run(1, 1)))
	two := find[sync.Ingest](t, s.run(a.run(2, 2)))
	other := find[sync.Ingest](t, s.run(b.run(1, 1)))
	s.want(s.step(sync.NeedCard{Ticket: one.Ticket, Head: crypto.Hash{1}}), "card request")
	s.want(s.step(sync.NeedCard{Ticket: other.Ticket, Head: crypto.Hash{2}}))
	s.want(s.step(sync.NeedCard{Ticket: two.Ticket, Head: crypto.Hash{1}}))
	s.want(s.got(wire.Frame{Card: &wire.Card{Card: []byte("x")}}), "LearnCard")
	s.want(s.step(sync.CardLearned{}), "Ingest", "Ingest", "card request")
	s.want(s.step(sync.Stored{Ticket: one.Ticket, Segments: event.Segments{a.to(1)}}), "have")
	s.want(s.step(sync.NeedCard{Ticket: two.Ticket, Head: crypto.Hash{1}}), "refused")
	s.want(s.got(wire.Frame{Card: &wire.Card{}}), "LearnCard")
	s.want(s.step(sync.CardLearned{}), "Ingest")
	s.want(s.got(wire.Frame{Card: &wire.Card{}}), "Close")

	s = talking(t, nil, nil)
	request := wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Person: crypto.PersonID{3}}}}
	s.want(s.got(request), "FetchCard")
	s.want(s.step(sync.CardFetched{Card: []byte("y")}), "card")
	s.want(s.got(request), "FetchCard")
	s.want(s.got(request), "Close")
}

func TestRecords(t *testing.T) {
	record := func(counter uint64) event.Record {
		r, err := event.NewRecord(deviceKeys[4], event.Record{Kind: 9, Counter: counter, Subject: []byte("s")})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	s := joined(t, sync.Conversation{ID: direct, Records: []event.Record{record(2)}})
	s.want(s.offer(nil, nil), "record", "settled")
	s.want(s.step(sync.HeldRecord{Conversation: direct, Record: record(2)}))
	s.want(s.step(sync.HeldRecord{Conversation: direct, Record: record(3)}), "record")
	came := s.got(wire.Frame{Record: &wire.Record{Record: record(4)}})
	s.want(came, "IngestRecord")
	s.want(s.step(sync.HeldRecord{Conversation: direct, Record: record(4)})) // it is theirs
	s.want(s.step(sync.Stored{Ticket: find[sync.IngestRecord](t, came).Ticket}))
	s.want(s.step(sync.HeldRecord{Conversation: direct, Record: record(5)}), "record")
}

// What does not fit into one frame goes into several, and all of it is said in the end.
func TestLargeOffers(t *testing.T) {
	large := sync.Conversation{ID: group, OurTag: mineTag, PeerTag: theirTag, Logs: map[event.Log]event.Segments{}}
	for i := range 6000 {
		log := event.Log{Conversation: group, Device: third}
		binary.BigEndian.PutUint32(log.Instance[:], uint32(i))
		large.Logs[log] = gapped(1 + i%32)
	}
	conversations := []sync.Conversation{large}
	for i := range 1500 {
		c := sync.Conversation{ID: event.Conversation{byte(i >> 8), byte(i), 1}}
		c.OurTag, c.PeerTag = make32(0), make32(1)
		copy(c.OurTag[1:], c.ID[:2])
		copy(c.PeerTag[1:], c.ID[:2])
		conversations = append(conversations, c)
	}
	s := newScript(t)
	said, offered := 0, 0
	var count func(effects []sync.Effect)
	count = func(effects []sync.Effect) {
		for _, e := range effects {
			if _, ok := e.(sync.Drain); ok {
				count(s.step(sync.Drained{}))
			}
			send, ok := e.(sync.Send)
			if !ok || send.Frame.Offers == nil && send.Frame.Have == nil {
				continue
			}
			b := send.Frame.Marshal()
			f, err := wire.ParseFrame(b)
			if err != nil {
				t.Fatalf("frame of %d bytes: %v", len(b), err)
			}
			if f.Have != nil {
				said += len(f.Have.Logs)
				continue
			}
			for _, o := range f.Offers.Offers {
				offered++
				said += len(o.Logs)
			}
		}
	}
	count(s.step(sync.Joined{Serve: true, Conversations: conversations}))
	if offered != len(conversations) || said == 0 || said == len(large.Logs) {
		t.Fatalf("%d offers, %d logs", offered, said)
	}
	s.offer(theirTag, nil)
	for log, segments := range large.Logs { // the peer turns out to hold everything
		logs := list(map[event.Log]event.Segments{log: segments})
		count(s.got(wire.Frame{Have: &wire.Have{Tag: theirTag, Store: theirStore, Logs: logs}}))
	}
	count(s.later(time.Second))
	if said != len(large.Logs) {
		t.Errorf("%d logs of %d are said", said, len(large.Logs))
	}
}

// BenchmarkPipelined measures what the machine costs for one message at both ends, if each message
// is a commit of its own and all are under way at once.
func BenchmarkPipelined(b *testing.B) {
	const messages = 20_000
	own := write(b, direct, ownOther, messages, 100)
	for b.Loop() {
		t := &testing.T{}
		s := talking(t, nil, nil)
		r := talking(t, nil, nil)
		var loads []sync.Load
		var answers []wire.Frame
		take := func(effects []sync.Effect) {
			for _, e := range effects {
				switch e := e.(type) {
				case sync.Load:
					loads = append(loads, e)
				case sync.Send:
					run := *e.Frame.Run
					for _, e := range r.session.Step(r.now, sync.Received(e)) {
						last := run.Segment().Last
						in := sync.Stored{Ticket: e.(sync.Ingest).Ticket, Segments: event.Segments{own.to(int(last))}}
						for _, e := range r.session.Step(r.now, in) {
							if e, ok := e.(sync.Send); ok {
								answers = append(answers, e.Frame)
							}
						}
					}
				}
			}
		}
		done := 0
		for n := 1; done < messages; n++ {
			if n <= messages {
				take(s.session.Step(s.now, own.now(n)))
			}
			if len(loads) > 0 && n%4 == 0 || n > messages {
				for _, load := range loads {
					loads = loads[1:]
					take(s.session.Step(s.now, own.loaded(load.First, min(n, messages, int(load.First)+255))))
				}
			}
			if len(answers) > 0 && n%8 == 0 || n > messages {
				for _, a := range answers {
					answers = answers[1:]
					a.Have.Store = theirStore
					done = int(a.Have.Logs[0].Segments[0].Last)
					take(s.session.Step(s.now, sync.Received{Frame: a}))
				}
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/messages, "ns/message")
}

func TestUnknownInput(t *testing.T) {
	s := joined(t)
	s.want(s.step(nil), "Close")
}
