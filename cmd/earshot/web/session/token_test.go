package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"testing"
	"time"
)

// The page computes names and proofs as WEB.md has them. A name must give nothing away of its key.
func TestNameAndProof(t *testing.T) {
	const token, origin, nonce = "a token", "http://abcdefghijklmnop.localhost:22350", "a nonce"
	key := sha256.Sum256([]byte("earshot web\n" + token))
	if KeyOf(token) != key {
		t.Errorf("%x", KeyOf(token))
	}
	sum := sha256.Sum256(key[:])
	if got := NameOf(key); got != hex.EncodeToString(sum[:8]) {
		t.Error(got)
	}
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("earshot web proof\n" + origin + "\n" + nonce))
	if got := ProofOf(key, origin, nonce); got != base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) {
		t.Error(got)
	}
}

// Nobody guesses a token, and no part of a key is as good as the whole.
func TestTokens(t *testing.T) {
	for name, c := range map[string]struct {
		make  func() string
		chars int // of 80, 128, 256 and 128 bits
	}{"label": {NewLabel, 16}, "code": {newCode, 26}, "secret": {newSecret, 43}, "ticket": {newTicket, 22}} {
		if a, b := c.make(), c.make(); len(a) != c.chars || a == b {
			t.Errorf("%s: %q, %q", name, a, b)
		}
	}
	key := KeyOf("x")
	for i := range key {
		other := key
		other[i] ^= 1
		if same(key, other) {
			t.Errorf("byte %d is no matter", i)
		}
	}
}

// The owner sees which sessions there are now, those first that were used last.
func TestList(t *testing.T) {
	c := newClocked(t)
	first := c.visit()
	c.at = c.at.Add(time.Minute)
	second := c.visit()
	if all := c.List(); len(all) != 2 || all[0].ID != second.name || all[1].ID != first.name {
		t.Errorf("%+v", all)
	}
	c.at = c.at.Add(sessionRest)
	if all := c.List(); len(all) != 1 || all[0].ID != second.name || !c.Used() {
		t.Errorf("%+v", all)
	}
}
