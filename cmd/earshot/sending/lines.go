package sending

import (
	"bufio"
	"context"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// linesAtOnce is how many lines one request carries at most. It carries those that are there.
const linesAtOnce = 256

// SendLines sends every line of stdin as a message, and prints the ID of each once it has got as
// far as was asked for. It goes on when that takes longer than the timeout, since the message stays
// queued and the next may be quicker.
func (s *Sender) SendLines(ctx context.Context, to string, stdin io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.Client.SendLines(ctx)
	if err != nil {
		return err
	}
	// Where Send fails, Receive says why.
	_ = stream.Send(&earshotv1.SendLinesRequest{Open: &earshotv1.SendLinesRequest_Open{To: to, Wait: s.Wait, Timeout: s.limit()}})
	if _, err := stream.Receive(); err != nil {
		return err
	}
	if target, err := s.Client.Resolve(ctx, &earshotv1.ResolveRequest{Who: to}); err == nil {
		s.newcomers(ctx, target)
	}
	lines := make(chan string, linesAtOnce)
	unread := make(chan error, 1)
	go func() { // ends with stdin, with ctx, or with the process
		unread <- readLines(ctx, stdin, lines)
		close(lines)
	}()
	go func() { // ends with lines, or when the stream does
		for line := range lines {
			batch := []*earshotv1.SendLinesRequest_Line{{Text: line}}
			for more := true; more && len(batch) < linesAtOnce; {
				select {
				case line, more = <-lines:
					if more {
						batch = append(batch, &earshotv1.SendLinesRequest_Line{Text: line})
					}
				default:
					more = false
				}
			}
			if stream.Send(&earshotv1.SendLinesRequest{Lines: batch}) != nil {
				return
			}
		}
		_ = stream.CloseRequest()
	}()
	var late error
	w := bufio.NewWriter(s.Stdout)
	for {
		r, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for _, sent := range r.Sent {
			outcome := s.outcome(sent)
			if outcome != nil {
				late = outcome
			}
			// A bare ID says that the line has got there; in JSON the state says how far it has.
			if outcome == nil || s.Out.JSON {
				if err := s.Out.Sent(w, sent, ""); err != nil {
					return err
				}
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if err := <-unread; err != nil {
		return err
	}
	return late
}

// readLines gives every line that is not empty, and stops at the first that can't be a message.
func readLines(ctx context.Context, stdin io.Reader, lines chan<- string) error {
	in := bufio.NewScanner(stdin)
	in.Buffer(nil, localapi.MaxText+len("\r\n")+1)
	for in.Scan() {
		line := in.Text()
		switch {
		case line == "":
			continue
		case len(line) > localapi.MaxText:
			return problem.Failed(localapi.CodeTooLong, "a line is over 64 KiB; those before it were sent")
		case !utf8.ValidString(line):
			return problem.Failed(localapi.CodeText, "a line is not valid UTF-8; those before it were sent")
		}
		select {
		case lines <- line:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return problem.Failed(localapi.CodeTooLong, "a line is over 64 KiB; those before it were sent")
	} else if err != nil {
		return problem.Failed(problem.CodeInput, "read stdin: %v", err)
	}
	return nil
}
