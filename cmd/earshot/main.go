// Command earshot is the messenger's command line. A command parses what it was given, asks the
// node of --dir through the client of its local API (node/localapi), and prints. Only `earshot up`
// runs a node.
//
// The commands are made by what they are about, one in a function that checks its flags and arguments
// too; the root here puts them together:
//
//	running    about the node: up, down, service, status, doctor, me
//	browsing   about the page in a browser: web, open
//	talk       about messages and conversations: send, recv, history, what is done to one, watch
//	handing    about files and folders: files, get
//	circle     about people and groups: peers, contacts, verify, requests, group
//	command    what all of them have in common
//
// What takes more than one question to the node has a package of its own:
//
//	up         runs the node
//	web        serves the page in a browser, for up
//	doctor     examines a directory without a node; nothing else here sees more than the client
//	advice     what is wrong, by each check and warning, and what to do
//	passphrase reads the passphrase of a protected node
//	starting   has a node started, in the background or by a service, and ended
//	sending    send, and send --lines
//	reading    recv, the pages of history and search, and which message an ID means
//	transfer   takes files in and gets them, and tells how far they have come
//	show       what is printed: rows for people, one JSON object a line for programs
//	object     those objects, and how each is made of the node's answer
//	terminal   makes harmless what others wrote, before it is printed
//	problem    what users are told when something fails, and the exit status
//	suggest    what a shell offers when its user presses Tab
//
// The terminal screen is divided by what can be tested alone:
//
//	tui        the terminal, its keys, and the calls to the node; nothing is decided here
//	screen     what the screen knows, and what follows from a key or a change: pure
//	act        what can be done on it: slash commands, selecting, panels, settings
//	people     what can be done with people and groups
//	panes      draws it: pure
//	room       one open conversation: what is loaded, where the screen stands, what was seen
//	compose    the text that is being written, and what Tab completes
//	frame      rows and columns, and the bytes that bring them to a terminal
//	words      the words of the screen
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
