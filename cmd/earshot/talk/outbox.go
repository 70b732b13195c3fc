package talk

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a app) outboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "outbox",
		Short: "Show messages not delivered yet, one line a message and person",
		Args:  command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			return a.outbox(ctx, client)
		}),
	}
	a.Long(c, "the ID of each message, which outbox cancel takes")
	c.AddCommand(a.cancelCommand())
	return c
}

// outboxAtOnce is how many lines are lined up with each other, and printed together.
const outboxAtOnce = 500

// outbox prints what waits as the node tells it.
func (a app) outbox(ctx context.Context, client *localapi.Client) error {
	var files map[string][]*earshotv1.Attachment
	var some []*earshotv1.Pending
	var puzzle show.Puzzle
	count := 0
	for q, err := range client.Pending(ctx, 0) {
		if err == nil && count == 0 {
			files, err = reading.FilesWaiting(ctx, client)
		}
		if err != nil {
			if printErr := a.Out.Outbox(a.Stdout, some, files); printErr != nil {
				return printErr
			}
			return err
		}
		count++
		puzzle.Waits(q)
		if some = append(some, q); len(some) == outboxAtOnce {
			if err := a.Out.Outbox(a.Stdout, some, files); err != nil {
				return err
			}
			some = nil
		}
	}
	if err := a.Out.Outbox(a.Stdout, some, files); err != nil {
		return err
	}
	a.Nothing(count, "everything is delivered")
	return a.AskDoctor(puzzle)
}

func (a app) cancelCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cancel ID",
		Short: "Take back a message that nobody has yet",
		Long: `Take back a message that nobody has yet.

` + idHelp + `your last one there.`,
		Args: thisMessage(),
	}
	return one{a, c, reading.Mine, func(ctx context.Context, client *localapi.Client, id string, _ []string) error {
		sent, err := client.Cancel(ctx, &earshotv1.CancelRequest{Id: id})
		if err != nil {
			return err
		}
		return a.Out.Sent(a.Stdout, sent, " cancelled")
	}}.command()
}
