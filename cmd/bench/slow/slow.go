// Package slow measures two nodes whose disks take long for each sync, so that what else takes time hardly
// counts: a message takes as long as the syncs that stand in line for it.
//
// Both nodes are in this process, since only so can the disk be made slow. They listen on loopback, and have
// a folder each. Only the bench uses it.
package slow

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/localapi/server"
	"github.com/earshot-im/earshot/store/slow"
)

// Measure has one node send so many messages to the other, one at a time, with disks that take so long for a
// sync. It returns how long each took until it was known to be on the other's disk.
func Measure(ctx context.Context, folder func() string, takes time.Duration, count int) (took []time.Duration, err error) {
	bob, err := start(ctx, folder(), "Bob", takes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bob.stop()) }()
	ann, err := start(ctx, folder(), "Ann", takes, bob.Addr)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ann.stop()) }()
	if err := ann.Meet(ctx, bob.Node); err != nil {
		return nil, err
	}
	if err := errors.Join(ann.Say(ctx, bob.Person, "hello"), bob.Say(ctx, ann.Person, "hello")); err != nil { // by that they become contacts
		return nil, err
	}
	for range count {
		began := time.Now()
		if err := ann.Say(ctx, bob.Person, "hello"); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// running is a node that runs in this process, with the server of its local API.
type running struct {
	*nodes.Node
	end   context.CancelFunc
	ended [2]chan error
}

func start(ctx context.Context, dir, name string, takes time.Duration, peers ...string) (*running, error) {
	d := slow.New(dir, takes)
	n, err := node.Open(node.Config{Dir: dir, Name: name, NoMDNS: true, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Peers: peers,
		Disk: d, Commit: d.Commit})
	if err != nil {
		return nil, err
	}
	api := server.New(server.Config{Dir: dir, Rooms: server.RoomsOf(n)})
	until, end := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{end: end, ended: [2]chan error{make(chan error, 1), make(chan error, 1)}}
	for i, run := range []func(context.Context) error{n.Run, api.Run} {
		go func() { // ended by stop
			defer end() // and so is the other
			r.ended[i] <- run(until)
		}()
	}
	for _, ready := range []<-chan struct{}{n.Ready(), api.Ready()} {
		select {
		case <-ready:
		case <-until.Done():
			return nil, r.stop()
		}
	}
	if r.Node, err = nodes.At(ctx, dir, name); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *running) stop() error {
	if r.Node != nil {
		r.Close()
	}
	r.end()
	return errors.Join(<-r.ended[0], <-r.ended[1])
}
