// Package crypto holds who someone is and what proves it: device keys, person IDs, cards, recovery
// words, safety words, domain-separated hashes and signatures, and the keyring with its sealing at
// rest.
//
// A DeviceID is an Ed25519 public key, and its text is the libp2p peer ID. A PersonID is the hash
// of a genesis. A Card is the chain of links from that genesis to the devices that speak for the
// person now; ParseCard proves every link, so a Card that exists is valid, and Choose decides which
// of two branches counts. Formats are messages of crypto/canon: each has one encoding, and anything
// else is refused.
//
// The package is pure. It reads no file, clock or network; randomness comes from an io.Reader that
// the caller passes (crypto/rand.Reader), or from crypto/rand where a nonce must never be chosen.
// It keeps no state: values are immutable once made and may be shared between goroutines, except a
// Keyring, which belongs to one owner while it changes. It knows nothing of events, stores or
// peers, and any package above may call it. The store writes the keyring's file; this package only
// makes its bytes.
//
// Input from outside fails with an error that matches a sentinel of errors.go, and never panics.
// Secrets print as "(secret)".
package crypto
