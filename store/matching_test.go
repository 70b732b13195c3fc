package store

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/event"
)

// first and last are the ends of all IDs.
var first, last = event.ID{}, event.ID(bytes.Repeat([]byte{0xff}, len(event.ID{})))

// Messages are found by the beginning of their IDs, and what is no message is not.
func TestRowsAreFoundByTheirBeginning(t *testing.T) {
	n, p, q, c := twoPens(t)
	n.say(c, "mine")
	said := p.say("hello")
	p.give(n, said)
	q.give(n, q.say("hi"))
	_, err := n.edit(c, n.say(c, "more").ID, "changed")
	check(t, err)
	rows, err := n.RowsBetween(first, last, 16, nil)
	check(t, err)
	got := words(rows)
	slices.Sort(got)
	equalWords(t, "all", got, "changed", "hello", "hi", "mine")

	low, high := said.ID, said.ID
	clear(low[4:])
	copy(high[4:], last[4:])
	rows, err = n.RowsBetween(low, high, 16, nil)
	check(t, err)
	equalWords(t, "8 digits", words(rows), "hello")
	low, high = said.ID, said.ID
	low[31]++ // the index has the first half of IDs
	high[31] += 2
	rows, err = n.RowsBetween(low, high, 16, nil)
	check(t, err)
	equalWords(t, "almost the same", words(rows))

	rows, err = n.RowsBetween(first, last, 16, func(s Source) bool { return s.Author == p.card.Person() })
	check(t, err)
	equalWords(t, "of one", words(rows), "hello")
}

// However many IDs begin alike, finding them ends.
func TestFindingByTheBeginningIsBounded(t *testing.T) {
	a, _, c := pair(t)
	drafts := make([]Draft, maxPassed+100)
	for i := range drafts {
		drafts[i] = Draft{Conversation: c, Kind: event.KindText, Content: text(fmt.Sprint(i))}
	}
	_, err := a.AppendAll(ctx, drafts)
	check(t, err)
	rows, err := a.RowsBetween(first, last, 16, nil)
	if check(t, err); len(rows) != 16 {
		t.Errorf("%d rows, want 16", len(rows))
	}
	asked := 0
	rows, err = a.RowsBetween(first, last, 16, func(Source) bool { asked++; return false })
	if check(t, err); len(rows) != 0 || asked != maxPassed {
		t.Errorf("%d rows, looked at %d, want %d", len(rows), asked, maxPassed)
	}
}
