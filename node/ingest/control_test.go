package ingest

import (
	"errors"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// brings has a peer bring control events, and returns the answer.
func (f *From) brings(t *testing.T, c event.Conversation, events ...event.Event) sync.Input {
	return f.Control(t.Context(), sync.IngestControl{Ticket: 7, Conversation: c, Events: slices.Clone(events)})
}

// taken says that control events were taken, or wait for the rest.
func taken(in sync.Input) bool {
	stored, ok := in.(sync.Stored)
	return ok && stored.Ticket == 7 && stored.Refused == 0 && stored.Err == nil
}

// welcomed has a peer bring a welcome, and returns the answer.
func (f *From) welcomed(t *testing.T, w *wire.Welcome) sync.Input {
	return f.Welcome(t.Context(), sync.IngestWelcome{Ticket: 7, Welcome: w})
}

// What is told to the peer about its control events.
func TestAnswersToControlEvents(t *testing.T) {
	ann, bob, dora := newHalls(t)
	g := bob.makes("lunch", ann)
	events := bob.lacks(g, ann)
	from, _ := ann.from(bob)
	if stored, ok := from.brings(t, g, events...).(sync.Stored); !ok || stored.Refused != wire.NotPermitted || stored.Err != nil {
		t.Errorf("of a group of which nobody has told: %+v", stored)
	}
	bob.tells(g, ann)

	bob.invites(g, dora)
	eve := newHall(t)
	eve.meets(ann)
	bob.meets(eve)
	bob.invites(g, eve)
	more := bob.lacks(g, ann)[len(events):]
	forged := slices.Clone(more)
	forged[1].Signature = forged[0].Signature
	if stored, ok := from.brings(t, g, forged...).(sync.Stored); !ok || !errors.Is(stored.Err, sync.ErrProtocol) {
		t.Errorf("not proven: %+v", stored)
	}
	if in := from.brings(t, g, more...); !taken(in) {
		t.Errorf("by the founder: %+v", in)
	}
	if need, ok := from.brings(t, g, bob.writesControl(g, []crypto.Hash{{1}}, event.Topic{Topic: "x"})).(sync.NeedControl); !ok || need.Ticket != 7 {
		t.Errorf("without its parent: %+v", need)
	}
	if need, ok := from.brings(t, g, eve.writesControl(g, bob.groups.Heads(g), event.Topic{Topic: "y"})).(sync.NeedCard); !ok || need.Ticket != 7 || need.Head != eve.own.Card.Head() {
		t.Errorf("by somebody whose card is not known: %+v", need)
	}
	if stored, ok := from.brings(t, g, dora.writesControl(g, bob.groups.Heads(g), event.Rename{Name: "Dora's"})).(sync.Stored); !ok || stored.Refused != wire.NotPermitted || stored.Err != nil {
		t.Errorf("by one who may not: %+v", stored)
	}
}

// writesControl makes a control event that is in no store, and may not be permitted.
func (h *hall) writesControl(c event.Conversation, heads []crypto.Hash, act event.Control) event.Event {
	h.t.Helper()
	content, err := act.Marshal()
	h.check(err)
	head := h.pen(c).Events[0].Header
	head.Kind, head.Flags, head.Control = act.Kind(), event.FlagCritical, heads
	e, err := event.New(head, event.Body{Content: content})
	h.check(err)
	e.Sign(h.own.Device)
	return e
}

// A contact's welcome has the group arrive, and its control events bring the owner in. Anybody else's
// is a request, whoever delivers it and whatever the owner has set about messages.
func TestWelcomeByItsAuthor(t *testing.T) {
	ann, bob, dora := newHalls(t)
	ann.sets(bob, func(p *book.Person) { p.Contact = true })
	eve := newHall(t)
	eve.meets(ann)
	fromBob, _ := ann.from(bob)
	fromDora, _ := ann.from(dora)
	for i, accept := range []string{people.AcceptEveryone, people.AcceptContacts} {
		ann.check(ann.owner.SetAccept(t.Context(), accept))
		g := bob.makes("by a contact", ann)
		if in := fromDora.welcomed(t, bob.welcome(g, ann)); !taken(in) || len(ann.groups.Arriving()) != 1 || ann.groups.Known(g) {
			t.Errorf("%s: by a contact: %+v", accept, in)
		}
		if in := fromBob.brings(t, g, bob.lacks(g, ann)...); !taken(in) || !ann.groups.Known(g) || len(ann.groups.Arriving()) != 0 {
			t.Errorf("%s: with what it lacked: %+v", accept, in)
		}
		theirs := []*hall{dora, eve}[i] // Eve was never met: her card comes with the welcome
		other := theirs.makes("by a stranger", ann)
		if in := fromBob.welcomed(t, theirs.welcome(other, ann)); !taken(in) || ann.asked != i+1 || len(ann.groups.Arriving()) != 0 {
			t.Errorf("%s: by a stranger: %+v, told %d times", accept, in, ann.asked)
		}
		if waiting, err := ann.groups.Requests(); err != nil || len(waiting) != i+1 || waiting[0].Name != "by a stranger" {
			t.Errorf("%s: %+v wait, %v", accept, waiting, err)
		}
		if kept, member := ann.keeps(theirs); !kept || member {
			t.Errorf("%s: who waits is kept: %t, as a member: %t", accept, kept, member)
		}
	}
}

// The answer to a welcome never says what was wrong with it, nor what has become of it: not to whom
// the owner has blocked, nor to anybody else.
func TestAnswersToWelcomes(t *testing.T) {
	ann, bob, dora := newHalls(t)
	eve := newHall(t)
	eve.meets(ann)
	ann.sets(dora, func(p *book.Person) { p.Blocked = true })
	for _, peer := range []*hall{bob, dora} {
		from, session := ann.from(peer)
		g := peer.makes("lunch", ann)
		good := peer.welcome(g, ann)
		change := func(f func(w *wire.Welcome)) *wire.Welcome {
			w := *good
			f(&w)
			return &w
		}
		for what, w := range map[string]*wire.Welcome{
			"forged":                change(func(w *wire.Welcome) { w.Join.Signature = w.Create.Signature }),
			"a forged create event": change(func(w *wire.Welcome) { w.Create.Signature = w.Join.Signature }),
			"not for her": change(func(w *wire.Welcome) {
				w.Join = peer.writesControl(g, peer.groups.Heads(g), event.Invite{Persons: []crypto.PersonID{eve.id()}})
			}),
			"by nobody who is known": change(func(w *wire.Welcome) {
				w.Join = eve.writesControl(g, peer.groups.Heads(g), event.Invite{Persons: []crypto.PersonID{ann.id()}})
				w.Card = nil
			}),
			"with another's card": change(func(w *wire.Welcome) {
				w.Join = eve.writesControl(g, peer.groups.Heads(g), event.Invite{Persons: []crypto.PersonID{ann.id()}})
			}),
			"with a card of nothing": change(func(w *wire.Welcome) {
				w.Join = eve.writesControl(g, peer.groups.Heads(g), event.Invite{Persons: []crypto.PersonID{ann.id()}})
				w.Card = []byte("x")
			}),
			"good":      good,
			"once more": good,
		} {
			if in := from.welcomed(t, w); !taken(in) || session.why != nil {
				t.Errorf("%s: %+v, %v", what, in, session.why)
			}
		}
	}
	if waiting, err := ann.groups.Requests(); err != nil || len(waiting) != 1 || waiting[0].Person != bob.id() || ann.asked != 1 {
		t.Errorf("%d wait, %v; told %d times", len(waiting), err, ann.asked)
	}
	ann.free.Store(0)
	from, _ := ann.from(bob)
	if stored, ok := from.welcomed(t, bob.welcome(bob.makes("dinner", ann), ann)).(sync.Stored); !ok || stored.Refused != wire.NoRoom || stored.Err != nil {
		t.Errorf("where the disk is full: %+v", stored)
	}
}

// What is remembered of what peers claim about own logs is bounded.
func TestDoubtsAreBounded(t *testing.T) {
	var c claims
	for i := range 2 * maxDoubted {
		log, by := event.Log{Instance: event.Instance{byte(i), byte(i >> 8)}}, crypto.PersonID{1}
		if c.doubted(log, by) || !c.doubt(log, by) || c.doubt(log, by) || !c.doubted(log, by) || c.doubted(log, crypto.PersonID{2}) {
			t.Fatalf("claim %d", i)
		}
		if len(c.doubts) > maxDoubted {
			t.Fatalf("%d claims", len(c.doubts))
		}
	}
}

// A peer that claims to have more of an own log ends the session, once: in the next one the peer is
// told less.
func TestClaimOfRollback(t *testing.T) {
	ann, bob, dora := newHalls(t)
	run := ann.writesTo(bob, "hello")
	log := run.Log()
	claims := func(by *hall, claimed event.Segments) error {
		t.Helper()
		from, session := ann.from(by)
		if from.Rollback(t.Context(), sync.Rollback{Log: log, Claimed: claimed}) != nil {
			t.Error("the machine is answered")
		}
		return session.why
	}
	if why := claims(bob, event.Segments{run.Segment()}); why != nil || ann.Doubted(log, bob.id()) {
		t.Errorf("what is held here is claimed: %v", why)
	}
	more := event.Segments{{First: 1, Last: 5, ID: event.ID{1}}}
	if why := claims(bob, more); !errors.Is(why, errRolledBack) || !ann.Doubted(log, bob.id()) || ann.Doubted(log, dora.id()) {
		t.Errorf("more is claimed: %v", why)
	}
	if next := ann.writesTo(bob, "again"); next.Log() == log {
		t.Error("the log goes on")
	}
	if why := claims(bob, more); why != nil {
		t.Errorf("claimed again: %v", why)
	}
}

// What somebody says whom the owner has blocked is no request.
func TestBlockedAsksNothing(t *testing.T) {
	ann, bob, _ := newHalls(t)
	ann.sets(bob, func(p *book.Person) { p.Blocked = true })
	from, _ := ann.from(bob)
	from.Request(t.Context(), bob.writesTo(ann, "hello"))
	if requests, err := ann.store.Book().Requests(); err != nil || len(requests) > 0 {
		t.Errorf("%d requests, %v", len(requests), err)
	}
	ann.sets(bob, func(p *book.Person) { p.Blocked = false })
	from.Request(t.Context(), bob.writesTo(ann, "hello"))
	if requests, err := ann.store.Book().Requests(); err != nil || len(requests) != 1 {
		t.Errorf("%d requests, %v", len(requests), err)
	}
}

// Also a request or an invitation for which there is no budget has room made for strangers.
func TestRequestsWantRoom(t *testing.T) {
	ann, bob, _ := newHalls(t)
	from, session := ann.from(bob)
	for i := range book.MaxRequests {
		ann.check(ann.store.Book().PutRequest(t.Context(), book.Request{Person: crypto.PersonID{byte(i + 1)}, Run: []byte("x")}, ann.Address(session)))
	}
	for what, ask := range map[string]func(){
		"a request":     func() { from.Request(t.Context(), bob.writesTo(ann, "hello")) },
		"an invitation": func() { from.welcomed(t, bob.welcome(bob.makes("lunch", ann), ann)) },
	} {
		ann.giving.wanted.Store(false)
		ann.waiting = nil
		if ask(); !ann.giving.wanted.Load() || len(ann.waiting) != 1 || ann.waiting[0] != bob.id() {
			t.Errorf("%s: room is wanted: %t, more waits of %v", what, ann.giving.wanted.Load(), ann.waiting)
		}
	}
}
