package names

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Names of people and groups as they are written, which have nothing of a mark.
func TestClaimTakesNamesOfRealPeople(t *testing.T) {
	for _, name := range append([]string{"Bob", "O'Brien-Núñez", "O’Brien", "ʻIolani", "Hawaiʻi", "Dr. Ann Lee", "Ann & Bob", "a/b", "C#", "ann@home", "+1",
		"रामः", "दुःख", "ד״ר כהן", "ג׳ורג׳", "ꓡꓲ-ꓢꓴ", "ꓡꓲꓹꓢꓴꓽ", "יוסי", "山田 太郎", "ジョー", "Gal·la", "♥ Ann", "🙂\u200d↔\ufe0f", "🏃🏻\u200d➡\ufe0f", "Meera", "Youssef", "ops-2"}, spelled...) {
		if got, err := Claim(name); err != nil || got != name {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

// What stands around a name can't be in one, in whatever script it is written.
func TestClaimRefusesMarks(t *testing.T) {
	for _, name := range []string{
		"Bob (verified", "Bob)", "Bob [read]", "Ann: yes", "Ann： yes", "Ann∶ yes", "Ann꞉ yes", "Annː yes", "Ann։ yes", "Ann׃ yes", "Bob, Eve", "Bob，Eve", "Bob; Eve", "Bob\u037e Eve",
		`Bob "the boss"`, "Bob “boss”", "Bob „boss‟", "Bob «boss»", "Bob ‹b›", "Bob ″b", "Bob ''b", "Bob ’‘b", "Bob `´b", "Bob ʺb", "״Bob", "Bob״ yes", "〝Bob〞", "「Bob」", "Bob ﴾b﴿", "Bob （b）", "Bob ⁽b⁾", "Bob ⑴",
		"Bob 〔b〕", "Bob ❨b❩", "Bob 🄪", "Bob {b}", "* Bob", "＊Bob", "Bob ∗", "Bob…", "Bob\\x1b", "Bob＼", "a | b", "a ｜ b", "a │ b", "┆Bob", "● Bob", "▸ Bob", "Bob → Eve", "Bob ✓", "Bob ✔", "Bob ✅", "Bob ☑\ufe0f",
		"lunch #ops", "lunch ＃ops", "Bob @Eve",
		"Bob verified", "VЕRIFIED Bob", "Bob, not a contact yet", "Bob not a contact yet", "Bob not\u00a0a contact",
		"me", "You",
	} {
		if got, err := Claim(name); got != "" || !errors.Is(err, ErrName) {
			t.Errorf("%q is a name: %q, %v", name, got, err)
		}
	}
	if _, err := Claim("Bob (boss)"); err == nil || !strings.Contains(err.Error(), "U+0028 LEFT PARENTHESIS looks like what earshot puts around names") {
		t.Errorf("%v", err)
	}
	if _, err := Parse("Bob (boss): \"x\""); err != nil {
		t.Errorf("a nickname: %v", err)
	}
}

// By Unicode's own tables, no character that looks like a mark is let through.
func TestNothingInAClaimLooksLikeAMark(t *testing.T) {
	found := 0
	for r := range rune(unicode.MaxRune + 1) {
		if !utf8.ValidRune(r) || unicode.IsLetter(r) || unicode.IsMark(r) {
			continue
		}
		looks := string(r) + " " + norm.NFKC.String(string(r)) + " " + prototypes(string(r))
		if !strings.ContainsAny(looks, "()[]{}\":;,*|\\…") && !strings.Contains(looks, "''") {
			continue
		}
		found++
		if name, err := Claim("x" + string(r) + "x"); err == nil {
			t.Errorf("%U %q looks like %q", r, name, looks)
		}
	}
	if found < 150 {
		t.Errorf("only %d are looked at", found)
	}
}

func FuzzClaim(f *testing.F) {
	for _, s := range []string{"Bob", "Bob (boss)", "ד״ר כהן", "a\u3000#b", "O''Brien"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := Claim(s)
		if err != nil {
			return
		}
		if again, err := Claim(name); err != nil || again != name {
			t.Fatalf("%q became %q, then %q, %v", s, name, again, err)
		}
		if parsed, err := Parse(s); err != nil || parsed != name {
			t.Fatalf("%q is %q as a nickname, %v", name, parsed, err)
		}
		if strings.ContainsAny(norm.NFKC.String(name), "()[]{}\":;,*|\\…") || strings.Contains(name, "  ") {
			t.Fatalf("%q has a mark", name)
		}
	})
}

func BenchmarkClaim(b *testing.B) {
	for b.Loop() {
		if _, err := Claim("Ann-Kathrin Müller"); err != nil {
			b.Fatal(err)
		}
	}
}
