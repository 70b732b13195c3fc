// Package sending sends messages for `send`: one, or every line of standard input.
//
// It owns what a text may be on the command line (its length, UTF-8, the line end that is no part
// of it) and how far a message has to get before the command is content. What was queued stays
// queued whatever happens next: the ID of a message is printed once the message is on this disk,
// also where waiting for more then fails. It keeps nothing, and the node alone decides whom a name
// means.
//
// Errors of the node come through as they are; what is found out here is a problem.
package sending

import (
	"context"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// states in the order in which a message passes through them.
var states = map[string]int{"queued": 1, "carried": 2, "delivered": 3, "read": 4}

// Sender sends messages as the flags of `send` say.
type Sender struct {
	Client *localapi.Client
	Out    show.Printer
	Stdout io.Writer
	Stderr io.Writer

	Wait    string        // queued, delivered or read
	Timeout time.Duration // 0: none
	ReplyTo string        // ID of the message that is answered, or ""
	Key     string        // of a message that is sent once however often it is tried, or ""
	Strict  bool          // end at the first line that can't be sent
}

// Send sends a message, waits as far as was asked for, and prints the message's ID.
func (s *Sender) Send(ctx context.Context, to, text string) error {
	sent, err := s.Client.Send(ctx, &earshotv1.SendRequest{To: to, Text: text, ReplyTo: s.ReplyTo, Key: s.Key})
	if err != nil {
		return err
	}
	// The message is on this disk. Whatever happens while waiting, its ID is printed.
	s.newcomers(ctx, sent.To)
	var waited error
	if s.Wait != "queued" {
		var later *earshotv1.Sent
		if later, waited = s.Client.Wait(ctx, &earshotv1.WaitRequest{Id: sent.Id, State: s.Wait, Timeout: s.limit()}); waited == nil {
			sent = later
		}
	}
	if err := s.Out.Sent(s.Stdout, sent, ""); err != nil {
		return err
	}
	if waited != nil {
		return waited
	}
	return s.outcome(sent)
}

// limit is the timeout as the node takes it: nil where there is none.
func (s *Sender) limit() *durationpb.Duration {
	if s.Timeout == 0 {
		return nil
	}
	return durationpb.New(s.Timeout)
}

// outcome is an error if the message has not got as far as was asked for.
func (s *Sender) outcome(sent *earshotv1.Sent) error {
	switch {
	case sent.State == "cancelled":
		return problem.Failed(problem.CodeCancelled, "the message was cancelled")
	case sent.State == "undelivered":
		return problem.Failed(localapi.CodeUndelivered, "%s", show.State(sent.State, sent.Reason))
	case states[sent.State] < states[s.Wait]:
		what := "the message stays queued"
		if sent.State != "queued" {
			what = "the message is " + sent.State
		}
		return problem.TimedOut("not "+s.Wait+" within "+s.Timeout.String()+"; "+what, "`earshot outbox` says what it waits for; it goes on by itself")
	}
	return nil
}

// Text returns the text that a command is given: its arguments with spaces between them, or stdin
// if there are none or the only one is "-".
func Text(args []string, stdin io.Reader) (string, error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		return readText(stdin)
	}
	return strings.Join(args, " "), nil
}

// readText reads a text, without the line end at its end.
func readText(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, localapi.MaxText+int64(len("\r\n"))+1))
	if err != nil {
		return "", problem.Failed(problem.CodeInput, "read stdin: %v", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if len(text) > localapi.MaxText {
		return "", problem.Failed(localapi.CodeTooLong, "the text is over %d KiB", localapi.MaxText>>10)
	}
	if !utf8.ValidString(text) {
		return "", problem.Failed(localapi.CodeText, "the text is not valid UTF-8")
	}
	return text, nil
}
