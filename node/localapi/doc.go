// Package localapi is the local API of a node as its callers see it: the typed client, the feed for
// programs that follow what comes, the limits of a request and the codes of errors. The schema,
// which is the reference, is in v1, a file for each service: Connect on protobuf, callable as JSON
// with curl. Package server, below this one, answers for a running node on the Unix socket
// control.sock in its directory.
//
// Whoever can open the socket is the owner: there is no other check of who asks. So the socket is
// made only inside a directory that nobody else can enter, and the client refuses any other directory
// too. A web page that finds a way to the socket (a forwarded port) is refused by its Host or Origin.
//
// A name may come to mean another person. A program that runs for long resolves names once, by
// Resolve, and uses the IDs from then on; SendLines does so itself.
//
// A Client is for any program but the one that runs the node, and safe for many goroutines. When the
// node ends or dies, its calls fail with ErrNotRunning; when it is frozen, with ErrNotAnswering. A
// call may take as long as the node lives, unless its context ends. A Feed waits for the node to come
// back, and is for one goroutine.
package localapi

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate
