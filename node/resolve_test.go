package node

import (
	"errors"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

func TestResolve(t *testing.T) {
	id := func(n byte) crypto.PersonID { return crypto.PersonID{0xab, 0xcd, 0xef, 0x01, n} }
	bob := Person{ID: id(1), Name: "Bob", Pinned: "Bob", Contact: true}
	newBob := Person{ID: id(2), Name: "Bob"}
	cyrillic := Person{ID: id(3), Name: "ВОВ"}
	renamed := Person{ID: id(4), Name: "Bob", Pinned: "Ann", Contact: true}
	verified := Person{ID: id(5), Name: "Bob", Pinned: "Bob", Contact: true, Verified: true}
	petname := Person{ID: id(6), Name: "Zoe", Pinned: "Zoe", Petname: "bob", Contact: true}
	unnamed := Person{ID: id(7), Name: "Bob", Contact: true}

	for _, test := range []struct {
		title   string
		who     string
		persons []Person
		want    []crypto.PersonID // none: unknown, several: ambiguous
	}{
		{"a stranger's claim", "Bob", []Person{newBob}, []crypto.PersonID{id(2)}},
		{"two strangers of one name", "Bob", []Person{newBob, {ID: id(9), Name: "bob"}}, []crypto.PersonID{id(2), id(9)}},
		{"strangers whose names look alike", "Bob", []Person{newBob, cyrillic}, []crypto.PersonID{id(2), id(3)}},
		{"a contact and a newcomer who claims the name", "Bob", []Person{newBob, cyrillic, bob}, []crypto.PersonID{id(1)}},
		{"a contact who renames herself", "Bob", []Person{renamed, bob}, []crypto.PersonID{id(1)}},
		{"a contact resolves by the pinned name", "Ann", []Person{renamed}, []crypto.PersonID{id(4)}},
		{"and never by what she calls herself", "Bob", []Person{renamed}, nil},
		{"a verified person beats a contact", "BOB", []Person{bob, verified}, []crypto.PersonID{id(5)}},
		{"a petname beats everyone", "Bob", []Person{bob, verified, petname, newBob}, []crypto.PersonID{id(6)}},
		{"a contact without a pinned name changes nothing", "Bob", []Person{unnamed, bob}, []crypto.PersonID{id(1)}},
		{"two contacts of one name", "Bob", []Person{bob, {ID: id(9), Pinned: "BOB", Contact: true}}, []crypto.PersonID{id(1), id(9)}},
		{"a whole ID", id(2).String(), []Person{bob, newBob}, []crypto.PersonID{id(2)}},
		{"an ID nobody has", id(8).String(), []Person{bob, newBob}, nil},
		{"the beginning of a contact's ID", "ABCDEF0101", []Person{bob, renamed}, []crypto.PersonID{id(1)}},
		{"the beginning of two contacts' IDs", "abcdef01", []Person{bob, renamed}, []crypto.PersonID{id(1), id(4)}},
		{"the beginning of a stranger's ID", "abcdef0102", []Person{bob, newBob}, nil},
		{"too short a beginning", "abcdef0", []Person{bob}, nil},
		{"nothing", "", []Person{bob, unnamed}, nil},
	} {
		t.Run(test.title, func(t *testing.T) {
			got, err := resolve(test.who, test.persons)
			var unknown *UnknownError
			var ambiguous *AmbiguousError
			switch {
			case len(test.want) == 0:
				if !errors.As(err, &unknown) {
					t.Fatalf("got %v, %v, want unknown", got, err)
				}
			case len(test.want) == 1:
				if err != nil || got.ID != test.want[0] {
					t.Fatalf("got %v, %v, want %v", got.ID, err, test.want[0])
				}
			default:
				if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != len(test.want) {
					t.Fatalf("got %v, %v, want ambiguous", got, err)
				}
				for i, c := range ambiguous.Candidates {
					if c.ID != test.want[i] {
						t.Errorf("candidate %d is %v, want %v", i, c.ID, test.want[i])
					}
				}
			}
		})
	}
}

func TestTaken(t *testing.T) {
	bob := Person{ID: crypto.PersonID{1}, Pinned: "Bob", Contact: true}
	if _, ok := taken("ВОВ", crypto.PersonID{2}, []Person{bob}); !ok {
		t.Error("a look-alike of a contact's name is free")
	}
	if _, ok := taken("Bob", bob.ID, []Person{bob}); ok {
		t.Error("a person's own name is taken")
	}
	if _, ok := taken("Bob", crypto.PersonID{2}, []Person{{ID: crypto.PersonID{3}, Name: "Bob"}}); ok {
		t.Error("a stranger's claim takes a name")
	}
}
