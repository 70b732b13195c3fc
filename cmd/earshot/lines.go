package main

import (
	"bufio"
	"context"
	"errors"
	"unicode/utf8"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/control"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

// linesAtOnce is how many lines one request carries: what is there, up to this.
const linesAtOnce = 256

// sendLines sends every line of stdin and prints each as it is answered. It goes on
// after a timeout: the line stays queued, and the next may be quicker.
func (a *app) sendLines(ctx context.Context, client *control.Client, to string, s sending) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.SendLines(ctx)
	if err != nil {
		return err
	}
	// A failing Send means that Receive knows why.
	_ = stream.Send(&controlv1.SendLinesRequest{Open: &controlv1.SendLinesRequest_Open{To: to, Wait: s.wait, Timeout: s.limit()}})
	if _, err := stream.Receive(); err != nil {
		return err
	}
	lines := make(chan string, linesAtOnce)
	unread := make(chan error, 1)
	go func() { // ends with stdin, with ctx, or with the process
		unread <- a.readLines(ctx, lines)
		close(lines)
	}()
	go func() { // ends with lines, or when the stream does
		for line := range lines {
			batch := []*controlv1.SendLinesRequest_Line{{Text: line}}
			for more := true; more && len(batch) < linesAtOnce; {
				select {
				case line, more = <-lines:
					if more {
						batch = append(batch, &controlv1.SendLinesRequest_Line{Text: line})
					}
				default:
					more = false
				}
			}
			if stream.Send(&controlv1.SendLinesRequest{Lines: batch}) != nil {
				return
			}
		}
		_ = stream.CloseRequest()
	}()
	var late error
	w := bufio.NewWriter(a.stdout)
	for {
		r, err := stream.Receive()
		if isEnd(err) {
			break
		}
		if err != nil {
			return err
		}
		for _, sent := range r.Sent {
			settled := s.settled(sent)
			if settled != nil {
				late = settled
			}
			// A bare ID says that the line has got there; in JSON the state says how far it has.
			if settled == nil || a.out.JSON {
				if err := a.out.Sent(w, sent, ""); err != nil {
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

// readLines stops at the first line that can't be a message.
func (a *app) readLines(ctx context.Context, lines chan<- string) error {
	in := bufio.NewScanner(a.stdin)
	in.Buffer(nil, maxText+len("\r\n")+1)
	for in.Scan() {
		line := in.Text()
		switch {
		case line == "":
			continue
		case len(line) > maxText:
			return problem.Failed(control.CodeTooLong, "a line is over 64 KiB; those before it were sent")
		case !utf8.ValidString(line):
			return problem.Failed(control.CodeText, "a line is not valid UTF-8; those before it were sent")
		}
		select {
		case lines <- line:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return problem.Failed(control.CodeTooLong, "a line is over 64 KiB; those before it were sent")
	} else if err != nil {
		return problem.Failed(problem.CodeInput, "read stdin: %v", err)
	}
	return nil
}
