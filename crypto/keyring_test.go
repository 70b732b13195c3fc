package crypto

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto/canon"
)

func sameKeyring(t *testing.T, got, want Keyring) {
	t.Helper()
	if !got.Device.private.Equal(want.Device.private) || !bytes.Equal(got.Card.Bytes(), want.Card.Bytes()) ||
		(got.Recovery == nil) != (want.Recovery == nil) || got.Recovery != nil && *got.Recovery != *want.Recovery ||
		!slices.Equal(got.seals, want.seals) {
		t.Error("keyrings differ")
	}
}

func TestKeyringWithoutCardOrRecovery(t *testing.T) {
	random := counting(1)
	k, err := NewKeyring(&random, key(t, 1), Card{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := k.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseKeyring(b, []byte("not needed"))
	if err != nil {
		t.Fatal(err)
	}
	sameKeyring(t, got, k)
}

func TestKeyringPassphrase(t *testing.T) {
	k := goldenKeyring(t)
	b := readGolden(t, "keyring_protected.hex")
	for passphrase, want := range map[string]error{"": ErrPassphraseNeeded, "wrong": ErrWrongPassphrase} {
		if _, err := ParseKeyring(b, []byte(passphrase)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", passphrase, err, want)
		}
	}
	for name, secret := range map[string][]byte{"device": k.Device.private.Seed(), "recovery": k.Recovery.entropy[:], "seal": k.seals[0].key[:]} {
		if bytes.Contains(b, secret) {
			t.Errorf("%s key is readable", name)
		}
	}
}

func TestKeyringEveryByteCounts(t *testing.T) {
	b := readGolden(t, "keyring.hex")
	for i := range b {
		changed := slices.Clone(b)
		changed[i] ^= 1
		if _, err := ParseKeyring(changed, nil); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, err := ParseKeyring(b[:i], nil); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

// enclose puts a checksum around a file that some other program might have written.
func enclose(file []byte) []byte {
	b := slices.Concat([]byte(keyringMagic), file)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func TestParseKeyringRefuses(t *testing.T) {
	file := func(p protection, keys []byte) []byte {
		w := p.writer()
		w.Bytes(7, keys)
		return enclose(w.Out())
	}
	salt := make([]byte, argonSalt)
	seed := bytes.Repeat([]byte{1}, 32)
	seal := func(number uint64, size int) []byte {
		var w canon.Writer
		w.Uint(1, number)
		w.Bytes(2, make([]byte, size))
		return w.Out()
	}
	keys := func(seed, card, entropy []byte, seals ...[]byte) []byte {
		var w canon.Writer
		w.Bytes(1, seed)
		w.Bytes(2, card)
		w.Bytes(3, entropy)
		for _, s := range seals {
			w.Element(4, s)
		}
		return w.Out()
	}
	good := keys(seed, nil, nil, seal(1, 32))
	if _, err := ParseKeyring(file(protection{}, good), nil); err != nil {
		t.Fatal(err)
	}
	many := make([][]byte, maxSealKeys+1)
	for i := range many {
		many[i] = seal(uint64(i+1), 32)
	}
	trailing := protection{}.writer()
	trailing.Bytes(7, good)
	var later, none canon.Writer
	later.Uint(1, 2)
	later.Uint(99, 1)
	none.Bytes(7, good)

	for _, c := range []struct {
		name string
		in   []byte
		want error
		text string
	}{
		{"nothing", nil, ErrDamaged, "not a keyring"},
		{"another file", []byte(strings.Repeat("x", 100)), ErrDamaged, "not a keyring"},
		{"too large", enclose(make([]byte, MaxKeyring)), ErrDamaged, "more than"},
		{"later version", enclose(later.Out()), ErrNewer, "version 2"},
		{"no version", enclose(none.Out()), ErrDamaged, "version 0"},
		{"trailing", enclose(append(trailing.Out(), 0)), ErrDamaged, "trailing"},
		{"unknown protection", file(protection{kind: 2}, good), ErrDamaged, "unknown protection 2"},
		{"parameters without protection", file(protection{time: 1}, good), ErrDamaged, "without protection"},
		{"salt without protection", file(protection{salt: salt}, good), ErrDamaged, "without protection"},
		{"no salt", file(protection{1, 1, 64, 1, nil}, good), ErrDamaged, "no salt"},
		{"no time", file(protection{1, 0, 64, 1, salt}, good), ErrDamaged, "time 0"},
		{"much time", file(protection{1, 11, 64, 1, salt}, good), ErrDamaged, "time 11"},
		{"much memory", file(protection{1, 1, 256<<10 + 1, 1, salt}, good), ErrDamaged, "memory 262145"},
		{"memory past 32 bits", file(protection{1, 1, 1 << 32, 1, salt}, good), ErrDamaged, "memory"},
		{"little memory", file(protection{1, 1, 7, 1, salt}, good), ErrDamaged, "memory 7"},
		{"no threads", file(protection{1, 1, 64, 0, salt}, good), ErrDamaged, "threads 0"},
		{"many threads", file(protection{1, 1, 64, 5, salt}, good), ErrDamaged, "threads 5"},
		{"no nonce", file(protection{1, 1, 64, 1, salt}, make([]byte, 23)), ErrDamaged, "no nonce"},
		{"no ciphertext", file(protection{1, 1, 64, 1, salt}, make([]byte, 24)), ErrWrongPassphrase, ""},
		{"no keys", file(protection{}, nil), ErrDamaged, "field 1: missing"},
		{"short seed", file(protection{}, keys(seed[:31], nil, nil, seal(1, 32))), ErrDamaged, "31 bytes"},
		{"bad card", file(protection{}, keys(seed, []byte{1}, nil, seal(1, 32))), ErrDamaged, "invalid card"},
		{"short recovery", file(protection{}, keys(seed, nil, seed[:31], seal(1, 32))), ErrDamaged, "31 bytes"},
		{"no seal key", file(protection{}, keys(seed, nil, nil)), ErrDamaged, "no seal key"},
		{"seal key zero", file(protection{}, keys(seed, nil, nil, seal(0, 32))), ErrDamaged, "seal key 0"},
		{"seal keys descending", file(protection{}, keys(seed, nil, nil, seal(2, 32), seal(1, 32))), ErrDamaged, "seal key 1 after 2"},
		{"seal key twice", file(protection{}, keys(seed, nil, nil, seal(2, 32), seal(2, 32))), ErrDamaged, "seal key 2 after 2"},
		{"seal key past 32 bits", file(protection{}, keys(seed, nil, nil, seal(1<<32, 32))), ErrDamaged, "seal key 4294967296"},
		{"short seal key", file(protection{}, keys(seed, nil, nil, seal(1, 31))), ErrDamaged, "31 bytes"},
		{"many seal keys", file(protection{}, keys(seed, nil, nil, many...)), ErrDamaged, "more than 256"},
	} {
		_, err := ParseKeyring(c.in, []byte("passphrase"))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v: %s", c.name, err, c.want, c.text)
		}
	}
}

// A card of a later version is no damage: only the program is too old.
func TestKeyringWithNewerCard(t *testing.T) {
	var g, card canon.Writer
	g.Uint(1, 2)
	card.Bytes(1, g.Out())
	k := goldenKeyring(t)
	k.Card = Card{raw: card.Out()}
	b, err := k.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseKeyring(b, nil); !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

// The largest keyring that can come about must be readable again.
func TestLargestKeyring(t *testing.T) {
	k := goldenKeyring(t)
	k.Card = longestCard(t)
	for n := uint32(8); len(k.seals) < maxSealKeys; n++ {
		k.seals = append(k.seals, sealKey{number: n << 20})
	}
	b, err := k.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseKeyring(b, nil); err != nil {
		t.Fatalf("%d bytes: %v", len(b), err)
	}
}

func TestSeal(t *testing.T) {
	k := goldenKeyring(t)
	place := []byte("place")
	sealed := k.Seal([]byte("words"), place)
	if len(sealed) != len("words")+SealOverhead {
		t.Errorf("%d bytes", len(sealed))
	}
	if bytes.Equal(sealed, k.Seal([]byte("words"), place)) {
		t.Error("the same bytes twice")
	}
	older := k
	older.seals = k.seals[:1]
	byOlder := older.Seal(nil, nil)
	if got, err := k.Open(byOlder, nil); err != nil || len(got) != 0 {
		t.Errorf("under the older key: %q, %v", got, err)
	}
	if _, err := older.Open(sealed, place); !errors.Is(err, ErrSealed) || !strings.Contains(err.Error(), "no key 7") {
		t.Errorf("under a key that it has not: %v", err)
	}
	if _, err := k.Open(sealed, []byte("elsewhere")); !errors.Is(err, ErrSealed) {
		t.Errorf("elsewhere: %v", err)
	}
	for i := range sealed {
		changed := slices.Clone(sealed)
		changed[i] ^= 1
		if _, err := k.Open(changed, place); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d: %v", i, err)
		}
		if _, err := k.Open(sealed[:i], place); !errors.Is(err, ErrSealed) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}

func FuzzParseKeyring(f *testing.F) {
	f.Add(readGolden(f, "keyring.hex"))
	f.Add(readGolden(f, "keyring_protected.hex"))
	f.Fuzz(func(t *testing.T, b []byte) {
		// The checksum is set right, or nothing behind it would ever be reached; and
		// without a passphrase, so that the fuzzer spends no time in Argon2.
		if len(b) >= len(keyringMagic)+sha256.Size {
			b = enclose(b[len(keyringMagic) : len(b)-sha256.Size])
		}
		k, err := ParseKeyring(b, nil)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) && !errors.Is(err, ErrPassphraseNeeded) {
				t.Fatal(err)
			}
			return
		}
		if again, err := k.Marshal(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x came back as %x, %v", b, again, err)
		}
	})
}
