package sync_test

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// end is the shell of one session: it does what the machine wants, late and in any order that the
// rules allow.
type end struct {
	node, peer *node
	terms      map[event.Conversation]terms
	recognized map[event.Conversation]bool // the peer has offered it, who is no member by what is known here
	other      *end
	conn       *conn
	restore    int // of the peer, when the session began

	session *sync.Session
	begun   bool
	closed  bool
	joined  bool
	since   time.Time                                           // of the first join
	had     map[event.Conversation]map[event.Log]event.Segments // on the disk then
	inbox   []wire.Frame
	arrival time.Time                   // of the last frame sent
	wake    int                         // counts Wakes, so that only the last one rings
	rounds  map[event.Conversation]bool // ended

	refusals map[event.Conversation]wire.Reason // what the session said last of why the peer takes nothing
	opened   time.Time                          // when the last run was sent before the peer offered anything
	lied     bool                               // it has kept words to itself

	deaf     map[event.Conversation]bool // in which others' logs are not heeded
	unheeded []sync.Held                 // of these, that was not given yet

	typing map[event.Conversation]bool // of which the peer was told that the owner writes, or that they don't
}

func newEnd(n, peer *node, c *conn) *end {
	e := &end{node: n, peer: peer, conn: c, restore: peer.restore, terms: map[event.Conversation]terms{}, recognized: map[event.Conversation]bool{}, rounds: map[event.Conversation]bool{}}
	e.refusals = map[event.Conversation]wire.Reason{}
	e.typing = map[event.Conversation]bool{}
	e.deaf = map[event.Conversation]bool{}
	nonce := [32]byte{byte(n.index), byte(peer.index)}
	e.session = sync.New(sync.Config{Self: n.device, Peer: peer.device, Nonce: nonce, Store: n.disk.instance})
	if (n.index+peer.index)%2 == 0 {
		e.session.SetPace(700)
	}
	n.ends[peer.index] = e
	return e
}

func (e *end) open() {
	if e.closed {
		return
	}
	e.begun = true
	e.step(sync.Open{Card: []byte{byte(e.node.person + 1)}})
}

// sign tells the peer what the owner does now.
func (e *end) sign(c conv, on, away bool) {
	e.typing[c.id] = e.typing[c.id] || on
	e.step(sync.ShareTyping{Conversation: c.id, On: on})
	e.step(sync.SharePresence{Away: away})
}

// close ends the session at this end, and meets the peer again later.
func (e *end) close() {
	if e.closed {
		return
	}
	e.closed, e.conn.dead = true, true
	w := e.node.world
	e.node.ends[e.peer.index] = nil
	e.node.unfollow(e.peer.index)
	e.node.comesNoMore(e.peer.index)
	if !e.other.closed {
		w.after(w.within(6*time.Second), e.other.close)
	}
	w.after(w.within(2*time.Second), func() { w.meet(e.node, e.peer) })
}

// after does something later in the same session.
func (e *end) after(d time.Duration, do func()) {
	e.node.after(d, func() {
		if !e.closed {
			do()
		}
	})
}

// soon steps later, so that inputs overtake each other.
func (e *end) soon(in sync.Input) {
	e.after(e.node.world.within(3*time.Millisecond), func() { e.step(in) })
}

// hear returns what was not given since it isn't heeded.
func (e *end) hear() (unheeded []sync.Held) {
	unheeded, e.unheeded = e.unheeded, nil
	return unheeded
}

// held tells what the node has of a log: soon, or before the next other input, if it isn't heeded.
func (e *end) held(in sync.Held) {
	if e.deaf[in.Log.Conversation] && in.Log.Device != e.node.device {
		e.unheeded = append(e.unheeded, in)
	} else {
		e.soon(in)
	}
}

func (e *end) read() {
	for e.begun && !e.closed && len(e.inbox) > 0 && !e.session.Busy() {
		f := e.inbox[0]
		e.inbox = e.inbox[1:]
		e.do(sync.Received{Frame: f})
	}
}

func (e *end) step(in sync.Input) {
	e.do(in)
	e.read()
}

func (e *end) do(in sync.Input) {
	if e.closed {
		return
	}
	w := e.node.world
	if _, is := in.(sync.Held); !is {
		for _, held := range e.hear() {
			w.count.unheeded++
			e.do(held)
		}
	}
	for _, effect := range e.session.Step(w.now, in) {
		if w.log != nil {
			w.note("%s-%s: %T → %s", e.node.name, e.peer.name, in, describe(effect))
		}
		e.effect(effect)
	}
	if w.chance(0.01) { // others need the memory
		before := e.session.Weight()
		e.session.Forget()
		if after := e.session.Weight(); after > before {
			w.fail("%s: %d bytes after forgetting, %d before", e.node.name, after, before)
		} else if after < before {
			w.count.forgets++
		}
	}
	e.session.Remembered()
}

