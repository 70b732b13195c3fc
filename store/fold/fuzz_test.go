package fold

import "testing"

func FuzzFold(f *testing.F) {
	for _, l := range languages {
		f.Add(l.text)
	}
	for _, h := range hostile {
		f.Add(h.text)
	}
	f.Fuzz(check)
}

func FuzzMarks(f *testing.F) {
	f.Add("lunch kitchen", "Lunch is in the kitchen")
	f.Add(`"fi b" ss`, "of\u00ad i  b \u00df")
	for _, h := range hostile {
		f.Add("a \u0302 ss", h.text)
	}
	f.Fuzz(func(t *testing.T, words, text string) {
		if q, err := Parse(words); err == nil {
			checkMarks(t, q, text)
		}
	})
}
