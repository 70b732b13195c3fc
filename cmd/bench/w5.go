package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	controlv1 "github.com/earshot-im/earshot/node/control/v1"
)

const (
	w5Messages = 10_000
	w5Turns    = 3 // the median counts
)

// w5 has messages wait for a reader that is off.
func (b *bench) w5(ctx context.Context) (err error) {
	far, err := b.holder(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, far.stop()) }()
	ann, bob, err := b.pair(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.stop(), bob.stop()) }()

	var floors, takes, readies []time.Duration
	var ratios []float64
	wrong := 0
	for turn := range w5Turns {
		floor, err := b.w5Floor(ctx, far)
		if err != nil {
			return err
		}
		var cursor uint64
		if _, err = bob.arrivals(ctx, &cursor); err == nil {
			err = bob.stop()
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
		floors, takes, readies = append(floors, floor), append(takes, took), append(readies, bob.took)
		ratios = append(ratios, float64(took)/float64(floor))
	}
	out("floor", "W5", "ms", millis(median(floors)))
	out("earshot", "W5", "ms", millis(median(takes)))
	out("earshot", "W5", "ready_ms", millis(median(readies)))
	versus("W5", "lost_or_double", float64(wrong), 0)
	versus("W5", "ms_over_floor", median(ratios), 2)
	return nil
}

// holder starts a server that holds the messages.
func (b *bench) holder(ctx context.Context) (*process, error) {
	dir := b.folder()
	d, err := openDisk(dir)
	if err != nil {
		return nil, err
	}
	messages := make([][]byte, w5Messages)
	for i := range messages {
		messages[i] = message(i)
	}
	if err := errors.Join(d.put(messages...), d.db.Close()); err != nil {
		return nil, err
	}
	return startFloor(ctx, "serve", dir)
}

// w5Floor starts a process that pulls everything, and returns how long it took.
func (b *bench) w5Floor(ctx context.Context, far *process) (time.Duration, error) {
	dir := b.folder()
	d, err := openDisk(dir) // that of a reader that has run before
	if err != nil {
		return 0, err
	}
	if err := d.db.Close(); err != nil {
		return 0, err
	}
	began := time.Now()
	p, err := startFloor(ctx, "pull", dir, far.ready)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	if p.ready != fmt.Sprint(w5Messages) {
		err = fmt.Errorf("floor: pulled %s of %d", p.ready, w5Messages)
	}
	return took, errors.Join(err, p.stop())
}

// lostOrDouble counts places where what arrived differs from one of each number from first up, in order.
func lostOrDouble(arrived []*controlv1.Message, first int) int {
	wrong := 0
	for i := range max(len(arrived), w5Messages) {
		if i >= len(arrived) || i >= w5Messages || arrived[i].Text != string(message(first+i)) {
			wrong++
		}
	}
	return wrong
}
