package circle

import (
	"context"
	"reflect"
	"slices"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a app) peersCommand() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "peers",
		Short: "Show who is on this network",
		Args:  command.Exactly(),
		RunE: a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
			if watch {
				return a.watchPeers(ctx, client)
			}
			_, err := a.printPeers(ctx, client, nil)
			return err
		}),
	}
	c.Flags().BoolVar(&watch, "watch", false, "stay, and print a line for each change")
	a.Long(c, "the IDs of device and person, addresses, and how they were found")
	return c
}

// watchPeers ends without an error when ctx does.
func (a app) watchPeers(ctx context.Context, client *localapi.Client) error {
	stream, err := client.Watch(ctx, &earshotv1.WatchRequest{})
	if err != nil {
		return problem.UnlessStopped(ctx, err)
	}
	defer stream.Close()
	var shown map[string]object.Peer
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
func (a app) printPeers(ctx context.Context, client *localapi.Client, shown map[string]object.Peer) (map[string]object.Peer, error) {
	r, err := client.Peers(ctx, &earshotv1.PeersRequest{})
	if err != nil {
		return nil, err
	}
	var changed []object.Peer
	now := make(map[string]object.Peer)
	for _, p := range r.Peers {
		v := object.OfPeer(p)
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
	if err := a.Out.Peers(a.Stdout, changed); err != nil || shown != nil || a.Out.JSON {
		return now, err
	}
	online := slices.ContainsFunc(changed, func(v object.Peer) bool { return v.Online })
	if err := show.Finding(a.Stderr, r.Finding, online); err != nil {
		return now, err
	}
	return now, a.AskDoctor(show.PuzzleOfPeers(r, localapi.Began(a.Dir)))
}
