// Package lab is a test and nothing else: the real earshot binary on hosts made of Linux network
// namespaces, plugged into bridges with real multicast. It takes from them what networks take from
// people: cables, addresses, interfaces, power. What it drives and what it looks at is the command
// line and nothing below it, so it imports no package of ours.
//
//	EARSHOT_BIN=bin/earshot go test -tags lab -count 1 ./cmd/lab   # make lab
//
// The tests run in a network namespace that belongs to the test process, the hosts in further ones,
// held by processes that end with it. Nothing has a name outside, nothing reaches this machine's
// own network, and the kernel removes all of it when the test ends, in whatever way. Root is
// needed, or a system that lets its users make namespaces; and iproute2 and util-linux.
//
// No test waits a fixed time: each asks until something is so, within what the
// product promises, and logs how long it took. When one fails, every node's own
// view and the end of its diagnostics are printed.
package lab
