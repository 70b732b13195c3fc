package crypto

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"io"
	"slices"

	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	// MaxCard is the most bytes a card may have: 64 of the largest links fit, and it can be sent to
	// a stranger in one frame.
	MaxCard = 16 << 10

	// MaxLinks bounds the signatures that a card makes its reader check (two a link), and still
	// allows for a change of device every year of a life.
	MaxLinks = 64

	maxLink     = 512 // the largest link has 236 bytes
	saltSize    = 16
	cardVersion = 1

	kindAdd    = 1
	kindRevoke = 2

	domainGenesis     = "genesis"
	domainLink        = "card link"
	domainCountersign = "card countersign"
)

// Card is a person's public chain of devices: a genesis, then links that each add or revoke one
// device. It is immutable and proven. The zero Card is no card.
//
// As a message: {1: genesis, 2: repeated link}.
//
//	genesis {1: version, 2: device, 3: recovery key, 4: salt,
//	         5: signature of the device over fields 1 to 4}
//	link    {1: hash of the link before, 2: kind (1 add, 2 revoke), 3: device,
//	         4: root of the cuts (revoke), 5: signer (a device or the recovery key),
//	         6: countersignature of the added device (add),
//	         7: signature of the signer over fields 1 to 6}
//
// The hash of the genesis, all of it, is the person's ID and the first head; the hash of a link is
// the head that it makes. So the bytes of a card are determined by its head.
type Card struct {
	genesis  genesis
	links    []link
	heads    []Hash // of the genesis, then of each link
	standing []standing
	raw      []byte
}

type genesis struct {
	device   DeviceID
	recovery [32]byte
	salt     [saltSize]byte
	sig      []byte
}

type link struct {
	prev       Hash
	kind       uint64
	device     DeviceID
	cuts       Hash
	signer     [32]byte
	countersig []byte
	sig        []byte
}

// standing is what a card says of one device. A card lists its devices in the order in which they
// were added, so the oldest comes first.
type standing struct {
	device  DeviceID
	added   int // index of the head that added it
	revoked int // index of the head that revoked it, 0 if none did
	cuts    Hash
}

func (s standing) speaksAt(head int) bool {
	return s.added <= head && (s.revoked == 0 || head < s.revoked)
}

// Signer is a key that may change a card: a DeviceKey in force, or the Recovery.
type Signer interface {
	signer() ed25519.PrivateKey
}

func (k DeviceKey) signer() ed25519.PrivateKey { return k.private }

// NewPerson makes a person whose first device has the given key, with a recovery key and salt from
// 48 bytes of random.
func NewPerson(random io.Reader, key DeviceKey) (Card, Recovery, error) {
	var recovery Recovery
	g := genesis{device: key.ID()}
	for _, b := range [][]byte{recovery.entropy[:], g.salt[:]} {
		if _, err := io.ReadFull(random, b); err != nil {
			return Card{}, Recovery{}, fmt.Errorf("make person: %w", err)
		}
	}
	g.recovery = recovery.Public()
	g.sig = key.Sign(domainGenesis, g.marshal())
	card, err := ParseCard(marshalCard(g, nil))
	return card, recovery, err
}

// Person returns the ID that the genesis gives.
func (c Card) Person() PersonID { return PersonID(c.heads[0]) }

// Bytes returns the encoding, which the caller must not change; nil of the zero Card.
func (c Card) Bytes() []byte { return c.raw }

// Head returns the hash of the last link.
func (c Card) Head() Hash { return c.heads[len(c.heads)-1] }

// Heads returns the hash of the genesis and that of each link, in order. The caller must not change
// them.
func (c Card) Heads() []Hash { return c.heads }

// Includes reports whether head is the head of this card or of one that it extends.
func (c Card) Includes(head Hash) bool { return slices.Contains(c.heads, head) }

// Devices returns the devices in force, the oldest first.
func (c Card) Devices() []DeviceID {
	var in []DeviceID
	for _, s := range c.standing {
		if s.revoked == 0 {
			in = append(in, s.device)
		}
	}
	return in
}

// Speaks reports whether the device is in force.
func (c Card) Speaks(device DeviceID) bool { return c.SpeaksAt(c.Head(), device) }

// SpeaksAt reports whether the device was in force when head was the head. It is false for a head
// that the card does not include.
func (c Card) SpeaksAt(head Hash, device DeviceID) bool {
	at := slices.Index(c.heads, head)
	i := c.find(device)
	return at >= 0 && i >= 0 && c.standing[i].speaksAt(at)
}

