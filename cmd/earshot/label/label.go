// Package label says in print who somebody is, or which group is meant. It is the one place that
// decides how names of others are shown:
//
//	Uncle                                          a nickname, which the owner gave
//	Bob (c4b3bf631f00aa22)                         a contact, by the name that they had when they became one
//	Bob (verified c4b3bf631f00aa22, now "Robert")  the same, verified, who calls themselves otherwise now
//	"Bob" (not a contact yet d2a8e6f10b1c2d3e)     somebody else, by what they call themselves
//	#lunch                                         a group
//	#lunch (2c26b46b68ffc68f)                      a group, where another one has a name that looks the same
//
// What stands in quotation marks somebody has chosen for themselves, and nobody here has agreed. What
// stands in parentheses the program says. A name can't have either, see names.Claim of package
// crypto/names, so none can be taken for a label, or for more than one name. Only a nickname may, and
// then it stands in quotation marks too. A name that has to be cut loses its end, and never what is
// added to it.
//
// Whoever reads a label can type the whole of it, and means the same person by it: package phonebook
// of the node reads it again.
//
// The package knows no lists: package show puts labels into rows. Its functions are pure, though they remember
// how the last names are shown. Nothing in it fails. All names pass through package terminal here, so no other
// package of the command line touches one.
package label

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/crypto/names"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Whole is for what is not cut: it is more than any name takes, or a topic of characters that are
// escaped.
const Whole = 1 << 14

// shortID is how many digits of an ID stand for all of it. An ID in a label has two jobs: to tell apart
// two who stand in one list, and to recognise somebody again, also a stranger whom nothing else
// distinguishes. The second needs more: anybody can try keys until their ID begins as another's. By
// BenchmarkGrindPersonID of package crypto one core tries about 2^20 a second. So 8 digits take an hour,
// and 16 half a million years.
const shortID = 16

// briefID is how many digits Brief shows, beside a name that is marked as a claim anyway.
const briefID = 8

// Somebody is a person as a row names them: a Person, an Author or a Peer.
type Somebody interface {
	GetPerson() string
	GetName() string
	GetPetname() string
	GetPinned() string
	GetKnownAs() string
	GetContact() bool
	GetVerified() bool
}

// Who names a person, by the name that finds them where it is typed: the nickname that the owner
// gave, or else the name by which the owner knows them, whatever they call themselves since, or else
// what they call themselves. What they call themselves now, if they have changed it, comes after it.
func Who(p Somebody) string { return who(Whole, p, renamed(p)) }

// WhoWithin is Who in at most so many columns: the name is cut, and what they call themselves now is
// left out: see Now.
func WhoWithin(most int, p Somebody) string { return who(most, p, "") }

// Brief is Who for a row among others in which the whole of it would leave no room: the name of somebody
// whom the owner knows stands alone, and a claim with the beginning of the ID, if there is room for it.
// Where the owner decides something about a person, it is Who that names them.
func Brief(most int, p Somebody) string {
	switch {
	case p.GetPetname() != "":
		return nameWithin(most, p.GetPetname())
	case p.GetContact() && p.GetKnownAs() != "":
		return nameWithin(most, p.GetKnownAs())
	}
	id := Short(p.GetPerson())
	id = id[:min(briefID, len(id))]
	if whole := strings.TrimSpace(Claim(p.GetName()) + " " + id); p.GetName() == "" || terminal.Width(whole) <= most {
		return whole
	}
	return ClaimWithin(most, p.GetName())
}

// Typed is the name by which somebody is found where it is typed; "" if what they call themselves can't
// be typed as it is.
func Typed(p Somebody) string {
	name := cmp.Or(p.GetPetname(), p.GetKnownAs(), p.GetName())
	if terminal.Line(name) != name {
		return ""
	}
	return name
}

func who(most int, p Somebody, now string) string {
	var marks []string
	if p.GetPetname() == "" {
		marks = []string{idOf(p)}
	}
	if now != "" {
		marks = append(marks, "now "+Claim(now))
	}
	also := ""
	if len(marks) > 0 {
		also = "(" + strings.Join(marks, ", ") + ")"
	}
	name := ""
	switch within := most - len(" ") - terminal.Width(also); {
	case p.GetPetname() != "":
		name = nameWithin(within, p.GetPetname())
	case p.GetContact() && p.GetKnownAs() != "":
		name = nameWithin(within, p.GetKnownAs())
	default:
		name = ClaimWithin(within, p.GetName())
	}
	return strings.TrimSpace(name + " " + also)
}

// idOf is the ID of a person in short, and what they are to the owner if that isn't just a contact.
func idOf(p Somebody) string {
	id := Short(p.GetPerson())
	switch {
	case p.GetVerified():
		return "verified " + id
	case !p.GetContact():
		return "not a contact yet " + id
	}
	return id
}

// renamed returns what somebody calls themselves now, if they have changed it since the owner knows
// them.
func renamed(p Somebody) string {
	if p.GetPinned() == "" || p.GetName() == p.GetPinned() || p.GetName() == p.GetKnownAs() {
		return ""
	}
	return p.GetName()
}

// Short is the part of an ID that stands for all of it.
func Short(id string) string { return id[:min(shortID, len(id))] }

// Claim is a name that somebody has given themselves, or a group in which the owner isn't.
func Claim(name string) string { return ClaimWithin(Whole, name) }

