package fold

import (
	"strings"
	"testing"
	"time"
)

// hostile are texts that are made to be too much for whoever folds them, short enough for checks of
// every kind. Long gives them their full length.
var hostile = []struct{ name, text string }{
	{"marks", "a" + strings.Repeat("\u0302", 40) + "b"},
	{"marks of many classes", "a" + strings.Repeat("\u0323\u0302\u0338\u0327\u0345", 20)},
	{"marks that decompose", "a" + strings.Repeat("\u0344\u0308", 30)},
	{"marks that decompose, one too many", "x\u0308" + strings.Repeat("\u0344", 30)},
	{"marks first", strings.Repeat("\u0308", 40) + "a"},
	{"marks between what can't be seen", "a" + strings.Repeat("\u200d\u0302", 40)},
	{"marks on a Korean syllable", "한" + strings.Repeat("\u0302", 40)},
	{"marks on its parts", "\u1112\u1161\u11ab" + strings.Repeat("\u0302\u0323", 40)},
	{"dots on i", "i" + strings.Repeat("\u0307", 40) + "\u0323\u0307\u0301\u0307"},
	{"marks on sharp s", "ß" + strings.Repeat("\u0302", 40)},
	{"marks on a ligature", "ﷺ" + strings.Repeat("\u0302", 40)},
	{"joining vowels", "\u1112" + strings.Repeat("\u1161", 40)},
	{"joining consonants", "\u1112\u1161" + strings.Repeat("\u11ab", 40)},
	{"joining vowels and marks", "\u09c7" + strings.Repeat("\u09be\u0302\u09be", 20)},
	{"joining vowels and many marks", "\u09c7" + strings.Repeat(strings.Repeat("\u0302", 20)+"\u09be", 5)},
	{"half-width marks", "ｶ" + strings.Repeat("ﾞ", 40)},
	{"half-width joining letters", "\uffbe" + strings.Repeat("\uffc2", 40)},
	{"longest forms", strings.Repeat("ﷺ", 20)},
	{"forms that begin with a space", strings.Repeat("¨ ", 20)},
	{"forms with spaces", strings.Repeat("ﷺ ﷻ\u3000¨", 10)},
	{"spaces", strings.Repeat(" \u00a0\t\x00", 20)},
	{"what can't be seen", strings.Repeat("\u200b\u00ad\u034f\ufe0f", 20)},
	{"what can't be seen in spaces", strings.Repeat(" \u200b", 20)},
	{"controls of direction", strings.Repeat("\u202e\u2066ab\u2069\u202c", 10)},
	{"tags", "🏴" + strings.Repeat("\U000e0061", 40)},
	{"joined emoji", strings.Repeat("👨\u200d", 40)},
	{"flags", strings.Repeat("🇩🇪", 20)},
	{"skin", strings.Repeat("👍🏽\ufe0f", 20)},
	{"continuation bytes", strings.Repeat("\x80", 40)},
	{"first bytes", strings.Repeat("\xf0", 40)},
	{"cut characters", strings.Repeat("a\xe4\xb8", 20)},
	{"surrogates", strings.Repeat("\xed\xa0\x80\xed\xb0\x80", 20)},
	{"long encodings", strings.Repeat("\xc0\x80\xe0\x80\xaf", 20)},
	{"beyond Unicode", strings.Repeat("\xf4\x90\x80\x80", 20)},
	{"noncharacters", strings.Repeat("\uffff\ufdd0\U0001fffe", 20)},
	{"not assigned", strings.Repeat("\u0378\U00040000\U000f0000", 20)},
	{"replacement characters", strings.Repeat("\ufffd", 40)},
	{"the same letter", strings.Repeat("a", 80)},
	{"the same letters with accents", strings.Repeat("a\u0330", 40)},
	{"capitals", strings.Repeat("ẞİĲǅ", 20)},
}

func TestHostileTexts(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			check(t, h.text)
			for _, text := range []string{"x" + h.text, h.text + "\u0301", "\u0301" + h.text, h.text + h.text, "\u200d" + h.text + " " + h.text} {
				check(t, text)
			}
			for _, words := range []string{"a", "ss \u0302", h.text, `"` + h.text + `"`, "\u1161 ᆫ", "\ufffd"} {
				if q, err := Parse(words); err == nil {
					checkMarks(t, q, h.text)
				}
			}
		})
	}
}

// As many marks count as Fold says, on the last character of a longer form as well.
func TestMarksThatCount(t *testing.T) {
	for _, letter := range []string{"x", "가", "㌀", "ß"} {
		marks := strings.Repeat("\u0310", 20)
		if got, want := Fold(letter+marks+"\u0310y"), Fold(letter)+marks+"y"; got != want {
			t.Errorf("%+q, not %+q", got, want)
		}
	}
}

// TestLongTexts: 64 KiB, which is the most a message has, of whatever is hard. Work that grew with the
// square of the length would take longer than this allows, on any machine.
func TestLongTexts(t *testing.T) {
	const longest = 64 << 10
	allowed := 5 * time.Second
	for _, h := range hostile {
		long := strings.Repeat(h.text, longest/len(h.text))
		first, rest := h.text[:len(h.text)/2], h.text[len(h.text)/2:] // one of many marks, if there are any
		for _, text := range []string{long, first + strings.Repeat(rest, (longest-len(first))/len(rest))} {
			words := h.text[:min(len(h.text), MaxWords-8)]
			begin := time.Now()
			form := Fold(text)
			for _, words := range []string{words, `"` + words + `"`, strings.Repeat("a", 500), strings.Repeat("a\u0330", 300) + "a", "a"} {
				if q, err := Parse(words); err == nil {
					q.In([]byte(form))
					q.Marks(text)
				}
			}
			if took := time.Since(begin); took > allowed {
				t.Errorf("%s: %v", h.name, took)
			} else {
				t.Logf("%s: %v", h.name, took)
			}
		}
	}
}
