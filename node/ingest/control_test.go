package ingest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
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

// A welcome may take several frames. Nobody knows before the last whether the owner is in the
// group.
func TestWelcomeInSeveralFrames(t *testing.T) {
	ann, bob, dora := newHalls(t)
	g, other := bob.makes("lunch", dora, ann), bob.makes("dinner", dora, ann)
	events, others := bob.lacks(g, ann), bob.lacks(other, ann)
	if len(events) != 3 {
		t.Fatalf("%d control events", len(events))
	}
	from, _ := ann.from(bob)
	for i := range events {
		if ann.groups.Known(g) {
			t.Errorf("known after %d frames", i)
		}
		if in := from.brings(t, g, events[i]); !taken(in) {
			t.Errorf("frame %d: %+v", i, in)
		}
	}
	if !ann.groups.Known(g) {
		t.Error("not known when all have come")
	}
	// One welcome at a time: another replaces it.
	third := bob.makes("third")
	from.brings(t, other, others[:2]...)
	from.brings(t, third, bob.lacks(third, bob)...)
	if in := from.brings(t, other, others[2:]...); !taken(in) || ann.groups.Known(other) {
		t.Errorf("two at once: %+v, known: %t", in, ann.groups.Known(other))
	}
	if in := from.brings(t, other, others...); !taken(in) || !ann.groups.Known(other) {
		t.Errorf("once more: %+v", in)
	}
}

// Lists of cuts take many times what other control events do. A group with as many of them as it may
// have still gets newcomers: they put together the frames of their welcome, each closed by bytes.
func TestWelcomeOfFatEvents(t *testing.T) {
	ann, bob, dora := newHalls(t)
	g := bob.makes("lunch", dora)
	list := event.CutList{Person: dora.id()}
	for i := range event.MaxCuts {
		list.Cuts = append(list.Cuts, event.Position{Device: dora.own.Device.ID(), Instance: event.Instance{byte(i >> 8), byte(i)}, Sequence: 1, ID: event.ID{1}})
	}
	const lists, frame = 80, 256 << 10
	for range lists {
		list.Cuts[0].Sequence++ // another list each time
		ann.check(bob.groups.Do(t.Context(), g, func(*authority.State) (event.Control, error) { return list, nil }))
	}
	bob.invites(g, ann)
	from, _ := ann.from(bob)
	var known []crypto.Hash
	size := 0
	for more := true; more; {
		var events []event.Event
		var err error
		events, more, err = bob.groups.Missing(g, ann.id(), known, wire.MaxControl, frame)
		ann.check(err)
		for i := range events {
			known = append(known, crypto.Hash(events[i].ID))
			size += len(events[i].HeaderBytes) + len(events[i].Body)
		}
		if in := from.brings(t, g, events...); !taken(in) {
			t.Fatalf("after %d bytes: %+v", size, in)
		}
	}
	if size < 3<<20 {
		t.Errorf("a welcome of %d bytes proves nothing", size)
	}
	if !ann.groups.Known(g) {
		t.Error("the group is not known when all have come")
	}
	if !ann.ofContacts.TryAcquire(welcomesBudget) || !ann.ofStrangers.TryAcquire(welcomesBudget) {
		t.Error("some of the budget is not given back")
	}
}

