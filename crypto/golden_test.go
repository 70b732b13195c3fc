package crypto

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden vectors anew; every format has changed then")

// golden compares text with a file in testdata.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	got += "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%swant\n%s", file, got, want)
	}
}

// goldenHex is golden for bytes: 32 of them a line.
func goldenHex(t *testing.T, file string, b []byte) {
	t.Helper()
	var lines []string
	for len(b) > 32 {
		lines, b = append(lines, hex.EncodeToString(b[:32])), b[32:]
	}
	golden(t, file, strings.Join(append(lines, hex.EncodeToString(b)), "\n"))
}

// readGolden returns the bytes of a file of goldenHex.
func readGolden(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// counting is a source of "random" bytes: from, from+1, and so on.
type counting byte

func (c *counting) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(*c)
		*c++
	}
	return len(b), nil
}

// person returns the person whose first device is key(n).
func person(t testing.TB, n byte) (Card, Recovery) {
	t.Helper()
	random := counting(n)
	card, recovery, err := NewPerson(&random, key(t, n))
	if err != nil {
		t.Fatal(err)
	}
	return card, recovery
}

// must returns the card of a change that has to succeed.
func must(t testing.TB) func(Card, error) Card {
	return func(c Card, err error) Card {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// goldenCard: device 1 adds 2 and 3, 2 revokes 1, the recovery key revokes 3.
func goldenCard(t testing.TB) Card {
	t.Helper()
	card, recovery := person(t, 1)
	card = must(t)(card.Add(key(t, 1), key(t, 2).ID(), key(t, 2).Countersign(card)))
	card = must(t)(card.Add(key(t, 1), key(t, 3).ID(), key(t, 3).Countersign(card)))
	card = must(t)(card.Revoke(key(t, 2), key(t, 1).ID(), CutsRoot(cuts(3))))
	return must(t)(card.Revoke(recovery, key(t, 3).ID(), CutsRoot(nil)))
}

func goldenKeyring(t testing.TB) Keyring {
	t.Helper()
	random := counting(100)
	card, recovery := person(t, 1)
	k, err := NewKeyring(&random, key(t, 1), card, &recovery)
	if err != nil {
		t.Fatal(err)
	}
	k.seals = append(k.seals, sealKey{number: 7, key: [32]byte(bytes.Repeat([]byte{7}, 32))})
	return k
}

func TestGoldenIDs(t *testing.T) {
	card, _ := person(t, 1)
	sig := key(t, 1).Sign("test", []byte("words"))
	golden(t, "ids.txt", strings.Join([]string{
		key(t, 1).ID().String(),
		card.Person().String(),
		hex.EncodeToString(sig),
	}, "\n"))
}

func TestGoldenCards(t *testing.T) {
	card, _ := person(t, 1)
	goldenHex(t, "genesis.hex", card.Bytes())
	goldenHex(t, "card.hex", goldenCard(t).Bytes())
	for _, file := range []string{"genesis.hex", "card.hex"} {
		if _, err := ParseCard(readGolden(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestGoldenWords(t *testing.T) {
	a, recovery := person(t, 1)
	b, _ := person(t, 2)
	words := SafetyWords(a.Person(), b.Person())
	golden(t, "safety.txt", strings.Join(words[:], " "))
	golden(t, "recovery.txt", strings.Join(recovery.Words(), " "))
}

func TestGoldenKeyring(t *testing.T) {
	k := goldenKeyring(t)
	for file, passphrase := range map[string]string{"keyring.hex": "", "keyring_protected.hex": "correct horse"} {
		random := counting(50)
		b, err := k.marshal(&random, []byte(passphrase))
		if err != nil {
			t.Fatal(err)
		}
		goldenHex(t, file, b)
		got, err := ParseKeyring(readGolden(t, file), []byte(passphrase))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		sameKeyring(t, got, k)
	}
}

func TestGoldenSealed(t *testing.T) {
	k := goldenKeyring(t)
	goldenHex(t, "sealed.hex", k.seal([24]byte{1, 2, 3}, []byte("hello"), []byte("place")))
	got, err := k.Open(readGolden(t, "sealed.hex"), []byte("place"))
	if err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestGoldenCuts(t *testing.T) {
	var lines []string
	for n := range 6 {
		root := CutsRoot(cuts(n))
		lines = append(lines, hex.EncodeToString(root[:]))
	}
	golden(t, "cuts.txt", strings.Join(lines, "\n"))
}
