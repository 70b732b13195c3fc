package session

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// FuzzSession has a peer send arbitrary frames in arbitrary states, while its memory gets short, its
// standing changes, its runs are taken or refused in any way, and it reads or does not. Whatever it
// does, nothing panics, what a session holds in memory is what its account holds and within the
// budget, nothing is acknowledged that is not stored, and in the end all is given back.
func FuzzSession(f *testing.F) {
	for _, frame := range goldenFrames(f) {
		f.Add(append([]byte{0, 1, 2, 3, opGreet, opOffer, opRaw, byte(len(frame)/16 + 1)}, frame...))
	}
	f.Add([]byte{0, 0, 0, 0, opGreet, opOffer, opDeaf, opCard, opCard, opCard, opCard, opCard, opCard, opSleep, 60})
	f.Add(append([]byte{0, 0, 0, 5, opGreet, opOffer}, bytes.Repeat([]byte{opRun, 250, opRecord, 1}, 40)...))
	f.Add([]byte{0, 0, 6, 6, opGreet, opOffer, opHang, opRun, 200, opRun, 200, opRun, 200, opCommit, opSleep, 1})
	f.Add([]byte{6, 6, 6, 6, opGreet, opOffer, opStanding, 0, opRun, 200, opRun, 200, opShort, opShort})
	f.Add([]byte{0, 0, 0, 0, opGreet, opOffer, opClaim, 255, opClaim, 255, opFill, opClaim, 255, opFree, opClaim, 255, opRejoin})
	f.Add([]byte{0, 0, 0, 0, opGreet, opStanding, 0, opOffer, opClaim, 250, opHeld, opDeaf, opOffer, opOffer, opSleep, 200})
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		script := []byte{byte(r.IntN(8)), byte(r.IntN(8)), byte(r.IntN(8)), byte(r.IntN(8)), opGreet, opOffer}
		for range r.IntN(40) {
			script = append(script, byte(r.IntN(int(ops))), byte(r.IntN(256)))
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 4<<10 {
			return
		}
		synctest.Test(t, func(t *testing.T) { newSiege(t).play(script) })
	})
}

// What a script may say. Bytes that are none of these are taken modulo their number.
const (
	opGreet    byte = iota // the peer says who it is
	opRaw                  // a frame of so many of the bytes that follow, by 16
	opOffer                // the peer offers the direct conversation and wants everything
	opClaim                // it claims so many logs
	opRun                  // it brings a run of so many hundred bytes
	opGap                  // a run further on in the same log
	opCard                 // it asks for a card
	opSettled              // it has brought everything
	opRecord               // it brings a record
	opHeld                 // this node has more of its own log
	opDeaf                 // the peer stops reading, or goes on
	opHang                 // commits wait
	opCommit               // they are done
	opSleep                // for so many 100 ms
	opStanding             // who the peer is to the owner
	opFill                 // others take the memory
	opFree                 // they give it back
	opShort                // others ask for it
	opRejoin               // what the peer may have is said anew
	ops
)

// goldenFrames are those of package wire, each kind once.
func goldenFrames(t testing.TB) (all [][]byte) {
	file, err := os.ReadFile("../wire/testdata/frames.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		if b, err := hex.DecodeString(strings.TrimSpace(line)); err == nil && len(b) > 0 {
			all = append(all, b)
		}
	}
	return all
}

// siege is a session under attack. It is the host of the session as well.
type siege struct {
	*visit
	outcomes [4]byte       // how what is ingested ends, by ticket
	others   func()        // gives back the memory that others hold; nil: they hold none
	log      event.Log     // that the peer writes
	wrote    event.Segment // how far
	reads    chan struct{} // holds one while the peer reads
	commits  chan struct{} // closed while commits don't wait
	faults   chan string   // what the peer was told and is not so
	reading  chan struct{} // closed when nothing is read any more

	mu     gosync.Mutex
	stored map[event.Log]event.Segments
	inHand int // bytes of runs whose commits are awaited
}

func newSiege(t *testing.T) *siege {
	s := &siege{visit: newVisit(t), reads: make(chan struct{}, 1), commits: make(chan struct{}), faults: make(chan string, 100),
		reading: make(chan struct{}), stored: make(map[event.Log]event.Segments)}
	s.Session.host = s
	s.reads <- struct{}{}
	close(s.commits)
	s.log = event.Log{Conversation: s.house.conversation, Device: s.key.ID(), Instance: event.Instance{1}}
	s.stored[s.own()] = event.Segments{{First: 1, Last: 40, ID: event.ID{40}}}
	return s
}

// own is the log that this node writes.
func (s *siege) own() event.Log {
	return event.Log{Conversation: s.house.conversation, Device: crypto.DeviceID{1}, Instance: event.Instance{1}}
}

func (s *siege) play(script []byte) {
	next := func() (b byte) {
		if len(script) > 0 {
			b, script = script[0], script[1:]
		}
		return b
	}
	for i := range s.outcomes {
		s.outcomes[i] = next()
	}
	s.start(false)
	go s.listen() // until the session closes the stream
	for len(script) > 0 && len(s.ended) == 0 {
		switch op := next() % ops; op {
		case opRaw:
			n := 16 * int(next())
			b := script[:min(len(script), n)]
			script = script[len(b):]
			s.raw(append(binary.AppendUvarint(nil, uint64(len(b))), b...))
		default:
			s.act(op, next)
		}
		synctest.Wait()
		s.check()
	}
	s.finish()
}

func (s *siege) act(op byte, next func() byte) {
	switch op {
	case opGreet:
		s.identifies()
	case opOffer:
		s.says(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{{Store: event.Instance{1}, Number: 0}}}})
	case opClaim:
		s.says(wire.Frame{Have: &wire.Have{Store: event.Instance{1}, Logs: claims(int(next()) * 8).Offers.Offers[0].Logs}})
	case opRun, opGap:
		if op == opGap {
			s.wrote.Last += 5
		}
		s.brings(int(next()) * 100)
	case opCard:
		s.says(wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Person: crypto.PersonID{1}}}})
	case opSettled:
		s.says(wire.Frame{Settled: &wire.Settled{Number: uint64(next() % 4)}})
	case opRecord:
		r, err := event.NewRecord(s.key, event.Record{Card: crypto.Hash{1}, Kind: event.KindProfile, Subject: []byte{next()}, Counter: 1, Value: make([]byte, 10<<10)})
		if err == nil {
			s.says(wire.Frame{Record: &wire.Record{Record: r}})
		}
	case opHeld:
		s.mu.Lock()
		more := s.stored[s.own()]
		more = event.Segments{{First: 1, Last: more[0].Last + 10, ID: event.ID{byte(more[0].Last + 10)}}}
		s.stored[s.own()] = more
		s.mu.Unlock()
		s.Inbox.Held(s.own(), more)
	case opDeaf:
		select {
		case <-s.reads:
		default:
			s.reads <- struct{}{}
		}
	case opHang:
		s.commit()
		s.mu.Lock()
		s.commits = make(chan struct{})
		s.mu.Unlock()
	case opCommit:
		s.commit()
	case opSleep:
		time.Sleep(time.Duration(next()) * 100 * time.Millisecond)
	case opStanding:
		s.free() // what is held moves in any case, so others must not have filled the budget
		s.is(budget.Standing(next() % 3))
	case opFill:
		s.free()
		s.others = s.fills(int64(next()) << 12)
	case opFree:
		s.free()
	case opShort:
		s.short.Give()
	case opRejoin:
		s.Inbox.Policy()
	}
}

