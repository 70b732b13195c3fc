package node

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/warnings"
)

// A backup is put back in the same file, so that nothing can be suspected, and Ann writes to Cleo
// before she meets Bob, who has what she had written since the backup. Both branches reach
// everybody, and nothing stays in the outbox.
func TestRestoredInPlace(t *testing.T) {
	t.Parallel()
	lost := []struct{ before, after int }{{300, 2}, {1, 3}, {1, 1}, {3, 1}, {3, 3}, {2, 0}}
	if testing.Short() {
		lost = lost[:2]
	}
	for _, n := range lost {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inWorld(t, 107, func(t *testing.T, w *world) {
				all := w.people("Ann", "Bob", "Cleo")
				ann, bob, cleo := all[0], all[1], all[2]
				ann.meets(soon, bob, cleo)
				bob.meets(soon, cleo)
				g := ann.makes("lunch", bob, cleo)
				ann.tell(g, "one")
				want := []string{"one"}
				for _, m := range all {
					m.hears(g, want...)
				}
				time.Sleep(10 * time.Second)
				cleo.stop()
				backup := snapshot(t, ann.dir)
				for i := range n.before {
					want = append(want, fmt.Sprint("which only Bob has ", i))
					ann.tell(g, want[len(want)-1])
				}
				bob.hears(g, want...)
				time.Sleep(5 * time.Second)
				bob.stop()
				ann.stop()
				ann.dir = backup
				cleo.start()
				told := ann.warned()
				ann.start(cleo.address())
				ann.meets(soon, cleo)
				var sent []chat.Message
				for i := range n.after {
					sent = append(sent, ann.tell(g, fmt.Sprint("to Cleo ", i)))
					want = append(want, sent[i].Text)
				}
				w.within(soon, "Cleo hears it", func() bool { return len(cleo.heard(g)) == 1+n.after })
				time.Sleep(10 * time.Second)
				bob.start(ann.address(), cleo.address())
				time.Sleep(5 * time.Minute)
				sent = append(sent, ann.tell(g, "after all that"))
				want = append(want, "after all that")
				time.Sleep(time.Minute)
				slices.Sort(want)
				for _, m := range all {
					got := m.heard(g)
					for _, text := range want {
						if !slices.Contains(got, text) {
							t.Errorf("%s does not show %q", m.name, text)
						}
					}
					if len(got) != len(want) {
						t.Errorf("%s shows %d rows, want %d", m.name, len(got), len(want))
					}
				}
				if got := told(); !slices.Equal(got, []string{warnings.Restored}) {
					t.Errorf("the owner is told %q", got)
				}
				if got := ann.codes(); !slices.Equal(got, []string{warnings.Restored}) {
					t.Errorf("status: %q", got)
				}
				lines, err := outboxOf(ann)
				if err != nil || len(lines) > 0 {
					t.Errorf("%d lines in the outbox, %v", len(lines), err)
				}
				for _, m := range sent {
					ann.ends(m, chat.Progress{State: chat.StateDelivered})
				}
				for _, m := range []*machine{bob, cleo} {
					for _, row := range m.groupRows(g) { // whichever of the events that stand for a message it is of
						if err := m.Messages().MarkRead(t.Context(), row.ID); err != nil {
							t.Fatal(err)
						}
					}
				}
				for _, m := range sent {
					ann.reaches(time.Minute, m, chat.StateRead)
				}
			})
		})
	}
}

// A backup is put back that is older than what the owner has read. The message comes back, and is
// read: Bob gives Ann the receipt that she had signed.
func TestReadMessageComesBackAsRead(t *testing.T) {
	t.Parallel()
	inWorld(t, 109, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		say := func(text string) {
			if _, err := bob.Messages().Send(t.Context(), chat.Outgoing{To: "Ann", Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		unread := func() (texts []string) {
			page, err := ann.Messages().Unread(t.Context(), "", chat.Filter{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Messages {
				texts = append(texts, m.Text)
			}
			return texts
		}
		shown := func() int {
			messages, err := ann.Messages().History(t.Context(), "Bob", chat.HistoryRange{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return len(messages)
		}
		say("before the backup")
		w.within(soon, "Ann has it", func() bool { return len(unread()) == 1 })
		time.Sleep(10 * time.Second)
		backup := snapshot(t, ann.dir)
		say("after the backup")
		w.within(soon, "Ann has it", func() bool { return len(unread()) == 2 })
		page, err := ann.Messages().Unread(t.Context(), "", chat.Filter{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			if err := ann.Messages().MarkRead(t.Context(), m.ID); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second) // the receipt is signed and has reached Bob
		ann.stop()
		ann.dir = backup
		ann.start(bob.address())
		w.within(soon, "the message comes back", func() bool { return shown() == 2 })
		time.Sleep(10 * time.Second)
		if left := unread(); len(left) > 0 {
			t.Errorf("unread again: %q", left)
		}
	})
}