func (e *end) effect(effect sync.Effect) {
	n, w := e.node, e.node.world
	switch x := effect.(type) {
	case sync.Send:
		e.checkTrue(x.Frame)
		e.checkSecret(x.Frame)
		w.transmit(e, e.stripped(x.Frame))
	case sync.Identify:
		if len(x.Card) != 1 || int(x.Card[0]) != e.peer.person+1 {
			w.fail("%s: wrong card from %s", n.name, e.peer.name)
		}
		n.submit(operation{
			in:   func(d *disk) { d.cards[e.peer.person] = true },
			then: func() { e.after(w.within(5*time.Millisecond), e.join) },
		})
	case sync.Load:
		e.after(w.within(3*time.Millisecond), func() {
			run, ok := n.disk.load(n, x, e.peer.person)
			in := sync.Loaded{Log: x.Log, Run: run}
			if !ok {
				in = sync.Loaded{Log: x.Log, Err: errors.New("no such run")}
				if x.Bytes != event.MaxOpeningSent {
					w.fail("%s: nothing to load at %d", n.name, x.First)
				}
			}
			e.step(in)
		})
	case sync.LoadControl:
		e.after(w.within(3*time.Millisecond), func() {
			set := n.disk.rooms[x.Conversation]
			if !set.was(n.person) || !set.was(e.peer.person) { // it is arriving at one of the two
				e.step(sync.LoadedControl{Conversation: x.Conversation})
				return
			}
			events, more := set.missing(x.Known, e.peer.person, 1+w.rng.IntN(x.Events))
			e.step(sync.LoadedControl{Conversation: x.Conversation, Events: events, More: more})
		})
	case sync.Recognize:
		for _, r := range w.rooms {
			known := n.disk.rooms[r.id] != nil && !e.terms[r.id].shared && !e.recognized[r.id]
			if known && slices.ContainsFunc(x.Tags, func(tag []byte) bool { return bytes.Equal(tag, r.tag(e.peer, n)) }) {
				e.recognized[r.id] = true
				e.after(w.within(time.Millisecond), e.join)
			}
		}
	case sync.LoadWelcome:
		e.soon(sync.LoadedWelcome{Conversation: x.Conversation, Welcome: n.welcome(x.Conversation, e.peer.person)})
	case sync.IngestControl:
		e.after(w.within(6*time.Millisecond), func() { e.ingestControl(x) })
	case sync.IngestWelcome:
		e.after(w.within(6*time.Millisecond), func() { e.ingestWelcome(x) })
	case sync.Ingest:
		e.after(w.within(6*time.Millisecond), func() { e.ingest(x) })
	case sync.IngestRecord:
		if n.full {
			w.count.fulls++
			e.soon(sync.Stored{Ticket: x.Ticket, Refused: wire.NoRoom})
			return
		}
		n.submit(operation{
			in: func(d *disk) {
				if d.putRecord(x.Conversation, x.Record) {
					for _, o := range n.ends {
						if o != nil {
							o.soon(sync.HeldRecord{Conversation: x.Conversation, Record: x.Record})
						}
					}
				}
			},
			then: func() { e.soon(sync.Stored{Ticket: x.Ticket}) },
		})
	case sync.Heeds:
		if e.deaf[x.Conversation] = !x.On; x.On {
			for _, held := range e.hear() {
				e.soon(held)
			}
		}
	case sync.Brings:
		if x.On && x.Log.Device != e.peer.device {
			w.fail("%s: %s brings the log of another", n.name, e.peer.name)
		}
		n.comes(x.Log, e.peer.index, x.On)
	case sync.TypingShared:
		if said, ok := e.other.typing[x.Conversation]; !ok || !said && x.On {
			w.fail("%s: %s types where it was not said", n.name, e.peer.name)
		}
		w.count.typings++
	case sync.PresenceShared:
		if x.Away {
			w.count.aways++
		}
	case sync.Acked:
		e.checkHeld("acknowledged", e.peer.disk, x.Log, x.Segments)
		n.submit(operation{in: func(d *disk) { d.deliver(x.Log, e.peer.person, x.Segments) }})
	case sync.Rollback:
		n.submit(operation{in: func(d *disk) { d.rollback(n, x.Log, x.Claimed) }})
	case sync.RoundBegan, sync.RoundDropped:
	case sync.Refusal:
		e.refusals[x.Conversation] = x.Reason
	case sync.RoundEnded:
		e.rounds[x.Conversation] = true
		e.checkRound(x.Conversation)
		if w.room(x.Conversation) != nil {
			n.choose(x.Conversation, fanout)
		} else {
			e.roundEnded(x.Conversation)
		}
	case sync.Request:
		w.count.requests++
		n.submit(operation{in: func(d *disk) { d.requests++ }})
	case sync.FetchCard:
		e.after(w.within(3*time.Millisecond), func() {
			for p := range personE + 1 {
				if x.Head == [32]byte{byte(p + 1)} && n.disk.cards[p] {
					e.step(sync.CardFetched{Card: []byte{byte(p + 1)}})
					return
				}
			}
			e.step(sync.CardFetched{})
		})
	case sync.LearnCard:
		n.submit(operation{
			in: func(d *disk) {
				if len(x.Card) == 1 {
					d.cards[int(x.Card[0])-1] = true
				}
			},
			then: func() { e.soon(sync.CardLearned{}) },
		})
	case sync.Drain:
		w.count.drains++
		e.after(w.within(20*time.Millisecond), func() { e.step(sync.Drained{}) })
	case sync.Wake:
		e.wake++
		if rings := e.wake; !x.At.IsZero() {
			e.after(x.At.Sub(w.now), func() {
				if e.wake == rings {
					e.step(sync.Tick{})
				}
			})
		}
	case sync.Close:
		if !n.hostile && !e.peer.hostile {
			w.fail("%s ends its session with %s: %v", n.name, e.peer.name, x.Reason)
		}
		e.close()
	default:
		w.fail("unexpected %T", effect)
	}
}

