package sending

import (
	"errors"
	"io"
	"iter"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
)

// Lines gives the lines of an input as they come, without their ends, and in place of one that can't be a
// message the reason. It ends with the input; where that can't be read on, the last is a problem with the
// code input.
func Lines(in io.Reader) iter.Seq2[string, *problem.Problem] {
	return func(yield func(string, *problem.Problem) bool) {
		for r := newReader(in); ; {
			l, err := r.next()
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield("", problem.Failed(problem.CodeInput, "read stdin: %v", err))
				return
			case !yield(l.text, l.problem):
				return
			}
		}
	}
}
