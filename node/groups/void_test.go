package groups

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// toldOf returns the notices of one kind.
func (m *member) toldOf(what store.What) (out []store.Notice) {
	for _, n := range m.allNotices() {
		if n.What == what {
			out = append(out, n)
		}
	}
	return out
}

// removedMeanwhile makes a group of four: ann has made it, bob is an admin. He has invited cleo, whom he
// has told, and ann has removed him, which neither knows. dora knows both and decides.
func removedMeanwhile(t *testing.T) (all []*member, id event.Conversation) {
	all, id = newMembers(t, 4)
	ann, bob, cleo, dora := all[0], all[1], all[2], all[3]
	ann.invites(id, bob)
	ann.does(id, event.RoleChange{Person: bob.person, Role: event.RoleAdmin})
	ann.tells(id, bob)
	ann.invites(id, dora)
	bob.does(id, event.Invite{Persons: []crypto.PersonID{cleo.person}})
	bob.welcomes(id, cleo)
	ann.removes(id, bob)
	ann.tells(id, dora)
	return all, id
}

// A member says that a newcomer's invitation doesn't count as soon as they have it, and to nobody else. Who
// is no member says nothing.
func TestMembersSayWhatIsVoid(t *testing.T) {
	all, id := removedMeanwhile(t)
	bob, cleo, dora := all[1], all[2], all[3]
	says := func(m *member, to *member) []crypto.Hash {
		i := slices.IndexFunc(m.Others(to.person), func(s Shared) bool { return s.ID == id })
		if i < 0 {
			return nil
		}
		return m.Others(to.person)[i].Void
	}
	join := cleo.arrivingOf(id).Join
	if void := says(dora, cleo); len(void) > 0 {
		t.Errorf("before she has it: %x", void)
	}
	brought, _, err := cleo.Missing(id, dora.person, dora.Locator(id), 10, 1<<20)
	check(t, err)
	check(t, dora.admits(id, brought...))
	if void := says(dora, cleo); !slices.Equal(void, []crypto.Hash{join}) || dora.Ever(id, cleo.person) {
		t.Errorf("then: %x", void)
	}
	stranger := newMember(t, bob.cards)
	if void := says(dora, stranger); len(void) > 0 {
		t.Errorf("to nobody: %x", void)
	}
	dora.removes(id, dora)
	if void := says(dora, cleo); len(void) > 0 {
		t.Errorf("when she has left: %x", void)
	}
}

// An owner who has accepted an invitation is told once that it doesn't count, whoever says so and however
// often, and also after a restart. Others that don't count are none of their business.
func TestVoidIsToldOnce(t *testing.T) {
	all, id := removedMeanwhile(t)
	bob, cleo, dora := all[1], all[2], all[3]
	join := cleo.arrivingOf(id).Join
	check(t, cleo.Void(t.Context(), id, []crypto.Hash{{1}}, dora.person))
	check(t, cleo.Void(t.Context(), event.Conversation{1}, []crypto.Hash{join}, dora.person))
	if told := cleo.toldOf(store.GroupVoid); len(told) > 0 {
		t.Errorf("told of another: %+v", told)
	}
	for range 2 {
		check(t, cleo.Void(t.Context(), id, []crypto.Hash{{1}, join}, dora.person))
		told := cleo.toldOf(store.GroupVoid)
		if len(told) != 1 || told[0].By != bob.person || !slices.Equal(told[0].Whom, []crypto.PersonID{dora.person}) || told[0].Name != "lunch" || told[0].Group != id {
			t.Errorf("told %+v", told)
		}
		if a := cleo.Arrivals(); len(a) != 1 || !a[0].Void || a[0].Name != "lunch" || a[0].By != bob.person || a[0].Members != 3 {
			t.Errorf("arriving: %+v", a)
		}
		if s := cleo.Arriving(); len(s) != 1 || s[0].Seek {
			t.Errorf("still sought: %+v", s)
		}
		cleo.reopen()
	}
	check(t, cleo.admits(id, bob.lacks(id, cleo)...)) // it proves nothing: bob's own set brings her in
	if !cleo.in(id, cleo) {
		t.Error("it doesn't arrive any more")
	}
	for range 2 {
		check(t, cleo.Void(t.Context(), id, []crypto.Hash{join}, dora.person))
		cleo.reopen()
	}
	if told := cleo.toldOf(store.GroupVoid); len(told) != 1 {
		t.Errorf("told again when it was known: %+v", told)
	}
}

// A group that the owner is in by an invitation that doesn't count, as only they and its author think,
// is told of as well.
func TestVoidOfAKnownGroup(t *testing.T) {
	all, id := removedMeanwhile(t)
	bob, cleo, dora := all[1], all[2], all[3]
	join := cleo.arrivingOf(id).Join
	check(t, cleo.admits(id, bob.lacks(id, cleo)...))
	for range 2 {
		check(t, cleo.Void(t.Context(), id, []crypto.Hash{join}, dora.person))
		if told := cleo.toldOf(store.GroupVoid); len(told) != 1 || told[0].By != bob.person {
			t.Errorf("told %+v", told)
		}
		cleo.reopen()
	}
	if !cleo.in(id, cleo) {
		t.Error("out by what somebody says")
	}
}

