package main

import (
	"context"
	"fmt"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/floor"
	"github.com/earshot-im/earshot/cmd/bench/nodes"
	"github.com/earshot-im/earshot/cmd/bench/process"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// crowd is some nodes in groups: one writes, the others read, and all see each other.
type crowd struct {
	nodes  []*nodes.Node  // the first writes
	groups map[int]string // IDs of groups by their number of readers, which are the first nodes after the writer
	read   []string       // cursors of the nodes
	sent   int
}

// crowd starts as many nodes as the largest group needs, and makes the groups. It returns the nodes
// that it started also when it fails.
func (b *bench) crowd(ctx context.Context, sizes []int) (*crowd, error) {
	c := &crowd{groups: make(map[int]string)}
	for len(c.nodes) <= sizes[len(sizes)-1] {
		n, err := b.UpQuiet(ctx, b.Folder(), fmt.Sprint("Member ", len(c.nodes)), c.nodes...)
		if err != nil {
			return c, err
		}
		c.nodes = append(c.nodes, n)
	}
	c.read = make([]string, len(c.nodes))
	for _, n := range c.nodes {
		if err := n.Until(ctx, n.Name+" sees everybody", func(ctx context.Context) (bool, error) {
			s, err := n.Status(ctx, &earshotv1.StatusRequest{})
			return int(s.GetPeers()) == len(c.nodes)-1, err
		}); err != nil {
			return c, err
		}
	}
	for _, to := range sizes {
		if err := c.gather(ctx, to); err != nil {
			return c, err
		}
	}
	return c, nil
}

// gather makes a group of so many readers, and waits until all know that they are in it.
func (c *crowd) gather(ctx context.Context, to int) error {
	g, err := c.nodes[0].CreateGroup(ctx, &earshotv1.CreateGroupRequest{Name: fmt.Sprint("Group of ", to)})
	if err != nil {
		return err
	}
	c.groups[to] = g.Id
	var who []string
	for _, n := range c.nodes[1 : to+1] {
		who = append(who, n.Person)
		if err := n.Until(ctx, n.Name+" has accepted who invites", func(ctx context.Context) (bool, error) {
			_, err := n.Accept(ctx, &earshotv1.AcceptRequest{Who: c.nodes[0].Person})
			return err == nil, nil
		}); err != nil {
			return err
		}
	}
	if _, err := c.nodes[0].Invite(ctx, &earshotv1.InviteRequest{Group: g.Id, Who: who}); err != nil {
		return err
	}
	for _, n := range c.nodes[:to+1] {
		if err := n.Until(ctx, n.Name+" is in the group", func(ctx context.Context) (bool, error) {
			r, err := n.Groups(ctx, &earshotv1.GroupsRequest{})
			for _, has := range r.GetGroups() {
				if has.Id == g.Id && has.State == "" {
					return int(has.Members) == to+1, nil
				}
			}
			return false, err
		}); err != nil {
			return err
		}
	}
	return nil
}

// send sends n messages, one at a time, to so many.
func (c *crowd) send(ctx context.Context, to, n int) (t tooks, err error) {
	first, began := c.sent, make([]time.Time, n)
	for i := range n {
		text := string(floor.Message(c.sent))
		c.sent++
		began[i] = time.Now()
		if err := c.nodes[0].Say(ctx, c.groups[to], text); err != nil {
			return t, err
		}
		t.disk = append(t.disk, time.Since(began[i]))
	}
	t.had = make([]time.Duration, n)
	for i := range to {
		reader := c.nodes[i+1]
		arrived, err := reader.Arrived(ctx, &c.read[i+1])
		if err != nil {
			return t, err
		}
		if len(arrived) != n {
			return t, fmt.Errorf("%s received %d messages, want %d", reader.Name, len(arrived), n)
		}
		for j, m := range arrived {
			if m.Text != string(floor.Message(first+j)) {
				return t, fmt.Errorf("%s received %q, want message %d", reader.Name, m.Text, first+j)
			}
			// A node notes the time at which it has proven a message and begins to store it, in
			// whole milliseconds. By the end of that millisecond it had the message.
			had := m.Received.AsTime().Add(time.Millisecond).Sub(began[j])
			t.had[j] = max(t.had[j], had)
		}
	}
	return t, nil
}

// settled is how long after the last message all is said of it that members say to each other.
const settled = 3 * time.Second

// cost sends messages at a rate to so many, and returns what one takes of the processors, of the sender and of a
// reader, besides what they take while nothing happens.
func (c *crowd) cost(ctx context.Context, to, messages int, each time.Duration) (sender, reader time.Duration, err error) {
	used := func(do func() error) (took [2]time.Duration, err error) {
		var before [2]time.Duration
		for i := range took {
			if before[i], _, err = process.Usage(c.nodes[i].PID()); err != nil {
				return took, err
			}
		}
		if err := do(); err != nil {
			return took, err
		}
		for i := range took {
			after, _, err := process.Usage(c.nodes[i].PID())
			if err != nil {
				return took, err
			}
			took[i] = after - before[i]
		}
		return took, nil
	}
	began := time.Now()
	busy, err := used(func() error {
		for i := range messages {
			if err := process.Pause(ctx, time.Until(began.Add(time.Duration(i)*each))); err != nil {
				return err
			}
			say := c.nodes[0].Put
			if i == messages-1 {
				say = c.nodes[0].Say // returns when all have it
			}
			if err := say(ctx, c.groups[to], string(floor.Message(c.sent))); err != nil {
				return err
			}
			c.sent++
		}
		return process.Pause(ctx, settled)
	})
	if err != nil {
		return 0, 0, err
	}
	lasted := time.Since(began)
	for i, n := range c.nodes[1 : to+1] {
		if all, err := n.Arrived(ctx, &c.read[i+1]); err != nil {
			return 0, 0, err
		} else if len(all) != messages {
			return 0, 0, fmt.Errorf("%s received %d messages, want %d", n.Name, len(all), messages)
		}
	}
	idle, err := used(func() error { return process.Pause(ctx, lasted) })
	one := func(i int) time.Duration { return (busy[i] - idle[i]) / time.Duration(messages) }
	return one(0), one(1), err
}
