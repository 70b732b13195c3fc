package talk

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/node/localapi"
)

// changeKinds are what watch can tell.
var changeKinds = []string{"arrived", "changed", "gone", "notice", "group", "person", "settings", "requests", "conversation", "draft", "typing", "presence"}

func (a app) watchCommand() *cobra.Command {
	var kinds, after, from, in string
	c := &cobra.Command{
		Use:   "watch",
		Short: "Print what changes, one JSON object a line, for programs",
		Long: `Print everything that changes, as it does, one JSON object a line, until it is ended. It begins
with what changes from now on, or with --after behind a place: each line has one, and
everything before that was told. When the node ends it waits until it runs again, and
goes on where it was.

KINDS are ` + strings.Join(changeKinds[:8], ", ") + `,
` + strings.Join(changeKinds[8:], ", ") + `; without --kinds all up to requests.`,
		Example: "  earshot watch --kinds arrived,changed,typing\n  earshot watch --after 5d41402abc4b2a76:1042",
		Args: func(c *cobra.Command, args []string) error {
			flags := c.Flags()
			switch {
			case flags.Changed("after") && after == "":
				return command.Usage(c, "--after is empty")
			case flags.Changed("from") && from == "", flags.Changed("in") && in == "":
				return command.Usage(c, "WHO is empty")
			}
			for _, kind := range split(kinds) {
				if !slices.Contains(changeKinds, kind) {
					return command.Usage(c, "--kinds: there is no kind of change "+command.Quote(kind))
				}
			}
			return command.Exactly()(c, args)
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			feed := client.Feed("")
			feed.Kinds, feed.From, feed.In, feed.After = split(kinds), from, in, after
			feed.Away = func(err error) { problem.Away(err).Print(a.Stderr, a.Out.JSON) }
			if after == "" {
				var err error
				if feed.After, err = reading.Now(ctx, client); err != nil {
					return problem.UnlessStopped(ctx, err)
				}
			}
			at := feed.After
			for r, err := range feed.Changes(ctx) {
				if err != nil {
					return problem.UnlessStopped(ctx, err)
				}
				if err := a.Out.Watched(a.Stdout, at, r); err != nil {
					return err
				}
				at = r.Cursor
			}
			return nil
		}),
	}
	c.Flags().StringVar(&kinds, "kinds", "", "only these `KINDS` of changes, with commas between them")
	c.Flags().StringVar(&after, "after", "", "what has changed since the `PLACE` that a line has")
	c.Flags().StringVar(&from, "from", "", "of messages only those of `WHO`")
	c.Flags().StringVar(&in, "in", "", "of messages only those of the conversation with `WHO`, or of the group")
	return c
}

// split divides what stands between commas.
func split(list string) (all []string) {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
