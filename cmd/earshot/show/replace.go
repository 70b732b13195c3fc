package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

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
	for _, l := range r.Lost {
		lines = append(lines, fmt.Sprintf("the old one was %s in %s, and the new one is not; if they are to be: earshot group role %s %s %s",
			l.Role, label.Group(l.Group), l.Group.GetId(), r.Person.GetPerson(), l.Role))
	}
	if r.Resent > 0 {
		lines = append(lines, messages(r.Resent)+" sent again, to the new one")
	}
	if r.Waiting > 0 {
		lines = append(lines, messages(r.Waiting)+" to the old one still waiting, see `earshot outbox`")
	}
	return p.Row(w, object.OfReplaced(r),
		"%s", strings.Join(lines, "\n"))
}

// Removed writes who is no contact any more.
func (p Printer) Removed(w io.Writer, r *earshotv1.RemoveContactResponse) error {
	text := p.Style.Bold(label.Who(r.Person)) + " is no contact any more; `earshot history` still shows what was said"
	if r.Waiting > 0 {
		text += "\n" + messages(r.Waiting) + " to them still waiting, see `earshot outbox`"
	}
	return p.Row(w, object.OfRemoved(r), "%s", text)
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
