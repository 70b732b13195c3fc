// Package isolate runs a program in a network namespace of its own, so that it can multicast
// without disturbing anyone.
//
// On Linux, as root or where users may make namespaces, Run starts the program again in a fresh
// namespace with loopback and one virtual cable, and waits for it; both go away with the program.
// Elsewhere ErrNone says that there is no such thing, and the caller decides whether the host's
// network will do.
//
// Check is for a program that must never run anywhere else: it says whether this process is in such
// a namespace, whoever made that.
//
// Only commands that show, measure or attack earshot use it. They call Run before they start
// anything, since the program begins anew in the namespace.
package isolate

import "errors"

// ErrNone: this system, or this user, can make no network namespace. Run as root, or do without.
var ErrNone = errors.New("no network namespace can be made")

// ErrOutside: this process is not in a network namespace of its own, or that can't be found out. Start
// it in one, as with `unshare -rn`.
var ErrOutside = errors.New("not in a network namespace of its own")
