package label_test

import (
	"cmp"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const id = "0123456789abcdef0123456789abcdef"

// What a name says about itself can't be taken for what the program says.
func TestWho(t *testing.T) {
	for _, test := range []struct {
		name, known, petname string
		contact, verified    bool
		want                 string
	}{
		{"Bob", "", "", false, false, `"Bob" (not a contact yet 0123456789abcdef)`},
		{"Bob", "Bob", "", true, false, "Bob (0123456789abcdef)"},
		{"Bob", "Bob", "", true, true, "Bob (verified 0123456789abcdef)"},
		{"Rob", "Bob", "", true, false, `Bob (0123456789abcdef, now "Rob")`},
		{"Rob", "Bob", "", true, true, `Bob (verified 0123456789abcdef, now "Rob")`},
		{"Bob", "", "", true, false, `"Bob" (0123456789abcdef)`}, // a contact by ID only
		{"Bob", "Bob", "Uncle", true, true, "Uncle"},
		{"Rob", "Bob", "Uncle", true, true, `Uncle (now "Rob")`},
		{"Uncle", "Bob", "Uncle", true, true, "Uncle"},
		{"Rob", "", "Uncle", true, false, "Uncle"}, // who had no name of their own here before
		{"", "", "", false, false, "(not a contact yet 0123456789abcdef)"},
		{"", "Bob", "", true, false, "Bob (0123456789abcdef)"},
		// No node lets such names through, and no label depends on that.
		{"Bob (verified 99999999)", "", "", false, false, `"Bob (verified 99999999)" (not a contact yet 0123456789abcdef)`},
		{"Ann: yes", "Ann: yes", "", true, false, `"Ann: yes" (0123456789abcdef)`},
		{"Ann\uff1a yes", "", "Ann\uff1a yes", true, false, "\"Ann\uff1a yes\""},
		{"lunch\u00a0 Ann", "lunch\u00a0 Ann", "", true, false, "\"lunch\u00a0 Ann\" (0123456789abcdef)"},
		{"me [read]", "me [read]", "", true, false, `"me [read]" (0123456789abcdef)`},
		{"x", "x", "me", true, false, `"me"`},
		{`" Ann`, `" Ann`, "", true, false, `"\" Ann" (0123456789abcdef)`},
		{"a\x1b\n", "a\x1b\n", "", true, false, `"a\x1b\n" (0123456789abcdef)`},
	} {
		p := &earshotv1.Person{Person: id, Name: test.name, Pinned: test.known, Petname: test.petname, KnownAs: cmp.Or(test.petname, test.known), Contact: test.contact, Verified: test.verified}
		if got := label.Who(p); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// A group in which the owner isn't is never named as one of the owner's, and two of one name are told
// apart.
func TestGroup(t *testing.T) {
	for _, test := range []struct {
		g           *earshotv1.Group
		want, claim string
	}{
		{&earshotv1.Group{Id: id, Name: "ops"}, "#ops", `"ops" (0123456789abcdef)`},
		{&earshotv1.Group{Id: id, Name: "ops", Alike: true}, "#ops (0123456789abcdef)", `"ops" (0123456789abcdef)`},
		{&earshotv1.Group{Id: id}, "#(0123456789abcdef)", "(0123456789abcdef)"},
		{&earshotv1.Group{Id: id, Name: "ops  Ann (1234): yes"}, `#"ops  Ann (1234): yes"`, `"ops  Ann (1234): yes" (0123456789abcdef)`},
	} {
		if got := label.Group(test.g); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
		if got := label.GroupClaim(test.g); got != test.claim {
			t.Errorf("%q, want %q", got, test.claim)
		}
	}
}

// Whoever mistypes a name isn't led to a name that only somebody has taken, without being told.
func TestNear(t *testing.T) {
	if got, want := label.Near([]string{"Cleo", "#ops", "Cle0"}, 1), `Cleo, #ops, "Cle0" (not a contact yet)`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
