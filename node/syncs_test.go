package node

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/slow"
)

// Two syncs stand in line until a message is on the other's disk and its author is told, one of each
// node. The author's node writes that down later. It is the same while what was written before
// is moved from the journal into the database. In the bubble nothing but the disks takes time.
func TestMessageTakesTwoSyncs(t *testing.T) {
	t.Parallel()
	inWorld(t, 61, func(t *testing.T, w *world) {
		const sync = 10 * time.Millisecond
		var all []*machine
		for _, name := range []string{"Ann", "Bob"} {
			m := w.machine(name)
			m.disk = slow.New(m.dir, sync)
			m.start(w.addresses()...)
			all = append(all, m)
		}
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		ann.reaches(soon, ann.say(bob, "hello"), "delivered")
		bob.reaches(soon, bob.say(ann, "hello"), "delivered")
		say := func(when string) {
			t.Helper()
			began := time.Now()
			if _, err := ann.Messages().Wait(t.Context(), ann.say(bob, "well?").ID, "delivered"); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != 2*sync {
				t.Errorf("%s: its author was told after %s; want two syncs of %s", when, took, sync)
			}
		}
		for range 10 {
			time.Sleep(time.Second)
			say("at rest")
		}
		for _, m := range all {
			time.Sleep(time.Second) // until all that the message before has entailed is written
			for len(m.disk.Committed) > 0 {
				<-m.disk.Committed
			}
			<-m.disk.Committed
			say("while " + m.name + "'s database is written")
		}
	})
}
