// Package beacon finds the devices on the local network where multicast DNS is blocked or its port
// is held: it says by packets of its own, on UDP port 27830, that this device is here, and tells a
// [sightings.Sightings] of whoever says so.
//
// A beacon has a device's ID and its port. The address is the one from which the packet comes, so
// nobody can name one in whose name they can't send. Nobody answers a beacon: what comes of it is a
// sighting, and whoever decides about dials decides about the rest. Anyone on the network can forge
// beacons of any device, as fast as the network carries them. What is not exactly a beacon, or comes
// from beyond the network, is dropped after a look at a few bytes, and of the rest only so many are
// read a second as Sightings admits, by mDNS and beacons together.
//
//   - [Beacon] is the whole. Run owns all state. The sockets' readers, which it starts and waits for,
//     own nothing and call Sightings themselves.
//   - packet is the bytes; schedule decides when one is sent, and reads no clock.
//
// The package dials nobody and stores nothing; the node uses it. It sends over the interfaces that
// look like a local network and over no other. A failure (no interface yet, port 27830 held by
// another program, no IPv6) ends nothing: it is logged when it begins and when it ends, shown by
// [Beacon.Status], and tried again with each beacon. While the port is held, beacons are sent all
// the same, so that others find this device.
package beacon
