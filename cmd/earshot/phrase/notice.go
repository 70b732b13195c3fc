package phrase

import (
	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Notice puts a notice into words, on one line.
func Notice(n *earshotv1.Notice) string {
	by, group, was := "", label.GroupCalled(label.Whole, n.Group, n.Name), label.GroupCalled(label.Whole, n.Group, n.Was)
	switch {
	case n.Own:
		by = "you"
	case n.By != nil:
		by = label.Who(n.By)
	}
	whom, are := whomOf(n)
	switch n.Notice {
	case "created":
		return by + " made " + group
	case "joined":
		return either(by, " added "+whom+" to "+group, whom+" "+are+" in "+group+" now")
	case "left":
		return whom + " left " + group
	case "removed":
		return either(by, " removed "+whom+" from "+group, whom+" "+are+" not in "+group+" any more")
	case "renamed":
		return either(by, " renamed "+was+" to "+group, was+" is called "+group+" now")
	case "topic":
		if n.Text == "" {
			return either(by, " cleared the topic of "+group, group+" has no topic any more")
		}
		return either(by, " set the topic of "+group, "the topic of "+group+" is another now") + ": " + terminal.Line(n.Text)
	case "history":
		return either(by, " changed "+group, group+" was changed") + ": " + Policy(n.History)
	case "role":
		return either(by, " gave "+whom+" the role "+n.Role+" in "+group, whom+" "+are+" "+n.Role+" in "+group+" now")
	case "void":
		return voidText(n, by)
	case "lost":
		return "nobody who is in the group " + label.GroupClaim(n.Group) + " was here for 30 days, so " +
			either(by, "'s invitation to it is given up", "the invitation to it is given up")
	case "frozen":
		return group + " was changed by a newer earshot, which you need too"
	}
	return group + " was changed"
}

// voidText says that an invitation of the owner doesn't count.
func voidText(n *earshotv1.Notice, by string) string {
	text := either(by, "'s invitation", "an invitation") + " to the group " + label.GroupClaim(n.Group) + " doesn't count"
	if len(n.Whom) > 0 {
		whom, _ := whomOf(n)
		text += ", says the node of " + whom
	}
	return text + "; somebody else who is in it has to invite you"
}

// either is what somebody did or, if nobody in particular did it, what is so now.
func either(by, did, is string) string {
	if by == "" {
		return is
	}
	return by + did
}

// whomOf names those whom a notice is about, the owner as "you", and returns the verb that fits.
func whomOf(n *earshotv1.Notice) (whom, are string) {
	var all []string
	for i, p := range n.Whom {
		if i == 0 && n.Mine {
			all = append(all, "you")
		} else {
			all = append(all, label.Who(p))
		}
	}
	whom = label.Some(maxNames, all, int(n.Others))
	if len(all)+int(n.Others) == 1 && !n.Mine {
		return whom, "is"
	}
	return whom, "are"
}
