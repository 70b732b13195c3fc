// Package handing has the commands about files and folders that people hand each other: seeing them,
// getting them, and deciding about them. Handing one over is `send --file`, in package talk. What takes
// time, and is told while it goes on, is in package transfer.
//
// Commands adds them to the root; nothing else calls this package. Its errors are those of the node, or
// problems.
package handing

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/node/localapi"
)

// app is what each command here has.
type app struct{ *command.App }

// Commands are the commands about files and folders.
func Commands(run *command.App) []*cobra.Command {
	a := app{run}
	return []*cobra.Command{a.filesCommand(), a.getCommand()}
}

// idHelp says which message, and which of its files, is meant.
const idHelp = `ID is that of the message, or the first 8 or more digits of it; last:WHO means the last one
with files that they have sent, or in a group anybody else. N is the number of a file where the
message has several; without it all are meant.`

// which reads the ID of a message, and the number of one of its files, or 0 for all.
func which(c *cobra.Command, args []string) (n uint32, err error) {
	switch {
	case len(args) == 0:
		return 0, command.Usage(c, "ID is missing")
	case len(args) > 2:
		return 0, command.Usage(c, "too many arguments: "+command.Quote(args[2]))
	}
	if err := command.CheckMessage(c, "ID", args[0]); err != nil || len(args) == 1 {
		return 0, err
	}
	v, err := strconv.ParseUint(args[1], 10, 32)
	if err != nil || v < 1 || v > localapi.MaxFiles {
		return 0, command.Usage(c, fmt.Sprintf("N %s: use the number of a file, from 1 to %d", command.Quote(args[1]), localapi.MaxFiles))
	}
	return uint32(v), nil
}
