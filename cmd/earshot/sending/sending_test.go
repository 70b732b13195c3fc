package sending

import (
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
)

func TestReadText(t *testing.T) {
	full := strings.Repeat("x", localapi.MaxText)
	for _, test := range []struct {
		in, want, code string
	}{
		{"hi", "hi", ""},
		{"hi\n", "hi", ""},
		{"hi\r\n", "hi", ""},
		{"hi\n\n", "hi\n", ""},
		{full, full, ""},
		{full + "\r\n", full, ""},
		{full + "x", "", localapi.CodeTooLong},
		{full + "\r\nx", "", localapi.CodeTooLong},
		{full + full, "", localapi.CodeTooLong},
		{"\xff", "", localapi.CodeText},
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
