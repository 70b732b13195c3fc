// Package discovery knows where devices may be. What it deals in is a [Sighting]: a hint that a
// device may be at an address. Anyone on the network can forge one, so a sighting is a reason to
// dial and nothing more. The handshake proves who answers, and only a live connection proves that a
// device is present.
//
//   - [Watcher] looks at the machine's interfaces and tells its subscribers when they changed or when
//     the machine woke from sleep.
//   - [Network] is what the interfaces looked like at one moment, and which addresses are on their
//     networks.
//   - [Book] merges sightings of every source by device. It is not safe for concurrent use: its
//     owner is the goroutine that decides whom to dial.
//   - [Named] is a place that the user gave.
//
// It dials nobody, stores nothing, and knows neither persons nor messages. It imports no other
// package of this project; the node uses it, and package mdns, which hears and announces devices on
// the local network. Whatever is heard is bounded: devices, addresses of each, strings. If the
// interfaces can't be read, that is logged when it begins, and tried again 2 s later.
package discovery
