// Command bench measures earshot beside floors. A floor is a program that does the least by which
// the same promise can be kept, on the same machine. It prints lines `PEER WORKLOAD METRIC VALUE`
// and nothing else on standard output. PEER is earshot, floor, gossipsub, ssh, machine, or target:
// what earshot is to reach in the metric of that name. With -peers, other messengers are measured
// beside it by a script that isn't part of earshot (package peers), each workload right after ours; then
// PEER is one of them as well, and the ratios to some of them follow. With -chart, a picture of it
// all is drawn at the end (package chart); with -from as well, nothing is measured, and the lines
// of an earlier run are drawn.
//
//	bench [-earshot BINARY] [-n ROUNDS] [-idle DURATION] [-peers SCRIPT] [-chart FILE] [WORKLOAD]...
//	bench -from FILE -chart FILE
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
//	    all connected to all, with its defaults but for longer queues. Before that, what one message to
//	    50 takes of the processors of the sender and of a reader, at one a second and at 50
//	W5  10,000 messages wait; from the start of the reader's process until it has them all.
//	    Floor: a process that pulls them over a link and commits them in groups
//	W6  idle: memory and processor, and the time from start to ready. Floor: a process with a
//	    link and a database open. Then the same of one among 50 others in one group, and how often
//	    the system has its threads go on
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
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/chart"
	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/large"
	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/peers"
	"github.com/earshot-im/earshot/cmd/bench/report"
	"github.com/earshot-im/earshot/cmd/bench/screens"
	"github.com/earshot-im/earshot/cmd/isolate"
)

// A bench is one run of this program.
type bench struct {
	nodes.Place
	idle time.Duration // how long W6 watches
	mdns bool          // the network is our own

	peers *peers.Script // nil where there is none
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
	script := flags.String("peers", "", "script that measures other messengers")
	picture := flags.String("chart", "", "file for a picture of what was measured")
	from := flags.String("from", "", "file with the lines of an earlier run, to be drawn and not measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *from != "" {
		return redraw(*from, *picture)
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
	others, err := openPeers(*script)
	if err != nil {
		return err
	}
	// Socket paths are short on every system; the default temporary folder of some is not.
	dir, err := os.MkdirTemp("", "earshot")
	if err != nil {
		return err
	}
	b := &bench{Place: nodes.Place{Binary: path, Dir: dir}, idle: *idle, mdns: mdns, peers: others}
	report.Out("machine", "all", "processors", float64(runtime.NumCPU()))
	for range *rounds {
		for _, w := range chosen {
			if err = b.measure(ctx, w); err != nil {
				return errors.Join(fmt.Errorf("%s: %w", w, err), os.RemoveAll(dir))
			}
		}
	}
	if *picture != "" {
		err = draw(report.Printed(), *picture)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// measure measures one workload, of earshot and then of its peers, and compares.
func (b *bench) measure(ctx context.Context, workload string) error {
	before := len(report.Printed())
	if err := workloads[workload](b, ctx); err != nil {
		return err
	}
	if b.peers == nil {
		return nil
	}
	out := func(l report.Line) { report.Out(l.Peer, l.Workload, l.Metric, l.Value) }
	if err := b.peers.Measure(ctx, workload, out); err != nil {
		return err
	}
	for _, r := range ratios(report.Printed()[before:]) {
		if r.target > 0 {
			report.Versus(workload, r.metric, r.reached, r.target)
		} else {
			report.Out("earshot", workload, r.metric, r.reached)
		}
	}
	return nil
}

// openPeers finds the script that measures others, if there is to be one.
func openPeers(path string) (*peers.Script, error) {
	if path == "" {
		fmt.Fprintln(os.Stderr, "bench: no script that measures others: they are left out")
		return nil, nil
	}
	return peers.Open(path, os.Stderr)
}

// redraw draws the lines of an earlier run.
func redraw(from, picture string) error {
	if picture == "" {
		return errors.New("-from wants -chart")
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	var lines []report.Line
	var wrong error
	err = report.Scan(f, func(l report.Line, text string, err error) {
		lines = append(lines, l)
		if err != nil && wrong == nil {
			wrong = fmt.Errorf("%s: %w: %q", from, err, text)
		}
	})
	if err := errors.Join(err, wrong, f.Close()); err != nil {
		return err
	}
	return draw(lines, picture)
}

// draw writes a picture of what was measured.
func draw(lines []report.Line, picture string) error {
	var b bytes.Buffer
	if err := chart.Draw(&b, lines); err != nil {
		return err
	}
	return os.WriteFile(picture, b.Bytes(), 0o644)
}
