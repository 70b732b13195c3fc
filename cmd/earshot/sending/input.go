package sending

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
)

// line is a line of stdin, without its end.
type line struct {
	number  int // from 1
	text    string
	problem *problem.Problem // why it can't be a message; then there is no text
}

// reader reads lines. One that is too long costs no more memory than the longest that is not.
type reader struct {
	in     *bufio.Reader
	number int
}

func newReader(in io.Reader) *reader {
	return &reader{in: bufio.NewReaderSize(in, localapi.MaxText+len("\r\n"))}
}

// next returns the next line, or io.EOF.
func (r *reader) next() (line, error) {
	text, err := r.in.ReadSlice('\n')
	long := false
	for errors.Is(err, bufio.ErrBufferFull) {
		long = true
		text, err = r.in.ReadSlice('\n')
	}
	if err != nil && !(errors.Is(err, io.EOF) && (long || len(text) > 0)) { // the last line needs no end
		return line{}, err
	}
	r.number++
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	l := line{number: r.number}
	switch {
	case long || len(text) > localapi.MaxText:
		l.problem = problem.Failed(localapi.CodeTooLong, "it is over %d KiB", localapi.MaxText>>10)
	case !utf8.Valid(text):
		l.problem = problem.Failed(localapi.CodeText, "it is not valid UTF-8")
	default:
		l.text = string(text)
	}
	return l, nil
}
