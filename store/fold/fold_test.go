package fold

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/quick"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ about, text, want string }{
		{"nothing", "", ""},
		{"capitals", "See YOU @ 12", "see you @ 12"},
		{"sharp s", "Straße STRAẞE", "strasse strasse"},
		{"composed", "Ä ä e\u0301 É", "ä ä é é"},
		{"decomposed", "A\u0308 a\u0308 X\u0302", "ä ä x\u0302"},
		{"marks in any order", "a\u0323\u0302 a\u0302\u0323 \u1ea1\u0302", "ậ ậ ậ"},
		{"compatibility", "ＡＢＣ ﬁ ﬃ ² ₂ Ⅳ ㎏ ſ ẛ ﬅ", "abc fi ffi 2 2 iv kg s ṡ st"},
		{"signs that are letters", "K Å Ω µ", "k å ω μ"},
		{"apostrophes", "don’t don't ‘n’ ʼn ŉ", "don't don't 'n' 'n 'n"},
		{"sigma", "ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ"},
		{"iota below", "ᾼ ᾳ \u03b1\u0345", "ᾳ ᾳ ᾳ"},
		{"iota below and accent in either order", "\u03b1\u0345\u0301 \u03b1\u0301\u0345", "ᾴ ᾴ"},
		{"Turkish", "İstanbul ISPARTA ısparta i\u0307", "istanbul isparta isparta i"},
		{"an i with more on it", "i\u0307\u0307\u0323 i\u0301\u0307", "ị í\u0307"},
		{"half-width kana", "ｶﾞ ﾊﾟ ｶ", "ガ パ カ"},
		{"kana with a mark that composes", "か\u3099 か\u309a", "が か\u309a"},
		{"Hangul", "한 \u1112\u1161\u11ab 하\u11ab \uffbe\uffc2", "한 한 한 하"},
		{"Hangul as it is typed", "ㅋㅋㅠㅠ ㅎㅏ", "ㅋㅋㅠㅠ ㅎㅏ"},
		{"Hangul with a tone mark", "\u1112\u1161\u302e", "하\u302e"},
		{"Arabic shapes", "ﻻ ﺳﻼم", "لا سلام"},
		{"Arabic ligature", "ﷺ", "صلى الله عليه وسلم"},
		{"Hebrew shapes", "שׁ ש\u05c1 \ufb2a", "ש\u05c1 ש\u05c1 ש\u05c1"},
		{"Devanagari nukta", "\u0958 \u0915\u093c", "\u0915\u093c \u0915\u093c"},
		{"Bengali", "\u09c7\u09be", "\u09cb"},
		{"Cherokee", "Ꭰ ꭰ Ᏸ ᏸ", "ꭰ ꭰ ᏸ ᏸ"},
		{"Georgian", "Მ მ", "მ მ"},
		{"outside of the first plane", "𐐀 𝐀 𝓑 🄰", "𐐨 a b a"},
		{"white space", " a\t\r\n b\u00a0\u3000\u2028\u2029\u0085c ", " a b c "},
		{"controls", "a\x00b\x1b[0mc\x7f\u009bd", "a b [0mc d"},
		{"spaces of a mark", "a¨ ¨b \u00b4", "a \u0308 \u0308b \u0301"},
		{"a mark on a space", "a  \u0308", "a \u0308"},
		{"unseen in words", "re\u00ads\u200bult\ufeff \u202eabc\u202c \u2066x\u2069 می\u200cخواهم", "result abc x میخواهم"},
		{"unseen before a mark", "a\u034f\u0308 a\u200d\u0308", "ä ä"},
		{"unseen before a joining letter", "\u1112\u200b\u1161", "하"},
		{"unseen between spaces", "a \u200b b", "a b"},
		{"unseen only", "\u200b\u00ad\ufe0f\u3164\uffa0\U000e0041", ""},
		{"a mark first", "\u0308a", "\u0308a"},
		{"emoji", "👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽 1\ufe0f\u20e3", "👨👩👧 ❤ 👍🏽 1\u20e3"},
		{"flags", "🇩🇪 🏴\U000e0067\U000e0062\U000e007f", "🇩🇪 🏴"},
		{"invalid", "a\xff\xed\xa0\x80\xc3", "a\ufffd\ufffd\ufffd\ufffd\ufffd"},
		{"noncharacters and private ones", "\ufffe\U0010ffff\ue000\ufffd", "\ufffe\U0010ffff\ue000\ufffd"},
		{"a mark after what is invalid", "\xff\u0308", "\ufffd\u0308"},
		{"sharp s with marks", "ß\u0301\u0323", "sṣ\u0301"},
	} {
		if got := Fold(c.text); got != c.want {
			t.Errorf("%s: %+q is folded to %+q, not %+q", c.about, c.text, got, c.want)
		}
	}
}

