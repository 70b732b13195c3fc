package sync_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// following is a session of a group with a peer that this node follows, or that follows it, or both.
func following(t *testing.T, c sync.Conversation, follow bool, want wire.Want, logs ...wire.LogSegments) *script {
	t.Helper()
	c.Follow = follow
	s := newScript(t)
	s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{c}})
	s.offered(wire.Offer{Want: want, Locator: c.Locator, Logs: logs})
	return s
}

// told finds that the only frame says how far one log is held, and whether it comes directly.
func told(t *testing.T, effects []sync.Effect, last int, direct bool) {
	t.Helper()
	h := find[sync.Send](t, effects).Frame.Have
	if h == nil || len(h.Logs) != 1 || h.Logs[0].Segments.Last() != uint64(last) || h.Logs[0].Direct != direct {
		t.Errorf("told %+v, want up to %d, direct %t", h, last, direct)
	}
}

// listed has the peer say how far it holds a log, and whether that comes to it directly.
func listed(c *chain, last int, direct bool) wire.LogSegments {
	return wire.LogSegments{Device: c.log.Device, Instance: c.log.Instance, Segments: event.Segments{c.to(last)}, Direct: direct}
}

func (s *script) says(l wire.LogSegments) []sync.Effect {
	s.t.Helper()
	return s.got(wire.Frame{Have: &wire.Have{Tag: theirTag, Store: theirStore, Logs: []wire.LogSegments{l}}})
}

const soonTold, calmTold, calmPause = 250 * time.Millisecond, 4 * time.Second, 5 * time.Second

// Who is followed is told once that a log comes directly, and from then on only now and then how far; and soon that
// it doesn't any more.
func TestWhatComesDirectlyIsToldLater(t *testing.T) {
	others, more := ofGroup(t, third, 9), ofGroup(t, crypto.DeviceID{77}, 9)
	c := crew(t)
	s := following(t, c, true, wire.WantOwn)
	s.step(others.now(1))
	told(t, s.later(soonTold), 1, false)
	s.want(s.step(sync.Direct{Log: others.log, On: true})) // is said with what comes next, no later than else
	s.want(s.later(time.Minute))
	s.step(others.now(2))
	s.want(s.later(soonTold - 1))
	told(t, s.later(1), 2, true)

	s.want(s.step(others.now(3)), "Wake")
	s.later(calmTold - 1)
	s.step(others.now(4))
	told(t, s.later(1), 4, true)
	s.want(s.later(time.Minute))

	s.step(others.now(5))
	s.step(more.now(1)) // of another log, that does not come directly: both are told at once
	h := find[sync.Send](t, s.later(soonTold)).Frame.Have
	if h == nil || len(h.Logs) != 2 {
		t.Errorf("told %+v", h)
	}
	s.want(s.later(time.Minute))

	s.step(others.now(6))
	s.later(time.Second)
	s.want(s.step(sync.Direct{Log: others.log}), "Wake")
	told(t, s.later(soonTold), 6, false)
	s.step(sync.Direct{Log: others.log, On: true})
	s.step(others.now(7))
	told(t, s.later(soonTold), 7, true)
	s.want(s.step(sync.Direct{Log: others.log}), "Wake")
	told(t, s.later(soonTold), 7, false) // nothing is new but that
	s.want(s.step(sync.Direct{Log: others.log}))
	s.want(s.later(time.Minute))

	// Nobody tells one who is not followed, and whoever is followed again is told anew.
	s.step(sync.Direct{Log: others.log, On: true})
	s.step(sync.Follow{Conversation: c.ID})
	s.want(s.step(sync.Direct{Log: others.log, On: true}))
	s.want(s.step(others.now(8)))
	s.step(sync.Follow{Conversation: c.ID, On: true})
	s.step(others.now(9))
	told(t, s.later(soonTold), 9, false)

	s.step(sync.Direct{Log: others.log, On: true})
	join := func(quiet, follow bool) []sync.Effect {
		c.Quiet, c.Follow = quiet, follow
		return s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{c}})
	}
	join(true, false)
	c.Logs = others.held(9)
	if o := offerIn(t, join(false, true)); slices.ContainsFunc(o.Logs, func(l wire.LogSegments) bool { return l.Direct }) {
		t.Errorf("%+v", o)
	}
}