// join answers Identify, and changes of policy, from the disk as it is now.
func (e *end) join() {
	n := e.node
	if !e.joined {
		e.joined, e.since = true, n.world.now
		e.had = map[event.Conversation]map[event.Log]event.Segments{}
	}
	in := sync.Joined{Serve: n.world.serves(n, e.peer)}
	for _, o := range n.world.nodes {
		if o.person == n.person {
			in.Own = append(in.Own, o.device)
		}
	}
	for _, c := range n.world.shared(n, e.peer) {
		given := sync.Conversation{
			ID: c.id, OurTag: c.tag(n, e.peer), PeerTag: c.tag(e.peer, n),
			Logs: n.disk.logsOf(n, c.id), Records: n.disk.recordsOf(c.id),
		}
		if c.room != nil {
			e.sharedRoom(&given)
		}
		if c.isDirectOf(n, e.peer) {
			given.Opening = n.disk.opening(n.device, c.id, e.peer.person)
		}
		in.Conversations = append(in.Conversations, given)
		if e.had[c.id] == nil && !given.Quiet {
			e.had[c.id] = given.Logs
		}
	}
	e.step(in)
	for _, r := range n.world.rooms {
		if e.terms[r.id].shared {
			n.choose(r.id, 1)
		}
	}
}

// stripped returns a frame as it is sent: at times a relay keeps words of others to itself.
func (e *end) stripped(f wire.Frame) wire.Frame {
	w := e.node.world
	if f.Run == nil || w.calm || w.gentle || w.personOf[f.Run.Log().Device] == e.node.person || !w.chance(0.1) {
		return f
	}
	run := *f.Run
	run.Events = slices.Clone(run.Events)
	for i := range run.Events {
		if ev := &run.Events[i]; !ev.Header.Kind.SelfProven() && w.chance(0.5) {
			ev.Body, ev.Absent = nil, event.Dropped
			w.count.strips++
			e.lied = true
		}
	}
	return wire.Frame{Run: &run}
}

func (e *end) ingest(x sync.Ingest) {
	n, w := e.node, e.node.world
	for i := range x.Run.Events {
		ev := &x.Run.Events[i]
		if i > 0 && ev.Header.Previous != x.Run.Events[i-1].ID || ev.Header.Conversation != x.Conversation ||
			w.written[ev.ID] == nil {
			w.fail("%s: a run from %s is wrong", n.name, e.peer.name)
			return
		}
	}
	author := w.personOf[x.Run.Log().Device]
	if !n.disk.cards[author] {
		w.count.needCards++
		e.step(sync.NeedCard{Ticket: x.Ticket, Head: x.Run.Events[0].Header.Card})
		return
	}
	if heads := x.Run.Events[0].Header.Control; len(heads) > 0 && !n.disk.rooms[x.Conversation].knows(heads) {
		w.count.needControls++
		e.step(sync.NeedControl{Ticket: x.Ticket})
		return
	}
	log := x.Run.Log()
	refused := n.turnsAway(author)
	n.submit(operation{
		conv: x.Conversation,
		in: func(d *disk) {
			if refused == 0 {
				refused = d.ingest(n, x.Run)
			}
		},
		then: func() {
			switch refused {
			case 0:
			case wire.Forked:
				w.count.forks++
			case wire.NoRoom:
				w.count.fulls++
			case wire.OverBudget:
				w.count.overs++
			}
			if refused != 0 {
				w.count.refused++
			}
			stored := sync.Stored{Ticket: x.Ticket, Refused: refused}
			if refused == 0 || refused == wire.NotPermitted && len(n.disk.log(log).segments) > 0 {
				stored.Segments = n.segments(n.disk, log)
			}
			e.soon(stored)
		},
	})
}

// roundEnded shows the rows of a conversation that waited when the round began, unless another
// session may still bring their causes. Rows that came later have three more seconds: their causes
// may be on their way.
func (e *end) roundEnded(id event.Conversation) {
	for _, o := range e.node.ends {
		if o != nil && !o.rounds[id] {
			for _, c := range e.node.world.shared(e.node, o.peer) {
				if c.id == id {
					return
				}
			}
		}
	}
	e.node.submit(operation{in: func(d *disk) { d.release(e.node, &id, e.since) }})
}
