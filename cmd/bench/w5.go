package main

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/report"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	w5Messages = 10_000
	w5Turns    = 3 // the median counts
)

// w5 has messages wait for a reader that is off.
func (b *bench) w5(ctx context.Context) (err error) {
	far, err := floor.Holder(ctx, b.Folder(), w5Messages)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, far.Stop()) }()
	ann, bob, err := b.Pair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop(), bob.Stop()) }()

	var floors, takes, readies []time.Duration
	var ratios []float64
	wrong := 0
	for turn := range w5Turns {
		least, err := floor.Pull(ctx, b.Folder(), far, w5Messages)
		if err != nil {
			return err
		}
		var cursor string
		if _, err = bob.Arrived(ctx, &cursor); err == nil {
			err = bob.Stop()
		}
		if err == nil {
			err = ann.SayAll(ctx, bob, turn*w5Messages, w5Messages, nodes.Queued)
		}
		if err != nil {
			return err
		}
		began := time.Now()
		again, err := b.UpQuiet(ctx, bob.Dir, bob.Name, ann)
		if err != nil {
			return err
		}
		bob = again
		end, err := bob.Last(ctx, ann, (turn+1)*w5Messages-1)
		if err != nil {
			return err
		}
		arrived, err := bob.Arrived(ctx, &cursor)
		if err != nil {
			return err
		}
		took := end.Sub(began)
		wrong += lostOrDouble(arrived, turn*w5Messages)
		floors, takes, readies = append(floors, least), append(takes, took), append(readies, bob.Took)
		ratios = append(ratios, float64(took)/float64(least))
	}
	report.Out("floor", "W5", "ms", report.Millis(report.Median(floors)))
	report.Out("earshot", "W5", "ms", report.Millis(report.Median(takes)))
	report.Out("earshot", "W5", "ready_ms", report.Millis(report.Median(readies)))
	report.Versus("W5", "lost_or_double", float64(wrong), 0)
	report.Versus("W5", "ms_over_floor", report.Median(ratios), 2)
	return nil
}

// lostOrDouble counts the places at which the messages that arrived are not those with the numbers
// from first up, in order.
func lostOrDouble(arrived []*earshotv1.Message, first int) int {
	wrong := 0
	for i := range max(len(arrived), w5Messages) {
		if i >= len(arrived) || i >= w5Messages || arrived[i].Text != string(floor.Message(first+i)) {
			wrong++
		}
	}
	return wrong
}