// What the peer itself writes can't come from anybody else directly.
func TestPeersOwnLogIsNotDirect(t *testing.T) {
	theirs := ofGroup(t, peer, 1)
	s := following(t, crew(t), true, wire.WantOwn)
	s.want(s.step(sync.Direct{Log: theirs.log, On: true}))
	r := theirs.run(1, 1)
	r.Tag = theirTag
	came := find[sync.Ingest](t, s.run(r))
	effects := s.step(sync.Stored{Ticket: came.Ticket, Segments: event.Segments{theirs.to(1)}})
	if h := sentAs(effects, "have")[0].Have; h.Logs[0].Direct {
		t.Errorf("told %+v", h)
	}
}

// Few pauses of a log run at once.
func TestPausesOfWhatComesDirectly(t *testing.T) {
	others := ofGroup(t, third, 9)
	s := following(t, crew(t), false, wire.WantAll, listed(others, 1, true))
	for n, want := range []int{1, 1, 2} {
		s.step(others.now(n + 2))
		if got := s.session.Delayed(); got != want {
			t.Errorf("%d pauses, want %d", got, want)
		}
		s.later(soonTold / 2)
	}
	if l := find[sync.Load](t, s.later(calmPause-3*soonTold/2)); l.Events != 2 {
		t.Errorf("loads %d", l.Events)
	}
}

// What waits for one log may change places with what waits for another.
func TestTakenBackOvertakes(t *testing.T) {
	one, other := ofGroup(t, third, 9), ofGroup(t, crypto.DeviceID{77}, 9)
	s := following(t, crew(t), false, wire.WantAll, listed(other, 1, true), listed(one, 1, true))
	s.step(one.now(2))
	s.later(time.Second)
	s.step(other.now(2))
	s.later(time.Second / 10)
	s.want(s.says(listed(other, 1, false)), "Wake")
	if l := find[sync.Load](t, s.later(4*time.Second/10)); l.Log != other.log {
		t.Errorf("loads %v", l.Log)
	}
}

// What waits for room to be told is not held up by what may wait for long.
func TestCalmHoldsNothingUp(t *testing.T) {
	others, more := ofGroup(t, third, 9), ofGroup(t, crypto.DeviceID{77}, 9)
	s := following(t, crew(t), true, wire.WantOwn)
	s.step(sync.Direct{Log: others.log, On: true})
	s.step(others.now(1))
	told(t, s.later(soonTold), 1, true)
	s.session.SetPace(1)
	s.step(more.now(1))
	s.later(soonTold) // there is no room
	s.step(others.now(2))
	s.session.SetPace(sync.PaceBytes)
	h := find[sync.Send](t, s.later(soonTold)).Frame.Have
	if h == nil || len(h.Logs) != 2 {
		t.Errorf("told %+v", h)
	}
}

// An offer that lists logs says it as well. A short one says it of none, so it is said anew.
func TestOffersOfWhatComesDirectly(t *testing.T) {
	var logs []*chain
	for i := range byte(4) {
		logs = append(logs, ofGroup(t, crypto.DeviceID{i + 1}, 3))
	}
	c := crew(t, logs...)
	s := following(t, c, true, wire.WantOwn)
	s.step(sync.Direct{Log: logs[0].log, On: true})
	o := offerIn(t, s.step(sync.Compare{Conversation: c.ID}))
	if len(o.Logs) != 4 || o.Want != wire.WantAll || !o.Logs[0].Direct || o.Logs[1].Direct {
		t.Fatalf("%+v", o)
	}
	more := ofGroup(t, crypto.DeviceID{9}, 3)
	s.step(more.now(3))
	s.later(soonTold)
	longer := ofGroup(t, crypto.DeviceID{1}, 9)
	s.step(longer.now(4))
	told(t, s.later(calmTold), 4, true) // not sooner: find wants one frame
	if o := offerIn(t, s.step(sync.Compare{Conversation: c.ID})); o.Digest == nil {
		t.Fatalf("%+v", o)
	}
	s.want(s.later(time.Minute))
	s.step(longer.now(5))
	told(t, s.later(soonTold), 5, true)
	s.step(longer.now(6))
	s.want(s.later(soonTold))
	s.step(sync.Compare{Conversation: c.ID}) // while that is gathered
	s.step(longer.now(7))
	told(t, s.later(soonTold), 7, true)
}

// What an offer says of a log of which nothing has come since is taken back as well.
func TestOfferOfWhatComesDirectlyIsTakenBack(t *testing.T) {
	others := ofGroup(t, third, 3)
	c := crew(t, others)
	s := following(t, c, true, wire.WantOwn, listed(others, 3, false))
	s.step(sync.Direct{Log: others.log, On: true})
	if o := offerIn(t, s.step(sync.Compare{Conversation: c.ID})); len(o.Logs) != 1 || !o.Logs[0].Direct {
		t.Fatalf("%+v", o)
	}
	s.want(s.later(time.Minute))
	s.want(s.step(sync.Direct{Log: others.log}), "Wake")
	told(t, s.later(soonTold), 3, false)
}

