package sync_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// script plays the peer and the shell of one session, word by word. The session is that of
// deviceKeys[0], of person A, with deviceKeys[2], of person B.
type script struct {
	t       *testing.T
	session *sync.Session
	now     time.Time
	runs    uint64 // that the peer has pushed
}

var (
	self, peer = deviceKeys[0].ID(), deviceKeys[2].ID()
	ownOther   = deviceKeys[1].ID()
	third      = deviceKeys[4].ID()
	theirStore = event.Instance{7}
	direct     = event.Conversation{1}
	group      = event.Conversation{3}
	mineTag    = make32(0x10)
	theirTag   = make32(0x20)
)

func make32(b byte) []byte {
	t := make([]byte, 32)
	t[0] = b
	return t
}

// newScript says hello on both sides.
func newScript(t *testing.T) *script { return newScriptOf(t, [32]byte{1}) }

func newScriptOf(t *testing.T, nonce [32]byte) *script {
	s := &script{t: t, now: time.Unix(1000, 0)}
	s.session = sync.New(sync.Config{Self: self, Peer: peer, Nonce: nonce, Store: event.Instance{6}})
	s.want(s.step(sync.Open{Card: []byte("card")}), "hello")
	s.want(s.got(wire.Frame{Hello: &wire.Hello{Version: 1, Nonce: [32]byte{2}}}), "admission", "identity")
	s.want(s.got(wire.Frame{Admission: &wire.Admission{Mode: 1}}))
	s.want(s.got(wire.Frame{Identity: &wire.Identity{Card: []byte("theirs")}}), "Identify")
	return s
}

// joined goes on with conversations that hold the given logs.
func joined(t *testing.T, conversations ...sync.Conversation) *script {
	s := newScript(t)
	s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self, ownOther}, Conversations: conversations})
	return s
}

// talking goes on to where the peer has offered a direct conversation of given logs and everything
// has settled.
func talking(t *testing.T, mine, theirs map[event.Log]event.Segments) *script {
	s := joined(t, sync.Conversation{ID: direct, Logs: mine})
	s.offer(nil, theirs)
	s.got(wire.Frame{Settled: &wire.Settled{}})
	return s
}

func (s *script) step(in sync.Input) []sync.Effect {
	s.t.Helper()
	return s.session.Step(s.now, in)
}

func (s *script) got(f wire.Frame) []sync.Effect {
	s.t.Helper()
	f, err := wire.ParseFrame(f.Marshal())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.step(sync.Received{Frame: f})
}

// later lets time pass to a Tick.
func (s *script) later(d time.Duration) []sync.Effect {
	s.now = s.now.Add(d)
	return s.step(sync.Tick{})
}

func (s *script) offer(tag []byte, logs map[event.Log]event.Segments) []sync.Effect {
	return s.got(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{{Tag: tag, Store: theirStore, Logs: list(logs)}}}})
}

func (s *script) have(log event.Log, segments ...event.Segment) []sync.Effect {
	return s.got(wire.Frame{Have: &wire.Have{Store: theirStore, Logs: list(map[event.Log]event.Segments{log: segments})}})
}

// answer has the peer answer the run of a number.
func (s *script) answer(number uint64, log event.Log, segments ...event.Segment) []sync.Effect {
	return s.got(wire.Frame{Have: &wire.Have{Store: theirStore, Logs: list(map[event.Log]event.Segments{log: segments}), Answers: number}})
}

// run has the peer push a run, numbered as it must be.
func (s *script) run(r event.Run) []sync.Effect {
	s.runs++
	r.Number = s.runs
	return s.got(wire.Frame{Run: &r})
}

func list(logs map[event.Log]event.Segments) []wire.LogSegments {
	var all []wire.LogSegments
	for log, segments := range logs {
		all = append(all, wire.LogSegments{Device: log.Device, Instance: log.Instance, Segments: segments})
	}
	if len(all) > 1 {
		panic("more than one log")
	}
	return all
}

// want compares effects by name: frames in lower case, others as they are called.
func (s *script) want(effects []sync.Effect, names ...string) {
	s.t.Helper()
	var got []string
	for _, e := range effects {
		got = append(got, nameOf(e))
	}
	if len(got)+len(names) > 0 && !reflect.DeepEqual(got, names) {
		s.t.Fatalf("got %q, want %q", got, names)
	}
}

func nameOf(e sync.Effect) string {
	send, ok := e.(sync.Send)
	if !ok {
		return reflect.TypeOf(e).Name()
	}
	switch f := send.Frame; {
	case f.Hello != nil:
		return "hello"
	case f.Admission != nil:
		return "admission"
	case f.Identity != nil:
		return "identity"
	case f.Offers != nil:
		return "offers"
	case f.Run != nil:
		return "run"
	case f.Record != nil:
		return "record"
	case f.Have != nil:
		return "have"
	case f.Settled != nil:
		return "settled"
	case f.Refused != nil:
		return "refused"
	case f.CardRequest != nil:
		return "card request"
	case f.Card != nil:
		return "card"
	case f.Control != nil:
		return "control"
	case f.Welcome != nil:
		return "welcome"
	case f.Epoch != nil:
		return "epoch"
	case f.Typing != nil:
		return "typing"
	case f.Presence != nil:
		return "presence"
	}
	return "sightings"
}

// find returns the only effect of a type.
func find[E sync.Effect](t *testing.T, effects []sync.Effect) (found E) {
	t.Helper()
	n := 0
	for _, e := range effects {
		if x, ok := e.(E); ok {
			found = x
			n++
		}
	}
	if n != 1 {
		t.Fatalf("%d %T in %v", n, found, effects)
	}
	return found
}

func gapped(n int) (g event.Segments) {
	for i := range n {
		g = append(g, event.Segment{First: uint64(3*i + 1), Last: uint64(3*i + 1)})
	}
	return g
}

// chain writes a log of n signed events with bodies of about size bytes.
type chain struct {
	log    event.Log
	events []event.Event
}

func write(t testing.TB, conv event.Conversation, device crypto.DeviceID, n, size int) *chain {
	return writeLog(t, event.Log{Conversation: conv, Device: device, Instance: event.Instance{1}}, n, size)
}

func writeLog(t testing.TB, log event.Log, n, size int) *chain {
	c := &chain{log: log}
	for i := range n {
		h := event.Header{Conversation: log.Conversation, Device: log.Device, Instance: log.Instance, Sequence: uint64(i + 1), Kind: event.KindText, Clock: 1}
		if i > 0 {
			h.Previous = c.events[i-1].ID
		}
		content, err := event.Text{Text: string(make([]byte, size))}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.New(h, event.Body{Content: content})
		if err != nil {
			t.Fatal(err)
		}
		e.Signature = make([]byte, crypto.SignatureSize)
		c.events = append(c.events, e)
	}
	return c
}

func (c *chain) to(last int) event.Segment { return c.part(1, last) }

func (c *chain) part(first, last int) event.Segment {
	return event.Segment{First: uint64(first), Last: uint64(last), ID: c.events[last-1].ID}
}

func (c *chain) held(last int) map[event.Log]event.Segments {
	if last == 0 {
		return nil
	}
	return map[event.Log]event.Segments{c.log: {c.to(last)}}
}

func (c *chain) now(last int) sync.Held {
	return sync.Held{Log: c.log, Segments: event.Segments{c.to(last)}}
}

func (c *chain) run(first, last int) event.Run { return event.Run{Events: c.events[first-1 : last]} }

func (c *chain) loaded(first uint64, last int) sync.Loaded {
	return sync.Loaded{Log: c.log, Run: c.run(int(first), last)}
}
