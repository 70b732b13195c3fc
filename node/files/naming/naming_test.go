package naming

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOwn(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ name, want string }{
		{"report.pdf", "report.pdf"},
		{"Grüße aus 東京 ❤️.png", "Grüße aus 東京 ❤️.png"},
		{"🏴‍☠️👩‍💻.txt", "🏴‍☠️👩‍💻.txt"},
		{"علی\u200cرضا.txt", "علی\u200cرضا.txt"},
		{"1️⃣ first", "1️⃣ first"},
		{"#1 100% (a) [b] {c} & d; e, f 'g' `h` $i @j +k =l ~m ^n!", "#1 100% (a) [b] {c} & d; e, f 'g' `h` $i @j +k =l ~m ^n!"},
		{" leading", " leading"},
		{"backup~", "backup~"},
		{"foo.c.~1~", "foo.c.~1~"},

		{"", "unnamed"},
		{" ", "_"},
		{".", "_"},
		{"..", "_._"},
		{"...", "_.._"},
		{".bashrc", "_.bashrc"},
		{".earshot-1.part", "_.earshot-1.part"},
		{"../../etc/passwd", "_.._.._etc_passwd"},
		{`..\..\windows`, "_.._.._windows"},
		{"/etc/passwd", "_etc_passwd"},
		{"C:/x", "C__x"},
		{"a\x00b", "a_b"},
		{"a\xffb", "a_b"},
		{"a\nb\x1b[31m\x7f\u0085", "a_b_[31m__"},

		{"con", "_con"},
		{"CON.txt", "_CON.txt"},
		{"Nul.tar.gz", "_Nul.tar.gz"},
		{"aux .txt", "_aux .txt"},
		{"prn", "_prn"},
		{"COM0", "_COM0"},
		{"com¹.log", "_com¹.log"},
		{"LPT³", "_LPT³"},
		{"lpt9.x.y", "_lpt9.x.y"},
		{"CONIN$", "_CONIN$"},
		{"conout$.txt", "_conout$.txt"},
		{"CON.", "CON_"}, // no device any more
		{"NUL:", "NUL_"},
		{"console", "console"},
		{"COM10", "COM10"},
		{"com", "com"},
		{"COM⁴", "COM⁴"},

		{"name.", "name_"},
		{"name. .", "name. _"},
		{"name\u3000", "name_"},
		{`<>:"|?*`, "_______"},
		{"file.txt:stream", "file.txt_stream"},
		{"file::$INDEX_ALLOCATION", "file__$INDEX_ALLOCATION"},
		{"invoice\u202efdp.exe", "invoice_fdp.exe"},
		{"\u2066a\u2069\u200e\u200f\u061c", "_a____"},
		{"a\u200bb\ufeffc\u00add", "a_b_c_d"},
		{"a\u200db", "a_b"},
		{"é\u200db", "é_b"},
		{"b\u200cé", "b_é"},
		{"a\ufe0f", "a_"},
		{"blank\u2800\u3164\u115f\uffa0", "blank____"},
		{"\ue000\U000f0000\ufffe", "___"},
		{"a\u2028b\u2029c", "a_b_c"},
		{"x\U000e0041", "x_"},

		{"PROGRA~1", "PROGRA_1"},
		{"GIT~1", "GIT_1"},
		{"LONGFI~1.TXT", "LONGFI_1.TXT"},
		{"AB12CD~9.c", "AB12CD_9.c"},
		{"~1", "_1"},
		{"longname~1", "longname~1"},
		{"a~1.html", "a~1.html"},

		{long, long[:254] + "_"},
		{long + ".tar.gz", long[:247] + "_.tar.gz"},
		{"a." + long, "a." + long[:252] + "_"},
		{strings.Repeat("é", 127) + "ab", strings.Repeat("é", 127) + "_"},
		{long[:254] + "\u0301", long[:253] + "_"},
		{"con." + long[:251], "_con." + long[:249] + "_"},
		{"." + long[:254], "_." + long[:252] + "_"},
		{"con" + strings.Repeat(" ", 300) + ".txt", "_con" + strings.Repeat(" ", 246) + "_.txt"},
		{"z" + strings.Repeat("\u0301", 20), "z" + strings.Repeat("\u0301", 15) + "_" + strings.Repeat("\u0301", 4)},
	} {
		got := Own(c.name)
		if got != c.want {
			t.Errorf("Own(%q) = %q, want %q", c.name, got, c.want)
		}
		if again := Own(got); again != got {
			t.Errorf("Own(%q) = %q", got, again)
		}
	}
}

