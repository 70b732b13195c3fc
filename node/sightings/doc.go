// Package sightings is what the packages that hear devices on the local network have in common:
// node/mdns and node/beacon. Both tell one [Sightings] what they hear, and ask it before they read
// a packet, so that a flood by both ways together costs no more than a flood by one of them.
//
//   - [Sightings.Admit] shares among all senders how many packets are read in a second.
//   - [LinkOf] says over which link a packet came, and refuses one from beyond the network.
//   - [Sightings.Hear] takes what a packet said, and reports the sighting if it is news and not too
//     much.
//   - [Sightings.Heard] says when a device was last heard, by each way.
//
// Anyone on the network can say anything in anyone's name, as fast as the network carries it. So
// what is reported is bounded, apart for devices that the owner knows and for all others together,
// and no sender has more of it than it leaves to the others. Nothing is held but what was said
// lately, and when up to 1,024 devices were last heard.
//
// The package reads no clock, opens no socket and starts no goroutine. It may be used by any
// goroutine. Nothing in it fails: what is too much is passed over, and Config.Full and the log are told
// so once a minute at most.
package sightings