// reference says what Fold does in steps on a whole text, with Unicode's own tables of case. It has no
// bound on marks.
func reference(text string) string {
	var b, decomposed strings.Builder
	for _, r := range text {
		switch {
		case derivedIgnorable(r):
		case unicode.In(r, unicode.White_Space, unicode.Cc):
			b.WriteByte(' ')
		case r >= 0x3131 && r <= 0x318e:
			decomposed.WriteString(norm.NFKD.String(b.String()) + string(r))
			b.Reset()
		default:
			b.WriteRune(r)
		}
	}
	decomposed.WriteString(norm.NFKD.String(b.String()))
	b.Reset()
	dotted := false
	for _, r := range decomposed.String() {
		switch class := norm.NFKD.PropertiesString(string(r)).CCC(); {
		case class == 0:
			dotted = strings.ContainsRune("iIı", r)
		case r == '\u0307' && dotted:
			continue
		case class == 230:
			dotted = false
		}
		switch {
		case r == '\u0345':
			b.WriteRune(r)
		case r == 'ı':
			b.WriteByte('i')
		case strings.ContainsRune("’‘ʼ", r):
			b.WriteByte('\'')
		case unicode.Is(unicode.Cherokee, r):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteString(cases.Fold().String(string(r)))
		}
	}
	var form []rune
	for _, r := range norm.NFC.String(b.String()) {
		if r != ' ' || len(form) == 0 || form[len(form)-1] != ' ' {
			form = append(form, r)
		}
	}
	return string(form)
}

// derivedIgnorable is Default_Ignorable_Code_Point as Unicode derives it from other properties.
func derivedIgnorable(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Cf, unicode.Variation_Selector) &&
		!unicode.In(r, unicode.White_Space, unicode.Prepended_Concatenation_Mark) &&
		!(r >= 0xfff9 && r <= 0xfffb) && // interlinear annotation
		!(r >= 0x13430 && r <= 0x13440) // controls of hieroglyphs
}

// everyRune gives all characters, but few of the hundred thousands that are not assigned or private.
func everyRune(yield func(rune) bool) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if (r >= 0x40000 && r < 0xe0000 || r >= 0xf0000) && r%251 != 0 {
			continue
		}
		if utf8.ValidRune(r) && !yield(r) {
			return
		}
	}
}

func TestUnseenIsDefaultIgnorable(t *testing.T) {
	for r := range everyRune {
		if unseen(r) != derivedIgnorable(r) {
			t.Errorf("%U: unseen is %t", r, unseen(r))
		}
	}
}

// Every character by itself, and with a mark before and behind.
func TestEveryCharacter(t *testing.T) {
	for r := range everyRune {
		texts := []string{string(r), "x" + string(r) + "\u0301"}
		if pageOf(r) == &plain {
			texts = texts[:1]
		}
		for _, text := range texts {
			form := Fold(text)
			if want := reference(text); form != want {
				t.Errorf("%+q is folded to %+q, not %+q", text, form, want)
			}
			if form != text {
				check(t, text)
			}
		}
	}
}

// Characters that are the same but for case have the same form.
func TestCase(t *testing.T) {
	for r := range everyRune {
		for _, other := range []string{strings.ToUpper(string(r)), strings.ToLower(string(r)), string(unicode.SimpleFold(r))} {
			if r != '\u0345' && Fold(other) != Fold(string(r)) && !strings.ContainsRune(norm.NFD.String(string(r)+other), '\u0345') {
				t.Errorf("%q and %q have different forms", r, other)
			}
		}
	}
}

// check holds what is so for the form of any text.
func check(t *testing.T, text string) {
	t.Helper()
	form := Fold(text)
	if again := Fold(form); again != form {
		t.Errorf("%+q is folded to %+q, and then to %+q", text, form, again)
	}
	if !utf8.ValidString(form) {
		t.Errorf("%+q is folded to %+q", text, form)
	}
	if strings.ContainsFunc(form, func(r rune) bool {
		return r != ' ' && (unicode.IsControl(r) || unicode.IsSpace(r)) || unseen(r)
	}) || strings.Contains(form, "  ") {
		t.Errorf("%+q is folded to %+q", text, form)
	}
	if len(form) > 11*len(text) {
		t.Errorf("%+q: %d bytes are folded to %d", text, len(text), len(form))
	}
	if behind := string(AppendFold([]byte("a "), text)); behind != "a "+form {
		t.Errorf("%+q is folded to %+q behind another text, to %+q by itself", text, behind, form)
	}
	for _, f := range []norm.Form{norm.NFC, norm.NFD} { // ways to write the same
		if !longMarks(text) && utf8.ValidString(text) && Fold(f.String(text)) != form {
			t.Errorf("%+q: its other form %+q is folded to %+q, not %+q", text, f.String(text), Fold(f.String(text)), form)
		}
	}
	traced, starts := trace(text)
	if string(traced) != form {
		t.Errorf("%+q is folded to %+q and traced to %+q", text, form, traced)
	}
	var b strings.Builder // the form is that of the segments
	for i := range len(starts) - 1 {
		part := Fold(text[starts[i].text:starts[i+1].text])
		if strings.HasSuffix(b.String(), " ") {
			part = strings.TrimPrefix(part, " ")
		}
		if b.WriteString(part); b.Len() != starts[i+1].form {
			t.Errorf("%+q: segment %d ends at %d, not %d", text, i, b.Len(), starts[i+1].form)
		}
	}
	if b.String() != form {
		t.Errorf("%+q is folded to %+q, its segments to %+q", text, form, b.String())
	}
}