// What there is no room for in an offer is told soon after it, as is whether it comes directly.
func TestOfferWithoutRoomForWhatComesDirectly(t *testing.T) {
	last := crypto.DeviceID{255}
	others := ofGroup(t, last, 3)
	c := crew(t, others)
	c.Logs = others.held(1)
	for i := range wire.MaxLogs {
		c.Logs[event.Log{Conversation: c.ID, Device: crypto.DeviceID{1, byte(i >> 8), byte(i)}}] = event.Segments{{First: 1, Last: 1}}
	}
	s := following(t, c, true, wire.WantOwn)
	s.later(time.Second)
	s.step(sync.Direct{Log: others.log, On: true})
	s.step(others.now(2))
	told(t, s.later(soonTold), 2, true)
	o := offerIn(t, s.offered(wire.Offer{Number: 1, Want: wire.WantAll, Locator: c.Locator, Digest: &crypto.Hash{1}}))
	if len(o.Logs) != wire.MaxLogs || o.Logs[len(o.Logs)-1].Device == last {
		t.Fatalf("%d logs are listed", len(o.Logs))
	}
	s.offered(wire.Offer{Number: 2, Want: wire.WantAll, Locator: c.Locator, Logs: []wire.LogSegments{listed(others, 2, false)}})
	told(t, s.later(soonTold), 2, true)
}

// What several of those who are followed may bring at last goes at another time in each session.
func TestTakenBackIsSpread(t *testing.T) {
	others := ofGroup(t, third, 9)
	c := crew(t)
	s := newScriptOf(t, [32]byte{30: 128}) // half of the spread
	s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}, Conversations: []sync.Conversation{c}})
	s.offered(wire.Offer{Want: wire.WantAll, Locator: c.Locator, Logs: []wire.LogSegments{listed(others, 1, true)}})
	s.step(others.now(2))
	s.later(3 * time.Second)
	s.want(s.says(listed(others, 1, false)), "Wake")
	s.want(s.later(time.Second/2 - 1))
	s.want(s.later(1), "Load", "Wake")
}

// A log that comes to the peer directly waits for longer until it is sent on, and no longer once the peer takes that
// back. What the peer has does not wake anybody.
func TestWhatComesDirectlyWaits(t *testing.T) {
	const pause = 500 * time.Millisecond
	others := ofGroup(t, third, 99)
	c := crew(t, others)
	c.Logs = nil
	last := 0
	start := func(logs ...wire.LogSegments) *script {
		last = 10
		s := following(t, c, false, wire.WantAll, logs...)
		s.step(others.now(10))
		s.says(listed(others, 10, true))
		return s
	}
	loads := func(s *script, d time.Duration) {
		t.Helper()
		if l, is := slices.IndexFunc(s.later(d-1), isLoad), 0; l >= is {
			t.Error("loads too soon")
		}
		last++
		if l := find[sync.Load](t, s.later(1)); l.First != uint64(last) || l.Events != 1 {
			t.Errorf("loads %d from %d", l.Events, l.First)
		}
		s.want(s.step(others.loaded(uint64(last), last)), "run")
		s.says(listed(others, last, true))
	}
	s := start()
	s.want(s.step(others.now(11)), "Wake")
	loads(s, calmPause)
	s.step(others.now(12)) // the peer has it in time
	s.later(calmTold)
	last = 12
	s.want(s.says(listed(others, 12, true)), "Wake")
	s.want(s.later(time.Hour))
	s.step(others.now(13))
	s.later(time.Second)
	s.step(others.now(14))
	if n := s.session.Delayed(); n != 2 {
		t.Errorf("%d pauses", n)
	}
	last++
	if l := find[sync.Load](t, s.later(calmPause-time.Second)); l.First != 13 || l.Events != 1 {
		t.Errorf("loads %d from %d", l.Events, l.First)
	}
	s.want(s.step(others.loaded(13, 13)), "run")
	s.says(listed(others, 13, true))
	loads(s, time.Second)

	// Taken back: what has waited for long goes at once, if not for the spread, and what has not when it would have.
	s.step(others.now(15))
	s.later(3 * time.Second)
	if l := find[sync.Load](t, s.says(listed(others, 14, false))); l.First != 15 {
		t.Errorf("loads from %d", l.First)
	}
	s.want(s.step(others.loaded(15, 15)), "run")
	s.says(listed(others, 15, true))
	last = 15
	s.step(others.now(16))
	s.later(pause / 5)
	s.says(listed(others, 15, false))
	loads(s, 4*pause/5)
	s.says(listed(others, 16, false))
	s.step(others.now(17))
	loads(s, pause)

	// An offer takes back what it does not say again; a short one says nothing, whether both hold the same or not.
	s = start()
	s.offered(wire.Offer{Number: 1, Want: wire.WantAll, Locator: c.Locator, Logs: []wire.LogSegments{listed(others, 10, true)}})
	s.step(others.now(11))
	loads(s, calmPause)
	s = start()
	s.offered(wire.Offer{Number: 1, Want: wire.WantAll, Locator: c.Locator, Logs: []wire.LogSegments{listed(others, 10, false)}})
	s.step(others.now(11))
	loads(s, pause)
	same := *shortOf(t, c, others)
	for _, digest := range []crypto.Hash{same, {1}} {
		s = start()
		s.offered(wire.Offer{Number: 1, Want: wire.WantAll, Locator: c.Locator, Digest: &digest})
		s.step(others.now(11))
		loads(s, pause)
	}
	s = start()
	s.step(others.now(11))
	s.later(time.Second)
	if l := find[sync.Load](t, s.offered(wire.Offer{Number: 1, Want: wire.WantAll, Locator: c.Locator, Digest: &crypto.Hash{1}})); l.First != 11 {
		t.Errorf("loads from %d", l.First)
	}

	// An offer may say it of a log that is the same on both sides.
	c.Logs = others.held(10)
	s = following(t, c, false, wire.WantAll, listed(others, 10, true))
	last = 10
	s.step(others.now(11))
	loads(s, calmPause)
}

