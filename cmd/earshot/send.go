package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/sending"
	"github.com/earshot-im/earshot/node/localapi"
)

func (a *app) sendCommand() *cobra.Command {
	var s sending.Sender
	var lines bool
	c := &cobra.Command{
		Use:   "send WHO [TEXT]...",
		Short: "Send a message",
		Long: `Send a message and print its ID. The text is the arguments with spaces between them,
or stdin if there are none or the one is "-"; one line end at the end of stdin is not
part of the text. "--" ends the flags. "@name" mentions a member of a group.

With --lines every line of stdin that is not empty is a message of its own. One that
can't be a message is told on standard error, with its number, and the exit status is
1 at the end; --strict ends at the first.`,
		Example: `  earshot send bob Lunch at one?
  date | earshot send bob
  earshot send '#lunch' @ann are you coming?
  earshot send bob --wait delivered --timeout 10s -- -- begins with dashes
  tail -f log | earshot send bob --lines`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(c, "WHO is missing")
			}
			return checkSend(c, &s, lines, args[1:])
		},
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			s.Client, s.Out, s.Stdout, s.Stderr = client, a.out, a.stdout, a.stderr
			if lines {
				return s.SendLines(ctx, args[0], a.stdin)
			}
			text, err := sending.Text(args[1:], a.stdin)
			if err != nil {
				return err
			}
			return s.Send(ctx, args[0], text)
		}),
	}
	flags := c.Flags()
	flags.StringVar(&s.Wait, "wait", "queued", "`STATE` to wait for: queued (on this disk), delivered (on theirs; of a group, every member's) or read")
	flags.DurationVar(&s.Timeout, "timeout", 0, "give up waiting after `DURATION`, as 10s; the message stays queued")
	flags.StringVar(&s.ReplyTo, "reply-to", "", "`ID` of the message that this one answers")
	flags.StringVar(&s.Key, "key", "", "send once for this `KEY`, however often it is tried")
	flags.BoolVar(&lines, "lines", false, "send every line of stdin as a message")
	flags.BoolVar(&s.Strict, "strict", false, "with --lines: end at the first line that can't be sent")
	return c
}

func checkSend(c *cobra.Command, s *sending.Sender, lines bool, text []string) error {
	switch {
	case s.Wait != "queued" && s.Wait != "delivered" && s.Wait != "read":
		return usage(c, "--wait: use queued, delivered or read, not "+quote(s.Wait))
	case c.Flags().Changed("timeout") && s.Timeout <= 0:
		return usage(c, "--timeout must be more than nothing")
	case c.Flags().Changed("key") && s.Key == "":
		return usage(c, "--key is empty")
	case lines && (s.ReplyTo != "" || s.Key != ""):
		return usage(c, "--reply-to and --key are for one message, not for --lines")
	case lines && len(text) > 0 && !(len(text) == 1 && text[0] == "-"):
		return usage(c, "--lines reads stdin and takes no TEXT")
	case s.Strict && !lines:
		return usage(c, "--strict is for --lines")
	case c.Flags().Changed("reply-to"):
		return checkID(c, "--reply-to", s.ReplyTo)
	}
	return nil
}
