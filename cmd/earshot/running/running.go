// Package running has the commands about the node itself: having it run, by hand or by a service, seeing
// how it is, finding out what is wrong, and what its owner has set. It joins flags to packages up,
// starting and doctor, which do the work; of these, up and doctor alone see more than the client of the
// local API.
//
// Commands adds them to the root; nothing else calls this package. Its errors are those of the node, or
// problems.
package running

import (
	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
)

// app is what each command here has.
type app struct{ *command.App }

// Commands are the commands about the node.
func Commands(run *command.App) []*cobra.Command {
	a := app{run}
	return []*cobra.Command{
		a.upCommand(), a.downCommand(), a.serviceCommand(), a.statusCommand(), a.doctorCommand(), a.meCommand(), a.versionCommand(), a.tuiCommand(),
	}
}
