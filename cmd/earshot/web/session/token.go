package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

const (
	KeyBytes    = sha256.Size
	codeBytes   = 16 // of the code in a link
	secretBytes = 32 // of the secret and the cookie of a session
	ticketBytes = 16
	NonceChars  = 43 // of 32 bytes as base64url
	NameBytes   = 8

	keyPrefix   = "earshot web\n"
	proofPrefix = "earshot web proof\n"
)

// KeyOf returns the key of a code, secret or cookie: what the node keeps of it. WEB.md says so to the page,
// which computes the same.
func KeyOf(token string) [KeyBytes]byte { return sha256.Sum256([]byte(keyPrefix + token)) }

// NameOf returns the name by which a page says which key it means. It gives nothing away of the key.
func NameOf(key [KeyBytes]byte) string {
	sum := sha256.Sum256(key[:])
	return hex.EncodeToString(sum[:NameBytes])
}

// ProofOf shows a page at an origin that whoever has computed it knows the key.
func ProofOf(key [KeyBytes]byte, origin, nonce string) string {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(proofPrefix + origin + "\n" + nonce))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func same(a, b [KeyBytes]byte) bool { return hmac.Equal(a[:], b[:]) }

// random returns n random bytes.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func NewLabel() string  { return base32Small.EncodeToString(random(labelBytes)) }
func newCode() string   { return base32Small.EncodeToString(random(codeBytes)) }
func newSecret() string { return base64.RawURLEncoding.EncodeToString(random(secretBytes)) }
func newTicket() string { return base64.RawURLEncoding.EncodeToString(random(ticketBytes)) }