// ClaimWithin is Claim in at most so many columns.
func ClaimWithin(most int, name string) string {
	if name == "" {
		return ""
	}
	return within(most, terminal.Line(escape.Replace(name)), func(s string) string { return `"` + s + `"` })
}

// nameWithin is a name that the owner has chosen or accepted. Only a nickname may have marks in it.
func nameWithin(most int, name string) string { return kept.get(most, name, judged) }

// judged is nameWithin for a name that isn't remembered.
func judged(most int, name string) string {
	line := terminal.Line(name)
	if plain, err := names.Claim(line); err != nil || plain != line {
		return ClaimWithin(most, name)
	}
	return within(most, line, func(s string) string { return s })
}

// within cuts a line so that what is made of it fits.
func within(most int, line string, shown func(string) string) string {
	for n := min(most, terminal.Width(line)); n > 0; n-- {
		if s := shown(terminal.Cut(line, n)); terminal.Width(s) <= most {
			return s
		}
	}
	return ""
}

// escape keeps a text from ending the quotation marks in which it stands.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// AGroup is a group as a row names it: a Group or a Target.
type AGroup interface {
	GetId() string
	GetName() string
	GetAlike() bool
}

// Group names a group that the owner is or was in. One to which the owner is only invited is not
// named so: see GroupClaim.
func Group(g AGroup) string { return GroupWithin(Whole, g) }

// GroupWithin is Group in at most so many columns.
func GroupWithin(most int, g AGroup) string { return GroupCalled(most, g, g.GetName()) }

// GroupCalled is GroupWithin by a name that the group has or had.
func GroupCalled(most int, g AGroup, name string) string {
	which := ""
	if name == "" || g.GetAlike() {
		which = " (" + Short(g.GetId()) + ")"
	}
	return "#" + strings.TrimSpace(nameWithin(most-len("#"+which), name)+which)
}

// GroupClaim names a group in which the owner isn't: anybody may call theirs as one of the owner's.
func GroupClaim(g AGroup) string { return GroupClaimWithin(Whole, g) }

// GroupClaimWithin is GroupClaim in at most so many columns.
func GroupClaimWithin(most int, g AGroup) string {
	which := " (" + Short(g.GetId()) + ")"
	return strings.TrimSpace(ClaimWithin(most-len(which), g.GetName()) + which)
}

// Near lists names that can be typed, those of groups with # in front. The last claims of them are
// names that only strangers have.
func Near(all []string, claims int) string {
	shown := make([]string, len(all))
	for i, name := range all {
		group, isGroup := strings.CutPrefix(name, "#")
		switch {
		case i >= len(all)-claims:
			shown[i] = Claim(name) + " (not a contact yet)"
		case isGroup:
			shown[i] = "#" + nameWithin(Whole, group)
		default:
			shown[i] = nameWithin(Whole, name)
		}
	}
	return strings.Join(shown, ", ")
}

// Title is Who, and everything else that is known about the person.
func Title(p *earshotv1.Person) string {
	also := []string{Who(p)}
	if renamed(p) == "" {
		also = append(also, OtherName(Whole, p)...)
	}
	if p.Petname != "" && p.Verified {
		also = append(also, "verified")
	}
	if p.Online {
		also = append(also, "online")
	}
	if p.Blocked {
		also = append(also, "blocked")
	}
	return strings.Join(also, ", ")
}

// OtherName says what a person calls themselves, if WhoWithin doesn't.
func OtherName(most int, p Somebody) (also []string) {
	if also = Now(most, p); also != nil || p.GetKnownAs() == "" || p.GetName() == "" || p.GetName() == p.GetKnownAs() {
		return also
	}
	return []string{"calls themselves " + ClaimWithin(most, p.GetName())}
}

// Now says what a person calls themselves now, if they have changed it since the owner knows them. It
// is the part of Who that WhoWithin leaves out.
func Now(most int, p Somebody) []string {
	if renamed(p) == "" {
		return nil
	}
	return []string{"now " + ClaimWithin(most, renamed(p))}
}

// Asks names somebody who waits to be accepted.
func Asks(r *earshotv1.Request) string {
	return Who(Asker(r))
}

// Asker is somebody who waits to be accepted, as a person.
func Asker(r *earshotv1.Request) *earshotv1.Person {
	return &earshotv1.Person{Person: r.Person, Name: r.Name}
}

// Peer is the person of a device.
func Peer(p *earshotv1.Peer) *earshotv1.Person {
	return &earshotv1.Person{
		Person: p.Person, Name: p.Name, Petname: p.Petname, Pinned: p.Pinned, KnownAs: p.KnownAs,
		Contact: p.Contact, Verified: p.Verified, Blocked: p.Blocked, Online: p.Online, LastSeen: p.LastSeen,
	}
}

// Own is the name of the owner, or without where there is none. Nobody else chooses it.
func Own(name, without string) string { return cmp.Or(nameWithin(Whole, name), without) }

// Some lists names, and how many others there are besides, but no more than most of them.
func Some(most int, all []string, others int) string {
	shown := all[:min(len(all), most)]
	list := strings.Join(shown, ", ")
	if more := len(all) - len(shown) + others; more > 0 {
		return fmt.Sprintf("%s and %d more", list, more)
	}
	return list
}

// About is what a group is about, on one line.
func About(g *earshotv1.Group) string { return terminal.Line(g.Topic) }
