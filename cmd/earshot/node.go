package main

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a *app) downCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the node",
		Long:  "Stop the node, and return when it has ended. Messages not delivered yet stay, and go out next time.",
		Args:  exactly(),
		RunE:  func(c *cobra.Command, _ []string) error { return a.starter().Stop(c.Context()) },
	}
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the node at a glance",
		Args:  exactly(),
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			s, err := client.Status(ctx, &earshotv1.StatusRequest{})
			if err != nil {
				return err
			}
			if err := a.out.Status(a.stdout, s); err != nil || a.out.JSON {
				return err
			}
			r, err := client.Peers(ctx, &earshotv1.PeersRequest{})
			if err != nil {
				return err
			}
			return a.askDoctor(show.PuzzleOfPeers(r, localapi.Began(a.dir)))
		}),
	}
}

func (a *app) peersCommand() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "peers",
		Short: "Show who is on this network",
		Args:  exactly(),
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			if watch {
				return a.watchPeers(ctx, client)
			}
			_, err := a.printPeers(ctx, client, nil)
			return err
		}),
	}
	c.Flags().BoolVar(&watch, "watch", false, "stay, and print a line for each change")
	a.long(c, "the IDs of device and person, addresses, and how they were found")
	return c
}

// watchPeers ends without an error when ctx does.
func (a *app) watchPeers(ctx context.Context, client *localapi.Client) error {
	stream, err := client.Watch(ctx, &earshotv1.WatchRequest{})
	if err != nil {
		return problem.UnlessStopped(ctx, err)
	}
	defer stream.Close()
	var shown map[string]show.Peer
	for at := uint64(0); stream.Receive(); {
		if shown != nil && stream.Msg().Peers == at {
			continue
		}
		at = stream.Msg().Peers
		if shown, err = a.printPeers(ctx, client, shown); err != nil {
			return problem.UnlessStopped(ctx, err)
		}
	}
	return problem.UnlessStopped(ctx, stream.Err())
}

// printPeers prints the devices that have changed since they were shown, and returns what is shown
// now, by device. A device that is gone is printed as offline. The first time it also says on standard
// error what stands in the way of finding others.
func (a *app) printPeers(ctx context.Context, client *localapi.Client, shown map[string]show.Peer) (map[string]show.Peer, error) {
	r, err := client.Peers(ctx, &earshotv1.PeersRequest{})
	if err != nil {
		return nil, err
	}
	var changed []show.Peer
	now := make(map[string]show.Peer)
	for _, p := range r.Peers {
		v := show.NewPeer(p)
		now[v.Device] = v
		before, known := shown[v.Device]
		before.LastSeen = v.LastSeen // changes all the time, and is no reason to print
		if known && reflect.DeepEqual(before, v) {
			continue
		}
		changed = append(changed, v)
	}
	for device, v := range shown {
		if _, still := now[device]; !still && v.Online {
			v.Online = false
			changed = append(changed, v)
		}
	}
	if err := a.out.Peers(a.stdout, changed); err != nil || shown != nil || a.out.JSON {
		return now, err
	}
	online := slices.ContainsFunc(changed, func(v show.Peer) bool { return v.Online })
	if err := show.Finding(a.stderr, r.Finding, online); err != nil {
		return now, err
	}
	return now, a.askDoctor(show.PuzzleOfPeers(r, localapi.Began(a.dir)))
}

// askDoctor tells people on standard error that the doctor can explain something, if there is such a
// thing.
func (a *app) askDoctor(p show.Puzzle) error {
	if a.out.JSON {
		return nil
	}
	return p.Write(a.stderr, advice.Program(a.named))
}

func (a *app) meCommand() *cobra.Command {
	show := func(me *earshotv1.MeResponse, err error) error {
		if err != nil {
			return err
		}
		return a.out.Me(a.stdout, me)
	}
	set := func(use, short string, arg string, request func(value string) *earshotv1.UpdateMeRequest) *cobra.Command {
		return &cobra.Command{
			Use:   use,
			Short: short,
			Args:  exactly(arg),
			RunE: func(c *cobra.Command, args []string) error {
				r := request(args[0])
				if r == nil {
					return usage(c, "use "+arg+", not "+quote(args[0]))
				}
				return a.ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
					return show(client.UpdateMe(ctx, r))
				})(c, args)
			},
		}
	}
	c := &cobra.Command{
		Use:   "me",
		Short: "Show or set your own name and who may write to you",
		Args:  exactly(),
		RunE: a.ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			return show(client.Me(ctx, &earshotv1.MeRequest{}))
		}),
	}
	c.AddCommand(
		set("name NEW", "Set what you call yourself", "NEW", func(v string) *earshotv1.UpdateMeRequest {
			return &earshotv1.UpdateMeRequest{Name: &v}
		}),
		set("accept everyone|contacts", "Set who may write to you", "everyone or contacts", func(v string) *earshotv1.UpdateMeRequest {
			if v != "everyone" && v != "contacts" {
				return nil
			}
			return &earshotv1.UpdateMeRequest{Accept: &v}
		}),
		set("read-receipts on|off", "Set whether others learn that you have read", "on or off", func(v string) *earshotv1.UpdateMeRequest {
			on := v == "on"
			if !on && v != "off" {
				return nil
			}
			return &earshotv1.UpdateMeRequest{ReadReceipts: &on}
		}),
	)
	return c
}

// long gives a command that prints a list the flag --long, which adds what is named.
func (a *app) long(c *cobra.Command, adds string) *cobra.Command {
	c.Flags().BoolVar(&a.out.Long, "long", false, "also print "+adds+"; cut nothing")
	return c
}

// nothing tells people on standard error that a list is empty, and what to try.
func (a *app) nothing(count int, text string) {
	if count == 0 && !a.out.JSON {
		fmt.Fprintln(a.stderr, text)
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  exactly(),
		RunE: func(*cobra.Command, []string) error {
			return a.out.Version(a.stdout, programVersion())
		},
	}
}

// version is set by the linker. Without that, `go install` records one in the binary.
var version string

func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); version == "" && ok {
		return info.Main.Version
	}
	return version
}
