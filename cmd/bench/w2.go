package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/cmd/bench/report"
)

const (
	w2Messages = 20_000
	w2Warm     = 2_000
	w2Turns    = 3 // the median counts
)

// w2 sends many messages at once.
func (b *bench) w2(ctx context.Context) (err error) {
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
	earshot := &pipe{name: "earshot", pids: []int{ann.PID(), bob.PID()}, send: func(count int) error {
		first := sent
		sent += count
		return ann.SayAll(ctx, bob, first, count, nodes.Delivered)
	}}
	least := &pipe{name: "floor", pids: []int{near.PID(), far.PID()}, send: func(count int) error {
		_, err := near.Do("group", count)
		return err
	}}
	var ratios []float64
	for _, p := range []*pipe{least, earshot} {
		if err := p.send(w2Warm); err != nil {
			return err
		}
	}
	for range w2Turns {
		for _, p := range []*pipe{least, earshot} {
			if err := p.measure(); err != nil {
				return err
			}
		}
		ratios = append(ratios, earshot.rates[len(earshot.rates)-1]/least.rates[len(least.rates)-1])
	}
	for _, p := range []*pipe{least, earshot} {
		report.Out(p.name, "W2", "msgs_per_s", report.Median(p.rates))
		if len(p.cpus) > 0 {
			report.Out(p.name, "W2", "cpu_s", report.Median(p.cpus).Seconds())
		}
	}
	if len(earshot.asking) > 0 { // peers are measured with those who ask them, and a floor asks itself
		report.Out("earshot", "W2", "cpu_all_s", report.Median(earshot.asking).Seconds())
	}
	report.Versus("W2", "rate_over_floor", report.Median(ratios), 1.0/3)
	return nil
}

// pipe is a way to send many messages, and how fast it was.
type pipe struct {
	name   string
	pids   []int // the processes at both ends
	send   func(count int) error
	rates  []float64       // messages a second
	cpus   []time.Duration // of these processes
	asking []time.Duration // of these and our own, which asks
}

func (p *pipe) measure() error {
	before, _, unknown := process.Usage(p.pids...)
	own, _, _ := process.Usage(os.Getpid())
	began := time.Now()
	if err := p.send(w2Messages); err != nil {
		return err
	}
	p.rates = append(p.rates, w2Messages/time.Since(began).Seconds())
	if unknown == nil {
		after, _, err := process.Usage(p.pids...)
		if err != nil {
			return err
		}
		ownAfter, _, err := process.Usage(os.Getpid())
		if err != nil {
			return err
		}
		p.cpus, p.asking = append(p.cpus, after-before), append(p.asking, after-before+ownAfter-own)
	}
	return nil
}
