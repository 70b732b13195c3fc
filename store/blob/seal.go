package blob

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/earshot-im/earshot/crypto"
)

// SealOverhead is how many bytes a sealed part has more than the part.
const SealOverhead = 16

// Part is a part of what proves and makes up a stream, each of which is sealed with a key of its own.
type Part string

const (
	Chunks    Part = domainChunk
	Pages     Part = domainPage
	Manifests Part = domainManifest
)

// Sealer seals parts of one attachment at rest, and opens them. Any goroutine may use it.
type Sealer struct {
	part Part
	aead cipher.AEAD
}

// NewSealer returns the Sealer of one kind of parts of an attachment with a key.
func NewSealer(key [32]byte, part Part) Sealer {
	derived, err := hkdf.Key(sha256.New, key[:], nil, string(part), 32)
	if err != nil {
		panic(err) // only in a mode of the library that forbids keys of this size
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		panic(err) // only of another size
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size
	}
	return Sealer{part, aead}
}

// Seal appends b to dst, sealed. The error is ErrProof if b isn't what the hash stands for: nothing
// is sealed then.
func (s Sealer) Seal(dst []byte, hash crypto.Hash, b []byte) ([]byte, error) {
	if crypto.Digest(string(s.part), b) != hash {
		return dst, ErrProof
	}
	return s.aead.Seal(dst, hash[:s.aead.NonceSize()], b, hash[:]), nil
}

// SealNew appends b to dst, sealed for its own hash, which it returns.
func (s Sealer) SealNew(dst, b []byte) (crypto.Hash, []byte) {
	hash := crypto.Digest(string(s.part), b)
	return hash, s.aead.Seal(dst, hash[:s.aead.NonceSize()], b, hash[:])
}

// Open appends what was sealed for a hash to dst. The error is ErrProof if it isn't that: the disk has
// changed it.
func (s Sealer) Open(dst []byte, hash crypto.Hash, sealed []byte) ([]byte, error) {
	out, err := s.aead.Open(dst, hash[:s.aead.NonceSize()], sealed, hash[:])
	if err != nil {
		return dst, ErrProof
	}
	return out, nil
}