// brings has the peer bring the next event of its log.
func (s *siege) brings(size int) {
	words, err := event.Text{Text: strings.Repeat("x", size+1)}.Marshal()
	if err != nil {
		return
	}
	h := event.Header{Conversation: s.log.Conversation, Device: s.log.Device, Instance: s.log.Instance, Sequence: s.wrote.Last + 1, Kind: event.KindText}
	if s.wrote.ID != (event.ID{}) {
		h.Previous = s.wrote.ID
	}
	e, err := event.New(h, event.Body{Content: words})
	if err != nil {
		return
	}
	e.Sign(s.key)
	s.wrote = event.Segment{First: 1, Last: h.Sequence, ID: e.ID}
	s.says(wire.Frame{Run: &event.Run{Events: []event.Event{e}, Number: h.Sequence}})
}

func (s *siege) free() {
	if s.others != nil {
		s.others()
		s.others = nil
	}
}

func (s *siege) commit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.commits:
	default:
		close(s.commits)
	}
}

// check compares what is in memory with what is held of the budget, when nothing moves.
func (s *siege) check() {
	s.t.Helper()
	for standing, used := range s.house.budgets.Used() {
		if used.Memory > budgetOfTests || used.Memory < 0 {
			s.t.Fatalf("%s budget: %d bytes", budget.Standing(standing), used.Memory)
		}
	}
	select {
	case fault := <-s.faults:
		s.t.Fatal(fault)
	default:
	}
	if s.heldIsReal() {
		return
	}
	time.Sleep(memoryWait) // it may wait for memory, but not for long
	synctest.Wait()
	if !s.heldIsReal() {
		s.t.Fatalf("the account holds %d; in memory are %d of the machine, %d unsent, %d in hand", s.account.Held(),
			s.machine.Weight(), s.Unsent(), s.inHand)
	}
}

// heldIsReal says that as much is held as is in memory, and no more than that with some frames that
// are read and wait.
func (s *siege) heldIsReal() bool {
	if len(s.ended) > 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, rest := s.account.Held(), sessionBytes+s.machine.Weight()+s.Unsent()
	const waiting = 256 << 10
	return held >= int64(rest+s.inHand) && held <= int64(rest+frameWeight*(s.inHand+waiting))
}

// finish ends the session, whatever state it is in, and finds that nothing is left.
func (s *siege) finish() {
	s.cancel()
	s.commit()
	s.free()
	select {
	case s.reads <- struct{}{}:
	default:
	}
	<-s.reading
	synctest.Wait()
	if len(s.ended) == 0 {
		s.t.Fatal("it goes on")
	}
	for standing, used := range s.house.budgets.Used() {
		if used.Memory != 0 || used.Accounts != 0 {
			s.t.Fatalf("%s budget: %+v are left", budget.Standing(standing), used)
		}
	}
	_ = s.visit.peer.Close()
}

// listen reads what the session says, and looks whether it is true.
func (s *siege) listen() {
	defer close(s.reading)
	r := bufio.NewReader(s.visit.peer)
	for {
		<-s.reads
		s.reads <- struct{}{}
		size, err := binary.ReadUvarint(r)
		if err != nil {
			return
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		frame, err := wire.ParseFrame(b)
		if err != nil {
			s.faults <- "what it says is no frame: " + err.Error()
			return
		}
		if frame.Have != nil {
			s.believes(frame.Have.Logs)
		}
		if frame.Offers != nil {
			for _, o := range frame.Offers.Offers {
				s.believes(o.Logs)
			}
		}
	}
}

// believes finds that all that the peer is told to be here is stored.
func (s *siege) believes(logs []wire.LogSegments) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range logs {
		name := event.Log{Conversation: s.house.conversation, Device: l.Device, Instance: l.Instance}
		if len(l.Segments.Missing(nil)) > 0 && len(s.stored[name].Missing(nil)) == 0 || len(l.Segments.Missing(s.stored[name])) > 0 {
			s.faults <- "it acknowledges what is not stored"
		}
	}
}

// What follows makes siege the host.

func (s *siege) Open() sync.Open { return s.house.Open() }
func (s *siege) Left()           { s.house.Left() }

