// Package floor measures what a machine allows a program that does the least that the same promise
// takes: streams over a link, commits to a database, signatures and their checks, bare gossipsub.
//
// A floor is one or several processes of this program, which use the links and the database of
// earshot and nothing else of it. start.go is what the bench sees: it starts processes and asks
// them. The other files are those processes: serve.go the far end, drive.go, fan.go and gossip.go
// the near ends, disk.go the database.
//
// A process answers in times that it took itself, so that asking it costs nothing of what is
// measured. It ends with an error, and its asker with it, as soon as anything goes wrong.
package floor

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/node/link"
)

// Command is the first argument of a program that is to be a process of a floor. Run takes those
// after it:
//
//	serve DIR                    answers streams as serve.go says; holds messages to be pulled
//	drive DIR ADDR               does what it is asked on standard input with a server (see Ask)
//	fan DIR ADDR...              the same against many
//	gossip DIR TOPICS [ADDR]...  hears what is published; a topic is a number of hearers
//	publish DIR TOPICS ADDR...   publishes what it is asked
//	pull DIR ADDR                pulls all that a server holds, commits it, and says so
//	idle DIR                     does nothing
//
// Each says on standard output when it is ready, and ends when its standard input does.
const Command = "floor"

// signerSeed makes the key that signs what goes by protoEach. It protects nothing.
var signerSeed [ed25519.SeedSize]byte

// Run is a process of a floor, until its input ends.
func Run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("a floor needs a kind and a folder")
	}
	d, err := openDisk(args[1])
	if err != nil {
		return err
	}
	defer d.db.Close()
	h, err := newHost()
	if err != nil {
		return err
	}
	defer h.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // before h, which waits for its handlers
	switch more := args[2:]; args[0] {
	case "serve":
		return serve(h, d)
	case "idle":
		return ready(h)
	case "drive":
		return drive(ctx, h, d, more)
	case "fan":
		return spread(ctx, h, d, more)
	case "gossip":
		return hear(ctx, h, more)
	case "publish":
		return publish(ctx, h, more)
	case "pull":
		return pull(ctx, h, d, more)
	}
	return fmt.Errorf("no floor %q", args[0])
}

// connect connects to these addresses, and returns who is there.
func connect(ctx context.Context, h *link.Host, addrs []string) (ids []peer.ID, err error) {
	for _, a := range addrs {
		to, err := peer.AddrInfoFromString(a)
		if err == nil {
			err = h.Connect(ctx, to.ID, to.Addrs)
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, to.ID)
	}
	return ids, nil
}

// connectOne connects to the one address that must have been given.
func connectOne(ctx context.Context, h *link.Host, addrs []string) (peer.ID, error) {
	if len(addrs) != 1 {
		return "", fmt.Errorf("%d addresses, want one", len(addrs))
	}
	ids, err := connect(ctx, h, addrs)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func newHost() (*link.Host, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	h, err := link.New(link.Config{Key: key})
	if err != nil {
		return nil, err
	}
	if err := h.Listen([]ma.Multiaddr{ma.StringCast("/ip4/127.0.0.1/tcp/0")}); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// ready says that the process is ready and at which address, and waits for the end of standard
// input.
func ready(h *link.Host) error {
	fmt.Printf("ready %s/p2p/%s\n", h.ListenAddrs()[0], h.ID())
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// must resets the stream where a handler fails, which ends the driver with an error.
func must(f func(network.Stream) error) func(network.Stream) {
	return func(s network.Stream) {
		if err := f(s); err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, "bench: floor:", err)
			_ = s.Reset()
		}
	}
}
