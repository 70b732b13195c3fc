package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// said are the texts of messages.
func said(messages []Message) (out []string) {
	for _, m := range messages {
		out = append(out, m.Text)
	}
	return out
}

// Whoever is blocked filled the newest page of a group, and the next one after each message: history seemed empty.
func TestHistoryReadsPastTheBlocked(t *testing.T) {
	inWorld(t, 21, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", bob, cleo)
		ann.tell(g, "mine")
		bob.hears(g, "mine")
		cleo.hears(g, "mine")
		want := []string{}
		for i := range 3 {
			want = append(want, fmt.Sprint("Cleo ", i))
			cleo.tell(g, want[i])
			w.within(soon, "Bob hears her", func() bool { return slices.Contains(bob.heard(g), want[i]) })
			for j := range 4 {
				bob.tell(g, fmt.Sprint("Bob ", i, j))
			}
			w.within(soon, "Ann hears both", func() bool { return len(ann.heard(g)) == 1+5*(i+1) })
		}
		if _, err := ann.Block(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		page := func(r HistoryRange) []Message {
			t.Helper()
			messages, err := ann.History(t.Context(), "#lunch", r)
			if err != nil {
				t.Fatal(err)
			}
			return messages
		}
		newest := page(HistoryRange{Limit: 2})
		if got := said(newest); !slices.Equal(got, want[1:]) {
			t.Fatalf("the newest two are %q", got)
		}
		if got := said(page(HistoryRange{Limit: 2, Before: &newest[0].ID})); !slices.Equal(got, []string{"mine", want[0]}) {
			t.Errorf("before them are %q", got)
		}
		first := page(HistoryRange{Limit: 9})[1].ID
		if got := said(page(HistoryRange{Limit: 1, After: &first})); !slices.Equal(got, want[1:2]) {
			t.Errorf("after the first is %q", got)
		}
		if got := said(page(HistoryRange{Limit: 9, After: &newest[1].ID})); len(got) != 0 {
			t.Errorf("after the last are %q", got)
		}
		for _, read := range []func(after uint64) (Page, error){
			func(after uint64) (Page, error) { return ann.Unread(t.Context(), after, Filter{In: "#lunch"}, 1) },
			func(after uint64) (Page, error) { return ann.Arrivals(t.Context(), after, Filter{In: "#lunch"}, 1) },
		} {
			var got []string
			for at, end := uint64(0), false; !end; {
				p, err := read(at)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, said(p.Messages)...)
				at, end = p.Cursor, len(p.Messages) == 0
				if end && p.Cursor < lastArrival(t, ann, g) {
					t.Errorf("the end is at %d, before the last message", p.Cursor)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("one by one are read %q, want %q", got, want)
			}
		}
		if _, err := ann.Unblock(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if got := page(HistoryRange{Limit: 100}); len(got) != 16 {
			t.Errorf("with nobody blocked, history has %d messages", len(got))
		}
	})
}

// lastArrival is the cursor of the last message of a group.
func lastArrival(t *testing.T, m *machine, g event.Conversation) (last uint64) {
	for _, r := range m.groupRows(g) {
		last = max(last, r.Arrival)
	}
	return last
}

// A part may stop before the limit, and the next must not go past it.
func TestReadTakesNoMoreThanAsked(t *testing.T) {
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	parts := 0
	part := func(after uint64, limit int, _ store.Keep) ([]store.Row, uint64, error) {
		parts++
		n := min(limit, 2)
		return make([]store.Row, n), after + uint64(n), nil
	}
	page, err := ann.read(t.Context(), 7, Filter{}, 5, part)
	if err != nil || len(page.Messages) != 5 || page.Cursor != 12 {
		t.Errorf("%d messages up to %d, %v", len(page.Messages), page.Cursor, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	parts = 0
	if _, err := ann.read(ctx, 0, Filter{}, 5, part); !errors.Is(err, context.Canceled) || parts > 0 {
		t.Errorf("reads %d parts when nobody waits: %v", parts, err)
	}
}
