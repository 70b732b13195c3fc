package advice

import (
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Warning says what the owner should know, and what to do.
func Warning(w *earshotv1.Warning) string {
	const stop = "stop one of the two for good, and begin anew there with an empty directory"
	switch w.Code {
	case "copied":
		return "this directory seems to be a copy, or a backup that was put back: what was written since is missing here until others bring it back; " +
			"if another machine uses the other copy, " + stop
	case "restored":
		return "this directory was put back to an earlier time: others had messages of this device that were missing here, and bring them back; " +
			"if another machine uses a copy of it, " + stop
	case "twin":
		text := "another machine seems to run a copy of this directory"
		if w.Detail != "" {
			text += ", at " + terminal.Line(w.Detail)
		}
		return text + ". Anybody on this network can pretend that; if you know of such a machine, " + stop
	case "starved":
		return "this node had no file descriptors left, so it could not answer commands or connect to others: " +
			"raise the limit with `ulimit -n 4096` before `earshot up`"
	case "crowded":
		return "people on this network who are not contacts ask more of this node than they may have, so some of them have to wait or try again; contacts are not affected"
	case "full":
		return "the disk is nearly full: what others write is not taken until there is room again, and waits where it was written; make room"
	case "limit":
		return limit(w)
	case "strained":
		group := "a group that is arriving"
		if w.Detail != "" {
			group = "the group #" + terminal.Line(w.Detail)
		}
		return "changes of " + group + " wait or are left out here, because there are too many or they cost too much: " +
			"somebody in it may be doing that on purpose; leave it with `earshot group leave` if it goes on"
	}
	return terminal.Line(strings.TrimSpace(w.Code + " " + w.Detail)) // of a newer node
}

// limit says of whom no more is taken.
func limit(w *earshotv1.Warning) string {
	who := "somebody you know"
	if w.Person != nil {
		who = label.Who(w.Person)
	}
	where := ""
	if w.Group != nil {
		where = " in " + label.Group(w.Group)
	}
	text := "what " + who + " writes" + where + " is not taken any more, since this node keeps as much of it as it may; the rest waits where it was written"
	if w.Person.GetContact() {
		return text + ": make room on the disk"
	}
	return text + ": a contact may have more, see `earshot accept`"
}
