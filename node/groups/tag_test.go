package groups

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

func TestTag(t *testing.T) {
	secret, low, high := [32]byte{1}, [32]byte{2}, [32]byte{3}
	ann, bob := crypto.DeviceID{4}, crypto.DeviceID{5}
	tag := Tag(secret, low, high, ann)
	if want := "60d07e09b766b04a1e6d9e25cb616b112e71a4f6e0fe9121ba867b2219102b68"; hex.EncodeToString(tag) != want {
		t.Errorf("%x, want %s", tag, want)
	}
	if !bytes.Equal(tag, Tag(secret, high, low, ann)) {
		t.Error("it depends on whose nonce is whose")
	}
	for what, other := range map[string][]byte{
		"of the other's":       Tag(secret, low, high, bob),
		"of another group":     Tag([32]byte{9}, low, high, ann),
		"in another session":   Tag(secret, low, [32]byte{9}, ann),
		"in an older session":  Tag(secret, [32]byte{9}, high, ann),
		"with one nonce twice": Tag(secret, low, low, ann),
	} {
		if bytes.Equal(tag, other) {
			t.Errorf("it is the tag %s", what)
		}
	}
}
