package phrase

import (
	"fmt"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Group is a group's name, and everything else that is known about the group.
func Group(g *earshotv1.Group) string {
	if g.State != "" {
		return label.GroupClaim(g) + "  " + GroupState(g) + "; invited by " + label.Who(g.InvitedBy)
	}
	if g.Role == "" {
		return label.Group(g) + "  you are not in it any more" + GroupHidden(g)
	}
	also := []string{GroupSize(g), "you are " + g.Role}
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

// GroupSize is how many are in a group, and how many of them are here now.
func GroupSize(g *earshotv1.Group) string {
	if g.Members == 1 {
		return fmt.Sprintf("1 member, %d online", g.Online)
	}
	return fmt.Sprintf("%d members, %d online", g.Members, g.Online)
}

// GroupState says how a group stands that the owner is not in yet.
func GroupState(g *earshotv1.Group) string {
	switch g.State {
	case "arriving":
		return "you are let in when a member is here"
	case "void":
		return "the invitation doesn't count, says a member"
	}
	return terminal.Line(g.State) // of a newer node
}

// GroupHidden says of a hidden group that it is.
func GroupHidden(g *earshotv1.Group) string {
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
