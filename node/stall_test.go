package node

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// acts makes a control event of hers, the first of a log.
func (in *insider) controlEvent(instance event.Instance, heads []crypto.Hash, act event.Control) event.Event {
	in.w.t.Helper()
	content, err := act.Marshal()
	if err != nil {
		in.w.t.Fatal(err)
	}
	body := event.Body{Content: content}
	_, _ = rand.Read(body.Salt[:])
	e, err := event.New(event.Header{
		Conversation: in.group, Device: in.key.ID(), Instance: instance, Sequence: 1, Card: in.card.Head(),
		Clock: time.Now().UnixMilli(), Kind: act.Kind(), Flags: event.FlagCritical, Control: heads,
	}, body)
	if err != nil {
		in.w.t.Fatal(err)
	}
	e.Sign(in.key)
	return e
}

// Mallory brings Ann, each time before a minute is over, a cause of the cause that Ann waits for.
// What Bob says about the first waits for a minute and no longer.
func TestChainOfCausesHidesNothingForLong(t *testing.T) {
	t.Parallel()
	inWorld(t, 111, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		in := w.mallory("Mallory").joins(ann, g)
		in.asks()
		bob.members(g, 3)
		heads := ann.groups.Heads(g)
		var chain [6]event.Event // each names the next as seen
		for i := len(chain) - 1; i >= 0; i-- {
			in.instance, in.last = event.Instance{byte(i + 1)}, event.Event{}
			chain[i] = in.event(fmt.Sprint("chain ", i), func(h *event.Header) {
				h.Conversation, h.Control = g, heads
				if i+1 < len(chain) {
					h.Seen = []event.Position{chain[i+1].Position()}
				}
			})
		}
		gives := func(i int) {
			f := in.run(chain[i])
			f.Run.Tag = in.tag(in.key.ID())
			in.send(f)
		}
		drips := func() { // her round goes on as long as she sends something
			in.send(wire.Frame{Refused: &wire.Refused{Tag: in.tag(in.key.ID()), Device: in.key.ID(), Instance: event.Instance{200}, Reason: wire.NotPermitted}})
		}
		gives(0)
		for !slices.Contains(bob.heard(g), "chain 0") {
			drips()
			time.Sleep(time.Second)
		}
		bob.tell(g, "from Bob")
		from := time.Now()
		for next := 1; !slices.Contains(ann.heard(g), "from Bob"); {
			drips()
			time.Sleep(time.Second)
			if waited := time.Since(from); waited > releaseAtLast+5*releaseEvery {
				t.Fatalf("not shown after %v", waited)
			} else if next < len(chain) && waited >= time.Duration(next)*45*time.Second {
				gives(next)
				next++
			}
		}
	})
}

// Two members make more concurrent control events than a locator can name. Ann and Bob, who have
// them all, don't send them to each other without end, and go on talking.
func TestManyConcurrentHeadsDoNotLoop(t *testing.T) {
	t.Parallel()
	inWorld(t, 112, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		var cuts []event.Position
		for i := range 40 { // so that few of them fit a frame, and each counts as one event
			cuts = append(cuts, event.Position{Device: crypto.DeviceID{1}, Instance: event.Instance{byte(i >> 8), byte(i)}, Sequence: 1, ID: event.ID{1}})
		}
		insiders := []*insider{w.mallory("Mallory").joins(ann, g), w.mallory("Eve").joins(ann, g)}
		bob.members(g, 4)
		heads := ann.groups.Heads(g)
		for i, in := range insiders {
			in.asks()
			for n := range byte(40) {
				leave := in.controlEvent(event.Instance{1, n}, heads, event.Leave{Cuts: cuts})
				in.send(wire.Frame{Control: &wire.Control{Tag: in.tag(in.key.ID()), Events: []event.Event{leave}}})
			}
			bob.members(g, 3-i)
			time.Sleep(10 * time.Second)
			_ = in.stream.Reset()
		}
		for i := range 3 {
			time.Sleep(time.Minute)
			ann.tell(g, fmt.Sprint("Ann ", i))
			bob.tell(g, fmt.Sprint("Bob ", i))
		}
		time.Sleep(time.Minute)
		for _, m := range all {
			controls, err := m.store.Controls(g)
			if err != nil || len(controls) < 80 {
				t.Fatalf("%s has %d control events, %v", m.name, len(controls), err)
			}
			if heard := m.heard(g); len(heard) != 6 {
				t.Errorf("%s shows %q", m.name, heard)
			}
		}
	})
}
