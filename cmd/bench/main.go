// Command bench measures earshot beside floors. A floor is a program that does the least by which
// the same promise can be kept, on the same machine. It prints lines `PEER WORKLOAD METRIC VALUE`
// and nothing else on standard output. PEER is earshot, floor, gossipsub, or target: what earshot
// is to reach in the metric of that name.
//
//	bench [-earshot BINARY] [-n ROUNDS] [-idle DURATION] [WORKLOAD]...
//
//	W1  one 100-byte message at a time, until it is on the other disk. Floor: echo over a link,
//	    two commits, one signature and one check, as a pipeline of two processes and as the sum
//	    of its parts. Then the same while checkpoints run, as larger messages between them fill the
//	    journals of both nodes; and over disks whose syncs take 10 ms, two of which stand in line
//	    until it is known to be on the other disk
//	W2  20,000 messages pipelined, until the other disk has them all. Floor: the same over a
//	    link, with whatever waits in one commit, at both ends
//	W3  a file of 1 GiB and a folder of 10,000 files of 4 KiB, from being accepted (with "all" from
//	    being named to the sender's node, which reads and hashes them first) until the receiver's
//	    has them under their names: in memory, and on the disk with all of it synced; processor and
//	    memory of both ends; messages beside it. Beside it scp, and tar over ssh, where OpenSSH is
//	    here; of each the best of three counts. It takes some minutes
//	W4  one 100-byte message at a time to 10 and to 50 receivers, until the last has it and
//	    until the last has it on disk. Floor: a stream to each over a link, one signature, and a
//	    check by each; and with a commit by each. Beside it bare gossipsub over the same links,
//	    all connected to all, with its defaults but for longer queues
//	W5  10,000 messages wait; from the start of the reader's process until it has them all.
//	    Floor: a process that pulls them over a link and commits them in groups
//	W6  idle: memory and processor, and the time from start to ready. Floor: a process with a
//	    link and a database open
//	W7  1,000,000 messages: until the newest 20 with a common word are found, until it is clear
//	    that a word is in none, and what the search cache takes. Then 1,000,000 in 200 conversations,
//	    100,000 of which wait for somebody who is away: the status, the last 50 messages of a
//	    conversation, the memory that the node holds for itself, and the lines that "recv" and
//	    "outbox" print in a second; at last what waits is sent. It takes some minutes
//	W9  1,000,000 messages in 200 conversations: until they are listed; and the terminal screen:
//	    until it shows the first, until it shows a key that was typed, its memory and what it does
//	    while nothing happens. It takes some minutes
//	W10 the page in a browser, where Chromium is here: what it loads, until it shows the
//	    conversations, until it shows a key that was typed, a page of older messages and whether
//	    what is read moves, its memory after 100,000 messages, and what it takes of the node. Keys
//	    and older pages in a browser that paints at once, and beside it at 60 pictures a second.
//	    Floor: the least page of the least server in the same browser. It takes some minutes
//	W11 1,000,000 messages: the time from start to the first answer, after a node has ended and
//	    after it was killed with full journals; with its files in memory, and read from the disk.
//	    It takes some minutes
//
// earshot is measured as its users have it: two processes of the real binary, asked through the
// local API. Floors are processes of this binary (package floor). What is compared takes turns, so
// that a machine that slows down slows both. Everything listens on loopback and, on Linux, in a
// network namespace of its own, where W6 has mDNS; where none can be made, W6 goes without. All
// files are in a temporary folder, on whose disk the commits are measured; it is removed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/large"
	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/screens"
	"github.com/earshot-im/earshot/cmd/isolate"
)

// A bench is one run of this program.
type bench struct {
	nodes.Place
	idle time.Duration // how long W6 and W9 watch
	mdns bool          // the network is our own
}

var workloads = map[string]func(*bench, context.Context) error{
	"W1":  (*bench).w1,
	"W2":  (*bench).w2,
	"W3":  (*bench).w3,
	"W4":  (*bench).w4,
	"W5":  (*bench).w5,
	"W6":  (*bench).w6,
	"W7":  func(b *bench, ctx context.Context) error { return large.Ask(ctx, &b.Place) },
	"W9":  func(b *bench, ctx context.Context) error { return screens.Terminal(ctx, &b.Place, b.idle) },
	"W10": func(b *bench, ctx context.Context) error { return screens.Page(ctx, &b.Place) },
	"W11": func(b *bench, ctx context.Context) error { return large.Start(ctx, &b.Place) },
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == floor.Command {
		return floor.Run(ctx, args[1:])
	}
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	binary := flags.String("earshot", "bin/earshot", "binary to measure")
	rounds := flags.Int("n", 1, "rounds")
	idle := flags.Duration("idle", time.Minute, "how long W6 watches")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen := flags.Args()
	if len(chosen) == 0 {
		chosen = slices.Sorted(maps.Keys(workloads))
	}
	for _, w := range chosen {
		if workloads[w] == nil {
			return fmt.Errorf("no workload %q", w)
		}
	}
	path, err := filepath.Abs(*binary)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return err
	}
	done, err := isolate.Run(ctx)
	mdns := err == nil
	if done || err != nil && !errors.Is(err, isolate.ErrNone) {
		return err
	}
	if !mdns {
		fmt.Fprintln(os.Stderr, "bench: no network of its own here: W6 goes without mDNS")
	}
	// Socket paths are short on every system; the default temporary folder of some is not.
	dir, err := os.MkdirTemp("", "earshot")
	if err != nil {
		return err
	}
	b := &bench{Place: nodes.Place{Binary: path, Dir: dir}, idle: *idle, mdns: mdns}
	for range *rounds {
		for _, w := range chosen {
			if err = workloads[w](b, ctx); err != nil {
				return errors.Join(fmt.Errorf("%s: %w", w, err), os.RemoveAll(dir))
			}
		}
	}
	return os.RemoveAll(dir)
}
