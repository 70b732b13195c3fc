// Command earshot is the messenger's command line. A command parses what it was given, asks the
// node of --dir through the client of its local API (node/localapi), and prints. Only `earshot up`
// runs a node.
//
// Each command is made in one file here; flags and arguments are checked here too. What takes more
// than one question to the node has a package of its own:
//
//	up         runs the node
//	doctor     examines a directory without a node; nothing else here sees more than the client
//	advice     what the doctor says of each check, and what to do
//	passphrase reads the passphrase of a protected node
//	sending    send, and send --lines
//	reading    recv, and the pages of history and search
//	show       what is printed: rows for people, one JSON object a line for programs
//	terminal   makes harmless what others wrote, before it is printed
//	problem    what users are told when something fails, and the exit status
//	suggest    what a shell offers when its user presses Tab
//
// Commands, flags, exit statuses, codes and JSON fields change only by adding: scripts depend on
// them. CLI.md has all of it, and tests compare that page with the program.
//
// An earshot process keeps nothing. It may be killed at any moment: messages are marked as read, or
// a cursor is moved, only after their lines have been written.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup has it ignored
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	// Writing to a closed pipe must be an error and not end the process, since messages that were
	// not written must not be marked as read.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