func TestAlternative(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, c := range []struct {
		name   string
		n      int
		folder bool
		want   string
	}{
		{"photo.jpg", 2, false, "photo (2).jpg"},
		{"photo.jpg", 17, true, "photo.jpg (17)"},
		{"src.tar.gz", 2, false, "src (2).tar.gz"},
		{".tar.gz", 2, false, ".tar (2).gz"},
		{".bashrc", 2, false, ".bashrc (2)"},
		{"no extension", 2, false, "no extension (2)"},
		{"v1.2 final", 2, false, "v1.2 final (2)"},
		{"a (2).txt", 2, false, "a (2) (2).txt"},
		{long, 2, false, long[:245] + " (2)"},
		{long[:251] + ".txt", 9_999_999, false, long[:241] + " (9999999).txt"},
		{strings.Repeat("👩‍💻", 23), 2, true, strings.Repeat("👩‍💻", 22) + " (2)"},
	} {
		got := Alternative(c.name, c.n, c.folder)
		if got != c.want || len(got) > MaxName {
			t.Errorf("Alternative(%q, %d, %v) = %q, want %q", c.name, c.n, c.folder, got, c.want)
		}
		if clean(got, false) != got {
			t.Errorf("%q is not clean", got)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, path := range []string{
		"", "/", "//", "/etc/passwd", "a//", "a//b", "../", "./", "a/../", ".", "..", "./a", "a/./b", "a/..", "../a", "a/../b", `a\b`, `..\a`, "a\x00", "a\xff", "\xed\xa0\x80",
		strings.Repeat("a/", MaxDepth) + "a", strings.Repeat("a/", MaxDepth+1), strings.Repeat("a", MaxPath+1),
	} {
		if err := Check(path); !errors.Is(err, ErrPath) || len(err.Error()) > 500 {
			t.Errorf("%.80q: %v", path, err)
		}
		if _, err := Map([]string{"b", path}); !errors.Is(err, ErrPath) {
			t.Errorf("%.80q among others: %v", path, err)
		}
	}
	for _, path := range []string{
		"a", "a/", "a/b/", "...", "..a", "a../b", ".git/config", "C:/x", "con", strings.Repeat("a/", MaxDepth-1) + "a", strings.Repeat("a/", MaxDepth), strings.Repeat("a", MaxPath), "\ufffd",
	} {
		if err := Check(path); err != nil {
			t.Error(err)
		}
	}
}

func TestKey(t *testing.T) {
	for _, same := range [][]string{
		{"README", "readme", "ReadMe"},
		{"é", "e\u0301", "É", "E\u0301"},
		{"STRASSE", "straße", "strasse", "ſtraße"},
		{"K", "k", "\u212a"},
		{"Σ", "σ", "ς"},
		{"ı", "I", "i"}, // simple capitals
		{"❤️", "❤"},
		{"علی\u200cرضا", "علیرضا"},
		{"\u1fb3", "\u03b1\u0345", "\u1fbc", "αι"},
		{"\u03b1\u0345\u0301", "\u03b1\u0301\u0345"},
		{"각", "\u1100\u1161\u11a8"},
	} {
		for _, name := range same[1:] {
			if Key(name) != Key(same[0]) {
				t.Errorf("%q and %q: %q, %q", name, same[0], Key(name), Key(same[0]))
			}
		}
	}
	for _, other := range [][2]string{{"a", "b"}, {"a", "ä"}, {"a b", "ab"}, {"а", "a"}, {"1", "¹"}} {
		if Key(other[0]) == Key(other[1]) {
			t.Errorf("%q and %q: %q", other[0], other[1], Key(other[0]))
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s    string
		most int
		want string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"aé", 2, "a"}, {"abe\u0301", 3, "ab"}, {"abe\u0301", 4, "ab"},
		{"e\u0301e\u0301", 3, "e\u0301"}, {"ab❤️", 5, "ab"}, {"ab👩‍💻", 9, "ab👩"}, {"\u0301\u0301", 2, ""},
	} {
		if got := cut(c.s, c.most); got != c.want || !utf8.ValidString(got) {
			t.Errorf("cut(%q, %d) = %q, want %q", c.s, c.most, got, c.want)
		}
	}
}
