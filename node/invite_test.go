package node

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/membership"
	"github.com/earshot-im/earshot/node/people"
)

// An invitation that fails invites nobody, names all who could not be invited, and remembers none of
// the others; one that succeeds says who was invited and who was in.
func TestInviteAllOrNone(t *testing.T) {
	t.Parallel()
	inWorld(t, 42, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(5*time.Second, bob, cleo)
		bob.meets(5*time.Second, cleo)
		bob.trusts(ann)
		ctx, g := t.Context(), ann.makes("lunch")
		_, err := ann.Groups().Invite(ctx, "lunch", []string{"Bob", "Evee", "Zed", "Ann"})
		var failed *membership.InviteError
		if !errors.As(err, &failed) || len(failed.Failed) != 3 || !errors.As(err, new(*people.UnknownError)) || !errors.Is(err, contacts.ErrSelf) {
			t.Fatalf("Bob, Evee, Zed and Ann: %v", err)
		}
		for _, who := range []string{"nobody was invited", `"Evee"`, `"Zed"`, `"Ann"`} {
			if !strings.Contains(err.Error(), who) {
				t.Errorf("%q says nothing of %s", err, who)
			}
		}
		if state, err := ann.groups.State(g); err != nil || len(state.Members) != 1 || ann.keeps(bob.who.person) {
			t.Error("something came of an invitation that failed")
		}
		got, err := ann.Groups().Invite(ctx, "lunch", []string{"Bob", "bob"})
		if err != nil || len(got.Invited) != 1 || got.Invited[0].Name != "Bob" || len(got.Already) != 0 || got.Group.Members != 2 || !ann.keeps(bob.who.person) {
			t.Errorf("Bob twice: %+v, %v", got, err)
		}
		w.within(5*time.Second, "Bob is told", func() bool { return bob.role(g) != "" })
		if _, err := bob.Groups().Invite(ctx, "lunch", []string{"Cleo"}); !errors.Is(err, membership.ErrNotPermitted) || bob.keeps(cleo.who.person) {
			t.Errorf("by a plain member: %v, kept %v", err, bob.keeps(cleo.who.person))
		}
		heads := ann.groups.Heads(g)
		got, err = ann.Groups().Invite(ctx, "lunch", []string{"Bob"})
		if err != nil || len(got.Invited) != 0 || len(got.Already) != 1 || got.Group.Members != 2 || ann.groups.Heads(g)[0] != heads[0] {
			t.Errorf("Bob, who is in: %+v, %v", got, err)
		}
	})
}
