package talk

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// conversation prints a conversation after a command about it.
func (a app) conversation(c *earshotv1.Conversation, err error) error {
	if err != nil {
		return err
	}
	return a.Out.Conversation(a.Stdout, c)
}

func (a app) conversationsCommand() *cobra.Command {
	var wanted earshotv1.ConversationsRequest
	var limit uint32
	c := &cobra.Command{
		Use:   "conversations",
		Short: "Show your conversations: pinned ones first, then the latest",
		Long: `Show your conversations, with what is unread in each: the pinned ones first, those with
who is not a contact yet last. Archived ones are left out until something is said there.`,
		Example: "  earshot conversations --unread",
		Args: func(c *cobra.Command, args []string) error {
			if limit == 0 {
				return command.Usage(c, "--limit must be at least 1")
			}
			return command.Exactly()(c, args)
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			all, err := reading.Conversations(ctx, client, &wanted, limit)
			if err != nil {
				return err
			}
			text := "no conversations yet: `earshot send WHO TEXT` begins one"
			if wanted.UnreadOnly {
				text = "nothing is unread"
			}
			a.Nothing(len(all), text)
			return a.Out.Conversations(a.Stdout, all)
		}),
	}
	c.Flags().BoolVar(&wanted.UnreadOnly, "unread", false, "only those with something unread")
	c.Flags().BoolVar(&wanted.Archived, "all", false, "archived ones too")
	c.Flags().Uint32Var(&limit, "limit", localapi.DefaultPage, "at most `N` conversations")
	return a.Long(c, "the IDs of conversations")
}

func (a app) readCommand() *cobra.Command {
	var all bool
	var to string
	c := &cobra.Command{
		Use:   "read [WHO]",
		Short: "Mark what is unread in a conversation, or in all, as read",
		Long: `Mark what others have written in a conversation as read, without printing it. With --to it
is what stands there up to a message; what arrived later than that stays unread. With --all
it is everything in all conversations.`,
		Example: "  earshot read bob\n  earshot read --all",
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case all && (len(args) > 0 || to != ""):
				return command.Usage(c, "--all is for all conversations: leave out WHO and --to")
			case all:
				return nil
			case len(args) == 0:
				return command.Usage(c, "WHO is missing, or --all")
			case c.Flags().Changed("to"):
				return command.CheckID(c, "--to", to)
			}
			return command.Exactly("WHO")(c, args)
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			if all {
				r, err := client.MarkAllRead(ctx, &earshotv1.MarkAllReadRequest{})
				if err != nil {
					return err
				}
				return a.Out.Marked(a.Stdout, r)
			}
			if to != "" {
				id, err := reading.Which(ctx, client, to, args[0], reading.Theirs)
				if err != nil {
					return err
				}
				to = id
			}
			return a.conversation(client.MarkReadTo(ctx, &earshotv1.MarkReadToRequest{Who: args[0], Id: to}))
		}),
	}
	c.Flags().BoolVar(&all, "all", false, "everything in all conversations")
	c.Flags().StringVar(&to, "to", "", "only up to the message `ID`")
	return c
}

// setting is a command that sets something for a conversation.
func (a app) setting(use, short string, set func(*earshotv1.SetConversationRequest)) *cobra.Command {
	return &cobra.Command{
		Use:   use + " WHO",
		Short: short,
		Args:  command.Exactly("WHO"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			r := &earshotv1.SetConversationRequest{Who: args[0]}
			set(r)
			return a.conversation(client.SetConversation(ctx, r))
		}),
	}
}

// settings are the commands that set one thing, or take it back.
func (a app) settings() []*cobra.Command {
	yes, no := true, false
	return []*cobra.Command{
		a.setting("pin", "Have a conversation first in lists", func(r *earshotv1.SetConversationRequest) { r.Pinned = &yes }),
		a.setting("unpin", "Have a conversation among the others in lists again", func(r *earshotv1.SetConversationRequest) { r.Pinned = &no }),
		a.setting("archive", "Leave a conversation out of lists until something is said there", func(r *earshotv1.SetConversationRequest) { r.Archived = &yes }),
		a.setting("unarchive", "Have a conversation in lists again", func(r *earshotv1.SetConversationRequest) { r.Archived = &no }),
		a.setting("unmute", "Be notified of a conversation again", func(r *earshotv1.SetConversationRequest) { r.MutedUntil = timestamppb.New(time.Unix(0, 0)) }),
		a.muteCommand(), a.notifyCommand(),
	}
}

func (a app) muteCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "mute WHO [FOR]",
		Short:   "Be notified of nothing in a conversation, for good or for some time",
		Example: "  earshot mute lunch\n  earshot mute bob 8h",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return command.Exactly("WHO")(c, args)
			}
			if _, err := command.For(c, args[1]); err != nil {
				return err
			}
			return command.Exactly("WHO", "FOR")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			until := show.Forever
			if len(args) > 1 {
				d, err := command.For(c, args[1])
				if err != nil {
					return err
				}
				until = time.Now().Add(d)
			}
			return a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
				return a.conversation(client.SetConversation(ctx, &earshotv1.SetConversationRequest{Who: args[0], MutedUntil: timestamppb.New(until)}))
			})(c, args)
		},
	}
}

func (a app) notifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "notify WHO all|mentions|none",
		Short: "Say of what in a conversation you are notified",
		Args: func(c *cobra.Command, args []string) error {
			if err := command.Exactly("WHO", "all, mentions or none")(c, args); err != nil {
				return err
			}
			switch args[1] {
			case "all", "mentions", "none":
				return nil
			}
			return command.Usage(c, "use all, mentions or none, not "+command.Quote(args[1]))
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.conversation(client.SetConversation(ctx, &earshotv1.SetConversationRequest{Who: args[0], Notify: &args[1]}))
		}),
	}
}