// RevokedCuts returns the root of the cuts that the revocation of the device committed to; false if
// it was not revoked.
func (c Card) RevokedCuts(device DeviceID) (Hash, bool) {
	i := c.find(device)
	if i < 0 || c.standing[i].revoked == 0 {
		return Hash{}, false
	}
	return c.standing[i].cuts, true
}

func (c Card) find(device DeviceID) int {
	return slices.IndexFunc(c.standing, func(s standing) bool { return s.device == device })
}

// Countersign is the new device's consent to be added to c as it is now, for Add.
func (k DeviceKey) Countersign(c Card) []byte {
	return k.Sign(domainCountersign, consent(c.Person(), c.Head(), k.ID()))
}

func consent(person PersonID, prev Hash, device DeviceID) []byte {
	return slices.Concat(person[:], prev[:], device[:])
}

// Add returns the card with a device added, which countersigned c. The error matches ErrCard.
func (c Card) Add(by Signer, device DeviceID, countersignature []byte) (Card, error) {
	return c.extend(by, link{kind: kindAdd, device: device, countersig: countersignature})
}

// Revoke returns the card with a device revoked for ever. cuts is the root of what is accepted of
// its logs, see CutsRoot. A device may revoke itself. Once the last one is revoked, only the
// recovery key can add another. The error matches ErrCard.
func (c Card) Revoke(by Signer, device DeviceID, cuts Hash) (Card, error) {
	return c.extend(by, link{kind: kindRevoke, device: device, cuts: cuts})
}

func (c Card) extend(by Signer, l link) (Card, error) {
	key := by.signer()
	l.prev = c.Head()
	l.signer = [32]byte(key.Public().(ed25519.PublicKey))
	l.sig = ed25519.Sign(key, separated(domainLink, l.marshal()))
	return ParseCard(marshalCard(c.genesis, append(slices.Clip(c.links), l)))
}

// Choose returns the one of two cards of a person that counts. If one extends the other, that is
// the longer. Otherwise they are branches, and forked is true. Then the branch with a link signed
// by the recovery key counts. If both or neither have such a link, it is the branch that was begun
// by the older device; if one device began both, it is the branch whose first link has the lower
// hash. So everybody who sees the same cards chooses the same one, in whatever order they came. Of
// cards of two persons Choose returns a.
func Choose(a, b Card) (card Card, forked bool) {
	if len(a.heads) == 0 || len(b.heads) == 0 || a.Person() != b.Person() {
		return a, false
	}
	at := 0 // index of the first links that differ
	for at < len(a.links) && at < len(b.links) && a.heads[at+1] == b.heads[at+1] {
		at++
	}
	switch {
	case at == len(b.links):
		return a, false
	case at == len(a.links):
		return b, false
	}
	if ra, rb := a.recoveredSince(at), b.recoveredSince(at); ra != rb {
		if ra {
			return a, true
		}
		return b, true
	}
	// The recovery key is no device: as a signer it is found at -1, before all.
	switch age := a.find(a.links[at].signer) - b.find(b.links[at].signer); {
	case age < 0:
		return a, true
	case age > 0:
		return b, true
	case bytes.Compare(a.heads[at+1][:], b.heads[at+1][:]) < 0:
		return a, true
	}
	return b, true
}

func (c Card) recoveredSince(at int) bool {
	return slices.ContainsFunc(c.links[at:], func(l link) bool { return l.signer == c.genesis.recovery })
}

// marshal leaves out the signature while there is none. So the bytes that are signed are the
// beginning of those that are hashed.
func (g genesis) marshal() []byte {
	var w canon.Writer
	w.Uint(1, cardVersion)
	w.Bytes(2, g.device[:])
	w.Bytes(3, g.recovery[:])
	w.Bytes(4, g.salt[:])
	w.Bytes(5, g.sig)
	return w.Out()
}

func (l link) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, l.prev[:])
	w.Uint(2, l.kind)
	w.Bytes(3, l.device[:])
	if l.kind == kindRevoke {
		w.Bytes(4, l.cuts[:])
	}
	w.Bytes(5, l.signer[:])
	w.Bytes(6, l.countersig)
	w.Bytes(7, l.sig)
	return w.Out()
}

func marshalCard(g genesis, links []link) []byte {
	var w canon.Writer
	w.Bytes(1, g.marshal())
	for _, l := range links {
		w.Element(2, l.marshal())
	}
	return w.Out()
}
