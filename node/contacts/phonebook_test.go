package contacts

import (
	"fmt"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

func TestResolve(t *testing.T) {
	id := func(n byte) crypto.PersonID { return crypto.PersonID{0xab, 0xcd, 0xef, 0x01, n} }
	bob := book.Person{ID: id(1), Claimed: "Bob", Pinned: "Bob", Contact: true}
	newBob := book.Person{ID: id(2), Claimed: "Bob"}
	cyrillic := book.Person{ID: id(3), Claimed: "ВОВ"}
	renamed := book.Person{ID: id(4), Claimed: "Bob", Pinned: "Ann", Contact: true}
	verified := book.Person{ID: id(5), Claimed: "Bob", Pinned: "Bob", Contact: true, Verified: true}
	petname := book.Person{ID: id(6), Claimed: "Zoe", Pinned: "Zoe", Petname: "bob", Contact: true}
	unnamed := book.Person{ID: id(7), Claimed: "Bob", Contact: true}
	mine := testGroup{id(0x11), "Bob", byContact}
	left := testGroup{id(0x12), "Bob", byPast}
	brought := testGroup{id(0x13), "bob", byClaim}

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
		{"the beginning of a stranger's ID", "abcdef0102", []any{bob, newBob}, nil},
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
		{"the beginning of the ID of a group by a stranger", "abcdef0113", []any{brought}, nil},
		{"the beginning of a group's ID", "#abcdef0111", []any{bob, mine, left}, []crypto.PersonID{mine.id}},
		{"##", "##Bob", []any{mine}, nil},
	} {
		t.Run(test.title, func(t *testing.T) {
			found := testBook(test.known...).find(test.who, anyone)
			var got []crypto.PersonID
			for _, m := range found {
				if m.person != nil {
					got = append(got, m.person.ID)
				} else {
					got = append(got, crypto.PersonID(m.group))
				}
			}
			if !slices.Equal(got, test.want) {
				t.Fatalf("means %v, want %v", got, test.want)
			}
		})
	}
}

type testGroup struct {
	id   crypto.PersonID
	name string
	rank rank
}

// testBook has persons and groups in it.
func testBook(known ...any) *phonebook {
	b := &phonebook{key: new(keys).key}
	for _, k := range known {
		switch k := k.(type) {
		case book.Person:
			b.persons = append(b.persons, &people.Person{Person: k})
		case testGroup:
			b.groups = append(b.groups, named{event.Conversation(k.id), k.name, func() rank { return k.rank }})
		}
	}
	return b
}

// What can't be a name has no key, and the memory of keys is bounded.
func TestKeys(t *testing.T) {
	var k keys
	if a, b := k.key("Bob"), k.key("ВОВ"); a == "" || a != b || k.key("Bob") != a {
		t.Errorf("keys %q and %q", a, b)
	}
	if got := k.key("a\nb"); got != "" {
		t.Errorf("what is no name has key %q", got)
	}
	for i := range maxKeys + 2 {
		k.key(fmt.Sprint("name ", i))
	}
	if len(k.of) > maxKeys {
		t.Errorf("%d keys are remembered", len(k.of))
	}
}

// Whoever made a group is in it by themselves, whatever this device has written since.
func TestOwnGroupIsAccepted(t *testing.T) {
	me := crypto.PersonID{1}
	n := &Names{self: me, cfg: NamesConfig{People: people.New(people.Config{})}}
	state := &authority.State{Members: []authority.Member{{Person: me, InvitedBy: me}}}
	if got := n.groupRank(event.Conversation{1}, state); got != byContact {
		t.Errorf("rank %d", got)
	}
}
