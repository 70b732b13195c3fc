package main

import (
	"context"
	"errors"
	"time"
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
	defer func() { err = errors.Join(err, ann.stop(), bob.stop()) }()
	far, near, err := b.floorPair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, near.stop(), far.stop()) }()

	sent := 0
	say := func(count int) (took []time.Duration, err error) {
		for range count {
			text := string(message(sent))
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
			do := near.do
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
	floor := median(took["each"])
	for _, peer := range []struct{ name, step string }{{"floor", "each"}, {"earshot", "earshot"}} {
		out(peer.name, "W1", "p50_us", micros(median(took[peer.step])))
		out(peer.name, "W1", "p99_us", micros(quantile(took[peer.step], 0.99)))
	}
	mine := median(took["earshot"])
	out("earshot", "W1", "p50_over_sum", float64(mine)/float64(sum))
	versus("W1", "p50_over_floor", float64(mine)/float64(floor), 1.6)
	return nil
}

// floorPair starts a server and a driver.
func (b *bench) floorPair(ctx context.Context) (far, near *process, err error) {
	if far, err = startFloor(ctx, "serve", b.folder()); err != nil {
		return nil, nil, err
	}
	if near, err = startFloor(ctx, "drive", b.folder(), far.ready); err != nil {
		return nil, nil, errors.Join(err, far.stop())
	}
	return far, near, nil
}