func isLoad(e sync.Effect) bool { _, is := e.(sync.Load); return is }

// shortOf returns the digest of an offer of the first ten of a log, and of nothing else.
func shortOf(t *testing.T, c sync.Conversation, log *chain) *crypto.Hash {
	var b []byte
	b = append(append(b, log.log.Device[:]...), log.log.Instance[:]...)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 10)
	b = append(b, log.events[9].ID[:]...)
	d := crypto.Digest("offer", b)
	return &d
}

// A log counts as direct from when its device brings what was not here, until it brings another, or nothing, or somebody
// else has to bring what it did not.
func TestWhoBringsItsLog(t *testing.T) {
	brings := func(effects []sync.Effect, want ...any) {
		t.Helper()
		var got []any
		for _, e := range effects {
			if b, is := e.(sync.Brings); is {
				got = append(got, b.Log, b.On)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	theirs := ofGroup(t, peer, 9)
	c := crew(t, theirs)
	c.Logs = nil
	s := following(t, c, true, wire.WantOwn)
	run := func(of *chain, n int, why wire.Reason) []sync.Effect {
		t.Helper()
		r := of.run(n, n)
		r.Tag = theirTag
		in := sync.Stored{Ticket: find[sync.Ingest](t, s.run(r)).Ticket, Refused: why}
		if why == 0 {
			in.Segments = event.Segments{of.to(n)}
		}
		return s.step(in)
	}
	brings(run(theirs, 1, 0), theirs.log, true)
	brings(run(theirs, 2, 0), theirs.log, true) // who has taken it back meanwhile learns it again
	s.step(theirs.now(3))
	brings(run(theirs, 3, 0)) // it was here
	next := writeLog(t, event.Log{Conversation: c.ID, Device: peer, Instance: event.Instance{2}}, 9, 10)
	brings(run(next, 1, 0), theirs.log, false, next.log, true)
	brings(run(next, 2, wire.OverBudget), next.log, false)
	s.offered(wire.Offer{Number: 1, Want: wire.WantOwn, Locator: c.Locator})
	s.step(sync.Room{})
	brings(run(next, 2, 0), next.log, true)
	brings(s.offered(wire.Offer{Number: 2, Want: wire.WantNothing, Locator: c.Locator}), next.log, false)
	brings(s.offered(wire.Offer{Number: 3, Want: wire.WantOwn, Locator: c.Locator}))
	brings(s.offered(wire.Offer{Number: 4, Want: wire.WantNothing, Locator: c.Locator})) // is known by now
	s.offered(wire.Offer{Number: 5, Want: wire.WantOwn, Locator: c.Locator})
	brings(run(next, 3, 0), next.log, true)
	brings(run(next, 4, wire.NoRoom), next.log, false)
	brings(run(next, 4, 0), next.log, true)
	r := next.run(5, 5)
	r.Tag = theirTag
	need := sync.NeedCard{Ticket: find[sync.Ingest](t, s.run(r)).Ticket, Head: crypto.Hash{1}}
	brings(s.step(need))
	s.got(wire.Frame{Card: &wire.Card{}})
	s.step(sync.CardLearned{})
	brings(s.step(need), next.log, false) // it is refused without the store
	s.offered(wire.Offer{Number: 6, Want: wire.WantOwn, Locator: c.Locator})
	s.step(sync.Room{})
	brings(run(next, 6, 0), next.log, true)
	brings(s.step(sync.Joined{Serve: true, Own: []crypto.DeviceID{self}}), next.log, false)

	// Another's log, which does not come directly after all: the answer says so.
	others := ofGroup(t, third, 9)
	s = following(t, c, true, wire.WantOwn)
	s.step(sync.Direct{Log: others.log, On: true})
	s.step(others.now(1))
	told(t, s.later(soonTold), 1, true)
	s.step(others.now(2))
	brings(run(others, 2, 0)) // it was here already
	effects := run(others, 3, 0)
	brings(effects, others.log, false)
	if h := sentAs(effects, "have")[0].Have; h.Logs[0].Direct || h.Answers == 0 {
		t.Errorf("told %+v", h)
	}
	brings(run(others, 4, 0))
	s.want(s.later(time.Minute), "Wake") // of what the answers have told
}

// small is a group of an author, a relay and a reader, where the reader has its sessions with both, and follows the
// relay. The author has written something, which makes its log direct.
type small struct {
	*crowd
	author, relay, reader *member
}

func newSmall(t *testing.T) *small {
	c := newCrowd(4, 1, 4)
	s := &small{c, c.members[0], c.members[1], c.members[2]}
	c.connect(s.author, s.relay, time.Second)
	c.connect(s.relay, s.reader, time.Second)
	c.run(10 * time.Second)
	return s
}

// says has the author write, and returns how long it takes to a member.
func (s *small) says(to *member) time.Duration {
	began := s.now
	to.reached = time.Time{}
	s.author.say()
	s.run(time.Minute)
	return to.reached.Sub(began)
}

func between(t *testing.T, what string, d, from, to time.Duration) {
	t.Helper()
	if d < from || d > to {
		t.Errorf("%s: %v, want %v to %v", what, d, from, to)
	}
}

const (
	relayed   = 500 * time.Millisecond // with up to a second
	lateRelay = calmPause              // with the same
	network   = 100 * time.Millisecond
)

// An author whose session stands though nothing comes by it makes one message late, and no second. When the session is
// found to have ended, nothing waits any longer for it.
func TestRelayGoesOnForTheAuthor(t *testing.T) {
	s := newSmall(t)
	between(t, "by the relay", s.says(s.reader), relayed, relayed+time.Second+network)
	s.connect(s.author, s.reader, time.Second)
	s.run(10 * time.Second)
	by := s.author.links[1]
	for range 3 {
		between(t, "directly", s.says(s.reader), 0, network)
	}
	by.dead = true
	between(t, "late", s.says(s.reader), lateRelay, lateRelay+time.Second+network)
	between(t, "by the relay again", s.says(s.reader), relayed, relayed+time.Second+network)
	by.dead = false
	if d := s.says(s.reader); d > network {
		t.Errorf("directly again: %v", d)
	}
	s.says(s.reader)

	by.dead = true
	began := s.now
	s.author.say()
	s.run(2 * time.Second)
	if s.reader.reached.After(began) {
		t.Fatal("it has come")
	}
	began = s.now
	by.other.part()
	s.run(time.Minute)
	between(t, "after the end of the session", s.reader.reached.Sub(began), soonTold, soonTold+time.Second+network)
	between(t, "by the relay at last", s.says(s.reader), relayed, relayed+time.Second+network)
}

// Who says that everything comes to it directly, though nothing does, gets it late, and nobody else does.
func TestLiarHarmsOnlyItself(t *testing.T) {
	s := newSmall(t)
	liar := s.members[3]
	liar.lies = true
	s.connect(s.relay, liar, time.Second)
	s.run(10 * time.Second)
	for i := range 3 {
		between(t, fmt.Sprint("to the reader ", i), s.says(s.reader), relayed, relayed+time.Second+network)
	}
	between(t, "to the liar", s.says(liar), lateRelay, lateRelay+time.Second+network)
}
