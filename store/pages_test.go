package store

import (
	"fmt"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// many appends so many own messages in one commit.
func (s *Store) many(t testing.TB, c event.Conversation, n int) {
	t.Helper()
	drafts := make([]Draft, n)
	for i := range drafts {
		drafts[i] = Draft{Conversation: c, Kind: event.KindText, Content: text(fmt.Sprint("own ", i))}
	}
	_, err := s.AppendAll(ctx, drafts)
	check(t, err)
}

// Ann wants what Bob says, among more of her own than are passed over at once.
func TestLimitCountsWhatIsWanted(t *testing.T) {
	long(t)
	a, b, c := pair(t)
	other := newPen(t)
	elsewhere := other.meets(a, true)
	var first, last event.ID
	for i := range 4 {
		sent := b.say(c, fmt.Sprint(i))
		meet(b, a, c)
		switch i {
		case 0:
			first = sent.ID
		case 3:
			last = sent.ID
		}
		if i < 3 {
			a.many(t, c, maxPassed/2+1)
		}
		_, err := other.give(a, other.say("elsewhere"))
		check(t, err)
		meet(a, b, c)
	}
	ofBob := func(s Source) bool { return s.Author == b.own.Person && s.Conversation == c }
	for _, page := range []struct {
		Page
		want []string
	}{
		{Page{Limit: 3}, []string{"1", "2", "3"}},
		{Page{Limit: 9}, []string{"0", "1", "2", "3"}},
		{Page{Before: &last, Limit: 2}, []string{"1", "2"}},
		{Page{After: &first, Limit: 2}, []string{"1", "2"}},
		{Page{After: &first, Limit: 9}, []string{"1", "2", "3"}},
		{Page{After: &last, Limit: 9}, nil},
		{Page{Before: &first, Limit: 9}, nil},
	} {
		page.Keep = ofBob
		rows, err := a.Rows(c, page.Page)
		check(t, err)
		equalWords(t, "page", words(rows), page.want...)
	}
	nobodys, err := a.Rows(c, Page{Limit: 2, Keep: func(Source) bool { return false }})
	if err != nil || len(nobodys) != 0 {
		t.Fatalf("nothing is wanted, and there are %d rows, %v", len(nobodys), err)
	}
	rows, err := a.Rows(elsewhere, Page{Limit: 9})
	check(t, err)
	equalWords(t, "another conversation", words(rows), "elsewhere", "elsewhere", "elsewhere", "elsewhere")

	var got []string
	calls := 0
	for at := uint64(0); ; calls++ {
		rows, looked, err := a.Arrivals(at, 9, ofBob)
		check(t, err)
		if looked == at {
			break
		}
		got = append(got, words(rows)...)
		at = looked
	}
	equalWords(t, "arrivals", got, "0", "1", "2", "3")
	if calls != 2 {
		t.Errorf("%d rows were passed over in %d transactions", 3*(maxPassed/2+1), calls)
	}
	unread, looked, err := a.Unread(0, 3, func(s Source) bool { return s.Conversation == elsewhere })
	check(t, err)
	equalWords(t, "unread", words(unread), "elsewhere", "elsewhere", "elsewhere")
	if looked != unread[2].Arrival {
		t.Errorf("looked up to %d, the last row came at %d", looked, unread[2].Arrival)
	}
}

// What is past a log's limit is passed over like what is not wanted.
func TestLimitCountsWhatIsShown(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p := penIn(t, c)
	first := p.say("first")
	events := []event.Event{first}
	for i := range 5 {
		events = append(events, p.say(fmt.Sprint("hidden ", i)))
	}
	_, err := p.give(n, events...)
	check(t, err)
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: 1}))
	for _, limit := range []int{1, 2} {
		rows, err := n.Rows(c, Page{Limit: limit})
		check(t, err)
		equalWords(t, "rows", words(rows), "first")
	}
	rows, looked, err := n.Arrivals(0, 9, nil)
	check(t, err)
	equalWords(t, "arrivals", words(rows), "first")
	if more, again, err := n.Arrivals(looked, 9, nil); len(more) != 0 || again != looked || err != nil {
		t.Errorf("after the end: %d rows up to %d, %v", len(more), again, err)
	}
}

// What a reader of one conversation pays for each row that it does not want, and for each that it
// does.
func BenchmarkArrivals(b *testing.B) {
	const rows = 20_000
	s, c, p := benchStore(b)
	s.many(b, c, rows)
	for name, author := range map[string]crypto.PersonID{"passed over": p.card.Person(), "read": s.own.Person} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for at, end := uint64(0), false; !end; {
					_, looked, err := s.Arrivals(at, 100, func(s Source) bool { return s.Author == author })
					check(b, err)
					at, end = looked, looked == at
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
	b.Run("one change", func(b *testing.B) { // behind what was looked at before
		for b.Loop() {
			_, _, err := s.Arrivals(s.Last()-1, 100, func(s Source) bool { return s.Author == p.card.Person() })
			check(b, err)
		}
	})
}
