package show

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// whole is for names that are not cut: it is more than any name takes.
const whole = 1 << 10

// Who names a person. A nickname was given by the owner and stands alone. Any other name is only
// what the person calls themselves, so something is added by which two of one name can be told
// apart.
func Who(name, petname, person string, contact, verified bool) string {
	return whoWithin(whole, name, petname, person, contact, verified)
}

// whoWithin is Who in at most so many columns: the name is cut, and never what is added to it.
func whoWithin(most int, name, petname, person string, contact, verified bool) string {
	if petname != "" {
		return terminal.Cut(terminal.Line(petname), most)
	}
	id := person[:min(8, len(person))]
	switch {
	case verified:
		id = "verified " + id
	case !contact:
		id = "not a contact yet " + id
	}
	id = "(" + id + ")"
	if name == "" {
		return id
	}
	return claimWithin(most-len(id)-len(" "), name) + " " + id
}

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

// Title is Who, and everything else that is known about the person.
func Title(p *earshotv1.Person) string {
	also := aboutPerson(whole, p)
	if p.Petname != "" && p.Verified {
		also = append(also, "verified")
	}
	if p.Online {
		also = append(also, "online")
	}
	if p.Blocked {
		also = append(also, "blocked")
	}
	return strings.Join(append([]string{whoIs(p)}, also...), ", ")
}

// aboutPerson says by which other name a person goes.
func aboutPerson(most int, p *earshotv1.Person) (also []string) {
	if p.Petname != "" && p.Name != "" && p.Name != p.Petname {
		also = append(also, "calls themselves "+claimWithin(most, p.Name))
	}
	if p.Petname == "" && p.Pinned != "" && p.Name != p.Pinned {
		also = append(also, "known here as "+claimWithin(most, p.Pinned))
	}
	return also
}

func whoIs(p *earshotv1.Person) string {
	return Who(p.GetName(), p.GetPetname(), p.GetPerson(), p.GetContact(), p.GetVerified())
}

// person is the first cell of a row about a person.
func (p Printer) person(v *earshotv1.Person) cell {
	return cell{whoWithin(nameColumns, v.GetName(), v.GetPetname(), v.GetPerson(), v.GetContact(), v.GetVerified()), p.Style.Bold}
}
