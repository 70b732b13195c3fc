package groups

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Who is invited by somebody acceptable has the same group as who invited them, also after a
// restart.
func TestWhoIsInvitedJoins(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.invites(id, bob)
	for range 2 {
		if !ann.in(id, bob) || !bob.in(id, ann) || bob.state(id).Name != "lunch" {
			t.Errorf("a group of %+v for who joined", bob.state(id))
		}
		ours, err := ann.Secret(id)
		check(t, err)
		theirs, err := bob.Secret(id)
		check(t, err)
		if ours != theirs || ours == [32]byte{} {
			t.Error("another secret for who joined")
		}
		if !slices.Equal(ann.Heads(id), bob.Heads(id)) || !slices.Equal(bob.All(), []event.Conversation{id}) {
			t.Error("another control set for who joined")
		}
		bob.reopen()
	}
	if !slices.Contains(bob.kept, ann.person) {
		t.Error("who wrote the control events is not kept")
	}
	if len(bob.changes) != 1 || bob.changes[0].Before != nil || len(bob.changes[0].After.Members) != 2 {
		t.Errorf("who joined was told of %+v", bob.changes)
	}
}

// What can't be believed, or concerns somebody else, makes no group arrive and leaves nothing on the
// disk. It costs no more than it must, and is dropped whoever has brought it.
func TestWelcomeIsRefused(t *testing.T) {
	all, id := newMembers(t, 4)
	ann, bob, cleo, eve := all[0], all[1], all[2], all[3]
	ann.does(id, event.Invite{Persons: []crypto.PersonID{cleo.person}})
	forCleo := ann.welcome(id, cleo)
	ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
	good := ann.welcome(id, bob)
	changed := func(f func(w *wire.Welcome)) *wire.Welcome {
		w := *good
		f(&w)
		return &w
	}
	forged := bytes.Repeat([]byte{1}, crypto.SignatureSize)
	self := bob.writes(id, []crypto.Hash{crypto.Hash(id)}, event.Invite{Persons: []crypto.PersonID{bob.person}})
	for what, w := range map[string]*wire.Welcome{
		"somebody else's":       forCleo,
		"a forged join":         changed(func(w *wire.Welcome) { w.Join.Signature = forged }),
		"a forged create event": changed(func(w *wire.Welcome) { w.Create.Signature = forged }),
		"one's own join":        changed(func(w *wire.Welcome) { w.Join = self }),
		"the join to another group": changed(func(w *wire.Welcome) {
			w.Create = eve.writes(event.Conversation{}, nil, event.Create{Person: eve.person, Name: "lunch", History: event.History{Policy: event.HistoryAll}})
		}),
	} {
		_, err := bob.Welcome(t.Context(), w, "")
		wants(t, err, ErrUnproven)
		if kept, err := bob.store.Book().AllAccepted(); err != nil || len(kept) > 0 || len(bob.Arriving()) > 0 || len(bob.arrivals) > 0 {
			t.Errorf("%s: a group is arriving, %v", what, err)
		}
	}
	if len(bob.changes) > 0 || len(bob.kept) > 0 {
		t.Errorf("changes %v, kept %v", bob.changes, bob.kept)
	}
	wants(t, bob.admits(id, ann.lacks(id, bob)...), ErrUnknown) // nobody is in by control events alone

	head := ann.store.Own().Card.Head()
	delete(bob.cards, head)
	_, err := bob.Welcome(t.Context(), good, "")
	if needs := new(NeedsCardError); !errors.As(err, &needs) || needs.Head != head {
		t.Errorf("without the author's card: %v", err)
	}
	bob.cards[head] = ann
	bob.ignored = map[crypto.PersonID]bool{ann.person: true}
	_, err = bob.Welcome(t.Context(), good, "")
	check(t, err)
	if len(bob.Arriving()) > 0 || bob.requested > 0 {
		t.Error("who is ignored has brought the owner in")
	}
	bob.ignored = nil
	ann.welcomes(id, bob)
	bad := changed(func(w *wire.Welcome) { w.Join.Signature = forged })
	if by, err := bob.Welcome(t.Context(), bad, ""); err != nil || by != (crypto.PersonID{}) {
		t.Errorf("what is arriving is looked at again: %v", err)
	}
}

