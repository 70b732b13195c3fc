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
	Waiting uint32   `json:"waiting"`
	Resent  uint32   `json:"resent"`
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

func toTargets(list []*earshotv1.Target) []target {
	out := []target{}
	for _, t := range list {
		out = append(out, toTarget(t))
	}
	return out
}

// Newcomer says who may have come in place of a contact, and what to do if that is so.
func Newcomer(contact *earshotv1.Target, n *earshotv1.Newcomer) string {
	is := "is here since " + clock(n.Since)
	if !n.Person.GetOnline() {
		is = "came at " + clock(n.Since) + " and is offline now"
	}
	return fmt.Sprintf("another %s %s: %s\n  if it is the same person: earshot contacts replace %s %s --resend",
		label.Claim(contact.GetName()), is, label.Who(n.Person), contact.GetId(), n.Person.GetPerson())
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
	if r.Resent > 0 {
		lines = append(lines, messages(r.Resent)+" sent again, to the new one")
	}
	if r.Waiting > 0 {
		lines = append(lines, messages(r.Waiting)+" to the old one still waiting, see `earshot outbox`")
	}
	return p.Row(w, replaced{toPerson(r.Person), stranger{r.Old.GetPerson(), r.Old.GetName()}, toTargets(r.Groups), toTargets(r.Others), r.Waiting, r.Resent},
		"%s", strings.Join(lines, "\n"))
}

// Removed writes who is no contact any more.
func (p Printer) Removed(w io.Writer, r *earshotv1.RemoveContactResponse) error {
	text := p.Style.Bold(label.Who(r.Person)) + " is no contact any more; `earshot history` still shows what was said"
	if r.Waiting > 0 {
		text += "\n" + messages(r.Waiting) + " to them still waiting, see `earshot outbox`"
	}
	return p.Row(w, removed{stranger{r.Person.GetPerson(), r.Person.GetName()}, r.Waiting}, "%s", text)
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
		names[i] = label.Group(t.GetName())
	}
	return strings.Join(names, ", ")
}
