package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/control"
	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

// maxText is the longest text of a message in bytes. More is not read.
const maxText = 64 << 10

// states in the order in which a message passes through them.
var states = map[string]int{"queued": 1, "carried": 2, "delivered": 3, "read": 4}

// sending is what the flags of `send` say.
type sending struct {
	wait    string
	timeout time.Duration // 0: none
	replyTo string
	key     string
	lines   bool
}

func (a *app) sendCommand() *cobra.Command {
	var s sending
	c := &cobra.Command{
		Use:   "send WHO [TEXT]...",
		Short: "Send a message",
		Long: `Send a message and print its ID. The text is the arguments with spaces between them,
or stdin if there are none or the one is "-"; one line end at the end of stdin is not
part of the text. "--" ends the flags. "@name" mentions a member of a group.

With --lines every line of stdin that is not empty is a message of its own.`,
		Example: `  earshot send bob Lunch at one?
  date | earshot send bob
  earshot send '#lunch' @ann are you coming?
  earshot send bob --wait delivered --timeout 10s -- -- begins with dashes
  tail -f log | earshot send bob --lines`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(c, "WHO is missing")
			}
			return s.check(c, args[1:])
		},
		RunE: a.ask(func(ctx context.Context, client *control.Client, args []string) error {
			if s.lines {
				return a.sendLines(ctx, client, args[0], s)
			}
			text, err := a.text(args[1:])
			if err != nil {
				return err
			}
			return a.send(ctx, client, args[0], text, s)
		}),
	}
	flags := c.Flags()
	flags.StringVar(&s.wait, "wait", "queued", "return when it is queued (on this disk), delivered (on theirs; of a group, every member's) or read")
	flags.DurationVar(&s.timeout, "timeout", 0, "give up waiting after this long, for example 10s; the message stays queued")
	flags.StringVar(&s.replyTo, "reply-to", "", "`ID` of the message that this one answers")
	flags.StringVar(&s.key, "key", "", "send once for this `KEY`, however often it is tried")
	flags.BoolVar(&s.lines, "lines", false, "send every line of stdin as a message")
	return c
}

func (s *sending) check(c *cobra.Command, text []string) error {
	switch {
	case s.wait != "queued" && s.wait != "delivered" && s.wait != "read":
		return usage(c, "--wait takes queued, delivered or read, not "+quote(s.wait))
	case c.Flags().Changed("timeout") && s.timeout <= 0:
		return usage(c, "--timeout must be more than nothing")
	case c.Flags().Changed("key") && s.key == "":
		return usage(c, "--key is empty")
	case s.lines && (s.replyTo != "" || s.key != ""):
		return usage(c, "--reply-to and --key are for one message, not for --lines")
	case s.lines && len(text) > 0 && !(len(text) == 1 && text[0] == "-"):
		return usage(c, "--lines reads stdin and takes no TEXT")
	case c.Flags().Changed("reply-to"):
		return checkID(c, "--reply-to", s.replyTo)
	}
	return nil
}

// text is the arguments with spaces between them, or what stdin has.
func (a *app) text(args []string) (string, error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		return readText(a.stdin)
	}
	return strings.Join(args, " "), nil
}

// readText reads a text that is not too long.
func readText(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxText+int64(len("\r\n"))+1))
	if err != nil {
		return "", problem.Failed(problem.CodeInput, "read stdin: %v", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if len(text) > maxText {
		return "", problem.Failed(control.CodeTooLong, "the text is over 64 KiB")
	}
	if !utf8.ValidString(text) {
		return "", problem.Failed(control.CodeText, "the text is not valid UTF-8")
	}
	return text, nil
}

func (a *app) send(ctx context.Context, client *control.Client, to, text string, s sending) error {
	sent, err := client.Send(ctx, &controlv1.SendRequest{To: to, Text: text, ReplyTo: s.replyTo, Key: s.key})
	if err != nil {
		return err
	}
	// It is queued, whatever comes now, so its ID is printed.
	var waited error
	if s.wait != "queued" {
		var later *controlv1.Sent
		if later, waited = client.Wait(ctx, &controlv1.WaitRequest{Id: sent.Id, State: s.wait, Timeout: s.limit()}); waited == nil {
			sent = later
		}
	}
	if err := a.out.Sent(a.stdout, sent, ""); err != nil {
		return err
	}
	if waited != nil {
		return waited
	}
	return s.settled(sent)
}

// limit is absent where there is none.
func (s sending) limit() *durationpb.Duration {
	if s.timeout == 0 {
		return nil
	}
	return durationpb.New(s.timeout)
}

// settled is an error if the message has not got as far as was asked for.
func (s sending) settled(sent *controlv1.Sent) error {
	switch {
	case sent.State == "cancelled":
		return problem.Failed(problem.CodeCancelled, "the message was cancelled")
	case sent.State == "undelivered":
		return problem.Failed(control.CodeUndelivered, "%s", show.State(sent.State, sent.Reason))
	case states[sent.State] < states[s.wait]:
		what := "the message stays queued"
		if sent.State != "queued" {
			what = "the message is " + sent.State
		}
		return problem.TimedOut("not " + s.wait + " within " + s.timeout.String() + "; " + what)
	}
	return nil
}

// isEnd reports whether a stream has ended as it should.
func isEnd(err error) bool { return errors.Is(err, io.EOF) }
