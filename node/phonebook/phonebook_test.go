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

// mean checks whom a text means: persons, or groups' IDs.
func (b *Book) mean(t *testing.T, who string, want ...crypto.PersonID) {
	t.Helper()
	var got []crypto.PersonID
	for _, m := range b.Find(who, Anyone) {
		if m.Person != nil {
			got = append(got, m.Person.ID)
		} else {
			got = append(got, crypto.PersonID(m.Group))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q means %v, want %v", who, got, want)
	}
}

// What is printed of a person or group can be typed, and means that one.
func TestPrintedLabelCanBeTyped(t *testing.T) {
	id := func(n byte) crypto.PersonID { return crypto.PersonID{0xab, 0xcd, 0xef, n, 1} }
	bob := book.Person{ID: id(1), Claimed: "Bob", Contact: true, Pinned: "Bob"}
	twin := book.Person{ID: id(2), Claimed: "Bob", Contact: true} // became a contact under a name that was taken
	stranger := book.Person{ID: id(3), Claimed: "bob"}
	robert := book.Person{ID: id(4), Claimed: "Robert", Pinned: "Rob", Contact: true, Verified: true}
	nameless := book.Person{ID: id(5)}
	quoted := book.Person{ID: id(6), Claimed: `Ann (the "boss")`}
	slash := book.Person{ID: id(7), Claimed: "Sam", Petname: `Sam\"`, Contact: true}
	lunch := testGroup{id(0x11), "Lunch", ByContact}
	brought := testGroup{id(0x12), "lunch", ByClaim}
	odd := testGroup{id(0x13), "a: b", ByContact}
	dated := testGroup{id(0x14), "retro 20261128", ByContact}
	known := testBook(bob, twin, stranger, robert, nameless, quoted, slash, lunch, brought, odd, dated)
	for who, want := range map[string]crypto.PersonID{
		"Bob (abcdef01)":                                        id(1),
		"Bob (abcdef02)":                                        id(2),
		"bob abcdef02":                                          id(2),
		"Bob  (ABCDEF02)":                                       id(2),
		"BOB (" + id(2).String() + ")":                          id(2),
		"bob (not a contact yet abcdef03)":                      id(3),
		"bob (not a contact yet, abcdef03)":                     id(3),
		"bob (not a contact yet)":                               id(3),
		"not a contact yet abcdef03":                            id(3),
		"Bob (not a contact yet abcdef01)":                      id(1), // who has become one since
		"Rob (verified abcdef04)":                               id(4),
		"Rob (verified)":                                        id(4),
		"Robert (verified abcdef04)":                            id(4),
		"(not a contact yet abcdef05)":                          id(5),
		`"Ann (the \"boss\")" (not a contact yet abcdef06)`:     id(6),
		`"Ann (the \"boss\")"`:                                  id(6),
		"Bo… (abcdef02)":                                        id(2), // cut in a row of a list
		`"Ann (the…" (not a contact yet abcdef06)`:              id(6),
		"Robe… (verified abcdef04)":                             id(4),
		`Rob (verified abcdef04, now "Robert")`:                 id(4),
		`Rob (now "Robert")`:                                    id(4), // as of a nickname
		`Rob (now "Ann \"the boss\"")`:                          id(4), // who has taken another since
		`"bob" (not a contact yet ` + id(3).String()[:16] + `)`: id(3),
		`"Sam\\\""`:                                             id(7),
		"retro 202…":                                            id(0x14),
		`#"a…"`:                                                 id(0x13),
		`"Bob" (abcdef02)`:                                      id(2),
		"#Lunch (abcdef11)":                                     id(0x11),
		"#lunch (abcdef12)":                                     id(0x12),
		`#"a: b"`:                                               id(0x13),
		"retro 20261128":                                        id(0x14),
		"#retro 20261128":                                       id(0x14),
	} {
		known.mean(t, who, want)
	}
	for _, who := range []string{
		"Rob (abcdef01)", // another's ID
		"Bobb… (abcdef01)",
		"…", "… (abcdef",
		"Robe…",                      // what a contact calls himself
		"Rob abcdef01",               //
		"Bob (abcdef09)",             // nobody's
		"Bob (verified)",             //
		"#Lunch (not a contact yet)", // a group is neither
		"not a contact yet",          // anybody
		`(now "Robert")`, `Bobb (abcdef01, now "Rob")`, `Bob (now Rob)`,
		"()", `"" (abcdef01)`, `"`, "(", // nothing
		strings.Repeat("x", maxLabel) + " abcdef01",
	} {
		known.mean(t, who)
	}
	// A name that looks like another's label wins only where its rank is the better one.
	imitates := book.Person{ID: id(0x21), Claimed: "Bob (abcdef01)"}
	testBook(bob, imitates).mean(t, "Bob (abcdef01)", id(1))
	imitates.Contact, imitates.Pinned = true, imitates.Claimed
	testBook(bob, imitates).mean(t, "Bob (abcdef01)", id(1))
	imitates.Verified = true
	testBook(bob, imitates).mean(t, "Bob (abcdef01)", id(1))
	testBook(bob, imitates).mean(t, `"Bob (abcdef01)" (verified abcdef21)`, id(0x21))
	testBook(bob, imitates).mean(t, `"Bob (abcdef01)"`, id(0x21))
	imitates.Petname = imitates.Claimed
	testBook(bob, imitates).mean(t, "Bob (abcdef01)", id(0x21))
	dots := book.Person{ID: id(0x22), Claimed: "Bo…", Pinned: "Bo…", Contact: true}
	testBook(bob, dots).mean(t, "bo…", id(0x22))
	bobby := book.Person{ID: id(0x23), Claimed: "Robert", Contact: true, Pinned: "Robert", Petname: "Bobby of the north"}
	testBook(bobby, dots).mean(t, "bo…", id(0x23))
	dots.Contact = false
	testBook(bob, dots).mean(t, "bo…", id(1))
	// Nobody becomes the one who is meant by an ID that begins as a contact's does, or a name that a
	// stranger had.
	made := book.Person{ID: crypto.PersonID{0xab, 0xcd, 0xef, 1, 2}, Claimed: "Bob"}
	testBook(bob, made).mean(t, "Bob (abcdef01)", id(1))
	testBook(bob, made).mean(t, "Bob (not a contact yet abcdef01)", id(1))
	made.Claimed = "Mallory"
	testBook(bob, made).mean(t, "Mallory (not a contact yet abcdef01)")
	other := book.Person{ID: crypto.PersonID{0xab, 0xcd, 0xef, 3, 2}, Claimed: "Bob"}
	testBook(stranger, other).mean(t, "bob (not a contact yet abcdef03)", id(3), other.ID)
}

func TestResolve(t *testing.T) {
	id := func(n byte) crypto.PersonID { return crypto.PersonID{0xab, 0xcd, 0xef, 0x01, n} }
	bob := book.Person{ID: id(1), Claimed: "Bob", Pinned: "Bob", Contact: true}
	newBob := book.Person{ID: id(2), Claimed: "Bob"}
	cyrillic := book.Person{ID: id(3), Claimed: "ВОВ"}
	renamed := book.Person{ID: id(4), Claimed: "Bob", Pinned: "Ann", Contact: true}
	verified := book.Person{ID: id(5), Claimed: "Bob", Pinned: "Bob", Contact: true, Verified: true}
	petname := book.Person{ID: id(6), Claimed: "Zoe", Pinned: "Zoe", Petname: "bob", Contact: true}
	unnamed := book.Person{ID: id(7), Claimed: "Bob", Contact: true}
	mine := testGroup{id(0x11), "Bob", ByContact}
	left := testGroup{id(0x12), "Bob", ByPast}
	brought := testGroup{id(0x13), "bob", ByClaim}

	for _, test := range []struct {
		title string
		who   string
		known []any
		want  []crypto.PersonID // or groups' IDs; none: unknown, several: ambiguous
	}{
		{"a stranger's claim", "Bob", []any{newBob}, []crypto.PersonID{id(2)}},
		{"two strangers of one name", "Bob", []any{newBob, book.Person{ID: id(9), Claimed: "bob"}}, []crypto.PersonID{id(2), id(9)}},
		{"strangers whose names look alike", "Bob", []any{cyrillic, newBob}, []crypto.PersonID{id(2), id(3)}},
		{"a contact and a newcomer who claims the name", "Bob", []any{newBob, cyrillic, bob}, []crypto.PersonID{id(1)}},
		{"a contact who renames herself", "Bob", []any{renamed, bob}, []crypto.PersonID{id(1)}},
		{"a contact resolves by the pinned name", "Ann", []any{renamed}, []crypto.PersonID{id(4)}},
		{"and never by what she calls herself", "Bob", []any{renamed}, nil},
		{"a verified person beats a contact", "BOB", []any{bob, verified}, []crypto.PersonID{id(5)}},
		{"a petname beats everyone", "Bob", []any{bob, verified, petname, newBob}, []crypto.PersonID{id(6)}},
		{"a contact without a pinned name changes nothing", "Bob", []any{unnamed, bob}, []crypto.PersonID{id(1)}},
		{"two contacts of one name", "Bob", []any{bob, book.Person{ID: id(9), Pinned: "BOB", Contact: true}}, []crypto.PersonID{id(1), id(9)}},
		{"the beginning of a contact's ID", "ABCDEF0101", []any{bob, renamed}, []crypto.PersonID{id(1)}},
		{"the beginning of two contacts' IDs", "abcdef01", []any{bob, renamed}, []crypto.PersonID{id(1), id(4)}},
		{"the beginning of a stranger's ID", "abcdef0102", []any{bob, newBob}, []crypto.PersonID{id(2)}},
		{"the beginning of two strangers' IDs", "abcdef01", []any{newBob, cyrillic}, []crypto.PersonID{id(2), id(3)}},
		{"the beginning of the IDs of a contact and of strangers who have made theirs to fit", "abcdef01", []any{newBob, bob, cyrillic}, []crypto.PersonID{id(1)}},
		{"too short a beginning", "abcdef0", []any{bob}, nil},
		{"nothing", "", []any{bob, unnamed}, nil},
		{"a group of mine and a stranger who claims its name", "Bob", []any{newBob, cyrillic, mine}, []crypto.PersonID{mine.id}},
		{"a group into which a stranger has brought me, called as mine", "#Bob", []any{brought, mine}, []crypto.PersonID{mine.id}},
		{"a group by a stranger, called as a contact", "bob", []any{brought, bob}, []crypto.PersonID{id(1)}},
		{"a group by a stranger, called as another", "bob", []any{brought, newBob}, []crypto.PersonID{id(2), brought.id}},
		{"a group that I was in and a stranger", "Bob", []any{left, newBob}, []crypto.PersonID{left.id}},
		{"a group that I was in and one that I am in", "Bob", []any{left, mine}, []crypto.PersonID{mine.id}},
		{"a group that I was in and one by a stranger", "#Bob", []any{left, brought}, []crypto.PersonID{left.id}},
		{"a contact and a group of mine", "Bob", []any{bob, mine}, []crypto.PersonID{id(1), mine.id}},
		{"only the group", "#bob", []any{bob, mine, petname}, []crypto.PersonID{mine.id}},
		{"a verified person and a group", "Bob", []any{verified, mine}, []crypto.PersonID{id(5)}},
		{"a petname and a group", "Bob", []any{petname, mine}, []crypto.PersonID{id(6)}},
		{"no person behind #", "#Bob", []any{bob, newBob}, nil},
		{"the beginning of a contact's ID and a group's", "abcdef01", []any{bob, mine}, []crypto.PersonID{id(1), mine.id}},
		{"the beginning of the ID of a group I was in and a contact's", "abcdef01", []any{bob, left}, []crypto.PersonID{id(1)}},
		{"the beginning of the ID of a group by a stranger", "abcdef0113", []any{brought}, []crypto.PersonID{brought.id}},
		{"the beginning of the ID of a group by a stranger and of mine", "#abcdef01", []any{brought, mine}, []crypto.PersonID{mine.id}},
		{"the beginning of a group's ID", "#abcdef0111", []any{bob, mine, left}, []crypto.PersonID{mine.id}},
		{"##", "##Bob", []any{mine}, nil},
	} {
		t.Run(test.title, func(t *testing.T) {
			testBook(test.known...).mean(t, test.who, test.want...)
		})
	}
}

type testGroup struct {
	id   crypto.PersonID
	name string
	rank Rank
}

// testBook has persons and groups in it.
func testBook(known ...any) *Book {
	b := &Book{Key: new(Keys).Key}
	for _, k := range known {
		switch k := k.(type) {
		case book.Person:
			b.Persons = append(b.Persons, &people.Person{Person: k})
		case testGroup:
			b.Groups = append(b.Groups, Group{event.Conversation(k.id), k.name, func() Rank { return k.rank }})
		}
	}
	return b
}

// What can't be a name has no key, and the memory of keys is bounded.
func TestKeys(t *testing.T) {
	var k Keys
	if a, b := k.Key("Bob"), k.Key("ВОВ"); a == "" || a != b || k.Key("Bob") != a {
		t.Errorf("keys %q and %q", a, b)
	}
	if got := k.Key("a\nb"); got != "" {
		t.Errorf("what is no name has key %q", got)
	}
	for i := range maxKeys + 2 {
		k.Key(fmt.Sprint("name ", i))
	}
	if len(k.of) > maxKeys {
		t.Errorf("%d keys are remembered", len(k.of))
	}
}

func TestEdits(t *testing.T) {
	for texts, want := range map[[2]string]int{{"", ""}: 0, {"ab", "ba"}: 1, {"bbo", "bob"}: 1, {"abcd", "badc"}: 2, {"xab", "bxa"}: 2, {"abc", "ab"}: 1, {"ab", "abcd"}: 2, {"kitten", "sitting"}: 3, {"a", "abcdef"}: 3, {"é", "e"}: 1} {
		if got := edits(texts[0], texts[1]); got != want {
			t.Errorf("%q: %d", texts, got)
		}
	}
}
