package gossip

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/earshot-im/earshot/crypto"
)

// EpochID names an epoch. It is derived from the key and the control heads, so two epochs with one
// ID are the same.
type EpochID [16]byte

// Epoch is one period of a group's gossip key, as members hand it to each other over their links.
// It never goes to disk.
type Epoch struct {
	ID      EpochID
	Key     [32]byte
	Control []crypto.Hash // 1 to 8, sorted: the heads of the control state that it was minted under
	Age     time.Duration // since it was minted, as far as the teller knows
}

// String hides the key.
func (Epoch) String() string { return "(secret)" }

// check returns ErrEpoch for an epoch that no honest member mints.
func (e *Epoch) check() error {
	ordered := slices.IsSortedFunc(e.Control, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) })
	twice := len(slices.Compact(slices.Clone(e.Control))) != len(e.Control)
	if len(e.Control) == 0 || len(e.Control) > maxControl || !ordered || twice || e.Age < 0 {
		return ErrEpoch
	}
	if e.ID != epochID(&e.Key, e.Control) {
		return ErrEpoch
	}
	return nil
}

func epochID(key *[32]byte, control []crypto.Hash) EpochID {
	var heads []byte
	for _, h := range control {
		heads = append(heads, h[:]...)
	}
	id := derive(key[:], "epoch", heads)
	return EpochID(id[:])
}

// topic is the name under which messages of an epoch travel. Outsiders learn nothing from it, not
// even whether two topics belong to one group.
func topic(key *[32]byte) string {
	name := derive(key[:], "topic", nil)
	return hex.EncodeToString(name[:])
}

// protocolID names the streams of a group's gossip. Only somebody who knows the group's secret can
// ask for it.
func protocolID(secret [32]byte) protocol.ID {
	name := derive(secret[:], "gossip", nil)
	return protocol.ID("/earshot/gossip/1/" + hex.EncodeToString(name[:16]))
}

// derive makes a key or a name from a key, another one for each use.
func derive(key []byte, use string, message []byte) [32]byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("earshot/" + use + "/1\x00"))
	h.Write(message)
	return [32]byte(h.Sum(nil))
}
