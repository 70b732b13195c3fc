package groups

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"

	"github.com/earshot-im/earshot/crypto"
)

// Tag is how a device names a group in one session: only who knows the group's secret can tell. Which nonce is whose does
// not matter. node/PROTOCOL.md has the bytes.
func Tag(secret, a, b [32]byte, sender crypto.DeviceID) []byte {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte("earshot/tag/1\x00"))
	mac.Write(a[:])
	mac.Write(b[:])
	mac.Write(sender[:])
	return mac.Sum(nil)
}
