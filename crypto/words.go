package crypto

import (
	"bytes"
	"slices"
	"strings"

	"github.com/cosmos/go-bip39"
)

const (
	safetyWords  = 10
	safetyRounds = 1 << 14
	domainSafety = "safety words"
)

// SafetyWords returns the words that two people compare to know that each has the other's person
// ID. Both get the same ones. They are words of the BIP 39 English list, 11 bits each: 110 bits of
// a hash of both IDs. Someone in the middle would have to find two persons of their own that give
// one pair of people the same words, some 2^55 attempts each; hashing 2^14 times (a few
// milliseconds for those who compare) makes that 2^69 hashes.
func SafetyWords(a, b PersonID) [safetyWords]string {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	h := Digest(domainSafety, slices.Concat(a[:], b[:]))
	for range safetyRounds {
		h = Digest(domainSafety, h[:])
	}
	var words [safetyWords]string
	for i := range words {
		words[i] = bip39.WordList[bits11(h, i*11)]
	}
	return words
}

// bits11 returns the 11 bits of h that begin at bit from.
func bits11(h Hash, from int) int {
	n := 0
	for bit := from; bit < from+11; bit++ {
		n = n<<1 | int(h[bit/8]>>(7-bit%8)&1)
	}
	return n
}

// SafetyWordsEqual reports whether someone typed the words: in any case, with any spaces, hyphens
// or line ends between them.
func SafetyWordsEqual(typed string, words [safetyWords]string) bool {
	got := strings.FieldsFunc(strings.ToLower(typed), func(r rune) bool {
		return strings.ContainsRune(" \t\r\n-", r)
	})
	return slices.Equal(got, words[:])
}
