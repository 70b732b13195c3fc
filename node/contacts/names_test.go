package contacts

import (
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store/event"
)

// Whoever made a group is in it by themselves, whatever this device has written since.
func TestOwnGroupIsAccepted(t *testing.T) {
	me := crypto.PersonID{1}
	n := &Names{self: me, cfg: NamesConfig{People: people.New(people.Config{})}}
	state := &authority.State{Members: []authority.Member{{Person: me, InvitedBy: me}}}
	if got := n.groupRank(event.Conversation{1}, state); got != phonebook.ByContact {
		t.Errorf("rank %d", got)
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
