package main

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
)

const (
	w1Messages = 2000
	w1Turn     = 100 // how many each does before it is the other's turn
	w1Warm     = 200 // before the first that counts
)

// w1 sends one message at a time.
func (b *bench) w1(ctx context.Context) (err error) {
	ann, bob, err := b.pair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop(), bob.Stop()) }()
	far, near, err := floor.Pair(ctx, b.folder)
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
			if err := ann.say(ctx, bob.person, text); err != nil {
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
		out("floor", "W1", step+"_p50_us", micros(median(took[step])))
	}
	sum := median(took["echo"]) + 2*median(took["commit"]) + median(took["sign"]) + median(took["check"])
	out("floor", "W1", "sum_us", micros(sum))
	least := median(took["each"])
	for _, peer := range []struct{ name, step string }{{"floor", "each"}, {"earshot", "earshot"}} {
		out(peer.name, "W1", "p50_us", micros(median(took[peer.step])))
		out(peer.name, "W1", "p99_us", micros(quantile(took[peer.step], 0.99)))
	}
	ours := median(took["earshot"])
	out("earshot", "W1", "p50_over_sum", float64(ours)/float64(sum))
	versus("W1", "p50_over_floor", float64(ours)/float64(least), 1.6)
	return nil
}
