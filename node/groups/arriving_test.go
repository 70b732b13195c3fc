package groups

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// arrives says whether a group is arriving at a member.
func (m *member) arrives(id event.Conversation) bool {
	m.t.Helper()
	if m.Known(id) && len(m.Arriving()) > 0 {
		m.t.Error("a group is known and arrives")
	}
	return slices.ContainsFunc(m.Arriving(), func(s Shared) bool { return s.ID == id })
}

// A group into which a contact has brought the owner is nothing to them until its control events are
// here, in however many pieces these come and however often the program ends meanwhile. Then the
// owner is in, and is told so once.
func TestGroupArrivesInPieces(t *testing.T) {
	all, id := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	ann.does(id, event.Topic{Topic: "Pizza"})
	ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
	ann.does(id, event.Invite{Persons: []crypto.PersonID{cleo.person}})
	events := ann.lacks(id, bob)
	if len(events) != 4 {
		t.Fatalf("%d control events", len(events))
	}
	ann.welcomes(id, bob)
	secret, err := ann.Secret(id)
	check(t, err)
	for i, e := range events[1:] {
		for range 2 {
			if !bob.arrives(id) || bob.Known(id) || len(bob.All()) > 0 || len(bob.Shared(ann.person)) > 0 || bob.Fellow(ann.person) || bob.Fellows(bob.person, ann.person) {
				t.Fatalf("after %d pieces the group counts", i)
			}
			if s := bob.Arriving()[0]; s.Secret != secret || !s.Quiet || s.Welcome {
				t.Errorf("%+v", s)
			}
			if stored, err := bob.store.Groups(); err != nil || len(stored) > 0 {
				t.Errorf("after %d pieces it is in the store, %v", i, err)
			}
			join := bob.arrivingOf(id).Join
			if got, more, err := bob.Missing(id, ann.person, nil, 10, 1<<20); len(got) != 1 || crypto.Hash(got[0].ID) != join || more || err != nil {
				t.Errorf("after %d pieces more than the join is given away, %v", i, err)
			}
			if got, _, err := bob.Missing(id, ann.person, []crypto.Hash{join}, 10, 1<<20); len(got) > 0 || err != nil {
				t.Errorf("after %d pieces it is given to who has it, %v", i, err)
			}
			if lacks, _, err := ann.Missing(id, bob.person, bob.Locator(id), 10, 1<<20); err != nil || len(lacks) != len(events)-1-i {
				t.Errorf("after %d pieces %d are lacking, %v", i, len(lacks), err)
			}
			if !bob.Concerns(ann.person) || bob.Concerns(cleo.person) {
				t.Error("whose cards are needed")
			}
			bob.reopen()
			check(t, bob.admits(id, events[:1]...)) // makes its engine from what is on the disk
		}
		check(t, bob.admits(id, e))
		if i == 1 {
			break
		}
	}
	if bob.arrives(id) || !bob.Known(id) || !bob.in(id, bob) || !bob.Fellow(ann.person) {
		t.Error("it has not arrived with the invitation")
	}
	check(t, bob.admits(id, events[3]))
	if len(bob.changes) != 2 || bob.changes[0].Before != nil {
		t.Errorf("told of %d changes", len(bob.changes))
	}
	told := bob.allNotices()
	if len(told) != 2 || told[0].What != store.GroupJoined || told[0].By != ann.person || told[0].Whom[0] != bob.person {
		t.Errorf("told %+v", told)
	}
	for range 2 {
		kept, err := bob.store.Book().AllAccepted()
		check(t, err)
		pieces, err := bob.store.Book().Pieces(id)
		check(t, err)
		if len(kept) != 1 || kept[0].By != ann.person || kept[0].Welcome != nil || len(pieces) > 0 || !bob.in(id, bob) || bob.state(id).Topic != "Pizza" {
			t.Errorf("kept: %+v, %d pieces", kept, len(pieces))
		}
		bob.strangers = map[crypto.PersonID]bool{ann.person: true} // what was accepted stays so
		bob.reopen()
	}
	if len(bob.allNotices()) > 2 {
		t.Error("told again")
	}
}

// The program may end between any two steps by which a group arrives.
func TestCrashWhileAGroupArrives(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
	ann.welcomes(id, bob)
	events := append(ann.lacks(id, bob), bob.arrivingOf(id).create)
	check(t, bob.store.PutControls(t.Context(), id, events)) // and then it ends
	bob.strangers = map[crypto.PersonID]bool{ann.person: true}
	for range 2 {
		bob.reopen()
		if !bob.in(id, bob) || bob.arrives(id) {
			t.Error("not in by what is on the disk")
		}
		bob.Tell(t.Context(), id)
		if kept, err := bob.store.Book().AllAccepted(); err != nil || len(kept) != 1 || kept[0].Welcome != nil {
			t.Errorf("kept: %+v, %v", kept, err)
		}
	}
	if told := bob.allNotices(); len(told) != 1 || told[0].What != store.GroupJoined {
		t.Errorf("told %+v", told)
	}
}

