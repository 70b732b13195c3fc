// Package isolate runs a program in a network namespace of its own, so that it can multicast
// without disturbing anyone.
//
// On Linux, as root or where users may make namespaces, Run starts the program again in a fresh
// namespace with loopback and one virtual cable, and waits for it; both go away with the program.
// Elsewhere ErrNone says that there is no such thing, and the caller decides whether the host's
// network will do.
//
// Only commands that show or measure earshot use it. They call Run before they start anything,
// since the program begins anew in the namespace.
package isolate

import "errors"

// ErrNone: this system, or this user, can make no network namespace. Run as root, or do without.
var ErrNone = errors.New("no network namespace can be made")