func (s *siege) Visible(_ event.Log, all event.Segments) event.Segments { return all }
func (s *siege) Direct(event.Log) bool                                  { return true }

func (s *siege) Rejoin() sync.Joined {
	s.mu.Lock()
	defer s.mu.Unlock()
	logs := make(map[event.Log]event.Segments)
	for name, segments := range s.stored {
		logs[name] = segments
	}
	return sync.Joined{Serve: true, Own: []crypto.DeviceID{{1}},
		Conversations: []sync.Conversation{{ID: s.house.conversation, Logs: logs}}}
}

func (s *siege) Perform(_ context.Context, e sync.Effect) (sync.Input, Task, error) {
	switch e := e.(type) {
	case sync.Identify:
		return s.Rejoin(), Task{}, nil
	case sync.FetchCard:
		return sync.CardFetched{Card: make([]byte, 16<<10)}, Task{}, nil
	case sync.Load:
		return s.load(e), Task{}, nil
	case sync.LoadControl:
		return sync.LoadedControl{Conversation: e.Conversation}, Task{}, nil
	case sync.Ingest:
		return nil, Run(e.Run, func(context.Context) func() sync.Input { return s.ingest(e) }), nil
	case sync.IngestRecord:
		return nil, Errand(func(context.Context) sync.Input { return s.outcome(e.Ticket) }), nil
	case sync.IngestControl:
		return nil, Errand(func(context.Context) sync.Input { return s.outcome(e.Ticket) }), nil
	case sync.LearnCard:
		return nil, Errand(func(context.Context) sync.Input { return sync.CardLearned{} }), nil
	}
	return nil, Task{}, nil
}

// load makes the event of this node's log that is asked for.
func (s *siege) load(e sync.Load) sync.Input {
	words, err := event.Text{Text: strings.Repeat("y", 20<<10)}.Marshal()
	if err != nil || e.Log != s.own() {
		return sync.Loaded{Log: e.Log, Err: errors.New("no such log")}
	}
	h := event.Header{Conversation: e.Log.Conversation, Device: e.Log.Device, Instance: e.Log.Instance, Sequence: e.First, Kind: event.KindText}
	if e.First > 1 {
		h.Previous = event.ID{1}
	}
	ev, err := event.New(h, event.Body{Content: words})
	if err != nil {
		return sync.Loaded{Log: e.Log, Err: err}
	}
	ev.Signature = make([]byte, crypto.SignatureSize)
	return sync.Loaded{Log: e.Log, Run: event.Run{Events: []event.Event{ev}}}
}

// ingest stores a run, unless its outcome is another. It is stored when its commit is done.
func (s *siege) ingest(e sync.Ingest) func() sync.Input {
	s.mu.Lock()
	defer s.mu.Unlock()
	committed, size := s.commits, len(e.Run.Marshal())
	s.inHand += size
	return func() sync.Input {
		<-committed
		answer := s.outcome(e.Ticket)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.inHand -= size
		if stored, ok := answer.(sync.Stored); ok && stored.Refused == 0 && stored.Err == nil {
			segments, err := s.stored[e.Run.Log()].Union(event.Segments{e.Run.Segment()})
			if err != nil {
				stored.Refused = wire.Forked
				return stored
			}
			s.stored[e.Run.Log()] = segments
			stored.Segments = segments
			s.Inbox.Held(e.Run.Log(), segments)
			return stored
		}
		return answer
	}
}

func (s *siege) outcome(t sync.Ticket) sync.Input {
	switch s.outcomes[int(t)%len(s.outcomes)] % 8 {
	case 4:
		return sync.Stored{Ticket: t, Refused: wire.OverBudget}
	case 5:
		return sync.Stored{Ticket: t, Refused: wire.TooManySegments, Once: true}
	case 6:
		return sync.NeedCard{Ticket: t, Head: crypto.Hash{byte(t)}}
	case 7:
		return sync.Stored{Ticket: t, Refused: wire.NoRoom}
	}
	return sync.Stored{Ticket: t}
}
