package talk

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a app) forwardCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "forward ID WHO...",
		Short: "Send the words of a message to others, as messages of yours",
		Long: `Send the words of a message to others, as new messages of yours, and print their IDs. Nothing
says whose words they were.

` + idHelp + `the last one
that they have written, or in a group anybody else.`,
		Example: "  earshot forward last:bob eve '#lunch'",
		Args: func(c *cobra.Command, args []string) error {
			if err := thisMessage("WHO")(c, args[:min(2, len(args))]); err != nil {
				return err
			}
			if len(args) > 1+localapi.MaxForwarded {
				return command.Usage(c, fmt.Sprintf("a message goes to %d at once", localapi.MaxForwarded))
			}
			return nil
		},
	}
	return one{a, c, reading.Theirs, func(ctx context.Context, client *localapi.Client, id string, to []string) error {
		r, err := client.Forward(ctx, &earshotv1.ForwardRequest{Id: id, To: to})
		if err != nil {
			return err
		}
		return a.forwarded(to, r.Sent)
	}}.command()
}

// forwarded prints what was sent, and on standard error what was not. If that was for one only, it is the
// error itself.
func (a app) forwarded(to []string, all []*earshotv1.Sent) error {
	failed := slices.DeleteFunc(slices.Clone(all), func(s *earshotv1.Sent) bool { return s.Problem == nil })
	for i, s := range all {
		if s.Problem == nil {
			if err := a.Out.Sent(a.Stdout, s, ""); err != nil {
				return err
			}
			continue
		}
		p := problem.Answered(s.Problem)
		if len(all) == 1 {
			return p
		}
		p.Text = "to " + command.Quote(to[i]) + ": " + p.Text
		p.Print(a.Stderr, a.Out.JSON)
	}
	if len(failed) > 0 {
		return problem.Failed(problem.CodeForward, "%d of %d could not be sent", len(failed), len(all))
	}
	return nil
}
