package show

import (
	"fmt"
	"io"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Group writes what is known about a group.
func (p Printer) Group(w io.Writer, g *earshotv1.Group) error {
	title, name := phrase.Group(g), label.Group(g)
	return p.Row(w, object.OfGroup(g), "%s%s", p.Style.Bold(name), title[len(name):])
}

// GroupID writes the ID of a group that was made.
func (p Printer) GroupID(w io.Writer, g *earshotv1.Group) error {
	return p.Row(w, object.OfGroup(g), "%s", g.Id)
}

// Topic writes what a group is about.
func (p Printer) Topic(w io.Writer, g *earshotv1.Group) error {
	return p.Row(w, object.OfGroup(g), "%s", label.Claim(g.Topic))
}

// History writes what newcomers to a group may read.
func (p Printer) History(w io.Writer, g *earshotv1.Group) error {
	return p.Row(w, object.OfGroup(g), "%s  %s", terminal.Line(g.History), phrase.Policy(g.History))
}

// Invitation writes who was invited to a group, and who was in it before.
func (p Printer) Invitation(w io.Writer, r *earshotv1.InviteResponse) error {
	if p.JSON {
		return object.Write(w, object.OfInvitation(r))
	}
	for _, v := range r.Invited {
		if _, err := fmt.Fprintln(w, label.Who(v)+" was added to "+label.Group(r.Group)); err != nil {
			return err
		}
	}
	for _, v := range r.Already {
		if _, err := fmt.Fprintln(w, label.Who(v)+" was in "+label.Group(r.Group)+" already"); err != nil {
			return err
		}
	}
	return nil
}
