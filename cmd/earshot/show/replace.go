package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

type replaced struct {
	Person  Person   `json:"person"`
	Old     stranger `json:"old"`
	Groups  []target `json:"groups"`
	Others  []target `json:"others"`
	Lost    []lost   `json:"lost,omitempty"`
	Waiting uint32   `json:"waiting"`
	Resent  uint32   `json:"resent"`
}

// lost is a role that the new one has not.
type lost struct {
	Group target `json:"group"`
	Role  string `json:"role"`
}

type removed struct {
	stranger
	Waiting uint32 `json:"waiting"`
}

// stranger is somebody who is no contact any more.
type stranger struct {
	Person string `json:"person"`
	Name   string `json:"name,omitempty"`
}

func toStranger(p *earshotv1.Person) stranger { return stranger{p.GetPerson(), p.GetName()} }

func toTargets(list []*earshotv1.Target) []target {
	out := []target{}
	for _, t := range list {
		out = append(out, toTarget(t))
	}
	return out
}

// Newcomers says who may have come in place of a contact, and what to do if that is so.
func Newcomers(r *earshotv1.NewcomersResponse) (lines []string) {
	for _, n := range r.Newcomers {
		is := "here since " + clock(n.Since) + " or earlier"
		if !n.Person.GetOnline() {
			is = "came at " + clock(n.Since) + " or earlier, offline now"
		}
		lines = append(lines, fmt.Sprintf("in place of %s there may be %s: %s", label.Who(r.Contact), label.Who(n.Person), is),
			fmt.Sprintf("  if it is the same person: earshot contacts replace %s %s --resend", r.Contact.GetPerson(), n.Person.GetPerson()))
	}
	if r.More > 0 {
		lines = append(lines, fmt.Sprintf("  %d more call themselves so: `earshot peers` shows who of them is here", r.More))
	}
	return lines
}

// Replaced writes what has become of a contact in whose place another person is.
func (p Printer) Replaced(w io.Writer, r *earshotv1.ReplaceContactResponse) error {
	lines := []string{fmt.Sprintf("%s is in place of %s", p.Style.Bold(label.Who(r.Person)), label.Who(r.Old))}
	if len(r.Groups) > 0 {
		lines = append(lines, "also in "+targets(r.Groups))
	}
	if len(r.Others) > 0 {
		lines = append(lines, "the old one is still in "+targets(r.Others)+": ask an owner or an admin to remove them, and to invite the new one if they are not in")
	}
	var roles []lost
	for _, l := range r.Lost {
		roles = append(roles, lost{toTarget(l.Group), l.Role})
		lines = append(lines, fmt.Sprintf("the old one was %s in %s, and the new one is not; if they are to be: earshot group role %s %s %s",
			l.Role, label.Group(l.Group), l.Group.GetId(), r.Person.GetPerson(), l.Role))
	}
	if r.Resent > 0 {
		lines = append(lines, messages(r.Resent)+" sent again, to the new one")
	}
	if r.Waiting > 0 {
		lines = append(lines, messages(r.Waiting)+" to the old one still waiting, see `earshot outbox`")
	}
	return p.Row(w, replaced{toPerson(r.Person), toStranger(r.Old), toTargets(r.Groups), toTargets(r.Others), roles, r.Waiting, r.Resent},
		"%s", strings.Join(lines, "\n"))
}

// Removed writes who is no contact any more.
func (p Printer) Removed(w io.Writer, r *earshotv1.RemoveContactResponse) error {
	text := p.Style.Bold(label.Who(r.Person)) + " is no contact any more; `earshot history` still shows what was said"
	if r.Waiting > 0 {
		text += "\n" + messages(r.Waiting) + " to them still waiting, see `earshot outbox`"
	}
	return p.Row(w, removed{toStranger(r.Person), r.Waiting}, "%s", text)
}

func messages(n uint32) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprint(n, " messages")
}

// targets lists groups by their names.
func targets(list []*earshotv1.Target) string {
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = label.Group(t)
	}
	return strings.Join(names, ", ")
}