// A group into which a stranger has brought the owner is a request: it is known nowhere and costs
// nothing when it comes again. Accepting has it arrive, also after a restart.
func TestStrangersGroupIsARequest(t *testing.T) {
	all, id := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	bob.strangers = map[crypto.PersonID]bool{ann.person: true, cleo.person: true}
	ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
	w := ann.welcome(id, bob)
	w.Members = 7
	by, err := bob.Welcome(t.Context(), w, "")
	check(t, err)
	if by != ann.person || bob.requested != 1 {
		t.Errorf("by %v, told %d times", by, bob.requested)
	}
	for range 2 {
		waiting, err := bob.Requests()
		check(t, err)
		if len(waiting) != 1 || waiting[0].Person != ann.person || waiting[0].Group != id || waiting[0].Name != "lunch" || waiting[0].Members != 7 || waiting[0].Received.IsZero() {
			t.Errorf("waiting: %+v", waiting)
		}
		if bob.arrives(id) || bob.Known(id) || bob.Concerns(ann.person) || bob.Fellow(ann.person) {
			t.Error("it counts before it is accepted")
		}
		wants(t, bob.admits(id, ann.lacks(id, bob)...), ErrUnknown)
		bob.reopen()
	}
	again := *w
	again.Join.Signature = bytes.Repeat([]byte{1}, crypto.SignatureSize)
	if _, err := bob.Welcome(t.Context(), &again, ""); err != nil || bob.requested != 1 {
		t.Errorf("what waits is proven again, or told again: %v", err)
	}
	delete(bob.strangers, cleo.person)
	check(t, bob.AcceptDue(t.Context()))
	if bob.arrives(id) {
		t.Error("accepted by accepting another")
	}
	delete(bob.strangers, ann.person)
	check(t, bob.AcceptDue(t.Context()))
	for range 2 {
		if waiting, err := bob.Requests(); err != nil || len(waiting) > 0 || !bob.arrives(id) {
			t.Errorf("waiting: %+v, %v", waiting, err)
		}
		bob.reopen()
	}
	check(t, bob.admits(id, ann.lacks(id, bob)...))
	if !bob.in(id, bob) {
		t.Error("not in")
	}
}

// Whoever is no member, or no member any more, brings nobody in, contact or not. Neither does another
// member, whose join was not accepted.
func TestJoinThatDoesNotCount(t *testing.T) {
	all, id := newMembers(t, 4)
	ann, bob, cleo, dora := all[0], all[1], all[2], all[3]
	ann.invites(id, bob)
	ann.does(id, event.RoleChange{Person: bob.person, Role: 2})
	ann.tells(id, bob)
	then := ann.Heads(id)
	ann.removes(id, bob)
	forged := bob.writes(id, then, event.Invite{Persons: []crypto.PersonID{cleo.person}})
	ann.does(id, event.Invite{Persons: []crypto.PersonID{cleo.person}})
	check(t, ann.admits(id, forged)) // it is taken, and does not count
	w := ann.welcome(id, cleo)
	w.Join = forged
	cleo.strangers = map[crypto.PersonID]bool{ann.person: true}
	_, err := cleo.Welcome(t.Context(), w, "")
	check(t, err)
	check(t, cleo.admits(id, ann.lacks(id, cleo)...))
	if !cleo.arrives(id) || cleo.Known(id) {
		t.Error("a stranger's join brings the owner in, since a contact's does not count")
	}
	cleo.strangers = nil // by a contact's join that counts she is in
	ann.does(id, event.Topic{Topic: "Pizza"})
	check(t, cleo.admits(id, ann.lacks(id, cleo)...))
	if !cleo.in(id, cleo) {
		t.Error("not in")
	}

	w = ann.welcome(id, cleo)
	eve := newMember(t, bob.cards)
	w.Join = dora.writes(id, []crypto.Hash{crypto.Hash(id)}, event.Invite{Persons: []crypto.PersonID{eve.person}})
	_, err = eve.Welcome(t.Context(), w, "")
	check(t, err)
	if !eve.arrives(id) || len(ann.lacks(id, eve)) > 0 {
		t.Error("who was never a member brings somebody in")
	}
}

