// Package multicast is the edge to the network of the packages by which devices find each other,
// node/mdns and node/beacon: sockets that hear what is sent to everybody on some links, and say
// something to everybody there.
//
//   - [Listen] opens a [Socket] of one [Group], whose port may be shared with other programs. Its
//     goroutine ends when it is closed or fails.
//   - [Send] sends one packet from one address of this machine.
//
// A socket drops unread what is too long and what was sent to this machine alone, which may come
// through a router from anywhere, and reads no faster than its pace, so that a flood costs a bounded
// part of a core. It judges nothing else: whoever listens has to take each packet as an enemy's. The
// packages that use it put a network of their own in its place in their tests, since nothing here
// can be used without a real one.
//
// Whatever the system refuses is an error; nothing is tried again here.
package multicast
