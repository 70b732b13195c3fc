package crypto

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// SealOverhead is how many bytes longer a sealed text is than the plain one: the number of its key,
// the nonce and the tag.
const SealOverhead = 4 + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// Keyring is what a node must keep to stay who it is and to read its own database. It has to be on
// disk before anything is signed or sealed with a key in it. Card is the zero Card while the device
// waits to be added to one; Recovery is nil once its owner has the words on paper. Seal and Open
// may be called by several goroutines while nobody changes the Keyring.
type Keyring struct {
	Device   DeviceKey
	Card     Card
	Recovery *Recovery
	seals    []sealKey // ascending by number, never empty; the last one seals
}

// sealKey seals bodies and names on the disk. Its number is stored with everything that it sealed,
// so that nothing has to be sealed again when there is a new key.
type sealKey struct {
	number uint32 // from 1
	key    [chacha20poly1305.KeySize]byte
}

// NewKeyring makes a keyring with a first seal key from 32 bytes of random.
func NewKeyring(random io.Reader, device DeviceKey, card Card, recovery *Recovery) (Keyring, error) {
	seal := sealKey{number: 1}
	if _, err := io.ReadFull(random, seal.key[:]); err != nil {
		return Keyring{}, fmt.Errorf("make keyring: %w", err)
	}
	return Keyring{Device: device, Card: card, Recovery: recovery, seals: []sealKey{seal}}, nil
}

// String hides the keys.
func (Keyring) String() string { return "(secret)" }

// Seal encrypts plain under the newest seal key and binds it to aad, which says where it belongs.
// The result is number of the key ‖ nonce ‖ ciphertext.
func (k Keyring) Seal(plain, aad []byte) []byte {
	var nonce [chacha20poly1305.NonceSizeX]byte
	rand.Read(nonce[:]) // never fails
	return k.seal(nonce, plain, aad)
}

func (k Keyring) seal(nonce [chacha20poly1305.NonceSizeX]byte, plain, aad []byte) []byte {
	key := k.seals[len(k.seals)-1]
	sealed := make([]byte, 0, len(plain)+SealOverhead)
	sealed = binary.BigEndian.AppendUint32(sealed, key.number)
	sealed = append(sealed, nonce[:]...)
	return aead(key.key[:]).Seal(sealed, nonce[:], plain, aad)
}

// Open returns what Seal was given, with the same aad. The error matches ErrSealed.
func (k Keyring) Open(sealed, aad []byte) ([]byte, error) { return k.AppendOpen(nil, sealed, aad) }

// AppendOpen appends to to what Open returns.
func (k Keyring) AppendOpen(to, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < SealOverhead {
		return nil, fmt.Errorf("%w: only %d bytes", ErrSealed, len(sealed))
	}
	number := binary.BigEndian.Uint32(sealed)
	nonce := sealed[4 : 4+chacha20poly1305.NonceSizeX]
	for _, key := range k.seals {
		if key.number != number {
			continue
		}
		plain, err := aead(key.key[:]).Open(to, nonce, sealed[4+len(nonce):], aad)
		if err != nil {
			return nil, fmt.Errorf("%w: altered, or from another place", ErrSealed)
		}
		return plain, nil
	}
	return nil, fmt.Errorf("%w: no key %d", ErrSealed, number)
}

func aead(key []byte) cipher.AEAD {
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err) // only for another length of key
	}
	return a
}
