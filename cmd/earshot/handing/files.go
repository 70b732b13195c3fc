package handing

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/reading"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a app) filesCommand() *cobra.Command {
	var waiting bool
	var limit uint32
	c := &cobra.Command{
		Use:   "files [WHO]",
		Short: "Show files and folders that were sent, the newest first",
		Long: `Show files and folders that others and you have sent, those of the newest messages first,
and what has become of them. What "waits for you" is fetched when you accept it: with
"earshot get ID", or "earshot files accept ID".`,
		Example: "  earshot files\n  earshot files bob --waiting",
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return command.Usage(c, "too many arguments: "+command.Quote(args[1]))
			case limit == 0:
				return command.Usage(c, "--limit must be at least 1")
			}
			return nil
		},
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
			who := ""
			if len(args) > 0 {
				who = args[0]
			}
			list, err := reading.Files(ctx, client, &earshotv1.ListFilesRequest{Who: who, Waiting: waiting}, int(limit))
			if err != nil {
				return err
			}
			none := "no files were sent here yet"
			if waiting {
				none = "no file waits for anybody"
			}
			a.Nothing(len(list), none)
			return a.Out.Files(a.Stdout, list)
		}),
	}
	flags := c.Flags()
	flags.BoolVar(&waiting, "waiting", false, "only those that are not here yet, and own ones that somebody has not")
	flags.Uint32Var(&limit, "limit", 50, "of at most `N` messages")
	a.Long(c, "whole IDs, who has what, and where it was saved")
	c.AddCommand(
		a.settle("accept", "Have files fetched, or fetched again", `Have files fetched, or fetched again. The node keeps them, sealed; a large one is saved to the
folder of files at once. "earshot get ID" does the same, waits, and saves them.`, earshotv1.FilesClient.AcceptFiles),
		a.settle("decline", "Say that you don't want files", "Say that you don't want files. Their sender is told.", earshotv1.FilesClient.DeclineFiles),
		a.settle("pause", "Hold up what is fetched", `Hold up what is fetched, until "earshot files resume ID".`, earshotv1.FilesClient.PauseFiles),
		a.settle("resume", "Go on with what was paused", "Go on with what was paused.", earshotv1.FilesClient.AcceptFiles),
		a.settle("cancel", "End fetching, and put away what has come", "End fetching, and put away what has come. It can be accepted another time.", earshotv1.FilesClient.CancelFiles),
		a.settle("drop", "Delete the copy that the node keeps", `Delete the copy that the node keeps of files, also of your own: then nobody can fetch them from
you. What was saved stays.`, earshotv1.FilesClient.DropFiles),
	)
	return c
}

// settle is a command that decides about the files of a message.
func (a app) settle(name, short, long string, do func(earshotv1.FilesClient, context.Context, *earshotv1.FileRequest) (*earshotv1.FilesResponse, error)) *cobra.Command {
	var in string
	c := &cobra.Command{
		Use:   name + " ID [N]",
		Short: short,
		Long:  long + "\n\n" + idHelp,
		Args: func(c *cobra.Command, args []string) error {
			_, err := which(c, args)
			return err
		},
		RunE: func(c *cobra.Command, args []string) error {
			n, err := which(c, args)
			if err != nil {
				return err
			}
			return a.Ask(func(ctx context.Context, client *localapi.Client, args []string) error {
				id, err := reading.WhichFiles(ctx, client, args[0], in)
				if err != nil {
					return err
				}
				r, err := do(client, ctx, &earshotv1.FileRequest{Id: id, N: n})
				if err != nil {
					return problem.OfFiles(err)
				}
				return a.Out.Settled(a.Stdout, id, r.Attachments)
			})(c, args)
		},
	}
	inFlag(c, &in)
	return c
}

// inFlag gives a command about a message the flag that helps to say which one is meant.
func inFlag(c *cobra.Command, in *string) {
	c.Flags().StringVar(in, "in", "", "the beginning of an ID means a message in the conversation with `WHO`, or in this group")
}
