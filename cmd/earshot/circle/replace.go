package circle

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// sameHuman is what replace asks. Somebody else who has taken the name of a contact has the words
// that are shown, so that they say so in a message means nothing.
const sameHuman = "Ask face to face or by phone, not in a message: an impostor has these words too.\nDoes the one whom you know have the same words?"

func (a app) contactsReplaceCommand() *cobra.Command {
	var r earshotv1.ReplaceContactRequest
	c := &cobra.Command{
		Use:   "replace OLD NEW",
		Short: "Put a person in the place of a contact, as after they have lost their directory",
		Long: `Put a person in the place of a contact. Somebody who has lost their directory comes back as
another person, and only you can know that it is the same human: compare words as with
"earshot verify", face to face or by phone, or say --unverified.

From then on the names of OLD mean NEW. In each group where your role allows it, NEW is
invited and OLD is removed. OLD is no contact any more; what was said stays.`,
		Example: `  earshot contacts replace c4b3bf631f00aa22 d2a8e6f10b1c2d3e --resend`,
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if c.Flags().Changed("words") && r.Unverified {
			return command.Usage(c, "give --words or --unverified, not both")
		}
		return command.Exactly("OLD", "NEW")(c, args)
	}
	c.RunE = a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
		old, err := client.Resolve(ctx, &earshotv1.ResolveRequest{Who: args[0], Kind: "person"})
		if err != nil {
			return err
		}
		now, err := client.Resolve(ctx, &earshotv1.ResolveRequest{Who: args[1], Kind: "person"})
		if err != nil {
			return err
		}
		r.Old, r.New = old.Id, now.Id
		if r.Old != r.New && !r.Unverified && !c.Flags().Changed("words") {
			if r.New, r.Words, err = a.compare(ctx, client, args[1], sameHuman); err != nil {
				return err
			}
		}
		done, err := client.ReplaceContact(ctx, &r)
		if err != nil {
			return problem.OfReplacing(err)
		}
		return a.Out.Replaced(a.Stdout, done)
	})
	c.Flags().StringVar(&r.Words, "words", "", "the `WORDS` that NEW has, for scripts")
	c.Flags().BoolVar(&r.Unverified, "unverified", false, "compare no words")
	c.Flags().BoolVar(&r.Resend, "resend", false, "send what waits for OLD to NEW, and take it back from OLD")
	return c
}

func (a app) contactsRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove WHO",
		Short: "Take a person out of your contacts; what was said stays, and what waits still goes to them if they may write to you",
		Args:  command.Exactly("WHO"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			r, err := client.RemoveContact(ctx, &earshotv1.RemoveContactRequest{Who: args[0]})
			if err != nil {
				return err
			}
			return a.Out.Removed(a.Stdout, r)
		}),
	}
}
