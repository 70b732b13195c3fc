package label

import (
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func TestFile(t *testing.T) {
	for _, test := range []struct {
		name   string
		folder bool
		most   int
		want   string
	}{
		{"photo.jpg", false, Whole, "photo.jpg"},
		{"Report (2).pdf", false, Whole, "Report (2).pdf"},
		{"trip", true, Whole, "trip/"},
		{"a.jpg 1 kB, held] [b.exe", false, Whole, `"a.jpg 1 kB, held] [b.exe"`},
		{"a\"b", false, Whole, `"a\"b"`},
		{"gpj.\u202eexe", false, Whole, `"gpj.\u202eexe"`},
		{"a\nb", false, Whole, `"a\nb"`},
		{" a", false, Whole, `" a"`},
		{"Minutes of the meeting on Monday.pdf", false, 20, "Minutes of the….pdf"},
		{"trip to the sea of last year", true, 10, "trip to…/"},
		{"a, b and the whole alphabet.txt", false, 16, `"a, b and….txt"`},
		{"no.endingthatislong", false, 10, "no.ending…"},
		{"山田太郎山田太郎.png", false, 12, "山田太….png"},
	} {
		got := FileWithin(test.most, &earshotv1.Attachment{Name: test.name, Folder: test.folder})
		if got != test.want || terminal.Width(got) > test.most {
			t.Errorf("%q in %d: %q, want %q", test.name, test.most, got, test.want)
		}
	}
}

// Whatever a file is called, its name neither ends a mark nor begins another, and fits.
func FuzzFile(f *testing.F) {
	for _, name := range []string{"a.txt", "a] [b", `a"b`, `\`, "\x1b[2J", "x, held", ".a", strings.Repeat("山", 80) + ".pdf"} {
		f.Add(name, false)
	}
	f.Fuzz(func(t *testing.T, name string, folder bool) {
		for _, most := range []int{16, 32, Whole} {
			got := FileWithin(most, &earshotv1.Attachment{Name: name, Folder: folder})
			if terminal.Line(got) != got || terminal.Width(got) > most && most < Whole {
				t.Errorf("%q in %d: %q", name, most, got)
			}
			if !strings.HasPrefix(got, `"`) && strings.ContainsAny(got, `[]",`) {
				t.Errorf("%q: %q", name, got)
			}
		}
	})
}
