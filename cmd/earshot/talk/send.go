package talk

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/cmd/earshot/sending"
	"github.com/earshot-im/earshot/node/localapi"
)

func (a app) sendCommand() *cobra.Command {
	var s sending.Sender
	var lines bool
	var files attach
	c := &cobra.Command{
		Use:   "send WHO [TEXT]...",
		Short: "Send a message, also with files",
		Long: `Send a message and print its ID. The text is the arguments with spaces between them,
or stdin if there are none or the one is "-"; one line end at the end of stdin is not
part of the text. "--" ends the flags. "@name" mentions a member of a group.

With --file it sends files and folders, and a text if there is one. Several WHO may
stand before the last --file; each gets a message of their own. The text stands behind
it. A file of up to 256 MiB (see "earshot me files keep") is copied first; a larger one
is sent from where it is, and must stay there as it is.

With --lines every line of stdin that is not empty is a message of its own. One that
can't be a message is told on standard error, with its number, and the exit status is
1 at the end; --strict ends at the first.`,
		Example: `  earshot send bob Lunch at one?
  date | earshot send bob
  earshot send '#lunch' @ann are you coming?
  earshot send bob --wait delivered --timeout 10s -- -- begins with dashes
  tail -f log | earshot send bob --lines
  earshot send bob '#lunch' --file menu.pdf This is new
  earshot send bob --file cake.jpg --picture --wait held`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.Usage(c, "WHO is missing")
			}
			whos, text := files.split(args)
			if err := files.check(c, text); err != nil {
				return err
			}
			return checkSend(c, &s, lines, whos, text, len(files.file.paths) > 0)
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			s.Client, s.Out, s.Stdout, s.Stderr = client, a.Out, a.Stdout, a.Stderr
			if lines {
				return s.SendLines(ctx, args[0], a.Stdin)
			}
			if s.ReplyTo != "" {
				id, err := reading.Which(ctx, client, s.ReplyTo, args[0], reading.Theirs)
				if err != nil {
					return err
				}
				s.ReplyTo = id
			}
			if len(files.file.paths) > 0 {
				whos, text := files.split(args)
				return files.send(ctx, a, &s, whos, text)
			}
			text, err := sending.Text(args[1:], a.Stdin)
			if err != nil {
				return err
			}
			return s.Send(ctx, args[0], text)
		}),
	}
	flags := c.Flags()
	flags.StringVar(&s.Wait, "wait", "queued", "`STATE` to wait for: queued (on this disk), delivered (on theirs; of a group, every member's), read, or held (they have all files)")
	flags.DurationVar(&s.Timeout, "timeout", 0, "give up waiting after `DURATION`, as 10s; the message stays queued")
	flags.StringVar(&s.ReplyTo, "reply-to", "", "`ID` of the message that this one answers, its first 8 or more digits, or last:WHO for their last one")
	flags.StringVar(&s.Key, "key", "", "send once for this `KEY`, however often it is tried")
	flags.BoolVar(&lines, "lines", false, "send every line of stdin as a message")
	flags.BoolVar(&s.Strict, "strict", false, "with --lines: end at the first line that can't be sent")
	files.flags(c)
	return c
}

func checkSend(c *cobra.Command, s *sending.Sender, lines bool, whos, text []string, files bool) error {
	switch {
	case !slices.Contains([]string{"queued", "delivered", "read", "held"}, s.Wait):
		return command.Usage(c, "--wait: use queued, delivered, read or held, not "+command.Quote(s.Wait))
	case s.Wait == "held" && !files:
		return command.Usage(c, "--wait held is for --file")
	case c.Flags().Changed("timeout") && s.Timeout <= 0:
		return command.Usage(c, "--timeout must be more than nothing")
	case c.Flags().Changed("key") && s.Key == "":
		return command.Usage(c, "--key is empty")
	case lines && files:
		return command.Usage(c, "--file is for one message, not for --lines")
	case len(whos) > 1 && s.ReplyTo != "":
		return command.Usage(c, "--reply-to answers a message in one conversation: name one WHO")
	case len(whos) > localapi.MaxForwarded:
		return command.Usage(c, fmt.Sprintf("at most %d WHO at once", localapi.MaxForwarded))
	case lines && (s.ReplyTo != "" || s.Key != ""):
		return command.Usage(c, "--reply-to and --key are for one message, not for --lines")
	case lines && len(text) > 0 && !(len(text) == 1 && text[0] == "-"):
		return command.Usage(c, "--lines reads stdin and takes no TEXT")
	case s.Strict && !lines:
		return command.Usage(c, "--strict is for --lines")
	case c.Flags().Changed("reply-to"):
		return command.CheckMessage(c, "--reply-to", s.ReplyTo)
	}
	return nil
}
