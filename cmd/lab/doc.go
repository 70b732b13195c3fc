// Package lab consists of tests only. They run the real earshot binary on hosts that are Linux
// network namespaces, plugged into bridges with real multicast, and take away cables, addresses,
// interfaces, power and room on the disk. They use the command line and nothing below it, so the
// package imports no other package of this project.
//
//	EARSHOT_BIN=bin/earshot go test -tags lab -count 1 ./cmd/lab   # make lab
//
// The tests run in a network namespace that belongs to the test process, the hosts in further ones,
// held by processes that end with it. Nothing has a name outside, nothing reaches this machine's
// own network, and the kernel removes all of it when the test ends, in whatever way. Root is
// needed, or a system that lets its users make namespaces; and iproute2, nftables and util-linux.
//
// No test waits for a fixed time. Each asks until something is so, for as long as earshot promises
// that it takes, and logs how long it took. When one fails, it prints what each node knows and the
// end of its log.
package lab
