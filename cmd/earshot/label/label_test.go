package label_test

import (
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// What a name says about itself can't be taken for what the program says.
func TestWho(t *testing.T) {
	const id = "0123456789abcdef"
	for _, test := range []struct {
		name, petname     string
		contact, verified bool
		want              string
	}{
		{"Bob", "", false, false, "Bob (not a contact yet 01234567)"},
		{"Bob", "", true, false, "Bob (01234567)"},
		{"Bob", "", true, true, "Bob (verified 01234567)"},
		{"Bob (verified 99999999)", "", false, false, `"Bob (verified 99999999)" (not a contact yet 01234567)`},
		{"Ann: yes", "", false, false, `"Ann: yes" (not a contact yet 01234567)`},
		{"Ann\uff1a yes", "", false, false, "\"Ann\uff1a yes\" (not a contact yet 01234567)"},
		{"lunch\u00a0 Ann", "", true, false, "\"lunch\u00a0 Ann\" (01234567)"},
		{"Bob, verified", "", true, false, `"Bob, verified" (01234567)`},
		{"me [read]", "", true, false, `"me [read]" (01234567)`},
		{`" Ann`, "", true, false, `"\" Ann" (01234567)`},
		{"Bob", "Uncle", true, true, "Uncle"},
		{"a\x1b\n", "", true, false, `a\x1b\n (01234567)`},
		{"", "", false, false, "(not a contact yet 01234567)"},
	} {
		p := &earshotv1.Person{Person: id, Name: test.name, Petname: test.petname, KnownAs: test.petname, Contact: test.contact, Verified: test.verified}
		if got := label.Who(p); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
