package talk

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/cmd/earshot/sending"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// message prints a message after a command has changed it.
func (a app) message(m *earshotv1.Message, err error) error {
	if err != nil {
		return err
	}
	return a.Out.Message(a.Stdout, m)
}

// thisMessage has a command take the ID of a message, and then the named arguments.
func thisMessage(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := command.Exactly(append([]string{"ID"}, names...)...)(c, args); err != nil {
			return err
		}
		return command.CheckMessage(c, "ID", args[0])
	}
}

// one is a command about one message.
type one struct {
	app
	*cobra.Command
	whose reading.Whose // whose message last:WHO means
	do    func(ctx context.Context, client *localapi.Client, id string, args []string) error
}

// command gives it the flag that helps to say which message is meant.
func (o one) command() *cobra.Command {
	var in string
	o.Flags().StringVar(&in, "in", "", "the beginning of an ID means a message in the conversation with `WHO`, or in this group")
	o.RunE = o.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
		id, err := reading.Which(ctx, client, args[0], in, o.whose)
		if err != nil {
			return err
		}
		return o.do(ctx, client, id, args[1:])
	})
	return o.Command
}

func (a app) editCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "edit ID [TEXT]...",
		Short: "Give an own message another text",
		Long: `Give an own message another text, as often as you like; readers see that it was
edited. The text is given as to "earshot send".

` + idHelp + `your last one there.`,
		Example: "  earshot edit last:bob Lunch at two?",
		Args: func(c *cobra.Command, args []string) error {
			return thisMessage()(c, args[:min(1, len(args))])
		},
	}
	return one{a, c, reading.Mine, func(ctx context.Context, client *localapi.Client, id string, args []string) error {
		text, err := sending.Text(args, a.Stdin)
		if err != nil {
			return err
		}
		return a.message(client.Edit(ctx, &earshotv1.EditRequest{Id: id, Text: text}))
	}}.command()
}

// idHelp says which message is meant; whose last one, the command says.
const idHelp = `ID is that of the message, or the first 8 or more digits of it; last:WHO means `

func (a app) recallCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "recall ID",
		Short: "Take an own message back everywhere, within two minutes",
		Long: `Take an own message back, within two minutes: every node that holds it drops its
words. What was read, or copied, stays read. "earshot outbox cancel" takes back what
nobody has yet, at any time.

` + idHelp + `your last one there.`,
		Example: "  earshot recall last:bob",
		Args:    thisMessage(),
	}
	return one{a, c, reading.Mine, func(ctx context.Context, client *localapi.Client, id string, _ []string) error {
		return a.message(client.Recall(ctx, &earshotv1.RecallRequest{Id: id}))
	}}.command()
}

func (a app) reactCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "react ID EMOJI",
		Short: "Put a reaction on a message, in place of your last",
		Long: `Put a reaction on a message, in place of your last.

` + idHelp + `the last one
that they have written, or in a group anybody else.`,
		Example: "  earshot react last:bob 👍\n  earshot react ID ''      takes it back",
		Args:    thisMessage("EMOJI"),
	}
	return one{a, c, reading.Theirs, func(ctx context.Context, client *localapi.Client, id string, args []string) error {
		return a.message(client.React(ctx, &earshotv1.ReactRequest{Id: id, Emoji: args[0]}))
	}}.command()
}

func (a app) receiptsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "receipts ID",
		Short: "Show who has an own message, and who has read it",
		Long: `Show who has an own message, and who has read it.

` + idHelp + `your last one there.`,
		Args: thisMessage(),
	}
	return a.Long(one{a, c, reading.Mine, func(ctx context.Context, client *localapi.Client, id string, _ []string) error {
		r, err := client.Receipts(ctx, &earshotv1.ReceiptsRequest{Id: id})
		if err != nil {
			return err
		}
		files, err := reading.FilesOf(ctx, client, id)
		if err != nil {
			return err
		}
		return a.Out.Receipts(a.Stdout, r.Reached, files)
	}}.command(), "the IDs of persons")
}
