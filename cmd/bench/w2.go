package main

import (
	"context"
	"errors"
	"time"
)

const (
	w2Messages = 20_000
	w2Warm     = 2_000
	w2Turns    = 3 // the median counts
)

// w2 sends many messages at once.
func (b *bench) w2(ctx context.Context) (err error) {
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
	earshot := &pipe{name: "earshot", pids: []int{ann.cmd.Process.Pid, bob.cmd.Process.Pid}, send: func(count int) error {
		first := sent
		sent += count
		return ann.sayAll(ctx, bob, first, count, delivered)
	}}
	floor := &pipe{name: "floor", pids: []int{near.cmd.Process.Pid, far.cmd.Process.Pid}, send: func(count int) error {
		_, err := near.do("group", count)
		return err
	}}
	var ratios []float64
	for _, p := range []*pipe{floor, earshot} {
		if err := p.send(w2Warm); err != nil {
			return err
		}
	}
	for range w2Turns {
		for _, p := range []*pipe{floor, earshot} {
			if err := p.measure(); err != nil {
				return err
			}
		}
		ratios = append(ratios, earshot.rates[len(earshot.rates)-1]/floor.rates[len(floor.rates)-1])
	}
	for _, p := range []*pipe{floor, earshot} {
		out(p.name, "W2", "msgs_per_s", median(p.rates))
		if len(p.cpus) > 0 {
			out(p.name, "W2", "cpu_s", median(p.cpus).Seconds())
		}
	}
	versus("W2", "rate_over_floor", median(ratios), 1.0/3)
	return nil
}

// pipe is a way to send many messages, and how fast it was.
type pipe struct {
	name  string
	pids  []int // the processes at both ends
	send  func(count int) error
	rates []float64 // messages a second
	cpus  []time.Duration
}

func (p *pipe) measure() error {
	before, _, unknown := usage(p.pids...)
	began := time.Now()
	if err := p.send(w2Messages); err != nil {
		return err
	}
	p.rates = append(p.rates, w2Messages/time.Since(began).Seconds())
	if unknown == nil {
		after, _, err := usage(p.pids...)
		if err != nil {
			return err
		}
		p.cpus = append(p.cpus, after-before)
	}
	return nil
}
