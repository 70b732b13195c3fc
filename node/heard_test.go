package node

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/gossip"
	"github.com/earshot-im/earshot/node/ingest"
	"github.com/earshot-im/earshot/store/event"
)

// What comes by gossip is handed on as every member may have it: whole, proven, and by somebody who
// may write it.
func TestWhatIsGossipedOn(t *testing.T) {
	t.Parallel()
	inWorld(t, 103, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		ann.tell(g, "x")
		bob.hears(g, "x")
		w.cut(ann.addr(), bob.addr())
		time.Sleep(30 * time.Second)
		ann.tell(g, "y")
		var run event.Run
		logs, err := ann.store.Logs(g)
		if err != nil {
			t.Fatal(err)
		}
		for log, segments := range logs {
			if log.Device == ann.who.device {
				if run, err = ann.store.LoadRun(log, segments.Last(), 1, 1<<20); err != nil {
					t.Fatal(err)
				}
			}
		}
		dropped, recalled := strip(run, event.Dropped), strip(run, event.Recalled)
		if err := bob.crowd.Heard(t.Context(), g, ann.who.device, dropped.Marshal()); !errors.Is(err, gossip.ErrForged) {
			t.Errorf("dropped: %v", err)
		}
		if err := bob.crowd.Heard(t.Context(), g, ann.who.device, recalled.Marshal()); err == nil || errors.Is(err, gossip.ErrForged) {
			t.Errorf("recalled without a recall: %v", err)
		}
		withheld := run
		withheld.Events = slices.Clone(run.Events)
		withheld.Events[0].Withheld = event.WithholdPrevious
		if err := bob.crowd.Heard(t.Context(), g, ann.who.device, withheld.Marshal()); !errors.Is(err, gossip.ErrForged) {
			t.Errorf("withheld causes: %v", err)
		}
		for what, change := range map[string]func(r *event.Run){
			"for one receiver": func(r *event.Run) { r.Tag = make([]byte, 32) },
			"to be answered":   func(r *event.Run) { r.Number = 1 },
			"unproven": func(r *event.Run) {
				r.Events = slices.Clone(r.Events)
				r.Events[0].Signature = make([]byte, crypto.SignatureSize)
			},
		} {
			other := run
			change(&other)
			if err := bob.crowd.Heard(t.Context(), g, ann.who.device, other.Marshal()); !errors.Is(err, gossip.ErrForged) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := bob.crowd.Heard(t.Context(), event.Conversation{1}, ann.who.device, run.Marshal()); !errors.Is(err, gossip.ErrForged) {
			t.Errorf("of another group: %v", err)
		}
		if err := bob.crowd.Heard(t.Context(), g, crypto.DeviceID{1}, run.Marshal()); !errors.Is(err, ingest.ErrStranger) {
			t.Errorf("from a device of nobody: %v", err)
		}
		m := w.mallory("Mallory")
		m.greet(bob)
		said := m.run(m.event("z", func(h *event.Header) { h.Conversation, h.Control = g, bob.groups.Heads(g) }))
		if err := bob.crowd.Heard(t.Context(), g, ann.who.device, said.Run.Marshal()); !errors.Is(err, authority.ErrNotPermitted) {
			t.Errorf("by no member: %v", err)
		}
		// It comes whole, and what waits for more of the log goes on waiting.
		for range 2 {
			if err := bob.crowd.Heard(t.Context(), g, ann.who.device, run.Marshal()); err != nil {
				t.Errorf("whole: %v", err)
			}
		}
		w.heal(ann.addr(), bob.addr())
		ann.announce()
		bob.announce()
		w.within(2*time.Minute, "Bob has the words", func() bool { return slices.Contains(bob.heard(g), "y") })
	})
}
