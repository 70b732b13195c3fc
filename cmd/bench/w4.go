package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	w4Messages = 200
	w4Turn     = 20 // how many go each way before it is the next way's turn
	w4Warm     = 20 // before the first that counts

	// w4Settle is how long gossip is given to choose its neighbours, which it does once a second.
	w4Settle = 5 * time.Second
)

// w4Sizes are to how many receivers one sender sends, ascending.
var w4Sizes = []int{10, 50}

// w4 sends one message at a time to many.
func (b *bench) w4(ctx context.Context) (err error) {
	var running []*process
	defer func() {
		for _, p := range running {
			err = errors.Join(err, p.stop())
		}
	}()
	fan, servers, err := b.fanOut(ctx, w4Sizes[len(w4Sizes)-1])
	running = append(running, servers...)
	if err != nil {
		return err
	}
	running = append(running, fan)
	author, hearers, err := b.gossips(ctx, w4Sizes)
	running = append(running, hearers...)
	if err != nil {
		return err
	}
	running = append(running, author)
	if err := pause(ctx, w4Settle); err != nil {
		return err
	}
	ways := []*way{
		{peer: "floor", send: func(to, n int) ([]time.Duration, error) { return fan.ask(ask{Do: "check", To: to, N: n}) }},
		{peer: "floor", metric: "disk_", send: func(to, n int) ([]time.Duration, error) { return fan.ask(ask{Do: "each", To: to, N: n}) }},
		{peer: "gossipsub", send: func(to, n int) ([]time.Duration, error) { return author.ask(ask{To: to, N: n}) }},
	}
	for _, to := range w4Sizes {
		if err := sendAll(ways, to); err != nil {
			return err
		}
		for _, w := range ways {
			out(w.peer, "W4", fmt.Sprintf("to%d_%sp50_us", to, w.metric), micros(median(w.took)))
			out(w.peer, "W4", fmt.Sprintf("to%d_%sp99_us", to, w.metric), micros(quantile(w.took, 0.99)))
		}
	}
	return nil
}

// way is a way to reach many, and how long each message took to reach the last of them.
type way struct {
	peer, metric string
	send         func(to, n int) ([]time.Duration, error)
	took         []time.Duration
}

// sendAll has each way send all messages to so many, in turns.
func sendAll(ways []*way, to int) error {
	for _, w := range ways {
		w.took = nil
		if _, err := w.send(to, w4Warm); err != nil {
			return err
		}
	}
	for done := 0; done < w4Messages; done += w4Turn {
		for _, w := range ways {
			took, err := w.send(to, w4Turn)
			if err != nil {
				return err
			}
			w.took = append(w.took, took...)
		}
	}
	return nil
}

// fanOut starts so many servers and who sends to all of them. It returns those started also when it fails.
func (b *bench) fanOut(ctx context.Context, to int) (fan *process, servers []*process, err error) {
	var addrs []string
	for range to {
		p, err := startFloor(ctx, "serve", b.folder())
		if err != nil {
			return nil, servers, err
		}
		servers, addrs = append(servers, p), append(addrs, p.ready)
	}
	fan, err = startFloor(ctx, "fan", b.folder(), addrs...)
	return fan, servers, err
}

// gossips starts hearers, each connected to all others, and who publishes. It returns those started also when it
// fails.
func (b *bench) gossips(ctx context.Context, sizes []int) (author *process, hearers []*process, err error) {
	var addrs []string
	start := func(kind string, number int) (*process, error) {
		var topics []string
		for _, to := range sizes {
			if number < to {
				topics = append(topics, fmt.Sprint(to))
			}
		}
		return startFloor(ctx, kind, b.folder(), append([]string{strings.Join(topics, ",")}, addrs...)...)
	}
	for i := range sizes[len(sizes)-1] {
		p, err := start("gossip", i)
		if err != nil {
			return nil, hearers, err
		}
		hearers, addrs = append(hearers, p), append(addrs, p.ready)
	}
	author, err = start("publish", 0)
	return author, hearers, err
}
