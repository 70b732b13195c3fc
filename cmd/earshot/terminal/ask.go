package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Ask asks a question on out and returns the line that answers it, without blanks around it; answered
// is false if there is no such line. Its error is that of ctx.
func Ask(ctx context.Context, question string, in io.Reader, out io.Writer) (line string, answered bool, err error) {
	fmt.Fprint(out, question)
	type read struct {
		line string
		err  error
	}
	lines := make(chan read, 1)
	go func() { // ends with a line, or with the process
		line, err := bufio.NewReader(in).ReadString('\n')
		lines <- read{line, err}
	}()
	select {
	case r := <-lines:
		if r.err != nil {
			fmt.Fprintln(out) // ends the line of the question, since no answer has
		}
		return strings.TrimSpace(r.line), r.err == nil || r.line != "" && errors.Is(r.err, io.EOF), nil
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
}

// Yes reports whether an answer is yes.
func Yes(answer string) bool {
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes"
}
