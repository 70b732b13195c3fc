package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/report"
	"github.com/earshot-im/earshot/cmd/bench/slow"
)

const (
	w1Messages = 2000
	w1Turn     = 100 // how many each does before it is the other's turn
	w1Warm     = 200 // before the first that counts

	// w1Large is the size in bytes of messages that make checkpoints come often: some seventy of them fill a
	// file of the journal. After each of w1Larges come w1After that count.
	w1Large  = 60 << 10
	w1Larges = 1000
	w1After  = 4

	w1Slow     = 10 * time.Millisecond // what a sync takes on a slow disk
	w1SlowMost = 50                    // messages there
)

// w1 sends one message at a time.
func (b *bench) w1(ctx context.Context) (err error) {
	ann, bob, err := b.Pair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop(), bob.Stop()) }()
	far, near, err := floor.Pair(ctx, b.Folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, near.Stop(), far.Stop()) }()

	sent := 0
	say := func(count int) (took []time.Duration, err error) {
		for range count {
			text := string(floor.Message(sent))
			sent++
			began := time.Now()
			if err := ann.Say(ctx, bob.Person, text); err != nil {
				return nil, err
			}
			took = append(took, time.Since(began))
		}
		return took, nil
	}
	parts := []string{"echo", "commit", "sign", "check"}
	took := make(map[string][]time.Duration)
	measure := func(count int) error {
		for _, step := range append(parts, "each", "earshot") {
			do := near.Do
			if step == "earshot" {
				do = func(_ string, n int) ([]time.Duration, error) { return say(n) }
			}
			more, err := do(step, count)
			if err != nil {
				return err
			}
			took[step] = append(took[step], more...)
		}
		return nil
	}
	if err := measure(w1Warm); err != nil {
		return err
	}
	clear(took)
	for done := 0; done < w1Messages; done += w1Turn {
		if err := measure(w1Turn); err != nil {
			return err
		}
	}
	for _, step := range parts {
		report.Out("floor", "W1", step+"_p50_us", report.Micros(report.Median(took[step])))
	}
	sum := report.Median(took["echo"]) + 2*report.Median(took["commit"]) + report.Median(took["sign"]) + report.Median(took["check"])
	report.Out("floor", "W1", "sum_us", report.Micros(sum))
	least := report.Median(took["each"])
	for _, peer := range []struct{ name, step string }{{"floor", "each"}, {"earshot", "earshot"}} {
		report.Out(peer.name, "W1", "p50_us", report.Micros(report.Median(took[peer.step])))
		report.Out(peer.name, "W1", "p99_us", report.Micros(report.Quantile(took[peer.step], 0.99)))
	}
	ours := report.Median(took["earshot"])
	report.Out("earshot", "W1", "p50_over_sum", float64(ours)/float64(sum))
	report.Versus("W1", "p50_over_floor", float64(ours)/float64(least), 1.6)
	if err := w1Beside(ctx, ann, bob, say); err != nil {
		return err
	}
	return b.w1Slow(ctx)
}

// w1Beside says messages while checkpoints run: larger ones between them fill the journals of both nodes again
// and again. Those count during which the database of one of them was written to.
func w1Beside(ctx context.Context, ann, bob *nodes.Node, say func(int) ([]time.Duration, error)) error {
	random := rand.New(rand.NewPCG(1, 1))
	var beside []time.Duration
	for range w1Larges {
		if err := ann.Say(ctx, bob.Person, largeText(random)); err != nil {
			return err
		}
		for range w1After {
			before, err := written(ann, bob)
			if err != nil {
				return err
			}
			took, err := say(1)
			if err != nil {
				return err
			}
			if after, err := written(ann, bob); err != nil {
				return err
			} else if after != before {
				beside = append(beside, took...)
			}
		}
	}
	if len(beside) == 0 {
		return errors.New("no checkpoint ran beside a message")
	}
	report.Out("earshot", "W1", "beside_messages", float64(len(beside)))
	report.Out("earshot", "W1", "beside_p50_us", report.Micros(report.Median(beside)))
	report.Versus("W1", "beside_p99_us", report.Micros(report.Quantile(beside, 0.99)), report.Micros(10*time.Millisecond))
	return nil
}

// written returns when the databases of two nodes were last written to.
func written(a, b *nodes.Node) (at [2]time.Time, err error) {
	for i, n := range []*nodes.Node{a, b} {
		info, err := os.Stat(filepath.Join(n.Dir, "store.db"))
		if err != nil {
			return at, err
		}
		at[i] = info.ModTime()
	}
	return at, nil
}

// largeText is a text of w1Large bytes that can't be compressed much.
func largeText(random *rand.Rand) string {
	var b strings.Builder
	for b.Len() < w1Large {
		fmt.Fprintf(&b, "%016x", random.Uint64())
	}
	return b.String()
}

// w1Slow sends over disks whose syncs take long.
func (b *bench) w1Slow(ctx context.Context) error {
	took, err := slow.Measure(ctx, b.Folder, w1Slow, w1SlowMost)
	if err != nil {
		return fmt.Errorf("slow disk: %w", err)
	}
	report.Versus("W1", "slow_disk_ms", report.Millis(report.Median(took)), 24)
	return nil
}
