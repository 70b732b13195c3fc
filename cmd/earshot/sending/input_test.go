package sending

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/node/localapi"
)

// A line that was too long ended the reading: what came after it was lost.
func TestReadingGoesOnAfterABadLine(t *testing.T) {
	full := strings.Repeat("x", localapi.MaxText)
	in := "one\n\n" + full + "\n" + full + "\r\n" + full + "x\n" + full + full + full + "\nseven\r\n\xff\n"
	want := []string{"1 one", "2 ", "3 " + full, "4 " + full, "5 " + localapi.CodeTooLong, "6 " + localapi.CodeTooLong, "7 seven", "8 " + localapi.CodeText}
	for end, last := range map[string]string{"": "", "nine": "9 nine", full + "x": "9 " + localapi.CodeTooLong} {
		var got []string
		for r := newReader(strings.NewReader(in + end)); ; {
			l, err := r.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if l.problem != nil {
				l.text += l.problem.Code
			}
			got = append(got, fmt.Sprint(l.number, " ", l.text))
		}
		all := slices.Clone(want)
		if last != "" {
			all = append(all, last)
		}
		if !slices.Equal(got, all) {
			t.Errorf("%d lines, want %d", len(got), len(all))
			for i := range min(len(got), len(all)) {
				if got[i] != all[i] {
					t.Errorf("line %d: %.20q (%d bytes), want %.20q (%d)", i+1, got[i], len(got[i]), all[i], len(all[i]))
				}
			}
		}
	}
}
