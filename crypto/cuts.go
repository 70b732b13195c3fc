package crypto

import (
	"crypto/sha256"
	"math/bits"

	"github.com/earshot-im/earshot/crypto/canon"
)

// Cut is a statement of what is still accepted from a revoked device in one conversation. The
// packages above decide what it says. The salt is random, so that the root on a public card tells
// nobody which conversations exist. The code that makes cuts shuffles them, so that their places
// tell nothing either.
type Cut struct {
	Salt      [16]byte
	Statement []byte
}

// CutProof places one cut beneath a root: the Index-th of Size, and the hashes of the subtrees
// beside its path, the lowest first.
type CutProof struct {
	Index, Size uint64
	Path        []Hash
}

// CutsRoot returns the Merkle tree hash of RFC 6962, section 2.1, over the cuts.
func CutsRoot(cuts []Cut) Hash {
	switch n := len(cuts); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return cuts[0].leaf()
	default:
		k := split(n)
		return node(CutsRoot(cuts[:k]), CutsRoot(cuts[k:]))
	}
}

// ProveCut returns the proof of cuts[index].
func ProveCut(cuts []Cut, index int) CutProof {
	return CutProof{Index: uint64(index), Size: uint64(len(cuts)), Path: cutPath(cuts, index)}
}

func cutPath(cuts []Cut, index int) []Hash {
	if len(cuts) == 1 {
		return nil
	}
	k := split(len(cuts))
	if index < k {
		return append(cutPath(cuts[:k], index), CutsRoot(cuts[k:]))
	}
	return append(cutPath(cuts[k:], index-k), CutsRoot(cuts[:k]))
}

// VerifyCut reports whether proof places cut beneath root. The algorithm is that of RFC 9162,
// section 2.1.3.2.
func VerifyCut(root Hash, cut Cut, proof CutProof) bool {
	if proof.Index >= proof.Size {
		return false
	}
	index, last := proof.Index, proof.Size-1
	h := cut.leaf()
	for _, beside := range proof.Path {
		if last == 0 {
			return false
		}
		if index&1 == 1 || index == last {
			h = node(beside, h)
			for index&1 == 0 && index != 0 {
				index, last = index>>1, last>>1
			}
		} else {
			h = node(h, beside)
		}
		index, last = index>>1, last>>1
	}
	return last == 0 && h == root
}

// split returns the largest power of two below n, which is at least 2.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }

func (c Cut) leaf() Hash {
	var w canon.Writer
	w.Bytes(1, c.Salt[:])
	w.Bytes(2, c.Statement)
	return sha256.Sum256(append([]byte{0}, w.Out()...))
}

func node(left, right Hash) Hash {
	b := make([]byte, 0, 1+2*len(left))
	b = append(b, 1)
	b = append(b, left[:]...)
	return sha256.Sum256(append(b, right[:]...))
}
