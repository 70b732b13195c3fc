// Package circle has the commands about people and groups: who is here, who is known, who asks to be, and
// who is in which group. A command parses what it was given, asks the node, and prints. Whom a name means
// the node alone decides.
//
// Commands adds them to the root; nothing else calls this package. Its errors are those of the node, or
// problems.
package circle

import (
	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
)

// app is what each command here has.
type app struct{ *command.App }

// Commands are the commands about people and groups.
func Commands(run *command.App) []*cobra.Command {
	a := app{run}
	return []*cobra.Command{
		a.peersCommand(), a.contactsCommand(), a.verifyCommand(), a.requestsCommand(), a.acceptCommand(), a.blockCommand(), a.unblockCommand(),
		a.groupCommand(),
	}
}
