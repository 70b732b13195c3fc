package store

import (
	"fmt"
	"testing"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Status took a second where 100,000 messages waited: each was read to be counted.
func TestCountingTheOutboxReadsNoMessage(t *testing.T) {
	a, b, c := pair(t)
	reacts := func(to event.ID) {
		_, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindReaction, Content: text("+1"), Target: to})
		check(t, err)
	}
	var ids []event.ID
	for i := range 2*layout.UnlistedEvents + 100 {
		id := a.say(c, fmt.Sprint(i)).ID
		if ids = append(ids, id); i%3 == 0 {
			reacts(id)
		}
	}
	for _, id := range ids[:100] {
		_, err := a.Cancel(ctx, id)
		check(t, err)
	}
	if n := a.pending(); n != len(ids)-100 {
		t.Error(n, "are pending")
	}
	looks := a.looks(func(r *reader) error {
		_, err := r.countOutbox()
		return err
	})
	if looks > 30 {
		t.Errorf("%d looks", looks)
	}
	meet(a, b, c)
	if n := a.pending(); n != 0 {
		t.Error(n, "are pending when all have come")
	}
}

// What is looked up of each own event is what the event says, whatever was written, taken back, issued again
// or given back to it since.
func (n *node) listings() {
	n.t.Helper()
	check(n.t, n.view(func(r *reader) error {
		return r.eachConversation(func(c *layout.Conversation) error {
			return r.eachLog(c.Number, func(l *layout.Log) error {
				for _, g := range l.Segments {
					for seq := g.First; seq <= g.Last && r.isOwn(l.Person); seq++ {
						x, err := r.entry(l.At(seq))
						if err != nil {
							return err
						}
						u, err := r.unlisted(layout.UnlistedSlot(x.Slot))
						if err != nil {
							return err
						}
						if got, want := u.Of(seq), r.listingOf(x); got != want {
							n.t.Errorf("event %d is %d, kept as %d", seq, want, got)
						}
					}
				}
				return nil
			})
		})
	}))
}
