package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a *app) historyCommand() *cobra.Command {
	var limit uint32
	var before, after, key string
	c := &cobra.Command{
		Use:   "history WHO",
		Short: "Print a conversation with a person or in a group, oldest first",
		Long: `Print a conversation with a person or in a group, oldest first, own messages
included. Without --before and --after it prints the newest.

With --key it prints the one message that "earshot send --key" sent, and how far it
has come; it fails if none was sent with that key.`,
		Args: func(c *cobra.Command, args []string) error {
			if err := exactly("WHO")(c, args); err != nil {
				return err
			}
			flags := c.Flags()
			switch {
			case flags.Changed("key") && key == "":
				return usage(c, "--key is empty")
			case key != "" && (flags.Changed("limit") || flags.Changed("before") || flags.Changed("after")):
				return usage(c, "--key finds one message: leave out --limit, --before and --after")
			case limit == 0:
				return usage(c, "--limit must be at least 1")
			case flags.Changed("before") && flags.Changed("after"):
				return usage(c, "--before and --after exclude each other")
			case flags.Changed("before"):
				return checkID(c, "--before", before)
			case flags.Changed("after"):
				return checkID(c, "--after", after)
			}
			return nil
		},
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			if key != "" {
				return a.message(reading.ByKey(ctx, client, args[0], key))
			}
			messages, err := reading.History(ctx, client, args[0], limit, before, after)
			if err != nil {
				return err
			}
			if before == "" && after == "" {
				a.nothing(len(messages), "nothing was written here yet")
			}
			return show.Rows(a.stdout, messages, a.out.Message)
		}),
	}
	c.Flags().Uint32Var(&limit, "limit", 50, "at most `N` messages")
	c.Flags().StringVar(&before, "before", "", "those before the message `ID`")
	c.Flags().StringVar(&after, "after", "", "those after the message `ID`")
	c.Flags().StringVar(&key, "key", "", "the own message that was sent with this `KEY`")
	return c
}

func (a *app) outboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "outbox",
		Short: "Show messages not delivered yet, one line a message and person",
		Args:  exactly(),
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			r, err := client.Outbox(ctx, &earshotv1.OutboxRequest{})
			if err != nil {
				return err
			}
			a.nothing(len(r.Pending), "everything is delivered")
			if err := a.out.Outbox(a.stdout, r.Pending); err != nil {
				return err
			}
			return a.askDoctor(show.PuzzleOfOutbox(r.Pending))
		}),
	}
	a.long(c, "the ID of each message, which outbox cancel takes")
	c.AddCommand(&cobra.Command{
		Use:   "cancel ID",
		Short: "Take back a message that nobody has yet",
		Args: func(c *cobra.Command, args []string) error {
			if err := exactly("ID")(c, args); err != nil {
				return err
			}
			return checkID(c, "ID", args[0])
		},
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			sent, err := client.Cancel(ctx, &earshotv1.CancelRequest{Id: args[0]})
			if err != nil {
				return err
			}
			return a.out.Sent(a.stdout, sent, " cancelled")
		}),
	})
	return c
}
