// Package discovery finds devices on the local network. What it yields is a [Sighting]: a hint that
// a device may be at an address. Anyone on the network can forge one, so a sighting is a reason to
// dial and nothing more. The handshake proves who answers. Only a live connection proves that a
// device is present, since mDNS does not tell when one has gone.
//
// The package owns two running parts and two plain values:
//
//   - [Watcher] polls the machine's interfaces and tells its subscribers when they changed or when
//     the machine woke from sleep.
//   - [MDNS] announces this device and reports the others, and rebuilds itself at each change that
//     a Watcher tells.
//   - [Book] merges sightings of every source by device. It is not safe for concurrent use: its
//     owner is the goroutine that decides whom to dial.
//   - [Network] is what the interfaces looked like at one poll.
//
// It dials nobody, stores nothing, and knows neither persons nor messages. Over mDNS go a device's
// ID and addresses, and no names. It imports no other package of this project; the node uses it.
//
// Everything that is heard is bounded: strings, addresses, devices between two announcements,
// entries of one query. A failure (no interface yet, port 5353 held by another program, no IPv6)
// ends nothing: it is logged when it begins and when it ends, shown by [MDNS.Status], and tried
// again at the next change or announcement.
package discovery