// There is an end to what is kept of a welcome that is not whole.
func TestWelcomeIsBounded(t *testing.T) {
	g := event.Conversation{1}
	budget := semaphore.NewWeighted(maxWelcome)
	piece := func(kind event.Kind, size int) event.Event {
		return event.Event{Header: event.Header{Kind: kind}, HeaderBytes: make([]byte, size/2), Body: make([]byte, size-size/2)}
	}
	for what, c := range map[string]struct {
		events []event.Event
		keeps  bool
	}{
		"as much as fits":            {[]event.Event{piece(event.KindCreate, maxWelcome/2), piece(event.KindInvite, maxWelcome/2)}, true},
		"one byte more":              {[]event.Event{piece(event.KindCreate, maxWelcome/2), piece(event.KindInvite, maxWelcome/2+1)}, false},
		"as many as fit":             {slices.Repeat([]event.Event{piece(event.KindCreate, 1)}, event.MaxControls), true},
		"one event more":             {slices.Repeat([]event.Event{piece(event.KindCreate, 1)}, event.MaxControls+1), false},
		"what does not begin at all": {[]event.Event{piece(event.KindInvite, 10)}, false},
	} {
		var w welcome
		w.keep(welcome{group: event.Conversation{2}, events: []event.Event{piece(event.KindCreate, 1)}}, budget)
		w.keep(welcome{group: g, events: c.events}, budget)
		if kept := len(w.events) > 0; kept != c.keeps || kept && w.group != g {
			t.Errorf("%s: keeps %d of %v", what, len(w.events), w.group[:1])
		}
		w.forget()
		if !budget.TryAcquire(maxWelcome) {
			t.Errorf("%s: some of the budget is not given back", what)
		}
		budget.Release(maxWelcome)
	}
	// All peers together have one budget. Who goes gives back their part.
	var first, second welcome
	most := welcome{group: g, events: []event.Event{piece(event.KindCreate, maxWelcome)}}
	first.keep(most, budget)
	if second.keep(most, budget); len(second.events) > 0 {
		t.Error("more is kept than there is budget for")
	}
	first.forget()
	if second.keep(most, budget); len(second.events) == 0 {
		t.Error("what was given back is not used")
	}
	second.forget()
	var w welcome
	w.keep(welcome{group: g, events: []event.Event{piece(event.KindCreate, 1)}}, budget)
	next := []event.Event{piece(event.KindInvite, 1)}
	if got := w.with(sync.IngestControl{Conversation: g, Events: next}); len(got) != 2 || got[0].Header.Kind != event.KindCreate {
		t.Errorf("%d events of the same welcome", len(got))
	}
	if got := w.with(sync.IngestControl{Conversation: event.Conversation{2}, Events: next}); len(got) != 1 {
		t.Errorf("%d events of another welcome", len(got))
	}
}

// Whoever names the owner in a welcome, and then sends one event after another, had all of them judged
// anew for each.
func TestWelcomeOfShortFrames(t *testing.T) {
	ann, bob, dora := newHalls(t)
	g := bob.makes("lunch", dora)
	bob.invites(g, ann)
	does := func(act event.Control) {
		ann.check(bob.groups.Do(t.Context(), g, func(*authority.State) (event.Control, error) { return act, nil }))
	}
	does(event.Remove{Person: ann.id()})
	for i := range 2 * maxShort {
		does(event.Topic{Topic: fmt.Sprint(i)})
	}
	events := bob.lacks(g, dora)
	const first = 4 // she is invited, and removed
	from, _ := ann.from(bob)
	for i := range maxShort {
		if i == 0 {
			from.brings(t, g, events[:first]...)
		} else {
			from.brings(t, g, events[first+i-1])
		}
		if n := len(from.welcome.events); n != first+i {
			t.Fatalf("%d events are kept after %d frames", n, i+1)
		}
	}
	for _, e := range events[first+maxShort-1:] {
		from.brings(t, g, e)
		if n := len(from.welcome.events); n > 0 {
			t.Fatalf("%d events are kept", n)
		}
	}
	// It can begin anew, with what was missing.
	bob.invites(g, ann)
	if in := from.brings(t, g, bob.lacks(g, ann)...); !taken(in) || !ann.groups.Known(g) {
		t.Errorf("not welcomed: %+v", in)
	}
}

