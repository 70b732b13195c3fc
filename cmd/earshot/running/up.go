package running

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/program"
	"github.com/earshot-im/earshot/cmd/earshot/up"
)

func (a app) upCommand() *cobra.Command {
	var o up.Options
	var detached bool
	c := &cobra.Command{
		Use:   "up",
		Short: "Run the node",
		Long: `Run the node in the foreground, until SIGINT, SIGTERM, SIGHUP or "earshot down". The
first time it makes your identity. A line that begins with "ready" says that it
listens and answers.

With --detach the node runs in the background, until "earshot down": up returns when
it is ready, or has failed. What it says after that is in the file "log" in its
directory. If a service is installed ("earshot service install" has a node started
at each login), that starts it, and its journal has what it says.

Others are found on the local network by mDNS, and where that is blocked by beacons
of earshot's own. Where both are, --peer names one device, which tells of the others.
HOST:PORT means whoever answers there, and a name is looked up each time. An address
with a device's ID means that device and no other.`,
		Example: "  earshot up --name Ann\n  earshot up --detach\n  earshot up --peer 192.0.2.7:4001",
		Args:    command.Exactly(),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if detached {
				return a.Starter().Detach(c.Context(), o.Name, wordsOf(c.Flags()), forOneStart(c.Flags()))
			}
			if !o.Log && !o.RestartOnUpdate {
				a.Starter().Warn()
			}
			if o.Program, err = program.Path(); err != nil && o.RestartOnUpdate {
				return err
			}
			o.Usual = a.Usual()
			o.Dir, o.Home, o.PassphraseFile, o.Version = a.Dir, command.Home(), a.PassphraseFile, a.Version
			o.Out, o.Stdout, o.Stderr = a.Out, a.Stdout, a.Stderr
			return up.Run(c.Context(), o)
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.Name, "name", "", "your own `NAME` (kept; needed once)")
	flags.StringArrayVar(&o.Listen, "listen", nil, "`ADDRESS` to listen on: a port, as 4001, or a multiaddr, as /ip4/192.0.2.7/tcp/4001; kept for the next time; 0 goes back to the first free port from 27830 to 27839; may be repeated")
	flags.StringArrayVar(&o.Peers, "peer", nil, "`ADDRESS` of a device to connect to: HOST:PORT, or what status shows at theirs; may be repeated")
	flags.BoolVar(&o.NoMDNS, "no-mdns", false, "neither announce this node nor look for others on the local network, by mDNS or beacons")
	flags.StringArrayVar(&o.Interfaces, "interface", nil, "`NAME` of the only network interface to use, others' connections are closed; may be repeated (default: all, looking for others over those of the local network)")
	flags.StringVar(&o.Notify, "notify", up.NotifyAuto, "`WHEN` the desktop shows notifications: auto (where there is one), on or off")
	flags.BoolVar(&o.Headless, "headless", false, "as without a desktop session: no notifications, and no files are fetched by themselves")
	flags.BoolVar(&detached, "detach", false, "run the node in the background, and return when it is ready")
	flags.BoolVar(&o.Log, "log", false, "write what is said into the log in the directory, and into nothing else once the node is ready")
	flags.BoolVar(&o.RestartOnUpdate, "restart-on-update", false, "end with exit status 75 when the program was replaced")
	for _, forUnits := range []string{"log", "restart-on-update"} {
		_ = flags.MarkHidden(forUnits) // the flag is there
	}
	return c
}

// forOneStart returns a flag that a service can't pass on; "" if there is none.
func forOneStart(flags *pflag.FlagSet) (extra string) {
	passed := []string{"detach", "dir", "json", "passphrase-file", "name"} // the name is kept by the node
	flags.Visit(func(f *pflag.Flag) {
		if !slices.Contains(passed, f.Name) {
			extra = f.Name
		}
	})
	return extra
}

// wordsOf returns the flags of a command line, as words for another, without those that the node in
// the background is given anyway.
func wordsOf(flags *pflag.FlagSet) (words []string) {
	flags.Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, several := f.Value.(pflag.SliceValue); several {
			values = list.GetSlice()
		}
		for _, v := range values {
			if f.Name != "detach" && f.Name != "dir" {
				words = append(words, "--"+f.Name+"="+v)
			}
		}
	})
	return words
}
