package beacon

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/discovery"
)

// The parts of a beacon, in bytes.
const (
	magic     = "earshot\x01" // what it is, and its version
	keySize   = 32
	portSize  = 2
	startSize = 8

	size = len(magic) + keySize + portSize + startSize
)

// errPacket marks what is no beacon. It stays inside: such packets are dropped.
var errPacket = errors.New("not a beacon")

// packet is what a beacon says.
type packet struct {
	device peer.ID
	port   uint16
	start  [startSize]byte // random, another at each start of the node
}

// newStart returns what names the time from this start to its end.
func newStart() (start [startSize]byte) {
	_, _ = rand.Read(start[:]) // never fails
	return start
}

// write returns the bytes of a beacon. It fails for a device without an Ed25519 key.
func (p packet) write() ([]byte, error) {
	key, err := p.device.ExtractPublicKey()
	if err != nil {
		return nil, err
	}
	raw, err := key.Raw()
	if err != nil {
		return nil, err
	}
	if key.Type() != crypto.Ed25519 {
		return nil, fmt.Errorf("the key of device %s is of another kind", p.device)
	}
	b := append([]byte(magic), raw...)
	b = binary.BigEndian.AppendUint16(b, p.port)
	return append(b, p.start[:]...), nil
}

// looksRight tells whether a packet can be a beacon, before a budget is spent on it.
func looksRight(b []byte) bool { return len(b) == size && bytes.HasPrefix(b, []byte(magic)) }

// read reads a packet. Errors wrap errPacket.
func read(b []byte) (p packet, err error) {
	if !looksRight(b) {
		return p, errPacket
	}
	b = b[len(magic):]
	key, err := crypto.UnmarshalEd25519PublicKey(b[:keySize])
	if err == nil {
		p.device, err = peer.IDFromPublicKey(key)
	}
	if err != nil {
		return packet{}, fmt.Errorf("%w: %w", errPacket, err)
	}
	b = b[keySize:]
	if p.port = binary.BigEndian.Uint16(b); p.port < discovery.LeastPort {
		return packet{}, fmt.Errorf("%w: port %d", errPacket, p.port)
	}
	copy(p.start[:], b[portSize:])
	return p, nil
}
