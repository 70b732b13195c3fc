package main

import (
	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/program"
	"github.com/earshot-im/earshot/cmd/earshot/up"
)

func (a *app) upCommand() *cobra.Command {
	var o up.Options
	c := &cobra.Command{
		Use:   "up",
		Short: "Run the node, in the foreground",
		Long: `Run the node in the foreground, until SIGINT, SIGTERM, SIGHUP or "earshot down". The
first time it makes your identity. A line that begins with "ready" says that it
listens and answers.

Others are found on the local network by mDNS, and where that is blocked by beacons
of earshot's own. Where both are, --peer names one device, which tells of the others. HOST:PORT means whoever answers there, and a name is looked up
each time. An address with a device's ID means that device and no other.`,
		Example: "  earshot up --name Ann\n  earshot up --peer 192.0.2.7:4001",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if o.Program, err = program.Path(); err != nil && o.RestartOnUpdate {
				return err
			}
			o.Dir, o.PassphraseFile, o.Version = a.dir, a.passphraseFile, programVersion()
			o.Out, o.Stdout, o.Stderr = a.out, a.stdout, a.stderr
			return up.Run(c.Context(), o)
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.Name, "name", "", "your own `NAME` (kept; needed once)")
	flags.StringArrayVar(&o.Listen, "listen", nil, "`ADDRESS` to listen on: a port, as 4001, or a multiaddr, as /ip4/192.0.2.7/tcp/4001; kept for the next time; 0 goes back to the first free port from 27830 to 27839; may be repeated")
	flags.StringArrayVar(&o.Peers, "peer", nil, "`ADDRESS` of a device to connect to: HOST:PORT, or what status shows at theirs; may be repeated")
	flags.BoolVar(&o.NoMDNS, "no-mdns", false, "neither announce this node nor look for others on the local network, by mDNS or beacons")
	flags.StringArrayVar(&o.Interfaces, "interface", nil, "`NAME` of the only network interface to use, others' connections are closed; may be repeated (default: all, looking for others over those of the local network)")
	flags.BoolVar(&o.Log, "log", false, "write what is said into the log in the directory, and into nothing else once the node is ready")
	flags.BoolVar(&o.RestartOnUpdate, "restart-on-update", false, "end with exit status 75 when the program was replaced")
	for _, forUnits := range []string{"log", "restart-on-update"} {
		_ = flags.MarkHidden(forUnits) // the flag is there
	}
	return c
}
