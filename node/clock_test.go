package node

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

const tenYears = 10 * 365 * 24 * time.Hour

// TestClocksTenYearsOff has two write to each other by turns, with clocks that are far off either
// way on either side. In a bubble the nodes differ in the wall clock that they are given; that no
// clock refuses a certificate is shown in link.
func TestClocksTenYearsOff(t *testing.T) {
	for _, skew := range [][2]time.Duration{
		{tenYears, 0}, {-tenYears, 0}, {0, tenYears}, {0, -tenYears}, {-tenYears, tenYears}, {tenYears, -tenYears},
	} {
		t.Run(fmt.Sprintf("%+d and %+d years", skew[0]/tenYears*10, skew[1]/tenYears*10), func(t *testing.T) {
			t.Parallel()
			inWorld(t, 1, func(t *testing.T, w *world) {
				ann, bob := w.machine("Ann"), w.machine("Bob")
				ann.skew.Store(int64(skew[0]))
				bob.skew.Store(int64(skew[1]))
				ann.start()
				bob.start(ann.address())
				ann.meets(5*time.Second, bob)
				bob.meets(5*time.Second, ann)
				var said []string
				for i := range 3 {
					for _, turn := range [][2]*machine{{ann, bob}, {bob, ann}} {
						from, to := turn[0], turn[1]
						text := fmt.Sprintf("%s %d", from.name, i)
						m := from.say(to, text)
						said = append(said, text)
						from.reaches(3*time.Second, m, chat.StateDelivered)
						unread, err := unread(to.Node, chat.Filter{})
						if err != nil || len(unread) != 1 || unread[0].Text != text {
							t.Fatalf("%s finds unread: %v, %v", to.name, unread, err)
						}
						if err := to.Messages().MarkRead(t.Context(), unread[0].ID); err != nil {
							t.Fatal(err)
						}
						from.reaches(3*time.Second, m, chat.StateRead)
					}
				}
				// Each was an answer to the one before, so clocks have no say in the order.
				for _, m := range []*machine{ann, bob} {
					other := ann
					if m == ann {
						other = bob
					}
					checkShown(t, m, other, said)
					if n := m.pending(); n != 0 {
						t.Errorf("%s has %d lines in the outbox", m.name, n)
					}
				}
			})
		})
	}
}

// checkShown compares what a machine shows of a conversation.
func checkShown(t *testing.T, m, with *machine, want []string) {
	t.Helper()
	var have []string
	for _, r := range m.rows(with) {
		have = append(have, r.Text)
		if r.Gap || r.Forked {
			t.Errorf("%s: %q has gap: %t, forked: %t", m.name, r.Text, r.Gap, r.Forked)
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("%s shows %q, want %q", m.name, have, want)
	}
}

// TestClockThatJumps sets a clock ten years ahead and back, while the node runs and while it is
// off, with messages that wait for somebody who is away.
func TestClockThatJumps(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		ann.meets(5*time.Second, bob)
		var said []string
		say := func() {
			said = append(said, fmt.Sprintf("message %d", len(said)))
			ann.say(bob, said[len(said)-1])
		}
		say()
		bob.got(3*time.Second, ann, said...)
		bob.stop()
		for _, skew := range []time.Duration{tenYears, 0, -tenYears, tenYears, -tenYears} {
			ann.skew.Store(int64(skew))
			say() // by a running node
			ann.stop()
			ann.skew.Store(-int64(skew))
			ann.start()
			say()
		}
		bob.start()
		bob.got(10*time.Second, ann, said...)
		checkShown(t, bob, ann, said)
		checkShown(t, ann, bob, said)
		bob.skew.Store(int64(-tenYears)) // the clock of the one who receives
		say()
		bob.got(3*time.Second, ann, said...)
		bob.skew.Store(int64(tenYears))
		say()
		bob.got(3*time.Second, ann, said...)
		w.within(5*time.Second, "the outbox is empty", func() bool { return ann.pending() == 0 })
	})
}

// TestClockJumpsWhileRowWaits: a message whose cause never comes is shown soon, though the clock
// went back ten years just after it came.
func TestClockJumpsWhileRowWaits(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		m := w.mallory("Mallory")
		m.greet(ann)
		m.offer()
		e := m.event("an answer", func(h *event.Header) {
			h.Seen = []event.Position{{Device: ann.who.device, Instance: event.Instance{1}, Sequence: 7, ID: event.ID{7}}}
		})
		m.send(m.run(e))
		m.until(ann, "it is acknowledged", func(f *seen) bool { return f.holds(m, 1) })
		ann.skew.Store(int64(-tenYears))
		w.within(10*time.Second, "it is shown", func() bool { return len(m.rowsAt(ann)) == 1 })
		if r := m.rowsAt(ann)[0]; !r.Gap {
			t.Error("it is shown without a gap")
		}
	})
}

// TestRestoredBackup starts a node from a copy of its directory that is older than what others have
// of it.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(t *testing.T, w *world) {
		people := w.people("Ann", "Bob")
		ann, bob := people[0], people[1]
		ann.meets(5*time.Second, bob)
		ann.say(bob, "before 1")
		ann.reaches(3*time.Second, ann.say(bob, "before 2"), chat.StateDelivered)
		backup := snapshot(t, ann.dir)
		ann.reaches(3*time.Second, ann.say(bob, "after 1"), chat.StateDelivered)
		bob.reaches(3*time.Second, bob.say(ann, "from Bob"), chat.StateDelivered)
		bob.stop()
		ann.stop()

		ann.dir = backup
		ann.start()
		time.Sleep(time.Second)
		queued := ann.say(bob, "after the restore") // takes the place of "after 1" in the log
		bob.start()
		ann.reaches(10*time.Second, queued, chat.StateDelivered)
		w.within(10*time.Second, "both have everything", func() bool { return len(ann.rows(bob)) == 5 && len(bob.rows(ann)) == 5 })
		for i, m := range people {
			have, want := texts(m.rows(people[1-i])), []string{"after 1", "after the restore", "before 1", "before 2", "from Bob"}
			slices.Sort(have)
			if !slices.Equal(have, want) {
				t.Errorf("%s shows %q, want %q", m.name, have, want)
			}
		}
		bob.got(time.Second, ann, "before 1", "before 2", "after 1", "after the restore")
		ann.reaches(3*time.Second, ann.say(bob, "and on"), chat.StateDelivered)
		w.within(3*time.Second, "the outbox is empty", func() bool { return ann.pending() == 0 })
	})
}

func texts(rows []store.Row) (out []string) {
	for _, r := range rows {
		out = append(out, r.Text)
	}
	return out
}
