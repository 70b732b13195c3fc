package node

import (
	"fmt"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// Somebody has begun more logs in a group than a removal can list: what they have said stays, with
// everybody, also when they are brought back and removed again; and they can't go on in any of
// them.
func TestRemovalOfManyLogsKeepsHistory(t *testing.T) {
	long(t)
	t.Parallel()
	inWorld(t, 64, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		in := w.mallory("Mallory").joins(ann, g)
		in.asks()
		w.within(soon, "Bob knows that she is in", func() bool {
			group, _ := bob.Groups().Group(t.Context(), g.String())
			return group.Members == 3
		})
		heads := ann.groups.Heads(g)
		const logs = event.MaxCuts + event.MaxCuts/4
		log := func(i int) func(*event.Header) {
			return func(h *event.Header) {
				h.Instance, h.Sequence, h.Previous = event.Instance{9, byte(i >> 8), byte(i)}, 1, event.ID{}
			}
		}
		for i := range logs {
			if !in.writes(fmt.Sprint(i), heads, log(i)) {
				t.Fatal("the session has ended")
			}
		}
		w.within(time.Minute, "both have it all", func() bool { return len(ann.heard(g)) == logs && len(bob.heard(g)) == logs })
		for round := range 2 {
			if _, err := ann.Groups().RemoveMember(t.Context(), g.String(), in.person.String()); err != nil {
				t.Fatal(err)
			}
			w.within(time.Minute, "Bob knows that she is out", func() bool {
				group, _ := bob.Groups().Group(t.Context(), g.String())
				return group.Members == 2
			})
			time.Sleep(10 * time.Second)
			in.writes("in a new log", heads, log(logs+round))
			in.writes("further in an old one", heads, func(h *event.Header) {
				log(3)(h)
				h.Sequence, h.Previous = 2, event.ID{1}
			})
			time.Sleep(10 * time.Second)
			for _, m := range all {
				if n := len(m.heard(g)); n != logs {
					t.Errorf("%s shows %d of %d after removal %d", m.name, n, logs, round+1)
				}
			}
			if round == 0 {
				if _, err := ann.Groups().Invite(t.Context(), g.String(), []string{in.person.String()}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
			}
		}
		controls, err := ann.store.Controls(g)
		if err != nil {
			t.Fatal(err)
		}
		lists := 0
		for i := range controls {
			if controls[i].Header.Kind == event.KindCuts {
				lists++
			}
		}
		if lists != 1 { // the second removal names what the first has listed
			t.Errorf("%d lists of cuts", lists)
		}
	})
}