// What an author was not permitted is passed by, and what comes after something that is missing
// waits for it. Neither keeps back what else came.
func TestAdmitTakesWhatIsPermitted(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.invites(id, bob)
	changes := len(ann.changes)
	coup := bob.writes(id, bob.Heads(id), event.RoleChange{Person: bob.person, Role: event.RoleOwner})
	topic := ann.writes(id, ann.Heads(id), event.Topic{Topic: "Pizza"})
	wants(t, bob.admits(id, coup, topic), authority.ErrNotPermitted)
	if s := bob.state(id); s.Topic != "Pizza" {
		t.Errorf("the topic is %q", s.Topic)
	}
	rename := ann.writes(id, []crypto.Hash{crypto.Hash(topic.ID)}, event.Rename{Name: "dinner"})
	last := ann.writes(id, []crypto.Hash{{1}}, event.Rename{Name: "breakfast"})
	later := ann.writes(id, []crypto.Hash{crypto.Hash(rename.ID)}, event.Topic{Topic: "Soup"})
	told := len(bob.changes)
	wants(t, bob.admits(id, topic, rename, last, later), authority.ErrParent)
	if s := bob.state(id); s.Name != "dinner" || s.Topic != "Soup" {
		t.Errorf("%q about %q", s.Name, s.Topic)
	}
	if len(bob.changes) != told+1 || bob.changes[told].Before.Name != "lunch" || bob.changes[told].After.Name != "dinner" {
		t.Errorf("told %d times", len(bob.changes)-told)
	}
	check(t, bob.admits(id, topic, rename))
	if len(bob.changes) != told+1 {
		t.Error("told of what was known")
	}
	bob.reopen()
	if s := bob.state(id); s.Name != "dinner" || s.Topic != "Soup" || len(s.Members) != 2 {
		t.Errorf("after a restart: %+v", s)
	}
	if len(ann.changes) != changes {
		t.Error("writing alone changed the group of its author")
	}
}

// What could not be written is not taken either, and may come again.
func TestAdmitForgetsWhatIsNotWritten(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
	ann.welcomes(id, bob)
	events := ann.lacks(id, bob)
	bob.full = errors.New("no room")
	wants(t, bob.admits(id, events...), bob.full)
	if bob.Known(id) {
		t.Error("a group is known that is not on the disk")
	}
	bob.full = nil
	check(t, bob.admits(id, events...))

	ann.does(id, event.Topic{Topic: "Pizza"})
	events = ann.lacks(id, bob)
	before, heads, told := bob.state(id), bob.Heads(id), len(bob.changes)
	bob.full = errors.New("no room")
	wants(t, bob.admits(id, events...), bob.full)
	if bob.state(id).Topic != before.Topic || !slices.Equal(bob.Heads(id), heads) || len(bob.changes) != told {
		t.Errorf("topic %q, told %d times", bob.state(id).Topic, len(bob.changes)-told)
	}
	if len(ann.lacks(id, bob)) != len(events) {
		t.Error("who lacks it does not say so any more")
	}
	bob.full = nil
	check(t, bob.admits(id, events...))
	if bob.state(id).Topic != "Pizza" {
		t.Error("it is not taken when it comes again")
	}
}

// A change is judged beside what everybody is answered by, and nobody is answered by it before it is
// on the disk.
func TestAnswersWhileAChangeIsJudged(t *testing.T) {
	all, id := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	ann.invites(id, bob)
	ann.does(id, event.Invite{Persons: []crypto.PersonID{cleo.person}})
	lacks := ann.lacks(id, bob)
	it, err := bob.get(id)
	check(t, err)
	bob.proving = it.mu.Lock // so nobody may need the lock of the answers to judge
	bob.keeping = func() {
		it.mu.Unlock()
		if bob.Ever(id, cleo.person) || bob.Serves(id, cleo.person, bob.Heads(id)) {
			t.Error("answered by what is not on the disk")
		}
	}
	check(t, bob.admits(id, lacks...))
	if !bob.in(id, cleo) {
		t.Error("not by what is on the disk either")
	}
}

// Two that bring the same new group at once bring it once.
func TestJoinsAtOnceAreOne(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
	ann.welcomes(id, bob)
	events := ann.lacks(id, bob)
	errs := make(chan error)
	for range 4 {
		go func() { errs <- bob.admits(id, events...) }() // ends with the admission
	}
	for range 4 {
		check(t, <-errs)
	}
	if len(bob.changes) != 1 {
		t.Errorf("told %d times", len(bob.changes))
	}
}