// What is told to the peer about its control events.
func TestAnswersToControlEvents(t *testing.T) {
	ann, bob, dora := newHalls(t)
	g := bob.makes("lunch", ann)
	events := bob.lacks(g, ann)
	from, _ := ann.from(bob)

	forged := slices.Clone(events)
	forged[1].Signature = forged[0].Signature
	if stored, ok := from.brings(t, g, forged...).(sync.Stored); !ok || !errors.Is(stored.Err, sync.ErrProtocol) {
		t.Errorf("not proven: %+v", stored)
	}
	eve := newHall(t)
	eve.meets(ann)
	if need, ok := from.brings(t, eve.makes("x", ann), eve.lacks(eve.groups.All()[0], ann)...).(sync.NeedCard); !ok || need.Ticket != 7 || need.Head != eve.own.Card.Head() {
		t.Errorf("by somebody whose card is not known: %+v", need)
	}
	ann.check(ann.owner.SetAccept(t.Context(), people.AcceptContacts))
	if stored, ok := from.brings(t, g, events...).(sync.Stored); !ok || stored.Refused != wire.NotPermitted || stored.Err != nil {
		t.Errorf("by one who may not invite: %+v", stored)
	}
	if !slices.Equal(ann.invited, []string{"lunch"}) || ann.groups.Known(g) {
		t.Errorf("told of invitations to %q", ann.invited)
	}
	ann.check(ann.owner.SetAccept(t.Context(), people.AcceptEveryone))
	if in := from.brings(t, g, events...); !taken(in) || !ann.groups.Known(g) || len(ann.invited) != 1 {
		t.Errorf("by one who may: %+v", in)
	}

	bob.invites(g, dora)
	bob.invites(g, eve)
	more := bob.lacks(g, ann)[len(events):]
	if need, ok := from.brings(t, g, more[1]).(sync.NeedControl); !ok || need.Ticket != 7 {
		t.Errorf("without its parent: %+v", need)
	}
	if in := from.brings(t, g, more...); !taken(in) {
		t.Errorf("with it: %+v", in)
	}
	removed := dora.pen(g, func(h *event.Header) {
		h.Kind, h.Flags, h.Control = event.KindRename, event.FlagCritical, bob.groups.Heads(g)
	}).Events[0]
	content, err := event.Rename{Name: "Dora's"}.Marshal()
	ann.check(err)
	removed, err = event.New(removed.Header, event.Body{Content: content})
	ann.check(err)
	removed.Sign(dora.own.Device)
	if stored, ok := from.brings(t, g, removed).(sync.Stored); !ok || stored.Refused != wire.NotPermitted || stored.Err != nil {
		t.Errorf("by one who may not: %+v", stored)
	}
}

// Who may bring the owner into a group.
func TestMayInvite(t *testing.T) {
	ann, bob, dora := newHalls(t)
	may := func(what string, who *hall, want bool) {
		t.Helper()
		if got := ann.mayInvite(who.id()); got != want {
			t.Errorf("%s: %t", what, got)
		}
	}
	may("a stranger", bob, true)
	ann.check(ann.owner.SetAccept(t.Context(), people.AcceptContacts))
	may("a stranger, where contacts may", bob, false)
	ann.sets(dora, func(p *book.Person) { p.Contact = true })
	may("a contact, where contacts may", dora, true)
	ann.sets(dora, func(p *book.Person) { p.Blocked = true })
	may("a contact who is blocked", dora, false)
	ann.sets(dora, func(p *book.Person) { p.Blocked = false })
	ann.check(ann.owner.SetAccept(t.Context(), people.AcceptEveryone))

	for i := range maxUninvited {
		may(fmt.Sprint("after ", i), bob, true)
		bob.tells(bob.makes("by Bob", ann), ann)
		if i < 3 { // these don't count
			ann.makes("by Ann")
			dora.tells(dora.makes("by Dora", ann), ann)
		}
	}
	may("after too many", bob, false)
	may("a contact, after too many", dora, true)
	ann.sets(bob, func(p *book.Person) { p.Contact = true })
	eve := newHall(t)
	ann.meets(eve)
	may("another, when those are by a contact", eve, true)
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