// Whoever has left a group is not brought back by a stranger: that is a request, and until it is
// accepted the owner is out. A contact brings them back at once.
func TestStrangerBringsNobodyBack(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.invites(id, bob)
	bob.removes(id, bob)
	bob.tells(id, ann)
	bob.strangers = map[crypto.PersonID]bool{ann.person: true}
	before := len(bob.allNotices())
	ann.invites(id, bob)
	for range 2 {
		if bob.in(id, bob) || bob.Fellow(ann.person) {
			t.Error("back by a stranger's join")
		}
		if out, how := bob.Out(id); !out || how != store.Left {
			t.Errorf("out: %t, %v", out, how)
		}
		if waiting, err := bob.Requests(); err != nil || len(waiting) != 1 || waiting[0].Group != id || bob.requested != 1 {
			t.Errorf("waiting: %+v, %v; told %d times", waiting, err, bob.requested)
		}
		ann.does(id, event.Topic{Topic: fmt.Sprint(bob.requested)})
		ann.tells(id, bob)
		bob.reopen()
	}
	if len(bob.allNotices()) != before {
		t.Error("told of what happens in a group that the owner is out of")
	}
	bob.strangers = nil
	check(t, bob.AcceptDue(t.Context()))
	bob.strangers = map[crypto.PersonID]bool{ann.person: true}
	for range 2 {
		if !bob.in(id, bob) || !bob.Fellow(ann.person) {
			t.Error("accepted, and not back")
		}
		if waiting, err := bob.Requests(); err != nil || len(waiting) > 0 {
			t.Errorf("still waiting: %+v, %v", waiting, err)
		}
		bob.reopen()
	}
	if told := bob.allNotices(); !slices.ContainsFunc(told[before:], func(n store.Notice) bool { return n.What == store.GroupJoined && n.Whom[0] == bob.person }) {
		t.Errorf("told %+v", told[before:])
	}

	bob.removes(id, bob)
	bob.tells(id, ann)
	bob.strangers = nil
	ann.invites(id, bob)
	bob.strangers = map[crypto.PersonID]bool{ann.person: true}
	bob.reopen()
	if !bob.in(id, bob) {
		t.Error("not back by a contact's join")
	}
}

// Where there is no budget for the request by which a stranger would bring the owner back, it is made as
// soon as there is some, also after a restart.
func TestRequestToComeBackIsMadeLater(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.invites(id, bob)
	bob.removes(id, bob)
	bob.tells(id, ann)
	bob.strangers = map[crypto.PersonID]bool{ann.person: true}
	for i := range book.MaxRequests {
		check(t, bob.store.Book().PutRequest(t.Context(), book.Request{Person: crypto.PersonID{byte(i + 1)}, Run: []byte("x")}, fmt.Sprint(i)))
	}
	ann.invites(id, bob) // and bob takes it in
	check(t, bob.store.Book().DropRequests(t.Context(), time.Now().Add(time.Hour)))
	bob.reopen()
	for range 2 {
		ann.does(id, event.Topic{Topic: fmt.Sprint(bob.requested)})
		ann.tells(id, bob)
		if waiting, err := bob.Requests(); err != nil || len(waiting) != 1 || waiting[0].Person != ann.person || bob.requested != 1 {
			t.Errorf("waiting: %+v, %v; told %d times", waiting, err, bob.requested)
		}
	}
}

// Of two strangers who have brought the owner into a group, one is accepted. When the group has arrived,
// the other's request is no use any more.
func TestNobodyAsksOnceTheOwnerIsIn(t *testing.T) {
	all, id := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	ann.invites(id, bob)
	ann.does(id, event.RoleChange{Person: bob.person, Role: event.RoleAdmin})
	ann.tells(id, bob)
	cleo.strangers = map[crypto.PersonID]bool{ann.person: true, bob.person: true}
	for _, by := range []*member{ann, bob} {
		by.does(id, event.Invite{Persons: []crypto.PersonID{cleo.person}})
		_, err := cleo.Welcome(t.Context(), by.welcome(id, cleo), "")
		check(t, err)
	}
	if waiting, err := cleo.Requests(); err != nil || len(waiting) != 2 {
		t.Fatalf("waiting: %+v, %v", waiting, err)
	}
	delete(cleo.strangers, bob.person)
	check(t, cleo.AcceptDue(t.Context()))
	if waiting, err := cleo.Requests(); err != nil || len(waiting) != 1 || !cleo.arrives(id) {
		t.Errorf("waiting: %+v, %v", waiting, err)
	}
	check(t, cleo.admits(id, bob.lacks(id, cleo)...))
	if waiting, err := cleo.Requests(); err != nil || len(waiting) > 0 || !cleo.in(id, cleo) {
		t.Errorf("waiting: %+v, %v", waiting, err)
	}
}

// allNotices are all of them.
func (m *member) allNotices() []store.Notice {
	m.t.Helper()
	notices, err := m.store.Notices(0, 1000)
	check(m.t, err)
	return notices
}

