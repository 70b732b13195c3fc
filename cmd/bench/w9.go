package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/process"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	w9Conversations = 200
	w9Messages      = 1_000_000
	w9Turns         = 9 // the median counts
)

// w9 has a screen show many conversations: what Bob has written in them, of which Ann has read nothing.
func (b *bench) w9(ctx context.Context) (err error) {
	bob, err := b.upQuiet(ctx, b.folder(), "Bob")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bob.Stop()) }()
	dir := b.folder()
	ann, err := b.upQuiet(ctx, dir, "Ann", bob)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ann.Stop()) }()
	if err := ann.meet(ctx, bob); err != nil {
		return err
	}
	if err := errors.Join(ann.say(ctx, bob.person, "hello"), bob.say(ctx, ann.person, "hello")); err != nil {
		return err
	}
	if err := ann.hear(ctx, bob); err != nil {
		return err
	}
	took, err := ann.list(ctx)
	if err != nil {
		return err
	}
	versus("W9", "conversations_unread_ms", millis(took), 5)
	if _, err := ann.MarkAllRead(ctx, &earshotv1.MarkAllReadRequest{}); err != nil {
		return err
	}
	if took, err = ann.list(ctx); err != nil {
		return err
	}
	versus("W9", "conversations_ms", millis(took), 5)
	return b.watchScreen(ctx, dir)
}

// hear has another write w9Messages messages to a node, in groups of the two, and waits until all are
// there.
func (n *node) hear(ctx context.Context, other *node) error {
	ctx, cancel := context.WithTimeout(ctx, 20*process.Patience)
	defer cancel()
	random := rand.New(rand.NewPCG(9, 9))
	for i := range w9Conversations {
		g, err := other.CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: fmt.Sprint("Table ", i)})
		if err == nil {
			_, err = other.Invite(ctx, &earshotv1.InviteRequest{Group: g.Id, Who: []string{n.person}})
		}
		if err == nil {
			err = other.sayTexts(ctx, g.Id, w9Messages/w9Conversations, delivered, func(int) string { return sentence(random) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list lists all conversations, and returns how long that takes.
func (n *node) list(ctx context.Context) (time.Duration, error) {
	var all []time.Duration
	for range w9Turns {
		began := time.Now()
		r, err := n.Conversations(ctx, &earshotv1.ConversationsRequest{Limit: w9Conversations})
		if err != nil {
			return 0, err
		}
		all = append(all, time.Since(began))
		if len(r.Conversations) != w9Conversations {
			return 0, fmt.Errorf("%d conversations, want %d", len(r.Conversations), w9Conversations)
		}
	}
	return median(all), nil
}
