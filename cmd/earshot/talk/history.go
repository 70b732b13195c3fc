package talk

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a app) historyCommand() *cobra.Command {
	var limit uint32
	var before, after, around, key string
	c := &cobra.Command{
		Use:   "history WHO",
		Short: "Print a conversation with a person or in a group, oldest first",
		Long: `Print a conversation with a person or in a group, oldest first, own messages
included. Without --before, --after and --around it prints the newest.

With --key it prints the one message that "earshot send --key" sent, and how far it
has come; it fails if none was sent with that key.`,
		Args: func(c *cobra.Command, args []string) error {
			if err := command.Exactly("WHO")(c, args); err != nil {
				return err
			}
			flags := c.Flags()
			var places []string
			for _, name := range []string{"before", "after", "around"} {
				if flags.Changed(name) {
					places = append(places, "--"+name)
				}
			}
			switch {
			case flags.Changed("key") && key == "":
				return command.Usage(c, "--key is empty")
			case key != "" && (flags.Changed("limit") || len(places) > 0):
				return command.Usage(c, "--key finds one message: leave out --limit, --before, --after and --around")
			case limit == 0:
				return command.Usage(c, "--limit must be at least 1")
			case len(places) > 1:
				return command.Usage(c, strings.Join(places, " and ")+" exclude each other")
			case len(places) == 1:
				return command.CheckID(c, places[0], before+after+around)
			}
			return nil
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			if key != "" {
				return a.message(reading.ByKey(ctx, client, args[0], key))
			}
			for _, place := range []*string{&before, &after, &around} {
				if *place == "" {
					continue
				}
				var err error
				if *place, err = reading.Which(ctx, client, *place, args[0], reading.Theirs); err != nil {
					return err
				}
			}
			count := 0
			tell := func(some []*earshotv1.Message) error {
				count += len(some)
				return show.Rows(a.Stdout, some, func(w io.Writer, m *earshotv1.Message) error {
					if m.Id == around {
						return a.Out.Middle(w, m)
					}
					return a.Out.Message(w, m)
				})
			}
			if around != "" {
				return reading.Around(ctx, client, args[0], limit, around, tell)
			}
			if err := reading.History(ctx, client, args[0], limit, before, after, tell); err != nil {
				return err
			}
			if before == "" && after == "" {
				a.Nothing(count, "nothing was written here yet")
			}
			return nil
		}),
	}
	c.Flags().Uint32Var(&limit, "limit", 50, "at most `N` messages")
	c.Flags().StringVar(&before, "before", "", "those before the message `ID`")
	c.Flags().StringVar(&after, "after", "", "those after the message `ID`")
	c.Flags().StringVar(&around, "around", "", "the message `ID`, and half of those before and half after it")
	c.Flags().StringVar(&key, "key", "", "the own message that was sent with this `KEY`")
	return c
}
