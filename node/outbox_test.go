package node

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/people"
)

// TestOutboxBlamesNobodyWhoHasAccepted: of a contact who had taken messages before, and whose network
// was down, the outbox said that they may have to accept the owner first.
func TestOutboxBlamesNobodyWhoHasAccepted(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cy")
		ann, bob, cy := all[0], all[1], all[2]
		ann.meets(time.Minute, bob, cy)
		if err := cy.Owner().SetAccept(t.Context(), people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		ann.reaches(time.Minute, ann.say(bob, "hello"), chat.StateDelivered)
		ann.meets(time.Minute, bob, cy)
		why := func() map[string]string {
			pending, err := ann.Messages().Outbox(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			out := make(map[string]string)
			for _, p := range pending {
				out[p.To.Name] = p.WaitingFor + ": " + p.Reason
				if p.LastSeen.IsZero() {
					t.Errorf("%s was seen and it is not said when", p.To.Name)
				}
			}
			return out
		}
		is := func(what string, got map[string]string, name, want string) {
			t.Helper()
			if got[name] != want {
				t.Errorf("%s: %s %q, want %q", what, name, got[name], want)
			}
		}

		ann.say(cy, "will you have me?")
		w.cut(ann.addr(), bob.addr())
		ann.say(bob, "are you there?")
		time.Sleep(time.Second)
		got := why()
		is("while Bob's silence is not noticed", got, "Bob", "unanswered: ")
		is("while Cy has not accepted", got, "Cy", "unanswered: acceptance")

		ann.mesh.NetworkChanged(discovery.Network{})
		w.within(time.Second, "nobody is here any more", func() bool { return len(ann.mesh.Sessions()) == 0 })
		got = why()
		is("when Ann's network is down", got, "Bob", "no_network: ")
	})
}
