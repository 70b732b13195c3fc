package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// searched returns the texts that a search tells, with their marks in brackets.
func (m *machine) searched(t *testing.T, s chat.Search) (texts []string, last chat.SearchBatch) {
	t.Helper()
	err := m.Messages().Search(t.Context(), s, func(b chat.SearchBatch) error {
		last = b
		for _, f := range b.Found {
			text, at := "", 0
			for _, r := range f.Marks {
				text += f.Text[at:r.Start] + "[" + f.Text[r.Start:r.End] + "]"
				at = r.End
			}
			texts = append(texts, text+f.Text[at:])
			if (f.With.Kind == "person") != (f.Person != nil) {
				t.Errorf("%q is with %v, known as %v", f.Text, f.With, f.Person)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("search for %q: %v", s.Words, err)
	}
	return texts, last
}

// Search finds what the owner may read, wherever it was said, and nothing of those who are blocked.
func TestSearchFindsWhatIsShown(t *testing.T) {
	t.Parallel()
	inWorld(t, 31, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob", "Cleo")
		ann, bob, cleo := all[0], all[1], all[2]
		ann.meets(soon, bob, cleo)
		bob.meets(soon, cleo)
		g := ann.makes("lunch", bob, cleo)
		start := time.Now()
		next := func(what string, said func(), there func() bool) {
			time.Sleep(time.Second) // so that the times differ
			said()
			w.within(soon, what, there)
		}
		next("Ann has Bob's", func() { bob.say(ann, "Cake of Bob") }, func() bool { return len(ann.words(bob, bob)) == 1 })
		next("Bob has Ann's", func() { ann.say(bob, "a CAKE for Bob") }, func() bool { return len(bob.words(ann, ann)) == 1 })
		next("Ann has it in the group", func() { bob.tell(g, "cakes, cakes") }, func() bool { return len(ann.heard(g)) == 1 })
		next("Ann has Cleo's too", func() { cleo.tell(g, "no cake of Cleo") }, func() bool { return len(ann.heard(g)) == 2 })
		next("Bob has Ann's there", func() { ann.tell(g, "mine is pie") }, func() bool { return slices.Contains(bob.heard(g), "mine is pie") })

		want := []string{"no [cake] of Cleo", "[cake]s, [cake]s", "a [CAKE] for Bob", "[Cake] of Bob"}
		find := func(s chat.Search) []string {
			t.Helper()
			s.Limit = 9
			found, last := ann.searched(t, s)
			if !last.Back.IsZero() || last.More {
				t.Errorf("%v has not looked at all: %v", s, last)
			}
			return found
		}
		for _, c := range []struct {
			s    chat.Search
			want []string
		}{
			{chat.Search{Words: "cake"}, want},
			{chat.Search{Words: "bob cake"}, []string{"a [CAKE] for [Bob]", "[Cake] of [Bob]"}},
			{chat.Search{Words: `"cake of"`}, []string{"no [cake of] Cleo", "[Cake of] Bob"}},
			{chat.Search{Words: "cake", Filter: chat.Filter{In: "Bob"}}, want[2:]},
			{chat.Search{Words: "cake", Filter: chat.Filter{In: "#lunch"}}, want[:2]},
			{chat.Search{Words: "cake", Filter: chat.Filter{From: "Bob"}}, []string{want[1], want[3]}},
			{chat.Search{Words: "cake", Filter: chat.Filter{From: "Bob", In: "#lunch"}}, want[1:2]},
			{chat.Search{Words: "cake", Since: start, Before: start.Add(soon)}, want},
			{chat.Search{Words: "cake", Before: start}, nil},
			{chat.Search{Words: "pizza"}, nil},
		} {
			if got := find(c.s); !slices.Equal(got, c.want) {
				t.Errorf("%v finds %q, want %q", c.s, got, c.want)
			}
		}
		var pages []string
		s, more := chat.Search{Words: "cake", Limit: 3}, true
		for more {
			var ids []event.ID
			err := ann.Messages().Search(t.Context(), s, func(b chat.SearchBatch) error {
				more = b.More
				for _, f := range b.Found {
					ids = append(ids, f.ID)
					pages = append(pages, f.Text)
				}
				return nil
			})
			if err != nil || more && len(ids) != s.Limit || len(pages) > 4 {
				t.Fatalf("a page of %d, then %q: %v", len(ids), pages, err)
			}
			s.After = &ids[len(ids)-1]
		}
		for i := range want {
			want[i] = strings.NewReplacer("[", "", "]", "").Replace(want[i])
		}
		if !slices.Equal(pages, want) {
			t.Errorf("page by page %q, want %q", pages, want)
		}

		matching := func(in string) (texts []string) {
			t.Helper()
			messages, err := ann.Messages().Matching(t.Context(), event.ID{}, event.ID(bytes.Repeat([]byte{0xff}, len(event.ID{}))), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range messages {
				texts = append(texts, m.Text)
			}
			slices.Sort(texts)
			return texts
		}
		if got, want := matching(""), []string{"Cake of Bob", "a CAKE for Bob", "cakes, cakes", "mine is pie", "no cake of Cleo"}; !slices.Equal(got, want) {
			t.Errorf("by the beginning of the ID, in all: %q, want %q", got, want)
		}
		if got, want := matching("#lunch"), []string{"cakes, cakes", "mine is pie", "no cake of Cleo"}; !slices.Equal(got, want) {
			t.Errorf("in the group: %q, want %q", got, want)
		}

		if _, err := ann.Contacts().Block(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if got := find(chat.Search{Words: "cake"}); !slices.Equal(got, []string{"no [cake] of Cleo", "a [CAKE] for Bob"}) {
			t.Errorf("with Bob blocked %q are found", got)
		}
		if got, want := matching("#lunch"), []string{"mine is pie", "no cake of Cleo"}; !slices.Equal(got, want) {
			t.Errorf("in the group with Bob blocked: %q, want %q", got, want)
		}
		if got := find(chat.Search{Words: "cake", Filter: chat.Filter{From: bob.who.person.String()}}); len(got) > 0 {
			t.Errorf("of Bob, who is blocked, %q are found", got)
		}
	})
}

func TestSearchFails(t *testing.T) {
	t.Parallel()
	inWorld(t, 32, func(t *testing.T, w *world) {
		ann := w.people("Ann")[0]
		stopped, stop := context.WithCancel(t.Context())
		stop()
		for _, c := range []struct {
			ctx  context.Context
			s    chat.Search
			want error
		}{
			{t.Context(), chat.Search{Words: " \u200b "}, chat.ErrNoWords},
			{t.Context(), chat.Search{Words: strings.Repeat("x ", 1000)}, chat.ErrTooManyWords},
			{t.Context(), chat.Search{Words: "x", After: &event.ID{1}}, chat.ErrNoMessage},
			{stopped, chat.Search{Words: "x"}, context.Canceled},
		} {
			c.s.Limit = 1
			if err := ann.Messages().Search(c.ctx, c.s, func(chat.SearchBatch) error { return nil }); !errors.Is(err, c.want) {
				t.Errorf("%.20q: %v, want %v", c.s.Words, err, c.want)
			}
		}
		var unknown *people.UnknownError
		if err := ann.Messages().Search(t.Context(), chat.Search{Words: "x", Filter: chat.Filter{From: "Eve"}, Limit: 1}, nil); !errors.As(err, &unknown) {
			t.Errorf("of nobody: %v", err)
		}
	})
}

// Around a message are as many before as after it.
func TestHistoryAround(t *testing.T) {
	t.Parallel()
	inWorld(t, 33, func(t *testing.T, w *world) {
		all := w.people("Ann", "Bob")
		ann, bob := all[0], all[1]
		ann.meets(soon, bob)
		g := ann.makes("lunch", bob)
		ids := make([]event.ID, 9)
		for i := range ids {
			time.Sleep(time.Second)
			from := []*machine{ann, bob}[i%2]
			from.tell(g, fmt.Sprint(i))
			w.within(soon, "both have it", func() bool { return len(ann.groupRows(g)) == i+1 && len(bob.groupRows(g)) == i+1 })
			ids[i] = ann.groupRows(g)[i].ID
		}
		around := func(i, limit int) string {
			t.Helper()
			got, err := ann.Messages().History(t.Context(), "#lunch", chat.HistoryRange{Around: &ids[i], Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			return strings.Join(said(got), "")
		}
		for _, c := range []struct {
			i, limit int
			want     string
		}{{4, 1, "4"}, {4, 2, "34"}, {4, 3, "345"}, {4, 6, "123456"}, {4, 99, "012345678"}, {0, 5, "012"}, {8, 5, "678"}} {
			if got := around(c.i, c.limit); got != c.want {
				t.Errorf("%d around %d are %q, want %q", c.limit, c.i, got, c.want)
			}
		}
		for who, id := range map[string]event.ID{"Bob": ids[4], "#lunch": {1}} {
			if got, err := ann.Messages().History(t.Context(), who, chat.HistoryRange{Around: &id, Limit: 1}); !errors.Is(err, chat.ErrNoMessage) {
				t.Errorf("with %s around another's: %q, %v", who, said(got), err)
			}
		}
		if _, err := ann.Contacts().Block(t.Context(), bob.who.person.String()); err != nil {
			t.Fatal(err)
		}
		if got := around(4, 5); got != "02468" {
			t.Errorf("with Bob blocked around Ann's are %q", got)
		}
		if got, err := ann.Messages().History(t.Context(), "#lunch", chat.HistoryRange{Around: &ids[3], Limit: 9}); !errors.Is(err, chat.ErrNoMessage) {
			t.Errorf("around one of Bob, who is blocked: %q, %v", said(got), err)
		}
	})
}
