package sending

import (
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/control"
)

func TestReadText(t *testing.T) {
	full := strings.Repeat("x", maxText)
	for _, test := range []struct {
		in, want, code string
	}{
		{"hi", "hi", ""},
		{"hi\n", "hi", ""},
		{"hi\r\n", "hi", ""},
		{"hi\n\n", "hi\n", ""},
		{full, full, ""},
		{full + "\r\n", full, ""},
		{full + "x", "", control.CodeTooLong},
		{full + "\r\nx", "", control.CodeTooLong},
		{full + full, "", control.CodeTooLong},
		{"\xff", "", control.CodeText},
	} {
		got, err := readText(strings.NewReader(test.in))
		code := ""
		if err != nil {
			code = problem.Explain(err).Code
		}
		if got != test.want || code != test.code {
			t.Errorf("%d bytes: %d bytes, %q", len(test.in), len(got), code)
		}
	}
}
