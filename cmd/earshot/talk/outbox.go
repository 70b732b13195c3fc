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
			r, err := client.Outbox(ctx, &earshotv1.OutboxRequest{})
			if err != nil {
				return err
			}
			a.Nothing(len(r.Pending), "everything is delivered")
			var files map[string][]*earshotv1.Attachment
			if len(r.Pending) > 0 {
				if files, err = reading.FilesWaiting(ctx, client); err != nil {
					return err
				}
			}
			if err := a.Out.Outbox(a.Stdout, r.Pending, files); err != nil {
				return err
			}
			return a.AskDoctor(show.PuzzleOfOutbox(r.Pending))
		}),
	}
	a.Long(c, "the ID of each message, which outbox cancel takes")
	c.AddCommand(a.cancelCommand())
	return c
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
