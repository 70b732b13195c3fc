package crypto

import (
	"bytes"
	"fmt"

	"github.com/earshot-im/earshot/crypto/canon"
)

// ParseCard reads a card and proves all of it. The error matches ErrCard, and ErrNewer too if the
// card is of a later version. The card keeps a copy of b.
func ParseCard(b []byte) (Card, error) {
	card, err := parseCard(bytes.Clone(b))
	if err != nil {
		return Card{}, fmt.Errorf("%w: %w", ErrCard, err)
	}
	return card, nil
}

func parseCard(b []byte) (Card, error) {
	if len(b) > MaxCard {
		return Card{}, fmt.Errorf("%d bytes, more than %d", len(b), MaxCard)
	}
	r := canon.NewReader(b)
	first := r.Bytes(1, maxLink)
	rest := r.Repeated(2, MaxLinks-1, maxLink)
	if err := r.End(); err != nil {
		return Card{}, err
	}
	g, err := parseGenesis(first)
	if err != nil {
		return Card{}, fmt.Errorf("genesis: %w", err)
	}
	c := Card{
		genesis:  g,
		heads:    []Hash{Digest(domainGenesis, first)},
		standing: []standing{{device: g.device}},
		raw:      b,
	}
	for i, b := range rest {
		l, err := parseLink(b)
		if err == nil {
			err = c.prove(l)
		}
		if err != nil {
			return Card{}, fmt.Errorf("link %d: %w", i+1, err)
		}
		c.apply(l, Digest(domainLink, b))
	}
	return c, nil
}

func parseGenesis(b []byte) (genesis, error) {
	r := canon.NewReader(b)
	if version := r.Uint(1); version > cardVersion {
		return genesis{}, ErrNewer
	} else if version != cardVersion {
		return genesis{}, fmt.Errorf("version %d", version)
	}
	g := genesis{
		device:   DeviceID(r.Fixed(2, 32)),
		recovery: [32]byte(r.Fixed(3, 32)),
		salt:     [saltSize]byte(r.Fixed(4, saltSize)),
		sig:      r.Fixed(5, SignatureSize),
	}
	if err := r.End(); err != nil {
		return genesis{}, err
	}
	unsigned := g
	unsigned.sig = nil
	switch {
	case weak(g.recovery):
		return genesis{}, fmt.Errorf("weak recovery key")
	case g.recovery == g.device:
		return genesis{}, fmt.Errorf("recovery key is the device's")
	case !Verify(g.device, domainGenesis, unsigned.marshal(), g.sig):
		return genesis{}, fmt.Errorf("wrong signature")
	}
	return g, nil
}

// parseLink reads a link, of which nothing is proven yet.
func parseLink(b []byte) (link, error) {
	r := canon.NewReader(b)
	l := link{prev: Hash(r.Fixed(1, 32)), kind: r.Uint(2), device: DeviceID(r.Fixed(3, 32))}
	switch l.kind {
	case kindAdd:
		l.signer = [32]byte(r.Fixed(5, 32))
		l.countersig = r.Fixed(6, SignatureSize)
	case kindRevoke:
		l.cuts = Hash(r.Fixed(4, 32))
		l.signer = [32]byte(r.Fixed(5, 32))
	default:
		return link{}, fmt.Errorf("unknown kind %d", l.kind)
	}
	l.sig = r.Fixed(7, SignatureSize)
	return l, r.End()
}

// prove checks that l may follow the card as it is.
func (c *Card) prove(l link) error {
	if l.prev != c.Head() {
		return fmt.Errorf("does not follow the link before")
	}
	if l.signer != c.genesis.recovery && !c.Speaks(l.signer) {
		return fmt.Errorf("signer may not change the card")
	}
	switch known := c.find(l.device) >= 0; {
	case l.kind == kindAdd && known:
		return fmt.Errorf("device was added before")
	case l.kind == kindAdd && l.device == c.genesis.recovery:
		return fmt.Errorf("recovery key as a device")
	case l.kind == kindRevoke && !c.Speaks(l.device):
		return fmt.Errorf("revokes a device that is not in force")
	}
	unsigned := l
	unsigned.sig = nil
	if !Verify(l.signer, domainLink, unsigned.marshal(), l.sig) {
		return fmt.Errorf("wrong signature")
	}
	if l.kind == kindAdd && !Verify(l.device, domainCountersign, consent(c.Person(), l.prev, l.device), l.countersig) {
		return fmt.Errorf("wrong countersignature")
	}
	return nil
}

// apply appends a proven link.
func (c *Card) apply(l link, head Hash) {
	at := len(c.heads)
	c.links = append(c.links, l)
	c.heads = append(c.heads, head)
	if l.kind == kindAdd {
		c.standing = append(c.standing, standing{device: l.device, added: at})
		return
	}
	s := &c.standing[c.find(l.device)]
	s.revoked, s.cuts = at, l.cuts
}
