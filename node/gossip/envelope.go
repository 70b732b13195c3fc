package gossip

import (
	"bytes"
	"crypto/cipher"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	nonceSize = chacha20poly1305.NonceSizeX
	tagSize   = chacha20poly1305.Overhead
)

// envelope is what travels, as canonical protobuf with these fields from 1 up.
type envelope struct {
	epoch  EpochID
	nonce  [nonceSize]byte
	sealed []byte
}

// parseEnvelope takes an envelope, which the result aliases. Its error matches errSealed.
func parseEnvelope(b []byte) (envelope, error) {
	if len(b) > maxSealed {
		return envelope{}, fmt.Errorf("%w: %d bytes", errSealed, len(b))
	}
	r := canon.NewReader(b)
	e := envelope{
		epoch:  EpochID(r.Fixed(1, len(EpochID{}))),
		nonce:  [nonceSize]byte(r.Fixed(2, nonceSize)),
		sealed: r.Bytes(3, MaxPayload+1+tagSize),
	}
	if err := r.End(); err != nil {
		return envelope{}, fmt.Errorf("%w: %w", errSealed, err)
	}
	if n := len(e.sealed) - tagSize; n < padding || n%padding != 0 {
		return envelope{}, fmt.Errorf("%w: %d bytes sealed", errSealed, len(e.sealed))
	}
	return e, nil
}

func (e *envelope) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, e.epoch[:])
	w.Bytes(2, e.nonce[:])
	w.Bytes(3, e.sealed)
	return w.Out()
}

// seal makes the one envelope that a payload has under an epoch. The nonce is derived from what is
// sealed, so that a run is always the same message to the mesh, even if several members publish it.
func seal(epoch EpochID, key *[32]byte, payload []byte) []byte {
	plain := make([]byte, (len(payload)/padding+1)*padding)
	plain[copy(plain, payload)] = 0x80
	e := envelope{epoch: epoch, nonce: nonce(key, plain)}
	e.sealed = aead(key).Seal(nil, e.nonce[:], plain, epoch[:])
	return e.marshal()
}

// open returns the payload of an envelope made by seal, and of no other. Its error matches
// errSealed.
func (e *envelope) open(key *[32]byte) ([]byte, error) {
	plain, err := aead(key).Open(nil, e.nonce[:], e.sealed, e.epoch[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSealed, err)
	}
	payload := bytes.TrimRight(plain, "\x00")
	n := len(payload) - 1
	if n < 0 || payload[n] != 0x80 || len(plain) != (n/padding+1)*padding {
		return nil, fmt.Errorf("%w: padding", errSealed)
	}
	if nonce(key, plain) != e.nonce {
		return nil, fmt.Errorf("%w: another nonce", errSealed)
	}
	return payload[:n:n], nil
}

func nonce(key *[32]byte, plain []byte) [nonceSize]byte {
	k := derive(key[:], "nonce", nil)
	n := derive(k[:], "nonce", plain)
	return [nonceSize]byte(n[:])
}

func aead(key *[32]byte) cipher.AEAD {
	k := derive(key[:], "seal", nil)
	a, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	return a
}
