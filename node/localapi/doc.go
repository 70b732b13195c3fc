// Package localapi is the local API of a node: the server that a running node answers with on the
// Unix socket control.sock in its directory, and the client that everything the owner uses speaks
// through. The schema, which is its reference too, is in v1, a file for each service: Connect on
// protobuf, callable as JSON with curl.
//
// Whoever can open the socket is the owner: there is no other check of who asks. So the socket is
// made only inside a directory that nobody else can enter, the client refuses any other directory
// too, and a web page that finds a way to the socket (a forwarded port) is refused by its Host or
// Origin.
//
// A name may come to mean another person. A program that runs for long resolves names once, by
// Resolve, and uses the IDs from then on; SendLines does so itself.
//
// The server holds no state of its own. It turns requests into calls of a Node, bounds them, and
// turns errors into Problems; it decides nothing about messages or people. Watch tells only how far
// things have changed, so a slow reader costs nothing and holds nobody up.
//
// `earshot up` makes the one Server of a process and runs it for longer than the node: while the
// node ends, callers are answered, and the socket goes last. A Client is for any other program, and
// safe for many goroutines. When the node ends or dies, its calls fail with ErrNotRunning.
package localapi

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate
