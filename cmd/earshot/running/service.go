package running

import (
	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
)

func (a app) serviceCommand() *cobra.Command {
	c := command.Container(&cobra.Command{
		Use:   "service",
		Short: "Have the node started at each login",
		Long: `Have the system start the node whenever you log in: by systemd on Linux, launchd on
macOS, and the Run key on Windows. Nothing else starts a node in its directory then:
"earshot up --detach", and commands that offer to start it, do so by the service.`,
	})
	c.AddCommand(a.serviceInstallCommand(), &cobra.Command{
		Use:   "remove",
		Short: "End the service and its node; the data stays",
		Args:  command.Exactly(),
		RunE:  func(c *cobra.Command, _ []string) error { return a.Starter().Remove(c.Context()) },
	}, &cobra.Command{
		Use:   "status",
		Short: "Show whether the node is started at each login",
		Args:  command.Exactly(),
		RunE:  func(c *cobra.Command, _ []string) error { return a.Starter().Show(c.Context()) },
	})
	return c
}

func (a app) serviceInstallCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "install",
		Short: "Have the node started at each login, and now",
		Long: `Have the node started at each login, and now. A node that already runs in the
directory is stopped first, and started again by the service.

On Linux it enables the unit that came with a package, or writes one to
~/.config/systemd/user. A protected node needs --passphrase-file, with a file that
stays where it is.`,
		Args: command.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return a.Starter().Install(c.Context(), name) },
	}
	c.Flags().StringVar(&name, "name", "", "your own `NAME` (kept; needed once)")
	return c
}