// longMarks reports whether there may be more marks on one character of text than count.
func longMarks(text string) bool {
	n := 0
	for _, r := range norm.NFKD.String(text) {
		if norm.NFKD.PropertiesString(string(r)).BoundaryBefore() && !unseen(r) {
			n = 0
		} else if n++; n > maxMarks {
			return true
		}
	}
	return false
}

// alphabet is what random texts are made of, beside letters that are folded to themselves: whatever has
// rules of its own, and what stands at the borders of those.
var alphabet = []rune("aAbisſIİıßẞxäÄéσςΣᾳᾼΐ  \t\n\x00\x7f¨´²½ﬁﬃ㎏ﷺ①\u00ad\u034f\u200b\u200c\u200d\u202e\ufe0f\ufeff\U000e0041" +
	"\u0300\u0301\u0302\u0307\u0308\u0323\u0327\u0338\u0345\u0344\u0340\u20e3\u20dd" +
	"한하\u1100\u1112\u1161\u11ab\u11a8\u3131ㅏㅋ\uffbe\uffc2ﾤ\u3164か\u3099\u309aｶﾞﾟ" +
	"אש\u05c1\ufb2aكتب\u064e\u0651\u0654ﻻ\u0915\u093c\u094d\u093f\u0958\u09c7\u09beก\u0e38\u0e48" +
	"中国👨👩👍🏽🇩🇪🏴\ufffd\ufffe\ue000𐐀𝐀\u1d15e\u0f73\u0f71\u1fbe\"“”„«» \u00a0\u3000")

func randomText(rng *rand.Rand, longest int) string {
	var b strings.Builder
	for range rng.IntN(longest + 1) {
		switch rng.IntN(20) {
		case 0:
			b.WriteByte(byte(rng.IntN(256)))
		case 1:
			b.WriteRune(rng.Int32N(unicode.MaxRune + 1))
		default:
			b.WriteRune(alphabet[rng.IntN(len(alphabet))])
		}
	}
	return b.String()
}

// seeded gives a generator, whose seed is printed if the test fails.
func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// times is how often something random is tried: less often in short mode, as with the race detector.
func times(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

func TestRandomTexts(t *testing.T) {
	rng := seeded(t)
	for range times(5_000) {
		text := randomText(rng, 12)
		check(t, text)
		if want := reference(text); !longMarks(text) && Fold(text) != want {
			t.Errorf("%+q is folded to %+q, not %+q", text, Fold(text), want)
		}
		if t.Failed() {
			return
		}
	}
	if err := quick.Check(func(text string) bool { check(t, text); return !t.Failed() }, nil); err != nil {
		t.Error(err)
	}
}

// What is remembered of characters is little, however many there were, and may be worked out by several
// at once.
func TestPages(t *testing.T) {
	for i := range pages {
		pages[i].Store(nil)
	}
	rng, texts := seeded(t), make([]string, 200)
	for i := range texts {
		texts[i] = randomText(rng, 100)
	}
	var folding sync.WaitGroup
	for range 4 {
		folding.Go(func() {
			for _, text := range texts {
				if got, want := Fold(text), reference(text); got != want && !longMarks(text) {
					t.Errorf("%+q is folded to %+q, not %+q", text, got, want)
				}
			}
		})
	}
	folding.Wait()
	for r := range everyRune {
		Fold(string(r))
	}
	size := int(unsafe.Sizeof(pages))
	for i := range pages {
		if p := pages[i].Load(); p != nil && p != &plain {
			size += int(unsafe.Sizeof(*p))
			for _, form := range p.longer {
				size += 64 + len(form) // with its place in the map
			}
		}
	}
	if size > 1<<20 {
		t.Errorf("%d bytes of pages", size)
	}
	t.Logf("%d bytes of pages", size)
}
