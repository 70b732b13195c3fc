package contacts

import (
	"errors"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store/event"
)

// A group that the owner is in was accepted, whoever is a contact now. One that they have left comes
// after it.
func TestGroupThatTheOwnerIsInIsAccepted(t *testing.T) {
	n := &Names{self: crypto.PersonID{1}}
	state := &authority.State{Members: []authority.Member{{Person: n.self, InvitedBy: crypto.PersonID{2}}}}
	if got := n.groupRank(state); got != phonebook.ByContact {
		t.Errorf("rank %d", got)
	}
	if got := n.groupRank(&authority.State{}); got != phonebook.ByPast {
		t.Errorf("rank %d of a group that was left", got)
	}
}

// A group of a stranger's making is no group to the owner: it is not among those that a name may mean,
// nor among those that are suggested.
func TestStrangersGroupDisturbsNoName(t *testing.T) {
	d := newDesk(t)
	ops := d.makes("ops")
	d.invites(d.meets("Mallory"), "ops")
	d.invites(d.meets("Eve"), "opss")
	for _, who := range []string{"ops", "#ops"} {
		if c, _, err := d.Conversation(who); err != nil || c != ops {
			t.Errorf("%s means %v, %v", who, c, err)
		}
	}
	_, err := d.ResolveGroup("#opsss")
	if unknown := new(people.UnknownError); !errors.As(err, &unknown) || !slices.Equal(unknown.Near, []string{"#ops"}) {
		t.Errorf("near to opsss: %v", err)
	}
	if err := d.Free("opss", event.Conversation{}); err != nil {
		t.Errorf("the name of a request is taken: %v", err)
	}
}

// Two groups whose names look alike are told apart wherever they are named, until one has another.
func TestGroupsThatLookAlikeAreToldApart(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	one, other := d.makes("lunch"), d.makes("ops")
	alike := func(c event.Conversation) bool {
		t.Helper()
		g, err := d.Group(c)
		d.check(err)
		if to := d.TargetGroup(c); to.Alike != g.Alike {
			t.Errorf("as a target %t, as a group %t", to.Alike, g.Alike)
		}
		return g.Alike
	}
	if alike(one) || alike(other) {
		t.Error("one of its own name")
	}
	two := d.makes("1unсh") // with a digit, and a Cyrillic letter
	if !alike(one) || !alike(two) || alike(other) {
		t.Errorf("one %t, two %t, other %t", alike(one), alike(two), alike(other))
	}
	d.check(d.groups.Do(ctx, two, func(*authority.State) (event.Control, error) { return event.Rename{Name: "dinner"}, nil }))
	if alike(one) || alike(two) {
		t.Error("after one was renamed")
	}
}

// A group whose name can't be one has none here, and is reached by its ID.
func TestGroupCalledLikeAMark(t *testing.T) {
	d := newDesk(t)
	g := d.makes("ops (verified)")
	if v, err := d.Group(g); err != nil || v.Name != "" || d.TargetGroup(g).Name != "" {
		t.Errorf("%+v, %v", v, err)
	}
	for who, found := range map[string]bool{"ops (verified)": false, "#ops (verified)": false, g.String(): true, "#(" + g.String()[:16] + ")": true} {
		if c, err := d.ResolveGroup(who); (err == nil && c == g) != found {
			t.Errorf("%q: %v", who, err)
		}
	}
}
