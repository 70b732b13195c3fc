package node

import (
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// A newcomer whose program asks for all that there is is neither given nor told of what was said
// before she came.
func TestNewcomerWhoAsksForEverything(t *testing.T) {
	t.Parallel()
	inWorld(t, 131, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		for _, m := range all {
			m.tell(g, "before")
			time.Sleep(10 * time.Second)
		}
		in := w.mallory("Mallory").joins(ann, g)
		begin := map[event.Log]uint64{}
		for _, m := range all {
			logs, err := ann.store.Logs(g)
			if err != nil {
				t.Fatal(err)
			}
			for log, segments := range logs {
				if log.Device == m.who.device {
					begin[log] = segments.Last()
				}
			}
		}
		in.asks()
		time.Sleep(10 * time.Second)
		for range 2 {
			for _, m := range all {
				m.tell(g, "after")
				time.Sleep(5 * time.Second)
			}
		}
		for range 20 {
			in.answers()
			in.asks()
			time.Sleep(time.Second)
		}
		if read := in.read(); !slices.Contains(read, "after") || slices.Contains(read, "before") {
			t.Errorf("she reads %q", read)
		}
		// What she has no right to is no cause for her; what she gets is.
		first := 0
		for _, r := range in.seen.runs() {
			for i := range r.Events {
				h := &r.Events[i].Header
				last, ok := begin[h.Log()]
				if !ok || h.Kind != event.KindText {
					continue
				}
				want := uint32(0)
				if h.Device == bob.who.device && h.Sequence == last+1 {
					want = event.WithholdPrevious
					first++
				}
				if got := r.Events[i].Withheld; got != want {
					t.Errorf("%x is withheld of what came before %d of %v, want %x", got, h.Sequence, h.Device, want)
				}
			}
		}
		if first == 0 {
			t.Error("the first of Bob's messages that is for her did not come")
		}
		in.seen.each(func(f *wire.Frame) {
			var told []wire.LogSegments
			if f.Offers != nil {
				for _, o := range f.Offers.Offers {
					told = append(told, o.Logs...)
				}
			}
			if f.Have != nil {
				told = append(told, f.Have.Logs...)
			}
			for _, l := range told {
				log := event.Log{Conversation: g, Device: l.Device, Instance: l.Instance}
				if last, ok := begin[log]; ok && l.Segments[0].First < last-1 { // the invitation may be the last
					t.Errorf("she is told of %v", l.Segments)
				}
			}
		})
	})
}

// What somebody has read of another's messages is no third member's business.
func TestReceiptsGoToAuthorsOnly(t *testing.T) {
	t.Parallel()
	inWorld(t, 132, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		in := w.mallory("Mallory").joins(ann, g)
		in.asks()
		bob.members(g, 3)
		reads := func(words string) {
			sent := bob.tell(g, words)
			w.within(soon, "Ann has it", func() bool { return slices.Contains(ann.heard(g), words) })
			if err := ann.Messages().MarkRead(t.Context(), sent.ID); err != nil {
				t.Fatal(err)
			}
			w.within(soon, "Bob knows", func() bool {
				reached, err := bob.Messages().Receipts(t.Context(), sent.ID)
				return err == nil && slices.ContainsFunc(reached, func(r chat.Reached) bool {
					return r.Person.ID == ann.who.person && r.State == chat.StateRead
				})
			})
		}
		reads("while she is there")
		again := in.again(ann)
		time.Sleep(10 * time.Second)
		reads("after she came again")
		time.Sleep(10 * time.Second)
		for _, seen := range []*seen{in.seen, again.seen} {
			seen.each(func(f *wire.Frame) {
				var subjects [][]byte
				if f.Offers != nil {
					for _, o := range f.Offers.Offers {
						for _, r := range o.Records {
							if r.Kind == event.KindReceipt {
								subjects = append(subjects, r.Subject)
							}
						}
					}
				}
				if f.Record != nil && f.Record.Record.Kind == event.KindReceipt {
					subjects = append(subjects, f.Record.Record.Subject)
				}
				for _, subject := range subjects {
					if _, author, _, err := event.ParseReceiptSubject(subject); err != nil || author != in.person {
						t.Errorf("she is told what was read of somebody else, %v", err)
					}
				}
			})
		}
	})
}
