package store

import (
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/event"
)

// By its arrival a message of another is read, and its author is told, if they are to be. One's own are
// passed over, and what did not arrive is no message: then none is marked.
func TestMarkingByArrival(t *testing.T) {
	for _, tell := range []bool{false, true} {
		n, p := newNode(t), newPen(t)
		c := p.meets(n, true)
		own := n.say(c, "mine")
		_, err := p.give(n, p.say("1"), p.say("2"), p.say("3"))
		check(t, err)
		rows, _, err := n.Unread(0, 10, nil)
		check(t, err)
		if _, err := n.MarkArrived(ctx, tell, rows[0].Arrival, rows[2].Arrival+100); err != ErrNoEvent {
			t.Fatal(err)
		}
		equalWords(t, "nothing is marked", n.unread(), "1", "2", "3")
		newest, err := n.MarkArrived(ctx, tell, own.Arrival, rows[1].Arrival, rows[0].Arrival)
		check(t, err)
		if len(newest) != 1 || newest[c] != rows[1].Arrival {
			t.Errorf("read up to %v, want %d", newest, rows[1].Arrival)
		}
		equalWords(t, "what is left", n.unread(), "3")
		var read event.Ranges
		check(t, n.view(func(r *reader) error {
			x, err := r.byID(rows[0].ID)
			check(t, err)
			read, err = r.ranges(bucketRead, x.Log, n.own.Person)
			return err
		}))
		want := event.Ranges(nil)
		if tell {
			want = event.Ranges{{First: 1, Last: 2}}
		}
		if !slices.Equal(read, want) {
			t.Errorf("told of %v, want %v", read, want)
		}
	}
}
