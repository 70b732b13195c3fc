package crypto

import (
	"crypto/ed25519"
	"fmt"
	"strings"

	"github.com/cosmos/go-bip39"
)

// Recovery is the key of last resort of a person: 32 random bytes, which people write down as 24
// words of BIP 39 (English list, with its checksum).
type Recovery struct {
	entropy [32]byte
}

const (
	recoveryWords  = 24
	domainRecovery = "recovery seed"
)

// Public returns the key that the genesis names.
func (r Recovery) Public() [32]byte {
	return [32]byte(r.signer().Public().(ed25519.PublicKey))
}

// signer derives the Ed25519 key. Its seed is not the entropy itself, so that words shared with
// some other BIP 39 program are not a shared key.
func (r Recovery) signer() ed25519.PrivateKey {
	seed := Digest(domainRecovery, r.entropy[:])
	return ed25519.NewKeyFromSeed(seed[:])
}

// String hides the words.
func (Recovery) String() string { return "(secret)" }

// Words returns the 24 words.
func (r Recovery) Words() []string {
	text, err := bip39.NewMnemonic(r.entropy[:])
	if err != nil {
		panic(err) // only for another length of entropy
	}
	return strings.Fields(text)
}

// ParseRecovery reads what Words wrote, in any case and with any space between the words. The error
// matches ErrRecovery.
func ParseRecovery(text string) (Recovery, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) != recoveryWords {
		return Recovery{}, fmt.Errorf("%w: %d words, not %d", ErrRecovery, len(words), recoveryWords)
	}
	for i, word := range words {
		if _, ok := bip39.ReverseWordMap[word]; !ok {
			return Recovery{}, fmt.Errorf("%w: word %d is not in the list", ErrRecovery, i+1)
		}
	}
	b, err := bip39.MnemonicToByteArray(strings.Join(words, " "))
	if err != nil {
		return Recovery{}, fmt.Errorf("%w: the checksum is wrong", ErrRecovery)
	}
	return Recovery{[32]byte(b)}, nil
}