// Of what is bounded nobody holds more than they leave free, and there is room for one more.
func TestNobodyIsInTheWay(t *testing.T) {
	const most = 64
	var held []string
	comes := func(by string) {
		if i := inTheWay(len(held), most, func(i int) string { return held[i] }, by); i >= 0 {
			held = slices.Delete(held, i, i+1)
		}
		if held = append(held, by); len(held) > most {
			t.Fatalf("%d are held", len(held))
		}
	}
	count := func(by string) (n int) {
		for _, h := range held {
			if h == by {
				n++
			}
		}
		return n
	}
	for range 3 * most {
		comes("a")
	}
	if n := count("a"); n != most/2 {
		t.Errorf("one holds %d of %d", n, most)
	}
	for range 3 * most {
		comes("b")
		comes("a")
	}
	if n := count("b"); n < 15 || n > most/3+1 {
		t.Errorf("the second holds %d", n)
	}
	for i := range 10 * most {
		comes(fmt.Sprint(i))
		if count(fmt.Sprint(i)) != 1 {
			t.Fatal("a newcomer finds no room")
		}
	}
}

// Whoever comes back after a month is welcomed to many groups at once. Were one of them dropped, it
// would not come before a later session.
func TestAllGroupsOfAMonthArrive(t *testing.T) {
	for name, by := range map[string]struct{ persons, each int }{"one contact": {1, 256}, "an office": {50, 20}} {
		var held []int
		for i := range by.persons * by.each {
			if inTheWay(len(held), maxArriving, func(i int) int { return held[i] }, i%by.persons) >= 0 {
				t.Errorf("%s: only %d find room", name, i)
				break
			}
			held = append(held, i%by.persons)
		}
	}
}

// Too many arriving groups push out the oldest of whoever has most, on the disk too, and what they
// have brought is bounded in bytes.
func TestArrivingGroupsAreBounded(t *testing.T) {
	all, first := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	ann.does(first, event.Topic{Topic: "Pizza"})
	ann.does(first, event.Invite{Persons: []crypto.PersonID{bob.person}})
	ann.welcomes(first, bob)
	check(t, bob.admits(first, ann.lacks(first, bob)[:1]...))
	other, err := cleo.Create(t.Context(), "by Cleo")
	check(t, err)
	cleo.does(other, event.Invite{Persons: []crypto.PersonID{bob.person}})
	cleo.welcomes(other, bob)
	const most = 64
	bob.mostArriving = most
	for i := range most {
		id, err := ann.Create(t.Context(), fmt.Sprint(i))
		check(t, err)
		ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
		ann.welcomes(id, bob)
	}
	for range 2 {
		if n := len(bob.Arriving()); n >= most || bob.arrives(first) || !bob.arrives(other) {
			t.Errorf("%d are arriving; the first: %t, another's: %t", n, bob.arrives(first), bob.arrives(other))
		}
		if pieces, err := bob.store.Book().Pieces(first); err != nil || len(pieces) > 0 {
			t.Errorf("%d pieces are left, %v", len(pieces), err)
		}
		bob.reopen()
	}
	a := bob.arrivingOf(other)
	check(t, bob.begun(a))
	if !bob.fits(a, maxPieces/2) || bob.fits(a, maxPieces/2+1) {
		t.Error("one contact takes more than they leave free")
	}
	for _, of := range bob.arriving {
		if of.By == ann.person {
			of.size = maxPieces / 2
			break
		}
	}
	if !bob.fits(a, maxPieces/4) || bob.fits(a, maxPieces/4+1) {
		t.Error("the second takes more than they leave free")
	}
	bob.arriving[other].size = maxPieces / 2
	wants(t, bob.admits(other, cleo.lacks(other, bob)...), book.ErrBudget)
	a.size = 0
	check(t, bob.admits(other, cleo.lacks(other, bob)...))
	if !bob.in(other, bob) {
		t.Error("not in when there is room")
	}
}

// Control events whose author's card is not known wait for it. What came before them is kept.
func TestArrivingGroupWaitsForCards(t *testing.T) {
	all, id := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	ann.invites(id, cleo)
	ann.does(id, event.RoleChange{Person: cleo.person, Role: event.RoleAdmin})
	ann.tells(id, cleo)
	cleo.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
	head := ann.store.Own().Card.Head()
	known := cards{cleo.store.Own().Card.Head(): cleo}
	bob.cards = known
	cleo.welcomes(id, bob) // by Cleo, whom he knows; he has never heard of who made the group
	events := cleo.lacks(id, bob)
	if needs := new(NeedsCardError); !errors.As(bob.admits(id, events...), &needs) || needs.Head != head {
		t.Error("does not ask for the card of who made the group")
	}
	bob.reopen()
	known[head] = ann
	check(t, bob.admits(id, events...))
	if !bob.in(id, bob) || !slices.Contains(bob.kept, ann.person) || !slices.Contains(bob.kept, cleo.person) {
		t.Error("not in when the card is known, or their authors are not kept")
	}
}
