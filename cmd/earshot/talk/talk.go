// Package talk has the commands about messages and conversations: writing, reading, finding and watching
// them, what can be done to a message, and what is set for a conversation. A command parses what it was given, asks the node, and prints; what takes more than one
// question is in packages sending and reading.
//
// Commands adds them to the root; nothing else calls this package. Its errors are those of the node, or
// problems.
package talk

import (
	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
)

// app is what each command here has.
type app struct{ *command.App }

// Commands are the commands about messages and conversations.
func Commands(run *command.App) []*cobra.Command {
	a := app{run}
	return append(a.settings(),
		a.chatCommand(), a.sendCommand(), a.recvCommand(), a.historyCommand(), a.searchCommand(), a.outboxCommand(), a.watchCommand(),
		a.editCommand(), a.recallCommand(), a.reactCommand(), a.receiptsCommand(), a.forwardCommand(),
		a.conversationsCommand(), a.readCommand(),
	)
}