// The control events that come of a group may show that the accepted invitation doesn't count: the owner
// was taken out again before they came.
func TestWhatComesShowsThatItIsVoid(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
	ann.welcomes(id, bob)
	ann.removes(id, bob)
	for range 2 {
		check(t, bob.admits(id, ann.lacks(id, bob)...))
		if told := bob.toldOf(store.GroupVoid); len(told) != 1 || told[0].By != ann.person || len(told[0].Whom) > 0 {
			t.Errorf("told %+v", told)
		}
		bob.reopen()
	}
	if !bob.arrives(id) || !bob.arrivingOf(id).Void {
		t.Error("not kept for what may come later")
	}
}

// What nothing comes of is in nobody's way: the place of a group whose invitation is said not to count is
// the first that is given to another.
func TestVoidGivesItsPlaceBack(t *testing.T) {
	all, dead := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	arrives := func(by *member, id event.Conversation) {
		by.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
		by.welcomes(id, bob)
	}
	bob.mostArriving = 9
	var more []event.Conversation
	for i := range 4 { // as many as one may have, leaving as many free
		id, err := ann.Create(t.Context(), fmt.Sprint(i))
		check(t, err)
		arrives(ann, id)
		more = append(more, id)
	}
	arrives(cleo, func() event.Conversation { id, err := cleo.Create(t.Context(), "hers"); check(t, err); return id }())
	check(t, bob.Void(t.Context(), more[0], []crypto.Hash{bob.arrivingOf(more[0]).Join}, cleo.person))
	arrives(ann, dead)
	for _, id := range append(more, dead) {
		if !bob.arrives(id) {
			t.Errorf("%v had to go", id)
		}
	}
	for n := 0; len(bob.Arriving()) < 9; n++ {
		by := newMember(t, bob.cards)
		id, err := by.Create(t.Context(), "one more")
		check(t, err)
		arrives(by, id)
	}
	by := newMember(t, bob.cards)
	id, err := by.Create(t.Context(), "too many")
	check(t, err)
	arrives(by, id)
	if bob.arrives(more[0]) || !bob.arrives(id) || len(bob.Arriving()) > 9 {
		t.Errorf("of %d: the void one: %t, the last: %t", len(bob.Arriving()), bob.arrives(more[0]), bob.arrives(id))
	}
}

// Of each who has invited the owner only the groups that have waited for longest are offered to everybody.
func TestFewAreSought(t *testing.T) {
	all, first := newMembers(t, 3)
	ann, bob, cleo := all[0], all[1], all[2]
	ann.does(first, event.Invite{Persons: []crypto.PersonID{bob.person}})
	ann.welcomes(first, bob)
	bob.arrivingOf(first).Since = time.UnixMilli(1)
	for i := range maxSought + 4 {
		by := ann
		if i%6 == 5 {
			by = cleo
		}
		id, err := by.Create(t.Context(), fmt.Sprint(i))
		check(t, err)
		by.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
		by.welcomes(id, bob)
	}
	sought := map[crypto.PersonID]int{}
	for _, s := range bob.Arriving() {
		if s.Seek {
			sought[bob.arrivingOf(s.ID).By]++
		}
		if s.ID == first && !s.Seek {
			t.Error("not the one that has waited for longest")
		}
	}
	if sought[ann.person] != maxSought || sought[cleo.person] != 2 {
		t.Errorf("%d and %d are sought", sought[ann.person], sought[cleo.person])
	}
}

// What has not arrived after 30 days is forgotten, with what has come of it. The owner is told, if they
// don't know yet that nothing comes of it.
func TestGroupThatNeverArrivesIsGivenUp(t *testing.T) {
	for _, void := range []bool{false, true} {
		all, id := newMembers(t, 2)
		ann, bob := all[0], all[1]
		ann.does(id, event.Topic{Topic: "Pizza"})
		ann.does(id, event.Invite{Persons: []crypto.PersonID{bob.person}})
		ann.welcomes(id, bob)
		check(t, bob.admits(id, ann.lacks(id, bob)[:1]...))
		if void {
			check(t, bob.Void(t.Context(), id, []crypto.Hash{bob.arrivingOf(id).Join}, ann.person))
		}
		since := bob.arrivingOf(id).Since
		check(t, bob.GiveUp(t.Context(), since.Add(30*24*time.Hour)))
		if !bob.arrives(id) {
			t.Fatal("given up too early")
		}
		check(t, bob.GiveUp(t.Context(), since.Add(30*24*time.Hour+time.Millisecond)))
		for range 2 {
			if bob.arrives(id) || bob.Known(id) {
				t.Error("still there")
			}
			if pieces, err := bob.store.Book().Pieces(id); err != nil || len(pieces) > 0 {
				t.Errorf("%d pieces are left, %v", len(pieces), err)
			}
			bob.reopen()
		}
		lost := bob.toldOf(store.GroupLost)
		if void && len(lost) > 0 || !void && (len(lost) != 1 || lost[0].By != ann.person || lost[0].Name != "lunch") {
			t.Errorf("void: %t, told %+v", void, lost)
		}
		ann.welcomes(id, bob)
		check(t, bob.admits(id, ann.lacks(id, bob)...))
		if !bob.in(id, bob) {
			t.Error("it doesn't come again")
		}
	}
}
