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

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/cmd/earshot/phrase"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// states in the order in which a message passes through them.
var states = map[string]int{"queued": 1, "carried": 2, "delivered": 3, "read": 4, "held": 5}

// Sender sends messages as the flags of `send` say.
type Sender struct {
	Client *localapi.Client
	Out    show.Printer
	Stdout io.Writer
	Stderr io.Writer

	Wait    string        // queued, delivered, read or held
	Timeout time.Duration // 0: none
	ReplyTo string        // ID of the message that is answered, or ""
	Key     string        // of a message that is sent once however often it is tried, or ""
	Strict  bool          // end at the first line that can't be sent

	Files     []*earshotv1.Added                   // what goes with each message; then there may be no text
	Meanwhile func(ctx context.Context, id string) // nil, or follows a message while it is waited for
}

// Send sends a message, waits as far as was asked for, and prints the message's ID.
func (s *Sender) Send(ctx context.Context, to, text string) error {
	sent, err := s.send(ctx, to, text)
	if err != nil {
		return err
	}
	return s.follow(ctx, sent, time.Now())
}

func (s *Sender) send(ctx context.Context, to, text string) (*earshotv1.Sent, error) {
	r := &earshotv1.SendRequest{To: to, Text: text, ReplyTo: s.ReplyTo, Key: s.Key}
	for _, f := range s.Files {
		r.Files = append(r.Files, f.File)
	}
	return s.Client.Send(ctx, r)
}

// follow waits as far as was asked for, and prints the ID of a message that was sent at start. The message
// is on this disk: whatever happens while waiting, its ID is printed.
func (s *Sender) follow(ctx context.Context, sent *earshotv1.Sent, start time.Time) error {
	s.newcomers(ctx, sent.To)
	var waited error
	if s.Wait != "queued" {
		var later *earshotv1.Sent
		if later, waited = s.wait(ctx, sent.Id, start); waited == nil {
			sent = later
		}
	}
	var files []*earshotv1.Attachment
	for i, f := range s.Files {
		a := proto.CloneOf(f.Attachment)
		a.N = uint32(i + 1)
		files = append(files, a)
	}
	if err := s.Out.SentFiles(s.Stdout, sent, files); err != nil {
		return err
	}
	if waited != nil {
		return waited
	}
	return s.outcome(sent)
}

// wait waits for the state, and has the message followed meanwhile.
func (s *Sender) wait(ctx context.Context, id string, start time.Time) (*earshotv1.Sent, error) {
	if s.Meanwhile != nil {
		following, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() { // ends with following
			defer close(ended)
			s.Meanwhile(following, id)
		}()
		defer func() { stop(); <-ended }()
	}
	return s.Client.Wait(ctx, &earshotv1.WaitRequest{Id: id, State: s.Wait, Timeout: s.limit(start)})
}

// limit is what is left of the timeout since start, as the node takes it: nil where there is none.
func (s *Sender) limit(start time.Time) *durationpb.Duration {
	if s.Timeout == 0 {
		return nil
	}
	return durationpb.New(max(s.Timeout-time.Since(start), 0))
}

// outcome is an error if the message has not got as far as was asked for.
func (s *Sender) outcome(sent *earshotv1.Sent) error {
	switch {
	case sent.State == "cancelled":
		return problem.Failed(problem.CodeCancelled, "the message was cancelled")
	case sent.State == "undelivered":
		return problem.Failed(localapi.CodeUndelivered, "%s", phrase.State(sent.State, sent.Reason))
	case states[sent.State] < states[s.Wait]:
		what := "the message stays queued"
		if sent.State != "queued" {
			what = "the message is " + sent.State
		}
		if s.Wait == "held" {
			return problem.TimedOut("not held by everybody within "+s.Timeout.String()+"; "+what, "`earshot files --waiting` says who has not got them yet; it goes on by itself")
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
