package large

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"slices"
	"sync/atomic"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/cmd/bench/report"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	largeConversations = 200
	largeHeard         = 900_000 // messages of Bob's, which Ann has not read
	largeQueued        = 100_000 // of hers, written when Bob has gone

	largePage   = 50 // messages of a conversation that are asked for at once
	largeOften  = 50 // the status is asked for; the median counts
	largeSample = 20 * time.Millisecond
)

// much asks a node that has much in its store, and much to send, what its owner asks most.
func much(ctx context.Context, at *nodes.Place) (err error) {
	ann, bob, err := at.Pair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop(), bob.Stop()) }()
	if err := fillLarge(ctx, ann, bob); err != nil {
		return err
	}
	// What a node has been doing before is not what it takes.
	if err := ann.Stop(); err != nil {
		return err
	}
	if ann, err = at.UpQuiet(ctx, ann.Dir, ann.Name); err != nil {
		return err
	}
	return watchLarge(ctx, at, ann, bob)
}

// watchLarge measures Ann's node. Bob's has ended, and is started again at the end.
func watchLarge(ctx context.Context, at *nodes.Place, ann, bob *nodes.Node) error {
	if err := askLarge(ctx, ann); err != nil {
		return err
	}
	for _, command := range []struct {
		name          string
		lines, target float64
	}{{"outbox", largeQueued, 0}, {"recv", largeHeard, 50_000}} {
		took, peak, err := lines(ctx, at, ann, command.name, int(command.lines))
		if err != nil {
			return err
		}
		rate := command.lines / took.Seconds()
		if command.target > 0 {
			report.Versus("W7", "large_"+command.name+"_lines_s", rate, command.target)
		} else {
			report.Out("earshot", "W7", "large_"+command.name+"_lines_s", rate)
		}
		if peak > 0 {
			report.Versus("W7", "large_"+command.name+"_anon_mib", peak, 60)
		}
	}
	return empty(ctx, at, ann, bob)
}

// fillLarge has Bob write to Ann, ends his node, and has her write to him.
func fillLarge(ctx context.Context, ann, bob *nodes.Node) error {
	if _, err := ann.MarkAllRead(ctx, &earshotv1.MarkAllReadRequest{}); err != nil { // that they have met
		return err
	}
	if err := ann.Hear(ctx, bob, slices.Repeat([]int{largeHeard / largeConversations}, largeConversations)); err != nil {
		return err
	}
	if err := bob.Stop(); err != nil {
		return err
	}
	all, err := ann.Groups(ctx, &earshotv1.GroupsRequest{})
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(7, 9))
	for _, g := range all.Groups {
		if err := ann.SayTexts(ctx, g.Id, largeQueued/largeConversations, nodes.Queued, func(int) string { return nodes.Sentence(random) }); err != nil {
			return err
		}
	}
	return nil
}

// askLarge measures how long answers take, and what the node holds when it has given them.
func askLarge(ctx context.Context, ann *nodes.Node) error {
	var all []time.Duration
	for range largeOften {
		began := time.Now()
		r, err := ann.Status(ctx, &earshotv1.StatusRequest{})
		if err != nil {
			return err
		}
		all = append(all, time.Since(began))
		if r.Outbox != largeQueued {
			return fmt.Errorf("%d are in the outbox, want %d", r.Outbox, largeQueued)
		}
	}
	report.Versus("W7", "large_status_ms", report.Millis(report.Median(all)), 5)
	groups, err := ann.Groups(ctx, &earshotv1.GroupsRequest{})
	if err != nil {
		return err
	}
	all = nil
	for _, g := range groups.Groups {
		began := time.Now()
		r, err := ann.History(ctx, &earshotv1.HistoryRequest{Who: "#" + g.Id, Limit: largePage})
		if err != nil {
			return err
		}
		all = append(all, time.Since(began))
		if len(r.Messages) != largePage {
			return fmt.Errorf("%d messages, want %d", len(r.Messages), largePage)
		}
	}
	report.Versus("W7", "large_last50_ms", report.Millis(report.Median(all)), 1)
	own, err := process.Own(ann.PID())
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err == nil {
		report.Versus("W7", "large_anon_mib", float64(own)/(1<<20), 60)
	}
	return err
}

// lines runs a command that prints so many lines, and returns how long it took, and how much the node held for
// itself meanwhile, in MiB; 0 where that isn't known.
func lines(ctx context.Context, at *nodes.Place, n *nodes.Node, command string, want int) (took time.Duration, peak float64, err error) {
	c := exec.CommandContext(ctx, at.Binary, "--dir", n.Dir, command)
	out, err := c.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	held := watch(n)
	began := time.Now()
	if err := c.Start(); err != nil {
		return 0, 0, err
	}
	got, err := countLines(out)
	err = errors.Join(err, c.Wait())
	took, peak = time.Since(began), held()
	if err == nil && got != want {
		err = fmt.Errorf("%s printed %d lines, want %d", command, got, want)
	}
	return took, peak, err
}

func countLines(r io.Reader) (lines int, err error) {
	buf := make([]byte, 1<<16)
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			if c == '\n' {
				lines++
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return lines, err
		}
	}
}

// watch looks again and again at what a node holds for itself. What it returns ends that, and returns the most
// that was seen, in MiB.
func watch(n *nodes.Node) (end func() float64) {
	var most atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // ended by end
		defer close(stopped)
		for tick := time.Tick(largeSample); ; {
			if own, err := process.Own(n.PID()); err == nil {
				most.Store(max(most.Load(), own))
			}
			select {
			case <-stop:
				return
			case <-tick:
			}
		}
	}()
	return func() float64 {
		close(stop)
		<-stopped
		return float64(most.Load()) / (1 << 20)
	}
}

// empty starts Bob's node, and measures how fast it gets what waits, and what Ann's node holds meanwhile.
func empty(ctx context.Context, at *nodes.Place, ann, bob *nodes.Node) (err error) {
	began := time.Now()
	again, err := at.UpQuiet(ctx, bob.Dir, bob.Name, ann)
	if err != nil {
		return err
	}
	held := watch(ann)
	defer func() { err = errors.Join(err, again.Stop()) }()
	err = ann.Until(ctx, "all is delivered", func(ctx context.Context) (bool, error) {
		r, err := ann.Status(ctx, &earshotv1.StatusRequest{})
		return r.GetOutbox() == 0, err
	})
	took, peak := time.Since(began), held()
	if err != nil {
		return err
	}
	report.Out("earshot", "W7", "large_sent_s", largeQueued/took.Seconds())
	if peak > 0 {
		report.Versus("W7", "large_sent_anon_mib", peak, 60)
	}
	return nil
}
