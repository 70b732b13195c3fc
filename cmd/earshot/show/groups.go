package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Group is a group that the owner is or was in.
type Group struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Topic     string `json:"topic,omitempty"`
	History   string `json:"history,omitempty"`
	Role      string `json:"role,omitempty"`
	Members   uint32 `json:"members"`
	Online    uint32 `json:"online"`
	Joined    string `json:"joined,omitempty"`
	InvitedBy *named `json:"invited_by,omitempty"`
	Frozen    bool   `json:"frozen"`
	Hidden    bool   `json:"hidden,omitempty"`
	State     string `json:"state,omitempty"`
}

// named is a person as an object names them, with all that a label is made of.
type named struct {
	Person   string `json:"person"`
	Name     string `json:"name,omitempty"`
	Petname  string `json:"petname,omitempty"`
	KnownAs  string `json:"known_as,omitempty"`
	Contact  bool   `json:"contact"`
	Verified bool   `json:"verified"`
}

type member struct {
	named
	Role   string `json:"role"`
	Online bool   `json:"online"`
	Joined string `json:"joined,omitempty"`
	Self   bool   `json:"self"`
}

type reached struct {
	named
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

func toNamed(p label.Somebody) named {
	return named{p.GetPerson(), p.GetName(), p.GetPetname(), p.GetKnownAs(), p.GetContact(), p.GetVerified()}
}

// toAllNamed has an empty list printed as [] and not as null.
func toAllNamed(list []*earshotv1.Person) []named {
	out := make([]named, len(list))
	for i, p := range list {
		out[i] = toNamed(p)
	}
	return out
}

func toGroup(g *earshotv1.Group) Group {
	v := Group{g.Id, g.Name, g.Topic, g.History, g.Role, g.Members, g.Online, rfc3339(g.Joined), nil, g.Frozen, g.Hidden, g.State}
	if g.InvitedBy != nil {
		by := toNamed(g.InvitedBy)
		v.InvitedBy = &by
	}
	return v
}

// Groups makes the objects of groups from the node's answer.
func Groups(list []*earshotv1.Group) (out []Group) {
	for _, g := range list {
		out = append(out, toGroup(g))
	}
	return out
}

// size is how many are in a group, and how many of them are here now.
func size(g *earshotv1.Group) string {
	if g.Members == 1 {
		return fmt.Sprintf("1 member, %d online", g.Online)
	}
	return fmt.Sprintf("%d members, %d online", g.Members, g.Online)
}

// GroupTitle is a group's name, and everything else that is known about the group.
func GroupTitle(g *earshotv1.Group) string {
	if g.State != "" {
		return label.GroupClaim(g) + "  " + stateOf(g) + "; invited by " + label.Who(g.InvitedBy)
	}
	if g.Role == "" {
		return label.Group(g) + "  you are not in it any more" + hiddenOf(g)
	}
	also := []string{size(g), "you are " + g.Role}
	if g.InvitedBy != nil {
		also = append(also, "added by "+label.Who(g.InvitedBy))
	}
	if g.History != "" && g.History != "joined" {
		also = append(also, Policy(g.History))
	}
	if g.Frozen {
		also = append(also, "changed by a newer earshot, which you need too")
	}
	if g.Hidden {
		also = append(also, "hidden")
	}
	if g.Topic != "" {
		also = append(also, "topic: "+label.Claim(g.Topic))
	}
	return label.Group(g) + "  " + strings.Join(also, "; ")
}

// stateOf says how a group stands that the owner is not in yet.
func stateOf(g *earshotv1.Group) string {
	switch g.State {
	case "arriving":
		return "you are let in when a member is here"
	case "void":
		return "the invitation doesn't count, says a member"
	}
	return terminal.Line(g.State) // of a newer node
}

// hiddenOf says of a hidden group that it is.
func hiddenOf(g *earshotv1.Group) string {
	if g.Hidden {
		return ", hidden"
	}
	return ""
}

// Policy says what newcomers may read.
func Policy(history string) string {
	days, inDays := strings.CutSuffix(history, "d")
	switch {
	case history == "joined":
		return "newcomers read what is said from then on"
	case history == "all":
		return "newcomers read everything"
	case inDays && days == "1":
		return "newcomers read the last day"
	case inDays:
		return "newcomers read the last " + terminal.Line(days) + " days"
	}
	return terminal.Line(history)
}

// Group writes what is known about a group.
func (p Printer) Group(w io.Writer, g *earshotv1.Group) error {
	title, name := GroupTitle(g), label.Group(g)
	return p.Row(w, toGroup(g), "%s%s", p.Style.Bold(name), title[len(name):])
}

// GroupID writes the ID of a group that was made.
func (p Printer) GroupID(w io.Writer, g *earshotv1.Group) error {
	return p.Row(w, toGroup(g), "%s", g.Id)
}

// Topic writes what a group is about.
func (p Printer) Topic(w io.Writer, g *earshotv1.Group) error {
	return p.Row(w, toGroup(g), "%s", label.Claim(g.Topic))
}

// History writes what newcomers to a group may read.
func (p Printer) History(w io.Writer, g *earshotv1.Group) error {
	return p.Row(w, toGroup(g), "%s  %s", terminal.Line(g.History), Policy(g.History))
}

type invitation struct {
	Group   Group   `json:"group"`
	Invited []named `json:"invited"`
	Already []named `json:"already"`
}

// Invitation writes who was invited to a group, and who was in it before.
func (p Printer) Invitation(w io.Writer, r *earshotv1.InviteResponse) error {
	if p.JSON {
		return JSON(w, invitation{toGroup(r.Group), toAllNamed(r.Invited), toAllNamed(r.Already)})
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
