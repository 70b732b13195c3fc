package circle

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// person prints a person after a command about them.
func (a app) person(p *earshotv1.Person, err error) error {
	if err != nil {
		return err
	}
	return a.Out.Person(a.Stdout, p)
}

func (a app) contactsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "contacts",
		Short: "Show whom you know",
		Args:  command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			r, err := client.Contacts(ctx, &earshotv1.ContactsRequest{})
			if err != nil {
				return err
			}
			a.Nothing(len(r.Persons), "no contacts yet: writing to somebody makes them one; `earshot peers` shows who is here")
			return a.Out.Contacts(a.Stdout, r.Persons)
		}),
	}
	a.Long(c, "the IDs of persons")
	c.AddCommand(a.contactsNameCommand(), a.contactsReplaceCommand(), a.contactsRemoveCommand())
	return c
}

func (a app) contactsNameCommand() *cobra.Command {
	var anyway bool
	c := &cobra.Command{
		Use:   "name WHO NICKNAME",
		Short: "Give a person a nickname, which only you see",
		Long: `Give a person a nickname. Only you see it, and it means nobody else here, whatever
others call themselves. The person is a contact from then on.`,
		Args: command.Exactly("WHO", "NICKNAME"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.person(client.NameContact(ctx, &earshotv1.NameContactRequest{Who: args[0], Petname: args[1], Anyway: anyway}))
		}),
	}
	c.Flags().BoolVar(&anyway, "anyway", false, "also if you know somebody else, or a group, by that name: it means WHO from then on")
	return c
}

const petnameHelp = "a `NICKNAME` for them (only you see it); needed if you know someone else by their name"

func (a app) verifyCommand() *cobra.Command {
	var words, petname string
	c := &cobra.Command{
		Use:   "verify WHO",
		Short: "Compare safety words with a person, and mark them verified",
		Long: `Show ten words that are the same at you and at WHO if nobody is between you, and ask
whether they are. Compare them face to face or by phone. With --words the words
that the other one has are compared, and nothing is asked.`,
		Args: command.Exactly("WHO"),
	}
	c.RunE = a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
		who := args[0]
		if !c.Flags().Changed("words") {
			var err error
			if who, words, err = a.compare(ctx, client, who, sameWords); err != nil {
				return err
			}
		}
		if err := a.person(client.Verify(ctx, &earshotv1.VerifyRequest{Who: who, Words: words, Petname: petname})); err != nil || a.Out.JSON {
			return err
		}
		me, err := client.Me(ctx, &earshotv1.MeRequest{})
		if err != nil {
			return err
		}
		return a.Out.VerifyBack(a.Stdout, me)
	})
	c.Flags().StringVar(&words, "words", "", "the `WORDS` that the other one has, for scripts")
	c.Flags().StringVar(&petname, "petname", "", petnameHelp)
	return c
}

// sameWords is what verify asks.
const sameWords = "Does the other one have the same words?"

// compare shows the words and asks whether they are the same. It returns the person's ID, so that
// the answer is about the person for whom the words were shown, whoever has that name by then.
func (a app) compare(ctx context.Context, client *localapi.Client, who, question string) (id, words string, err error) {
	r, err := client.SafetyWords(ctx, &earshotv1.SafetyWordsRequest{Who: who})
	if err != nil {
		return "", "", err
	}
	words = strings.Join(r.Words, " ")
	if err := a.Out.Words(a.Stdout, r); err != nil {
		return "", "", err
	}
	out := io.Writer(a.Stderr)
	if a.Out.JSON { // for programs, standard error has nothing but errors
		out = io.Discard
	}
	line, _, err := terminal.Ask(ctx, question+" [y/N] ", a.Stdin, out)
	if err != nil {
		return "", "", err
	}
	if !terminal.Yes(line) {
		return "", "", problem.Failed(problem.CodeUnverified, "not verified")
	}
	return r.Person.GetPerson(), words, nil
}

func (a app) requestsCommand() *cobra.Command {
	var forget, all bool
	c := a.Long(&cobra.Command{
		Use:   "requests [WHO...]",
		Short: "Show who has written, or invites you to a group, and waits to be accepted",
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case !forget && all:
				return command.Usage(c, "--all: only with --forget")
			case !forget:
				return command.Exactly()(c, args)
			case !all && len(args) == 0:
				return command.Usage(c, "WHO is missing, or --all")
			case all:
				return command.Exactly()(c, args)
			}
			return nil
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			if forget {
				r, err := client.ForgetRequests(ctx, &earshotv1.ForgetRequestsRequest{Who: args, All: all})
				if err != nil {
					return err
				}
				a.Nothing(len(r.Persons), "nobody has sent anything")
				return a.Out.Contacts(a.Stdout, r.Persons)
			}
			r, err := client.Requests(ctx, &earshotv1.RequestsRequest{})
			if err != nil {
				return err
			}
			a.Nothing(len(r.Requests), "nobody waits to be accepted")
			return a.Out.Requests(a.Stdout, r.Requests)
		}),
	}, "the IDs of persons")
	c.Flags().BoolVar(&forget, "forget", false, "take away what WHO have sent, whom you haven't accepted, messages too")
	c.Flags().BoolVar(&all, "all", false, "with --forget: of everybody whom you haven't accepted")
	return c
}

func (a app) acceptCommand() *cobra.Command {
	var petname string
	c := &cobra.Command{
		Use:   "accept WHO",
		Short: "Make a person a contact, who may write to you",
		Args:  command.Exactly("WHO"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.person(client.Accept(ctx, &earshotv1.AcceptRequest{Who: args[0], Petname: petname}))
		}),
	}
	c.Flags().StringVar(&petname, "petname", "", petnameHelp)
	return c
}

func (a app) blockCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "block WHO",
		Short: "Show nothing that a person writes, and take no message to you alone; they are not told",
		Args:  command.Exactly("WHO"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.person(client.Block(ctx, &earshotv1.BlockRequest{Who: args[0]}))
		}),
	}
}

func (a app) unblockCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "unblock WHO",
		Short: "Let a blocked person write again; what they wrote in groups meanwhile is shown then",
		Args:  command.Exactly("WHO"),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			return a.person(client.Unblock(ctx, &earshotv1.UnblockRequest{Who: args[0]}))
		}),
	}
}
