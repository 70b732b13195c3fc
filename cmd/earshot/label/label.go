// Package label says in print who somebody is, or which group is meant: a name, and behind it what
// tells two of one name apart, as "Bob (c4b3bf63)". Whoever reads a label can type the whole of it,
// and means the same person by it: package phonebook of the node reads it again.
//
// Names are chosen by others. So they pass through package terminal, and stand in quotation marks
// where they could be taken for something else in a row. A name that has to be cut loses its end,
// and never what is added to it.
//
// The package is pure and knows no lists: package show puts labels into rows. Nothing in it fails.
package label

import (
	"cmp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Whole is for names that are not cut: it is more than any name takes.
const Whole = 1 << 10

// Somebody is a person as a row names them: a Person, an Author or a Peer.
type Somebody interface {
	GetPerson() string
	GetName() string
	GetPetname() string
	GetKnownAs() string
	GetContact() bool
	GetVerified() bool
}

// Who names a person, by the name that finds them where it is typed: the nickname that the owner
// gave, or else the name by which the owner knows them, whatever they call themselves since, or else
// what they call themselves. A nickname stands alone. To any other name something is added by which
// two of one name can be told apart. The whole of it can be typed.
func Who(p Somebody) string { return WhoWithin(Whole, p) }

// WhoWithin is Who in at most so many columns: the name is cut, and never what is added to it.
func WhoWithin(most int, p Somebody) string {
	if p.GetPetname() != "" {
		return terminal.Cut(terminal.Line(p.GetPetname()), most)
	}
	id := Short(p.GetPerson())
	switch {
	case p.GetVerified():
		id = "verified " + id
	case !p.GetContact():
		id = "not a contact yet " + id
	}
	id = "(" + id + ")"
	name := cmp.Or(p.GetKnownAs(), p.GetName())
	if name == "" {
		return id
	}
	return ClaimWithin(most-len(id)-len(" "), name) + " " + id
}

// Short is the part of an ID that stands for all of it.
func Short(id string) string { return id[:min(8, len(id))] }

// Claim is a name that others gave themselves or a group. It is put into quotation marks if it
// could be taken for something else that stands in a row.
func Claim(name string) string { return ClaimWithin(Whole, name) }

// ClaimWithin is Claim in at most so many columns.
func ClaimWithin(most int, name string) string {
	line := terminal.Line(name)
	for n := most; n > 0; n-- {
		if shown := quoted(terminal.Cut(line, n)); terminal.Width(shown) <= most {
			return shown
		}
	}
	return ""
}

func quoted(line string) string {
	plain := norm.NFKC.String(line) // of a full-width colon, of any space
	if !strings.ContainsAny(plain, `:,()[]"`) && !strings.Contains(plain, "  ") {
		return line
	}
	return `"` + strings.ReplaceAll(line, `"`, `\"`) + `"`
}

// Group is a group's name as people write it.
func Group(name string) string { return "#" + Claim(name) }

// Names lists names that can be typed, those of groups with # in front.
func Names(all []string) string {
	shown := make([]string, len(all))
	for i, name := range all {
		if group, is := strings.CutPrefix(name, "#"); is {
			shown[i] = Group(group)
		} else {
			shown[i] = Claim(name)
		}
	}
	return strings.Join(shown, ", ")
}

// Title is Who, and everything else that is known about the person.
func Title(p *earshotv1.Person) string {
	also := OtherName(Whole, p)
	if p.Petname != "" && p.Verified {
		also = append(also, "verified")
	}
	if p.Online {
		also = append(also, "online")
	}
	if p.Blocked {
		also = append(also, "blocked")
	}
	return strings.Join(append([]string{Who(p)}, also...), ", ")
}

// OtherName says what a person calls themselves, if Who doesn't.
func OtherName(most int, p Somebody) (also []string) {
	switch {
	case p.GetName() == "" || p.GetKnownAs() == "" || p.GetName() == p.GetKnownAs():
		return nil
	case p.GetPetname() != "":
		return []string{"calls themselves " + ClaimWithin(most, p.GetName())}
	}
	return []string{"now calls themselves " + ClaimWithin(most, p.GetName())}
}
