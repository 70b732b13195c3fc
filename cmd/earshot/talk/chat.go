package talk

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/linear"
	"github.com/earshot-im/earshot/node/localapi"
)

func (a app) chatCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "chat WHO",
		Short: "Talk with somebody, line after line",
		Long: `Talk with a person or in a group, one line after the other: for screen readers,
terminals that can do nothing else, and pipes. It prints what was said last and all that
is unread, and then what comes. What you type is sent with Enter; /help lists what else
there is. What comes while you type waits until your line is sent. What was printed is
marked read at the next Enter.

If stdin is no terminal, each line of it that is not empty is a message, nothing is
marked read, and chat ends when all is stored. One that can't be a message is told on
standard error, and the exit status is 1 at the end.

When the node ends, chat waits until it runs again, and then sends what you have typed
meanwhile. What is not sent at the end is printed on standard error, with exit status 1.`,
		Example: "  earshot chat bob\n  TERM=dumb earshot chat '#lunch'\n  make 2>&1 | earshot chat '#build'",
		Args: func(c *cobra.Command, args []string) error {
			if err := command.Exactly("WHO")(c, args); err != nil {
				return err
			}
			if a.Out.JSON {
				return command.Usage(c, "chat is for people: programs have recv --follow --json and send --lines")
			}
			return nil
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			c := linear.Chat{Client: client, Out: a.Out, Stdin: a.Stdin, Stdout: a.Stdout, Stderr: a.Stderr}
			return c.Run(ctx, args[0])
		}),
	}
}
