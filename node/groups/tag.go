package groups

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"

	"github.com/earshot-im/earshot/crypto"
)

// Tag returns the name that a device has for a group in one session. Only those who know the
// group's secret can tell which group it is. It does not matter which of the nonces is the
// sender's. node/PROTOCOL.md has the bytes.
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
