package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/membership"
)

// notices are those of a machine, a line each.
func (m *machine) notices() (out []string) {
	m.w.t.Helper()
	all, err := m.Groups().Notices(m.w.t.Context(), 0, 100)
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, n := range all {
		line := n.What + " " + n.Name
		if n.Was != "" {
			line += " was " + n.Was
		}
		if n.By != nil {
			line += " by " + n.By.Name
		}
		for i, p := range n.Whom {
			line += fmt.Sprint(" ", p.Name, n.Mine && i == 0)
		}
		if n.Own {
			line += " own"
		}
		out = append(out, line+n.Role)
		if n.Group.Kind != "group" || n.Group.Name == "" || n.Time.IsZero() {
			m.w.t.Errorf("%+v", n)
		}
	}
	return out
}

// Each member of a group is told what is done in it, by whom and to whom; who is removed is told that
// last.
func TestMembersAreToldWhatIsDoneInTheirGroup(t *testing.T) {
	t.Parallel()
	inWorld(t, 41, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(5*time.Second, bob, cleo)
		bob.meets(5*time.Second, cleo)
		g := ann.makes("lunch", bob, cleo)
		for _, err := range []error{
			second(ann.Groups().RenameGroup(t.Context(), g.String(), "dinner", false)),
			second(ann.Groups().SetRole(t.Context(), "#dinner", "Bob", membership.RoleAdmin)),
			second(ann.Groups().RemoveMember(t.Context(), "#dinner", "Cleo")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"joined lunch by Ann Cleotrue", "renamed dinner was lunch by Ann", "removed dinner by Ann Cleotrue"}
		w.within(10*time.Second, "Cleo is told", func() bool {
			have := cleo.notices()
			return len(have) > 0 && have[0] == want[0] && have[len(have)-1] == want[2] && strings.Contains(fmt.Sprint(have), want[1])
		})
		stream, err := cleo.Journal().Read("0", []string{journal.Noticed}, chat.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		var streamed []contacts.Notice
		for live := false; !live; {
			b, err := stream.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range b.Changes {
				streamed = append(streamed, *c.Notice)
			}
			live = b.Live
		}
		if len(streamed) < 3 || streamed[0].What != contacts.NoticeJoined || !streamed[0].Mine || streamed[len(streamed)-1].What != contacts.NoticeRemoved {
			t.Errorf("the journal tells Cleo %+v", streamed)
		}
		if own := ann.notices(); own[0] != "created lunch by Ann own" || own[len(own)-1] != "removed dinner by Ann Cleofalse own" {
			t.Errorf("Ann is told %q", own)
		}
	})
}

func second[T any](_ T, err error) error { return err }
