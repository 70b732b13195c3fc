package crypto

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSafetyWords(t *testing.T) {
	a, b, c := PersonID{1}, PersonID{2}, PersonID{2, 31: 1}
	words := SafetyWords(a, b)
	if words != SafetyWords(b, a) {
		t.Error("the two sides differ")
	}
	if words == SafetyWords(a, c) || words == SafetyWords(a, a) {
		t.Error("another pair has the same words")
	}
	if slices.Contains(words[:], "") {
		t.Error("empty word")
	}
}

func TestBits11(t *testing.T) {
	h := Hash{0b10000000, 0b00101111, 0b11111110}
	for from, want := range map[int]int{0: 0b10000000001, 11: 0b01111111111, 1: 0b00000000010} {
		if got := bits11(h, from); got != want {
			t.Errorf("from %d: %011b, want %011b", from, got, want)
		}
	}
}

func TestSafetyWordsEqual(t *testing.T) {
	words := SafetyWords(PersonID{1}, PersonID{2})
	plain := strings.Join(words[:], " ")
	for _, typed := range []string{
		plain, strings.ToUpper(plain), strings.Join(words[:], "-"), "  " + strings.Join(words[:], " - ") + "\r\n", strings.Join(words[:], "\n"),
	} {
		if !SafetyWordsEqual(typed, words) {
			t.Errorf("%q refused", typed)
		}
	}
	reversed := slices.Clone(words[:])
	slices.Reverse(reversed)
	for _, typed := range []string{
		"", strings.Join(words[:9], " "), plain + " able", strings.Join(words[:], ""), strings.Join(reversed, " "), plain[:len(plain)-1],
	} {
		if SafetyWordsEqual(typed, words) {
			t.Errorf("%q accepted", typed)
		}
	}
}

// Vectors of the authors of BIP 39, https://github.com/trezor/python-mnemonic.
func TestRecoveryIsBIP39(t *testing.T) {
	for n, want := range map[byte]string{
		0x00: strings.Repeat("abandon ", 23) + "art",
		0x7f: strings.Repeat("legal winner thank year wave sausage worth useful ", 2) + "legal winner thank year wave sausage worth title",
		0x80: strings.Repeat("letter advice cage absurd amount doctor acoustic avoid ", 2) + "letter advice cage absurd amount doctor acoustic bless",
		0xff: strings.Repeat("zoo ", 23) + "vote",
	} {
		r := Recovery{[32]byte(bytes.Repeat([]byte{n}, 32))}
		if got := strings.Join(r.Words(), " "); got != want {
			t.Errorf("%#x: %s, want %s", n, got, want)
		}
		if got, err := ParseRecovery(want); err != nil || got != r {
			t.Errorf("%#x: %x, %v", n, got.entropy, err)
		}
	}
}

func TestParseRecovery(t *testing.T) {
	_, r := person(t, 1)
	words := r.Words()
	plain := strings.Join(words, " ")
	for _, text := range []string{plain, strings.ToUpper(plain), "\n" + strings.Join(words, "\t") + " "} {
		if got, err := ParseRecovery(text); err != nil || got != r {
			t.Errorf("%q: %v", text, err)
		}
	}
	swapped := slices.Clone(words)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	for cause, text := range map[string]string{
		"0 words":                "",
		"23 words":               strings.Join(words[:23], " "),
		"25 words":               plain + " able",
		"word 24 is not":         strings.Join(words[:23], " ") + " earshot",
		"the checksum is wrong":  strings.Join(swapped, " "),
		"word 1 is not":          "é" + plain,
		"12 words, not 24":       strings.Repeat("abandon ", 11) + "about",
		"100000 words, not 24":   strings.Repeat("a ", 100000),
		"word 2 is not in the l": words[0] + " \x00" + strings.Join(words[1:], " "),
	} {
		if _, err := ParseRecovery(text); !errors.Is(err, ErrRecovery) || !strings.Contains(err.Error(), cause) {
			t.Errorf("%v, want %q", err, cause)
		}
	}
}

func FuzzParseRecovery(f *testing.F) {
	_, r := person(f, 1)
	f.Add(strings.Join(r.Words(), " "))
	f.Add(strings.Repeat("zoo ", 23) + "vote")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRecovery(text)
		if err != nil {
			if !errors.Is(err, ErrRecovery) {
				t.Fatal(err)
			}
			return
		}
		if got, want := strings.Join(r.Words(), " "), strings.Join(strings.Fields(strings.ToLower(text)), " "); got != want {
			t.Fatalf("%q came back as %q", want, got)
		}
	})
}
