// Command earshot is the messenger's command line. A command parses what it was given,
// asks the node of --dir through node/control, and prints. Only `up` runs a node itself.
// Commands, flags, exit statuses and JSON fields change only by adding: scripts depend
// on them, and testdata holds them to it.
//
// Rows for people and NDJSON for programs are made by package show, and every character
// that came from others passes through package terminal on its way. What users are told
// when something fails, and the exit status, is in package problem and nowhere else.
//
// An earshot process keeps nothing: it may be killed at any moment, and messages are
// marked read, or a cursor moved, only after their lines have been written.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	// A closed pipe is an error of the write, not the end of the process: what was not
	// written must not be marked read.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
