package sending

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// linesAtOnce is how many lines one request carries at most. It carries those that are there.
	linesAtOnce = 256

	// batchBytes closes a request by the size of its lines. With the longest line on top, and what
	// frames each, it stays below what a request may hold.
	batchBytes = localapi.MaxRequest / 2

	// maxUnanswered is more than the node takes of one stream before it has answered.
	maxUnanswered = 1 << 14
)

// lines are those of one run of send --lines.
type lines struct {
	*Sender
	stream  *connect.BidiStreamForClientSimple[earshotv1.SendLinesRequest, earshotv1.SendLinesResponse]
	numbers chan int      // of lines that were sent and not answered, in order
	halt    chan struct{} // closed when nothing more is to be sent, whatever stdin has
	halted  sync.Once

	answered int   // lines that have got as far as was asked for
	late     error // why a line has not; of several the last

	mu    sync.Mutex
	read  int // lines that are not empty
	bad   int // of them, those that were not sent
	first error
}

// SendLines sends every line of stdin as a message, and prints the ID of each once it has got as
// far as was asked for. It goes on when that takes longer than the timeout, since the message stays
// queued and the next may be quicker. A line that can't be a message is told on standard error, and
// an error at the end; with Strict it is the end.
func (s *Sender) SendLines(ctx context.Context, to string, stdin io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.Client.SendLines(ctx)
	if err != nil {
		return err
	}
	// Where Send fails, Receive says why.
	_ = stream.Send(&earshotv1.SendLinesRequest{Open: &earshotv1.SendLinesRequest_Open{To: to, Wait: s.Wait, Timeout: s.limit(time.Now())}})
	if _, err := stream.Receive(); err != nil {
		return err
	}
	if target, err := s.Client.Resolve(ctx, &earshotv1.ResolveRequest{Who: to}); err == nil {
		s.newcomers(ctx, target)
	}
	l := &lines{Sender: s, stream: stream, numbers: make(chan int, maxUnanswered), halt: make(chan struct{})}
	good := make(chan line, linesAtOnce)
	unread := make(chan error, 1)
	go func() { // ends with stdin, with ctx, or with the process
		unread <- l.take(ctx, stdin, good)
		close(good)
	}()
	go l.send(ctx, good)
	if err := l.receive(); err != nil {
		return l.broken(err)
	}
	select {
	case <-l.halt: // stdin may never end
	case err = <-unread:
	}
	if err != nil {
		return err
	}
	return l.outcome()
}

// take gives every line that is not empty and can be a message.
func (l *lines) take(ctx context.Context, stdin io.Reader, good chan<- line) error {
	for in := newReader(stdin); ; {
		next, err := in.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return problem.Failed(problem.CodeInput, "read stdin: %v", err)
		case next.text == "" && next.problem == nil:
			continue
		}
		l.mu.Lock()
		l.read++
		l.mu.Unlock()
		if p := next.problem; p != nil {
			if l.refuse(next.number, p.Code, p.Text); l.Strict {
				return nil
			}
			continue
		}
		select {
		case good <- next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send sends the lines that are there in one request, up to its bounds, until they end or a halt.
func (l *lines) send(ctx context.Context, good <-chan line) {
	defer l.stream.CloseRequest()
	for {
		var next line
		var more bool
		select {
		case next, more = <-good:
		case <-l.halt:
		}
		if !more || l.request(ctx, next, good) != nil {
			return
		}
	}
}

func (l *lines) request(ctx context.Context, next line, good <-chan line) error {
	var batch []*earshotv1.SendLinesRequest_Line
	for size := 0; ; {
		select {
		case l.numbers <- next.number:
		case <-ctx.Done():
			return ctx.Err()
		}
		batch = append(batch, &earshotv1.SendLinesRequest_Line{Text: next.text})
		size += len(next.text)
		more := false
		if len(batch) < linesAtOnce && size < batchBytes {
			select {
			case next, more = <-good:
			default:
			}
		}
		if !more {
			return l.stream.Send(&earshotv1.SendLinesRequest{Lines: batch})
		}
	}
}

// receive takes the answers, and prints them.
func (l *lines) receive() error {
	w := bufio.NewWriter(l.Stdout)
	for {
		r, err := l.stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, sent := range r.Sent {
			if err := l.answer(w, <-l.numbers, sent); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
}

func (l *lines) answer(w io.Writer, number int, sent *earshotv1.Sent) error {
	if p := sent.Problem; p != nil {
		if l.refuse(number, p.Code, p.Text); l.Strict {
			l.halted.Do(func() { close(l.halt) })
		}
		return nil
	}
	outcome := l.Sender.outcome(sent)
	if outcome != nil {
		l.late = outcome
	} else {
		l.answered++
	}
	// A bare ID says that the line has got there; in JSON the state says how far it has.
	if outcome == nil || l.Out.JSON {
		return l.Out.Sent(w, sent, "")
	}
	return nil
}

// refuse says that a line was not sent. With Strict the first is the error at the end.
func (l *lines) refuse(number int, code, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bad++
	p := problem.Failed(code, "line %d was not sent: %s", number, why)
	switch {
	case !l.Strict:
		p.Hint = "" // the last error has one
		p.Print(l.Stderr, l.Out.JSON)
	case l.first == nil:
		l.first = p
	}
}

// broken explains an error that has ended the stream.
func (l *lines) broken(err error) error {
	p := *problem.Explain(err)
	what := "lines were"
	if l.answered == 1 {
		what = "line was"
	}
	p.Text += fmt.Sprintf("; %d %s %s before that", l.answered, what, l.Wait)
	return &p
}

// outcome is what the command ends with when all has been answered.
func (l *lines) outcome() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.first != nil:
		return l.first
	case l.bad > 0:
		return problem.Failed(problem.CodeLines, "%d of %d lines could not be sent", l.bad, l.read)
	}
	return l.late
}
