package running

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a app) downCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the node",
		Long:  "Stop the node, and return when it has ended. Messages not delivered yet stay, and go out next time.",
		Args:  command.Exactly(),
		RunE:  func(c *cobra.Command, _ []string) error { return a.Starter().Stop(c.Context()) },
	}
}

func (a app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the node at a glance",
		Args:  command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			s, err := client.Status(ctx, &earshotv1.StatusRequest{})
			if err != nil {
				return err
			}
			if err := a.Out.Status(a.Stdout, s); err != nil || a.Out.JSON {
				return err
			}
			r, err := client.Peers(ctx, &earshotv1.PeersRequest{})
			if err != nil {
				return err
			}
			return a.AskDoctor(show.PuzzleOfPeers(r, localapi.Began(a.Dir)))
		}),
	}
}

func (a app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  command.Exactly(),
		RunE: func(*cobra.Command, []string) error {
			return a.Out.Version(a.Stdout, a.Version)
		},
	}
}
