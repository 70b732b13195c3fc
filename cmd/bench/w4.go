package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/process"
	"github.com/earshot-im/earshot/cmd/bench/report"
)

const (
	w4Messages = 200
	w4Turn     = 20 // how many go each way before it is the next way's turn
	w4Warm     = 20 // before the first that counts

	// w4Rest is how long all have to come to rest, so that what starting takes is not counted for messages: gossipsub
	// chooses its neighbours once a second, and a node gives back the memory that it took within 40 s.
	w4Rest = 45 * time.Second
)

// w4Rates are how many messages are sent a second, and how many in all, while it is counted what one takes of the
// processors; and what it may take of a reader's, in ms.
var w4Rates = []struct {
	each     time.Duration
	messages int
	most     float64
}{{time.Second, 20, 1.5}, {time.Second / 50, 500, 0.5}}

// w4Sizes are the numbers of receivers that one sender sends to, ascending.
var w4Sizes = []int{10, 50}

// w4 sends one message at a time to many.
func (b *bench) w4(ctx context.Context) (err error) {
	var running []interface{ Stop() error }
	defer func() {
		for _, r := range running {
			err = errors.Join(err, r.Stop())
		}
	}()
	crowd, err := b.crowd(ctx, w4Sizes)
	for _, n := range crowd.nodes {
		running = append(running, n)
	}
	if err != nil {
		return err
	}
	fan, servers, err := floor.Fan(ctx, b.Folder, w4Sizes[len(w4Sizes)-1])
	for _, p := range servers {
		running = append(running, p)
	}
	if err != nil {
		return err
	}
	running = append(running, fan)
	author, hearers, err := floor.Gossip(ctx, b.Folder, w4Sizes)
	for _, p := range hearers {
		running = append(running, p)
	}
	if err != nil {
		return err
	}
	running = append(running, author)
	if err := process.Pause(ctx, w4Rest); err != nil {
		return err
	}

	least := &way{peer: "floor", send: func(to, n int) (t tooks, err error) {
		if t.had, err = fan.Ask(floor.Ask{Do: "check", To: to, N: n}); err == nil {
			t.disk, err = fan.Ask(floor.Ask{Do: "each", To: to, N: n})
		}
		return t, err
	}}
	gossip := &way{peer: "gossipsub", send: func(to, n int) (t tooks, err error) {
		t.had, err = author.Ask(floor.Ask{To: to, N: n})
		return t, err
	}}
	earshot := &way{peer: "earshot", send: func(to, n int) (tooks, error) { return crowd.send(ctx, to, n) }}
	for _, r := range w4Rates {
		sender, reader, err := crowd.cost(ctx, w4Sizes[len(w4Sizes)-1], r.messages, r.each)
		if errors.Is(err, errors.ErrUnsupported) {
			break
		} else if err != nil {
			return err
		}
		name := fmt.Sprintf("to%d_every%dms_", w4Sizes[len(w4Sizes)-1], r.each.Milliseconds())
		report.Out("earshot", "W4", name+"sender_cpu_ms", report.Millis(sender))
		report.Versus("W4", name+"reader_cpu_ms", report.Millis(reader), r.most)
	}
	for _, to := range w4Sizes {
		if err := sendAll([]*way{least, gossip, earshot}, to); err != nil {
			return err
		}
		over := func(a, b *way) float64 { return float64(report.Median(a.had)) / float64(report.Median(b.had)) }
		if to == 10 {
			report.Versus("W4", "to10_over_floor", over(earshot, least), 2.5)
		} else {
			report.Versus("W4", fmt.Sprintf("to%d_faster_than_gossipsub", to), over(gossip, earshot), 4)
		}
	}
	return nil
}

// tooks says how long messages took.
type tooks struct {
	had  []time.Duration // until the last receiver had the message and had proven it, by its own clock
	disk []time.Duration // until the sender knew that all had it on disk; nil where there is none
}

// way is a way to send a message to many.
type way struct {
	peer string
	send func(to, n int) (tooks, error)
	tooks
}

// sendAll has each way send all messages to so many, in turns, and prints how long they took.
func sendAll(ways []*way, to int) error {
	for _, w := range ways {
		w.tooks = tooks{}
		if _, err := w.send(to, w4Warm); err != nil {
			return err
		}
	}
	for done := 0; done < w4Messages; done += w4Turn {
		for _, w := range ways {
			t, err := w.send(to, w4Turn)
			if err != nil {
				return err
			}
			w.had, w.disk = append(w.had, t.had...), append(w.disk, t.disk...)
		}
	}
	for _, w := range ways {
		w.print(fmt.Sprintf("to%d_", to), w.had)
		w.print(fmt.Sprintf("to%d_disk_", to), w.disk)
	}
	return nil
}

func (w *way) print(metric string, took []time.Duration) {
	if len(took) > 0 {
		report.Out(w.peer, "W4", metric+"p50_us", report.Micros(report.Median(took)))
		report.Out(w.peer, "W4", metric+"p99_us", report.Micros(report.Quantile(took, 0.99)))
	}
}
