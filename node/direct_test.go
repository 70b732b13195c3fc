package node

import (
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/wire"
)

// Bob, who follows Mallory, tells her that what Ann writes comes to him from Ann, and how much of it only now and then;
// and soon that it doesn't any more, when Ann's node has gone.
func TestFollowedHearWhatComesDirectly(t *testing.T) {
	t.Parallel()
	inWorld(t, 61, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		in := w.mallory("Mallory").joins(ann, g)
		w.within(soon, "Bob knows that she is in", func() bool { return slices.Equal(bob.groups.Heads(g), ann.groups.Heads(g)) })
		in.meets(bob)
		in.send(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{ // she wants nothing of Ann from him
			{Tag: in.tag(in.key.ID()), Store: in.store, Locator: bob.groups.Heads(g), Want: wire.WantOwn}}}})
		told := func() (last uint64, direct bool, frames int) {
			tag := in.tag(bob.who.device)
			in.seen.each(func(f *wire.Frame) {
				if f.Have == nil || !slices.Equal(f.Have.Tag, tag) {
					return
				}
				for _, l := range f.Have.Logs {
					if l.Device == ann.who.device {
						last, direct = l.Segments.Last(), l.Direct
						frames++
					}
				}
			})
			return last, direct, frames
		}
		time.Sleep(30 * time.Second) // in which Bob gives up waiting for more of what he has missed
		ann.tell(g, "one")
		time.Sleep(10 * time.Second)
		first, direct, before := told()
		if !direct {
			t.Error("Bob does not say that it comes from Ann")
		}
		for range 10 {
			ann.tell(g, "more")
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second)
		if last, direct, frames := told(); !direct || last != first+10 || frames < before+2 || frames > before+4 {
			t.Errorf("told up to %d, want %d, direct %t, in %d frames", last, first+10, direct, frames-before)
		}
		ann.tell(g, "the last")
		time.Sleep(time.Second)
		ann.stop()
		w.within(time.Second, "Bob says that nothing comes from Ann any more", func() bool {
			last, direct, _ := told()
			return !direct && last == first+11
		})
	})
}
