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
// needed, or a system that lets its users make namespaces; and iproute2, util-linux, nftables,
// iptables and ufw.
//
// [TestDoctor] makes what `earshot doctor` names: firewalls that drop, ports that others hold, disks
// that are full or slow, files that are damaged. It writes a table of what doctor said to the file
// that EARSHOT_DOCTOR_TABLE names, and there says as well which faults can't be made here, and why.
//
// The tests of files count what comes over the cables. With EARSHOT_FILES_FULL=1 theirs are larger and
// nodes are killed more often: that takes three minutes.
//
// No test waits for a fixed time. Each asks until something is so, for as long as earshot promises
// that it takes, and logs how long it took. When one fails, it prints what each node knows and the
// end of its log.
package lab
