package main

import (
	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/up"
)

func (a *app) upCommand() *cobra.Command {
	var o up.Options
	c := &cobra.Command{
		Use:   "up",
		Short: "Run the node, in the foreground",
		Long: `Run the node in the foreground, until SIGINT, SIGTERM or "earshot down". The first
time it makes your identity. A line that begins with "ready" says that it listens
and answers.`,
		Example: "  earshot up --name Ann\n  earshot up --peer /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			o.Dir, o.PassphraseFile, o.Version = a.dir, a.passphraseFile, programVersion()
			o.Out, o.Stdout, o.Stderr = a.out, a.stdout, a.stderr
			return up.Run(c.Context(), o)
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.Name, "name", "", "your own `NAME` (kept; needed once)")
	flags.StringArrayVar(&o.Listen, "listen", nil, "`MULTIADDR` to listen on, for example /ip4/0.0.0.0/tcp/4001; may be repeated (default: all)")
	flags.StringArrayVar(&o.Peers, "peer", nil, "`MULTIADDR` of a device to connect to, with /p2p/ and its ID; may be repeated")
	flags.BoolVar(&o.NoMDNS, "no-mdns", false, "neither announce this node nor look for others by mDNS")
	flags.StringArrayVar(&o.Interfaces, "interface", nil, "`NAME` of a network interface to use; may be repeated (default: all of the local network)")
	return c
}
