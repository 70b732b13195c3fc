// Package phrase puts into words what the node tells of messages, people and groups: why something waits and
// for whom, who reacted, what has happened in a group, who asks to talk. A phrase is a part of a row; it says
// the same in a row of a command and on the screen.
//
// Each function makes one text of values of the local API. Nothing here fails, waits, reads a clock or asks
// the node. What others wrote passes through packages label and terminal on its way. What is not known, as
// of a newer node, is said as the node says it.
//
// Package show puts phrases into the rows of commands, packages act, panes and people onto the screen.
// What is to be said of files is in package attachment; who somebody is, in label.
package phrase

import (
	"fmt"

	"github.com/earshot-im/earshot/cmd/earshot/label"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Asks says what somebody wants who waits to be accepted, behind their name; with their text it begins with
// a colon.
func Asks(r *earshotv1.Request) string {
	switch {
	case r.Notice == "invited":
		return fmt.Sprintf(" invites you to the group %s of %d members", label.GroupClaim(r.Group), r.Members)
	case r.Text == "":
		return ""
	}
	return ": " + terminal.Text(r.Text)
}

// MoreWaits says that somebody has written more than is taken before they are accepted.
const MoreWaits = "more waits, accept to get it"
