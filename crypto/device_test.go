package crypto

import (
	"bytes"
	stded25519 "crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	libcrypto "github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// key returns the device key whose seed is n, 32 times.
func key(t testing.TB, n byte) DeviceKey {
	t.Helper()
	k, err := NewDeviceKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestDeviceIDIsLibp2ps(t *testing.T) {
	for n := range byte(20) {
		k := key(t, n)
		private, err := libcrypto.UnmarshalEd25519PrivateKey(k.Private())
		if err != nil {
			t.Fatal(err)
		}
		want, err := peer.IDFromPrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		if k.ID().String() != want.String() || peer.ID(k.ID().PeerID()) != want {
			t.Fatalf("got %s, libp2p says %s", k.ID(), want)
		}
		if got, err := DeviceFromPeer(want); err != nil || got != k.ID() {
			t.Fatalf("from peer: %s, %v", got, err)
		}
		if got, err := ParseDeviceID(want.String()); err != nil || got != k.ID() {
			t.Fatalf("from text: %s, %v", got, err)
		}
	}
}

func TestParseDeviceIDRefuses(t *testing.T) {
	good := key(t, 1).ID().String()
	for _, text := range []string{"", good[1:], good + "1", strings.ToLower(good), "0" + good[1:], strings.Repeat("1", 1<<20), PersonID{1}.String()} {
		if _, err := ParseDeviceID(text); !errors.Is(err, ErrID) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

func TestDeviceFromPeerRefuses(t *testing.T) {
	good := key(t, 1).ID().PeerID()
	for name, id := range map[string]string{
		"empty":        "",
		"short":        good[:len(good)-1],
		"long":         good + "1",
		"other prefix": "\x01" + good[1:],
		"zero key":     DeviceID{}.PeerID(),
		"small order":  DeviceID{1}.PeerID(),
	} {
		if _, err := DeviceFromPeer(id); !errors.Is(err, ErrID) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParsePersonID(t *testing.T) {
	id := PersonID{0xab, 31: 1}
	for _, text := range []string{id.String(), strings.ToUpper(id.String())} {
		if got, err := ParsePersonID(text); err != nil || got != id {
			t.Errorf("%s, %v", got, err)
		}
	}
	for _, text := range []string{"", id.String()[1:], id.String() + "0", "g" + id.String()[1:]} {
		if _, err := ParsePersonID(text); !errors.Is(err, ErrID) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDigestSeparatesDomains(t *testing.T) {
	if got, want := Digest("x", []byte("y")), sha256.Sum256([]byte("earshot/x/1\x00y")); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestVerify(t *testing.T) {
	k := key(t, 1)
	sig := k.Sign("test", []byte("words"))
	if !Verify(k.ID(), "test", []byte("words"), sig) {
		t.Fatal("own signature refused")
	}
	for name, ok := range map[string]bool{
		"other domain":  Verify(k.ID(), "tes", []byte("words"), sig),
		"other words":   Verify(k.ID(), "test", []byte("word"), sig),
		"other key":     Verify(key(t, 2).ID(), "test", []byte("words"), sig),
		"flipped":       Verify(k.ID(), "test", []byte("words"), append([]byte{sig[0] ^ 1}, sig[1:]...)),
		"short":         Verify(k.ID(), "test", []byte("words"), sig[:63]),
		"long":          Verify(k.ID(), "test", []byte("words"), append(slices.Clone(sig), 0)),
		"none":          Verify(k.ID(), "test", []byte("words"), nil),
		"zero key":      Verify(DeviceID{}, "test", []byte("words"), make([]byte, 64)),
		"key of one":    Verify(DeviceID{1}, "test", []byte("words"), append([]byte{1}, make([]byte, 63)...)),
		"not on curve":  Verify(DeviceID{2}, "test", []byte("words"), sig),
		"key past 2255": Verify(DeviceID(bytes.Repeat([]byte{0xff}, 32)), "test", []byte("words"), sig),
	} {
		if ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A key of order 1 makes R = identity, S = 0 a signature of everything: the check
// that the standard library alone does not make.
func TestSmallOrderKeySignsAnything(t *testing.T) {
	identity := DeviceID{1}
	sig := append([]byte{1}, make([]byte, 63)...)
	if !stded25519.Verify(identity[:], []byte("anything"), sig) {
		t.Fatal("the standard library refuses it by itself now: weak may go")
	}
	if Verify(identity, "test", nil, sig) {
		t.Error("accepted")
	}
}

func TestWeak(t *testing.T) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	encode := func(y *big.Int, sign byte) (key [32]byte) {
		y.FillBytes(key[:])
		slices.Reverse(key[:])
		key[31] |= sign << 7
		return key
	}
	weaks := []*big.Int{big.NewInt(0), big.NewInt(1), new(big.Int).Sub(p, big.NewInt(1))}
	for _, text := range []string{
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(b)
		weaks = append(weaks, new(big.Int).SetBytes(b))
	}
	for i := range int64(19) { // every y that is not reduced
		weaks = append(weaks, new(big.Int).Add(p, big.NewInt(i)))
	}
	for _, y := range weaks {
		for sign := range byte(2) {
			if !weak(encode(y, sign)) {
				t.Errorf("y = %x, sign %d: accepted", y, sign)
			}
		}
	}
	for i := int64(2); i < 20; i++ {
		if weak(encode(big.NewInt(i), 0)) || weak(encode(new(big.Int).Sub(p, big.NewInt(i)), 1)) {
			t.Errorf("±%d: refused", i)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	k := key(t, 7)
	_, recovery, err := NewPerson(bytes.NewReader(make([]byte, 48)), k)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []any{k, recovery, &recovery} {
		if got := fmt.Sprintf("%v %+v %s", secret, secret, secret); got != "(secret) (secret) (secret)" {
			t.Errorf("printed %q", got)
		}
	}
}

// Short and long messages are hashed by different ways.
func TestDigestOfEachLength(t *testing.T) {
	for n := range 600 {
		msg := bytes.Repeat([]byte{byte(n)}, n)
		for _, domain := range []string{"", "event"} {
			want := sha256.Sum256([]byte("earshot/" + domain + "/1\x00" + string(msg)))
			if got := Digest(domain, msg); got != want {
				t.Fatalf("of %d bytes: %x, want %x", n, got, want)
			}
		}
	}
}
