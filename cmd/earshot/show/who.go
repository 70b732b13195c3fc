package show

import (
	"cmp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// whole is for names that are not cut: it is more than any name takes.
const whole = 1 << 10

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
func Who(p Somebody) string { return whoWithin(whole, p) }

// whoWithin is Who in at most so many columns: the name is cut, and never what is added to it.
func whoWithin(most int, p Somebody) string {
	if p.GetPetname() != "" {
		return terminal.Cut(terminal.Line(p.GetPetname()), most)
	}
	id := short(p.GetPerson())
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
	return claimWithin(most-len(id)-len(" "), name) + " " + id
}

// short is the part of an ID that stands for all of it.
func short(id string) string { return id[:min(8, len(id))] }

// claim is a name that others gave themselves or a group. It is put into quotation marks if it
// could be taken for something else that stands in a row.
func claim(name string) string { return claimWithin(whole, name) }

// claimWithin is claim in at most so many columns.
func claimWithin(most int, name string) string {
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

// Names lists names that can be typed, those of groups with # in front.
func Names(all []string) string {
	shown := make([]string, len(all))
	for i, name := range all {
		if group, is := strings.CutPrefix(name, "#"); is {
			shown[i] = hash(group)
		} else {
			shown[i] = claim(name)
		}
	}
	return strings.Join(shown, ", ")
}

// Title is Who, and everything else that is known about the person.
func Title(p *earshotv1.Person) string {
	also := otherName(whole, p)
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

// otherName says what a person calls themselves, if Who doesn't.
func otherName(most int, p Somebody) (also []string) {
	switch {
	case p.GetName() == "" || p.GetKnownAs() == "" || p.GetName() == p.GetKnownAs():
		return nil
	case p.GetPetname() != "":
		return []string{"calls themselves " + claimWithin(most, p.GetName())}
	}
	return []string{"now calls themselves " + claimWithin(most, p.GetName())}
}

// person is the first cell of a row about a person.
func (p Printer) person(v Somebody) cell { return p.bold(whoWithin(nameColumns, v)) }
