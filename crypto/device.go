package crypto

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"github.com/mr-tron/base58"
)

// Hash is a SHA-256.
type Hash = [32]byte

// SignatureSize is the length of every signature in bytes.
const SignatureSize = ed25519.SignatureSize

// Digest returns SHA-256("earshot/" domain "/1" 0x00 msg). A domain is a constant without NUL that
// belongs to one format, so that no hash or signature made for one purpose serves another.
func Digest(domain string, msg []byte) Hash {
	var room [512]byte // most of what is hashed is short, and takes no memory here
	if len(domain)+len(msg) < len(room)-16 {
		return sha256.Sum256(appendSeparated(room[:0], domain, msg))
	}
	h := sha256.New() // rather than copy a long message
	_, _ = h.Write(separated(domain, nil))
	_, _ = h.Write(msg)
	return Hash(h.Sum(nil))
}

func separated(domain string, msg []byte) []byte {
	return appendSeparated(make([]byte, 0, len("earshot/")+len(domain)+len("/1\x00")+len(msg)), domain, msg)
}

// appendSeparated appends what is hashed or signed to b: less than 16 bytes, domain and msg.
func appendSeparated(b []byte, domain string, msg []byte) []byte {
	b = append(b, "earshot/"...)
	b = append(b, domain...)
	b = append(b, "/1\x00"...)
	return append(b, msg...)
}

// DeviceID is a device's Ed25519 public key.
type DeviceID [32]byte

// peerPrefix is what stands before an Ed25519 key in a libp2p peer ID: the identity multihash (code
// 0, length 36) of the protobuf {1: key type Ed25519, 2: key}. See
// https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md. It is spelt out here because
// libp2p's own package would bring seventy others.
const peerPrefix = "\x00\x24\x08\x01\x12\x20"

// maxDeviceText is how many characters DeviceID.String returns.
const maxDeviceText = 52

// PeerID returns the libp2p peer ID in its binary form: peer.ID(d.PeerID()).
func (d DeviceID) PeerID() string { return peerPrefix + string(d[:]) }

// String returns the text of the libp2p peer ID, 12D3KooW….
func (d DeviceID) String() string { return base58.Encode([]byte(d.PeerID())) }

// ParseDeviceID reads what String wrote.
func ParseDeviceID(text string) (DeviceID, error) {
	if len(text) > maxDeviceText { // decoding takes time that grows with the square of the length
		return DeviceID{}, fmt.Errorf("%w: a device ID has at most %d characters", ErrID, maxDeviceText)
	}
	id, err := base58.Decode(text)
	if err != nil {
		return DeviceID{}, fmt.Errorf("%w: %w", ErrID, err)
	}
	return DeviceFromPeer(string(id))
}

// DeviceFromPeer returns the device whose libp2p peer ID (a peer.ID) is id, or ErrID if its key is
// not a usable Ed25519 key.
func DeviceFromPeer[ID ~string](id ID) (DeviceID, error) {
	s := string(id)
	if len(s) != len(peerPrefix)+len(DeviceID{}) || s[:len(peerPrefix)] != peerPrefix {
		return DeviceID{}, fmt.Errorf("%w: not the peer ID of an Ed25519 key", ErrID)
	}
	d := DeviceID([]byte(s[len(peerPrefix):]))
	if weak(d) {
		return DeviceID{}, fmt.Errorf("%w: anyone could sign for this key", ErrID)
	}
	return d, nil
}

// DeviceKey is the private key of a device. The zero DeviceKey is no key.
type DeviceKey struct {
	private ed25519.PrivateKey
}

// NewDeviceKey makes a key from 32 bytes of random.
func NewDeviceKey(random io.Reader) (DeviceKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return DeviceKey{}, fmt.Errorf("make device key: %w", err)
	}
	return DeviceKey{ed25519.NewKeyFromSeed(seed)}, nil
}

// ID returns the public key.
func (k DeviceKey) ID() DeviceID { return DeviceID(k.private[ed25519.SeedSize:]) }

// Private returns a copy of the key, for the libp2p host of this device.
func (k DeviceKey) Private() ed25519.PrivateKey { return slices.Clone(k.private) }

// String hides the key.
func (DeviceKey) String() string { return "(secret)" }

// Sign signs the bytes that Digest hashes.
func (k DeviceKey) Sign(domain string, msg []byte) []byte {
	return ed25519.Sign(k.private, separated(domain, msg))
}

// Verify reports whether sig is what the device signed over msg in domain.
func Verify(id DeviceID, domain string, msg, sig []byte) bool {
	return !weak(id) && ed25519.Verify(id[:], separated(domain, msg), sig)
}

// weak reports whether a public key is a point of small order, for which one signature fits many
// messages, or not the canonical encoding of its point, so that one key would be two devices.
func weak(key [32]byte) bool {
	key[31] &= 0x7f // the sign of x; it has no meaning at small order
	switch string(key[:]) {
	case "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", // order 4
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", // order 1
		"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", // order 2
		"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05", // order 8
		"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a": // order 8
		return true
	}
	// The field prime is 2^255-19: y must be below it.
	if key[31] != 0x7f || key[0] < 0xed {
		return false
	}
	for _, b := range key[1:31] {
		if b != 0xff {
			return false
		}
	}
	return true
}
