// Package system finds out what this machine does to a node: whether multicast goes out and comes
// in, which ports other programs hold and which programs these are, and how the disk is.
//
// It gives facts, which package checks judges. A running node asks by the room node/doctor, the
// command `earshot doctor` for a node that is stopped; nobody else may. Nothing runs unless it is
// asked for. What it sends is a question by multicast to which nobody has an answer, over each
// interface that is given to it; what it writes is one small file in the node's directory, which it
// removes again. It changes no setting and needs no rights that the node has not.
//
// What can't be found out, such as the name of another user's program, is left out. An error of the
// system is a fact like others.
package system

import "github.com/earshot-im/earshot/store"

// Machine is this machine, as the node in one directory uses it.
type Machine struct {
	Dir string
	// Space replaces what the system says of how much room there is; nil: nothing does.
	Space func(dir string) (s store.Space, known bool)
}
