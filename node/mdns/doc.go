// Package mdns finds the devices on the local network by multicast DNS: it announces this device,
// and tells a [sightings.Sightings] whatever announces itself.
//
// Everything that it hears is hostile until proven otherwise, and anyone on the network can send it
// as fast as the network carries it. So the package listens by sockets of its own. A packet of more
// than 9,000 bytes is dropped unread, one that has nothing of earshot in it after a search through
// its bytes, one from beyond the network by its sender's address, and of the rest only so many a
// second are parsed. However much is asked, this device answers once a second over each interface
// in each IP version; the answer to everything is its announcement.
//
//   - [MDNS] is the whole. Run owns all state but the sockets' readers, each of which owns an intake.
//   - station speaks and hears; schedule and answers decide when something is said. The last two read
//     no clock and know no socket.
//   - grandcat/zeroconf makes the first announcement after the start and after each change of the
//     network. It runs for a second then, and is kept from answering.
//
// Addresses count only if they belong to the network over which they were heard. The package dials
// nobody and stores nothing; the node uses it. A failure (no interface yet, port 5353 held by
// another program, no IPv6) ends nothing: it is logged when it begins and when it ends, shown by
// [MDNS.Status], and tried again at the next change or announcement.
package mdns
