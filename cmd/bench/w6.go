package main

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/cmd/bench/report"
)

const (
	w6Starts = 5 // the median counts

	// w6Rest is how long a node is left alone before it counts as idle: it gives back the memory that it took to
	// start once it has been quiet for 10 to 20 s.
	w6Rest = 30 * time.Second

	// w6Peers is how many others there are in the group of the second part.
	w6Peers = 50
)

// w6 measures a node that has nothing to do, beside one other.
func (b *bench) w6(ctx context.Context) (err error) {
	var running []interface{ Stop() error }
	defer func() {
		for _, r := range running {
			err = errors.Join(err, r.Stop())
		}
	}()
	dir, leastDir := b.Folder(), b.Folder()
	var first time.Duration
	var readies, leastReadies []time.Duration
	var ann *nodes.Node
	var least *floor.Process
	for turn := range w6Starts + 1 {
		if turn > 0 {
			if err := errors.Join(ann.Stop(), least.Stop()); err != nil {
				return err
			}
		}
		if least, err = floor.Idle(ctx, leastDir); err != nil {
			return err
		}
		if ann, err = b.upFound(ctx, dir, "Ann"); err != nil {
			return errors.Join(err, least.Stop())
		}
		if turn == 0 {
			first = ann.Took
			continue
		}
		readies, leastReadies = append(readies, ann.Took), append(leastReadies, least.Took)
	}
	running = append(running, ann, least)
	bob, err := b.upFound(ctx, b.Folder(), "Bob", ann)
	if err != nil {
		return err
	}
	running = append(running, bob)
	if err := ann.Meet(ctx, bob); err != nil {
		return err
	}
	report.Out("floor", "W6", "ready_ms", report.Millis(report.Median(leastReadies)))
	report.Out("earshot", "W6", "first_ready_ms", report.Millis(first))
	report.Versus("W6", "ready_ms", report.Millis(report.Median(readies)), 200)
	alone, err := b.watchIdle(ctx, ann, least)
	for _, r := range running {
		err = errors.Join(err, r.Stop())
	}
	if running = nil; err != nil || alone == 0 {
		return err
	}
	many, err := b.crowd(ctx, []int{w6Peers})
	for _, n := range many.nodes {
		running = append(running, n)
	}
	if err != nil {
		return err
	}
	return b.watchAmong(ctx, many.nodes[1], alone)
}

// upFound starts a node that others find by mDNS. Where there is no network for that, it is told of
// them.
func (b *bench) upFound(ctx context.Context, dir, name string, peers ...*nodes.Node) (*nodes.Node, error) {
	if b.mdns {
		return b.Up(ctx, dir, name)
	}
	return b.UpQuiet(ctx, dir, name, peers...)
}

// watchAmong prints what a node uses among many in one group while nothing happens, and what each of the others adds
// to the memory of one that is alone with another. The nodes are told of each other, so they announce nothing.
func (b *bench) watchAmong(ctx context.Context, n *nodes.Node, alone int64) error {
	if err := process.Pause(ctx, w6Rest); err != nil {
		return err
	}
	used := func() (cpu time.Duration, switches int64, err error) {
		if cpu, _, err = process.Usage(n.PID()); err == nil {
			switches, err = process.Switches(n.PID())
		}
		return cpu, switches, err
	}
	cpu, went, err := used()
	if err == nil {
		err = process.Pause(ctx, b.idle)
	}
	if err != nil {
		return err
	}
	cpuNow, wentNow, err := used()
	if err != nil {
		return err
	}
	own, err := process.Own(n.PID())
	if err != nil {
		return err
	}
	report.Versus("W6", "among50_anon_mib", float64(own)/(1<<20), 45)
	report.Versus("W6", "among50_each_mib", float64(own-alone)/(1<<20)/(w6Peers-1), 0.3)
	report.Versus("W6", "among50_cpu_pct", 100*float64(cpuNow-cpu)/float64(b.idle), 0.2)
	report.Out("earshot", "W6", "among50_switches_per_s", float64(wentNow-went)/b.idle.Seconds())
	return nil
}

// watchIdle prints what two processes use while nothing happens, and returns the memory that the first holds for
// itself; 0 where that can't be measured.
func (b *bench) watchIdle(ctx context.Context, ann *nodes.Node, least *floor.Process) (own int64, err error) {
	if err := process.Pause(ctx, w6Rest); err != nil {
		return 0, err
	}
	var before, after [2]time.Duration
	var memory [2]int64
	pids := [2]int{ann.PID(), least.PID()}
	for i, pid := range pids {
		var err error
		if before[i], _, err = process.Usage(pid); errors.Is(err, errors.ErrUnsupported) {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
	}
	if err := process.Pause(ctx, b.idle); err != nil {
		return 0, err
	}
	for i, pid := range pids {
		var err error
		if after[i], memory[i], err = process.Usage(pid); err != nil {
			return 0, err
		}
	}
	mib := func(i int) float64 { return float64(memory[i]) / (1 << 20) }
	percent := func(i int) float64 { return 100 * float64(after[i]-before[i]) / float64(b.idle) }
	report.Out("floor", "W6", "rss_mib", mib(1))
	report.Out("floor", "W6", "cpu_pct", percent(1))
	if own, err = process.Own(ann.PID()); err != nil {
		return 0, err
	}
	report.Versus("W6", "rss_mib", mib(0), 45)
	report.Versus("W6", "anon_mib", float64(own)/(1<<20), 30)
	report.Versus("W6", "cpu_pct", percent(0), 0.05)
	return own, nil
}