// Who acts sees the group as it is then, and nothing comes of what is refused.
func TestDo(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.invites(id, bob)
	do := func(m *member, act event.Control, err error) error {
		return m.Do(t.Context(), id, func(s *authority.State) (event.Control, error) {
			if s != m.state(id) {
				t.Error("decided by another state")
			}
			return act, err
		})
	}
	heads, told := bob.Heads(id), len(bob.changes)
	no := errors.New("no")
	wants(t, do(bob, event.Topic{Topic: "Soup"}, no), no)
	wants(t, do(bob, event.Topic{Topic: "Soup"}, nil), authority.ErrNotPermitted)
	wants(t, ann.Do(t.Context(), event.Conversation{1}, nil), ErrUnknown)
	if !slices.Equal(bob.Heads(id), heads) || len(bob.changes) != told {
		t.Error("something came of it")
	}
	if stored, err := bob.store.Controls(id); err != nil || len(stored) != 2 {
		t.Errorf("%d control events are stored, %v", len(stored), err)
	}
	check(t, do(ann, event.Topic{Topic: "Soup"}, nil))
	if ann.state(id).Topic != "Soup" {
		t.Error("it was not done")
	}
}

// Who goes, or is removed, is out for both sides, which say how it came; and comes back by an
// invitation.
func TestTakeOut(t *testing.T) {
	all, id := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	ann.invites(id, bob, cleo)
	ann.tells(id, bob)
	if out, _ := bob.Out(id); out {
		t.Error("a member is out")
	}
	no := errors.New("no")
	wants(t, ann.TakeOut(t.Context(), id, func(*authority.State) (crypto.PersonID, error) { return bob.person, no }), no)
	wants(t, bob.TakeOut(t.Context(), id, func(*authority.State) (crypto.PersonID, error) { return ann.person, nil }), authority.ErrNotPermitted)
	ann.removes(id, bob)
	cleo.removes(id, cleo)
	ann.tells(id, bob)
	ann.tells(id, cleo)
	cleo.tells(id, ann)
	if ann.in(id, bob) || ann.in(id, cleo) || bob.in(id, bob) || cleo.in(id, cleo) {
		t.Error("somebody is still in")
	}
	for m, want := range map[*member]store.Reason{bob: store.Removed, cleo: store.Left} {
		if out, how := m.Out(id); !out || how != want {
			t.Errorf("out %v, for reason %v, want %v", out, how, want)
		}
		m.reopen()
		if out, how := m.Out(id); !out || how != want {
			t.Errorf("after a restart: out %v, for reason %v, want %v", out, how, want)
		}
	}
	if out, how := bob.Out(event.Conversation{1}); out || how != store.NoReason {
		t.Error("out of a group that nobody knows")
	}
	ann.invites(id, bob)
	if out, _ := bob.Out(id); out || !bob.in(id, bob) {
		t.Error("who is invited again is out")
	}
}

// A removal says where the logs of who is removed end: what is held here stays.
func TestRemovalListsWhatIsHeld(t *testing.T) {
	o := newOffice(t)
	p, other := o.hire(), o.hire()
	o.say(p, 3, true)
	o.say(other, 2, true)
	check(t, o.TakeOut(t.Context(), o.id, func(*authority.State) (crypto.PersonID, error) { return p, nil }))
	heads := o.Heads(o.id)
	events, err := o.store.SomeControls(o.id, heads, 1<<20)
	check(t, err)
	body, err := events[0].ParseBody()
	check(t, err)
	act, err := event.ParseControl(events[0].Header.Kind, body.Content)
	check(t, err)
	want := []event.Position{o.said[p][2].Position()}
	if removal := act.(event.Remove); removal.Person != p || !slices.Equal(removal.Cuts, want) {
		t.Errorf("%+v, want %v", removal, want)
	}
}

// What a program wrote that nobody can be told of is left out when the groups are read again.
func TestLoadLeavesOutWhatCountsNoMore(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.invites(id, bob)
	ann.does(id, event.Topic{Topic: "Pizza"})
	ann.tells(id, bob)
	delete(bob.cards, ann.store.Own().Card.Head()) // another branch of her card stands, on which this device is hers too
	moved := cards{}
	for _, m := range all {
		moved[crypto.Hash{byte(len(moved))}] = m
	}
	bob.cards = moved
	bob.reopen()
	if s := bob.state(id); s.Topic != "Pizza" || len(s.Members) != 2 {
		t.Errorf("%+v", s)
	}
	bob.cards = cards{}
	bob.reopen()
	if bob.Known(id) {
		t.Error("a group is known whose founder nobody knows")
	}
}

func TestErrorsSayWho(t *testing.T) {
	if text := (&NeedsCardError{Head: crypto.Hash{0xab}}).Error(); !strings.Contains(text, "ab000000") {
		t.Error(text)
	}
	if _, err := New(Config{}).Secret(event.Conversation{}); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if New(Config{}).Heads(event.Conversation{}) != nil {
		t.Error("heads of no group")
	}
}
