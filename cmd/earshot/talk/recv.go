package talk

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/node/localapi"
)

func (a app) recvCommand() *cobra.Command {
	var r reading.Reader
	c := &cobra.Command{
		Use:   "recv",
		Short: "Print unread messages and mark them read",
		Long: `Print unread messages and mark them read, each only after its line was written.
Without --follow, --count or --timeout it prints what is there and ends.

With --as NAME it reads as the reader NAME, which has a bookmark of its own: for
programs. The node keeps the bookmark and moves it on after each line; nothing is
marked read, and no receipt is sent. With --from or --in it is a bookmark apart, of
the same reader: whatever is read with one filter, nothing is passed over for
another.

With --ack the bookmark moves only past what was acknowledged: write the ID of each
message to stdin, one a line, when you have dealt with it. The others come again the
next time. recv ends when stdin does, with status 1 if something is left; at most
1,000 lines wait.

WHO is looked up once, at the start. When the node ends, recv waits until it runs
again, if it was to stay; with --once it ends.

It also says, on standard error, how many requests wait, when more waits of somebody
than is taken before you accept them, and with --follow what others do in your groups
meanwhile: who was added or removed, a new name and so on, and when a message that it
has printed is edited or taken back, or somebody reacts. With --json a notice is an
object among the messages; what becomes of messages comes only with --all.`,
		Example: `  earshot recv --follow
  earshot recv --from bob --count 1 --timeout 1m
  earshot recv --in '#lunch'
  earshot recv --json --as mybot --follow`,
		Args: command.Exactly(),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkRecv(c, &r); err != nil {
				return err
			}
			return a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
				r.Client, r.Out, r.Stdin, r.Stdout, r.Stderr = client, a.Out, a.Stdin, a.Stdout, a.Stderr
				return r.Run(ctx)
			})(c, args)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&r.Follow, "follow", false, "stay, and print messages as they come")
	flags.Uint32Var(&r.Count, "count", 0, "end after `N` messages")
	flags.DurationVar(&r.Timeout, "timeout", 0, "stay for `DURATION` at most, as 10s; then end with exit status 5")
	flags.StringVar(&r.From, "from", "", "only messages of `WHO`")
	flags.StringVar(&r.In, "in", "", "only messages of the conversation with `WHO`, or of the group")
	flags.BoolVar(&r.Peek, "peek", false, "mark nothing read, and move no bookmark")
	flags.StringVar(&r.Name, "as", "", "read as the reader `NAME` (its own bookmark)")
	flags.BoolVar(&r.Ack, "ack", false, "with --as: move the bookmark by the IDs that come on standard input")
	flags.BoolVar(&r.All, "all", false, "with --follow and --json: also print what becomes of messages that were printed")
	flags.BoolVar(&r.Once, "once", false, "end when the node ends, with exit status 3")
	return c
}

func checkRecv(c *cobra.Command, r *reading.Reader) error {
	flags := c.Flags()
	switch {
	case flags.Changed("count") && r.Count == 0:
		return command.Usage(c, "--count must be at least 1")
	case flags.Changed("timeout") && r.Timeout <= 0:
		return command.Usage(c, "--timeout must be more than nothing")
	case flags.Changed("as") && (r.Name == "" || len(r.Name) > localapi.MaxReader):
		return command.Usage(c, fmt.Sprintf("--as takes a name of 1 to %d bytes", localapi.MaxReader))
	case r.Ack && (r.Name == "" || r.Peek):
		return command.Usage(c, "--ack moves the bookmark of --as, and goes without --peek")
	case r.All && (!r.Follow || r.Ack):
		return command.Usage(c, "--all is for --follow, and goes without --ack")
	case flags.Changed("from") && r.From == "", flags.Changed("in") && r.In == "":
		return command.Usage(c, "WHO is empty")
	}
	return nil
}
