package phonebook

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// The longest name fits, but not where it is only claimed and a shorter one is settled.
func TestMentionsGoBySettledNames(t *testing.T) {
	id := func(n byte) crypto.PersonID { return crypto.PersonID{n} }
	persons := []*people.Person{
		{Person: book.Person{ID: id(1), Claimed: "Ann", Pinned: "Ann", Contact: true}},
		{Person: book.Person{ID: id(2), Claimed: "Ann Lee", Pinned: "Ann Lee", Contact: true}},
		{Person: book.Person{ID: id(3), Claimed: "Ann are you"}},
		{Person: book.Person{ID: id(4), Claimed: "Bob"}},
		{Person: book.Person{ID: id(5), Claimed: "Bob"}},
		{Person: book.Person{ID: id(6), Claimed: "Bob Ray"}},
		{Person: book.Person{ID: id(8), Claimed: "Cleo"}},
		{Person: book.Person{ID: id(7), Claimed: "Cleo", Pinned: "Cleo", Contact: true}}, // no reader
		{Person: book.Person{ID: id(9), Claimed: "Dan"}},                                 // no reader
		{Person: book.Person{ID: id(13), Claimed: "Eve Ray"}},                            // no reader
		{Person: book.Person{ID: id(10), Claimed: "Eve"}},
		{Person: book.Person{ID: id(11), Claimed: "Kim", Pinned: "Kim", Petname: "Kim", Contact: true}},
		{Person: book.Person{ID: id(12), Claimed: "Kim", Pinned: "Kim", Contact: true}},
	}
	readers := map[crypto.PersonID]bool{}
	for _, p := range persons {
		readers[p.ID] = p.ID != id(7) && p.ID != id(9) && p.ID != id(13)
	}
	made := 0
	among := func() *roll { made++; return newRoll(persons, readers, new(Keys).Key) }
	for text, want := range map[string][]crypto.PersonID{
		"@Ann are you coming?":                   {id(1)},
		"@Ann Lee?":                              {id(2)},
		"@ann lee and @Ann":                      {id(1), id(2)},
		"@Bob Ray":                               {id(6)},
		"@Bob":                                   nil,
		"@Cleo":                                  nil,
		"@Dan":                                   nil,
		"@Kim":                                   {id(11)},
		"@Eve @Eve":                              {id(10)},
		strings.Repeat("@nobody ", 100) + "@Eve": {id(10)},
		strings.Repeat("@nobody ", 2000) + "@Eve": nil, // there is an end to looking
		"a@Eve": nil,
	} {
		if got := mentions(text, among); !slices.Equal(got, want) {
			t.Errorf("%.30q mentions %v, want %v", text, got, want)
		}
	}
	if got := mentions("@Eve Ray", among); !slices.Equal(got, []crypto.PersonID{id(10)}) {
		t.Errorf("a stranger who does not read takes a mention: %v", got)
	}
	var many strings.Builder
	for i := range event.MaxMentions + 5 {
		name := fmt.Sprint("reader ", i)
		persons = append(persons, &people.Person{Person: book.Person{ID: id(byte(100 + i)), Claimed: name}})
		readers[id(byte(100+i))] = true
		fmt.Fprintf(&many, "@%s, ", name)
	}
	if got := mentions(many.String(), among); len(got) != event.MaxMentions {
		t.Errorf("%d mentions, an event has room for %d", len(got), event.MaxMentions)
	}
	made = 0
	if mentions("nobody here", among); made > 0 {
		t.Error("the roll is made for a text that mentions nobody")
	}
}
