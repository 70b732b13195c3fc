package main

import (
	"context"
	"errors"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	w5Messages = 10_000
	w5Turns    = 3 // the median counts
)

// w5 has messages wait for a reader that is off.
func (b *bench) w5(ctx context.Context) (err error) {
	far, err := floor.Holder(ctx, b.folder(), w5Messages)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, far.Stop()) }()
	ann, bob, err := b.pair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop(), bob.Stop()) }()

	var floors, takes, readies []time.Duration
	var ratios []float64
	wrong := 0
	for turn := range w5Turns {
		least, err := floor.Pull(ctx, b.folder(), far, w5Messages)
		if err != nil {
			return err
		}
		var cursor string
		if _, err = bob.arrivals(ctx, &cursor); err == nil {
			err = bob.Stop()
		}
		if err == nil {
			err = ann.sayAll(ctx, bob, turn*w5Messages, w5Messages, queued)
		}
		if err != nil {
			return err
		}
		began := time.Now()
		again, err := b.upQuiet(ctx, bob.dir, bob.name, ann)
		if err != nil {
			return err
		}
		bob = again
		end, err := bob.last(ctx, ann, (turn+1)*w5Messages-1)
		if err != nil {
			return err
		}
		arrived, err := bob.arrivals(ctx, &cursor)
		if err != nil {
			return err
		}
		took := end.Sub(began)
		wrong += lostOrDouble(arrived, turn*w5Messages)
		floors, takes, readies = append(floors, least), append(takes, took), append(readies, bob.Took)
		ratios = append(ratios, float64(took)/float64(least))
	}
	out("floor", "W5", "ms", millis(median(floors)))
	out("earshot", "W5", "ms", millis(median(takes)))
	out("earshot", "W5", "ready_ms", millis(median(readies)))
	versus("W5", "lost_or_double", float64(wrong), 0)
	versus("W5", "ms_over_floor", median(ratios), 2)
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
