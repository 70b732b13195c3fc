package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/sending"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// message prints a message after a command has changed it.
func (a *app) message(m *earshotv1.Message, err error) error {
	if err != nil {
		return err
	}
	return a.out.Message(a.stdout, m)
}

// thisMessage has a command take the ID of a message, and then the named arguments.
func thisMessage(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := exactly(append([]string{"ID"}, names...)...)(c, args); err != nil {
			return err
		}
		return checkID(c, "ID", args[0])
	}
}

func (a *app) editCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "edit ID [TEXT]...",
		Short: "Give an own message another text",
		Long: `Give an own message another text, as often as you like; readers see that it was
edited. The text is given as to "earshot send".`,
		Args: func(c *cobra.Command, args []string) error {
			return thisMessage()(c, args[:min(1, len(args))])
		},
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			text, err := sending.Text(args[1:], a.stdin)
			if err != nil {
				return err
			}
			return a.message(client.Edit(ctx, &earshotv1.EditRequest{Id: args[0], Text: text}))
		}),
	}
}

func (a *app) recallCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "recall ID",
		Short: "Take an own message back everywhere, within two minutes",
		Long: `Take an own message back, within two minutes: every node that holds it drops its
words. What was read, or copied, stays read. "earshot outbox cancel" takes back what
nobody has yet, at any time.`,
		Args: thisMessage(),
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.message(client.Recall(ctx, &earshotv1.RecallRequest{Id: args[0]}))
		}),
	}
}

func (a *app) reactCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "react ID EMOJI",
		Short:   "Put a reaction on a message, in place of your last",
		Example: "  earshot react ID 👍\n  earshot react ID ''      takes it back",
		Args:    thisMessage("EMOJI"),
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.message(client.React(ctx, &earshotv1.ReactRequest{Id: args[0], Emoji: args[1]}))
		}),
	}
}

func (a *app) receiptsCommand() *cobra.Command {
	return a.long(&cobra.Command{
		Use:   "receipts ID",
		Short: "Show who has an own message, and who has read it",
		Args:  thisMessage(),
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			r, err := client.Receipts(ctx, &earshotv1.ReceiptsRequest{Id: args[0]})
			if err != nil {
				return err
			}
			return a.out.Receipts(a.stdout, r.Reached)
		}),
	}, "the IDs of persons")
}
