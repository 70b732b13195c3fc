package main

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/report"
)

const (
	w1Messages = 2000
	w1Turn     = 100 // how many each does before it is the other's turn
	w1Warm     = 200 // before the first that counts
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
	return nil
}
