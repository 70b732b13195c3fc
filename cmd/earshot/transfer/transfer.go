// Package transfer takes files and folders in to be sent, and gets those that others have sent: what
// `send --file`, `get` and `send --wait held` have to follow over time.
//
// The node does the work. What is here asks it to begin, tells how far it has come, and ends when it is
// done: by bars on a terminal, by objects with --json, and otherwise not at all. Whoever interrupts it has
// the node go on; only what is being taken in ends with its caller.
//
// A node of another user, as a bot's of a system unit, may not be allowed to read a file that its owner's
// command can read: then the content is sent to it, of a folder as a tar archive.
//
// It keeps nothing. Errors of the node come through as they are; what is found out here is a problem.
package transfer

import (
	"context"
	"io"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
)

// Mover moves files between the caller and the node.
type Mover struct {
	Client *localapi.Client
	Out    show.Printer
	Stdout io.Writer // objects of --json, and what is printed in the end
	Stderr io.Writer
	Bars   bool // Stderr is a terminal on which rows can be written again

	Timeout time.Duration // how long Save and Write wait; 0: as long as it takes

	// Ask asks a question that is answered by yes or no; nil: nobody can be asked.
	Ask func(ctx context.Context, question string) (bool, error)
}
