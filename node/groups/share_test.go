package groups

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store/event"
)

// A group whose events are dear to judge waits, alone, and takes up again what it has missed. The
// owner is told once.
func TestGroupOverItsShareIsSuspendedAlone(t *testing.T) {
	all, lunch := newMembers(t, 2)
	ann, bob := all[0], all[1]
	dinner, err := ann.Create(t.Context(), "dinner")
	check(t, err)
	for _, id := range []event.Conversation{lunch, dinner} {
		ann.invites(id, bob)
		for i := range 6 {
			ann.does(id, event.Topic{Topic: fmt.Sprint(i)})
		}
	}
	bob.takes = 2 * time.Second // to judge one event
	soup := ann.lacks(lunch, bob)
	wants(t, bob.admits(lunch, soup...), ErrSuspended)
	if got := bob.state(lunch).Topic; got == "" || got == "5" {
		t.Errorf("before it is suspended the topic comes to %q", got)
	}
	heads := bob.Heads(lunch)
	wants(t, bob.admits(lunch, soup...), ErrSuspended)
	wants(t, bob.admits(dinner, ann.lacks(dinner, bob)[:1]...), nil)
	bob.takes = 0
	check(t, bob.admits(lunch, soup[0])) // it is held
	if bob.Resume(); !slices.Equal(bob.Heads(lunch), heads) || !slices.Equal(bob.strains, []string{fmt.Sprintf("strained %x", lunch[:2])}) {
		t.Errorf("told %q", bob.strains)
	}
	bob.clock = bob.clock.Add(rest)
	if bob.Resume(); len(bob.strains) != 2 || bob.strains[1] != fmt.Sprintf("resumed %x", lunch[:2]) {
		t.Errorf("told %q", bob.strains)
	}
	check(t, bob.admits(lunch, soup...))
	if got := bob.state(lunch).Topic; got != "5" {
		t.Errorf("the topic is %q", got)
	}
}

// What is held and what was refused before is neither proven nor judged again.
func TestHeldAndRefusedCostALook(t *testing.T) {
	all, id := newMembers(t, 2)
	ann, bob := all[0], all[1]
	ann.invites(id, bob)
	ann.does(id, event.Topic{Topic: "soup"})
	soup := ann.lacks(id, bob)
	coup := bob.writes(id, bob.Heads(id), event.RoleChange{Person: bob.person, Role: event.RoleOwner})
	check(t, bob.admits(id, soup...))
	wants(t, bob.admits(id, coup), authority.ErrNotPermitted)
	bob.proving = func() { t.Error("an author is looked up") }
	check(t, bob.admits(id, soup...))
	wants(t, bob.admits(id, coup), authority.ErrNotPermitted)
	wants(t, bob.admits(id, append(soup, coup)...), authority.ErrNotPermitted)
}

// Of what was refused the last is remembered.
func TestRefusedAreForgottenInTurn(t *testing.T) {
	var r refused
	id := func(i int) event.ID { return event.ID{byte(i >> 8), byte(i), 1} }
	for i := range maxRefused + 10 {
		r.add(id(i))
	}
	if r.has(id(9)) || !r.has(id(10)) || !r.has(id(maxRefused+9)) || len(r.ids) != maxRefused {
		t.Errorf("%d are remembered", len(r.ids))
	}
}

// Of groups that take what they can none takes what another needs.
func TestSharesLeaveRoomForOneMore(t *testing.T) {
	now := time.Unix(1000, 0)
	s := newShares(func() time.Time { return now })
	for g := range byte(6) {
		id := event.Conversation(crypto.Hash{g})
		may, _ := s.may(id)
		if !may {
			t.Fatalf("group %d finds nothing left", g)
		}
		for may {
			s.spend(id, 10*time.Millisecond)
			may, _ = s.may(id)
		}
	}
	now = now.Add(rest)
	if got := s.resumed(); len(got) != 6 {
		t.Errorf("%d go on", len(got))
	}
	s.spend(event.Conversation{}, 1)
	if len(s.of) != 1 {
		t.Errorf("%d are remembered", len(s.of))
	}
}

// rest is long enough to be forgiven everything.
const rest = 2 * judgeBurst / judgeRate * time.Second
