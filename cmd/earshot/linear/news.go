package linear

import (
	"context"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// news is what the node has told, or that it is away.
type news struct {
	changes []*earshotv1.Change
	reset   bool
	away    error // the node can't be reached
	end     error // nothing will be told any more
}

// kinds are the changes that are printed.
var kinds = []string{"arrived", "changed", "notice"}

// changes tells what changes in this conversation from now on, until ctx ends.
func (c *Chat) changes(ctx context.Context) (<-chan news, error) {
	feed := c.Client.Feed("")
	feed.In, feed.Own, feed.Kinds = c.who, true, kinds
	var err error
	if feed.After, err = c.now(ctx); err != nil {
		return nil, err
	}
	told := make(chan news)
	tell := func(n news) {
		select {
		case told <- n:
		case <-ctx.Done():
		}
	}
	feed.Away = func(err error) { tell(news{away: err}) }
	go func() { // ends with ctx
		for r, err := range feed.Changes(ctx) {
			if err != nil {
				tell(news{end: err})
				return
			}
			tell(news{changes: r.Changes, reset: r.Reset_})
		}
	}()
	return told, nil
}

// now returns the cursor behind all that has happened.
func (c *Chat) now(ctx context.Context) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := c.Client.Changes(ctx, &earshotv1.ChangesRequest{Kinds: kinds, Filter: &earshotv1.Filter{In: c.who}})
	if err != nil {
		return "", err
	}
	defer s.Close()
	if !s.Receive() {
		if err := s.Err(); err != nil {
			return "", err
		}
		return "", localapi.ErrNotRunning
	}
	return s.Msg().Cursor, nil
}

// changed takes what the node has told.
func (c *Chat) changed(ctx context.Context, n news) error {
	switch {
	case n.end != nil:
		return n.end
	case n.away != nil:
		c.away = true
		c.tell(problem.Away(n.away))
		return nil
	}
	if c.away {
		c.away = false
		c.note("the node is back")
		c.sendHand(ctx)
	}
	if n.reset {
		c.note("the node's directory was put back to an earlier time: /history prints what is there")
	}
	for _, change := range n.changes {
		if g := change.GetNotice().GetGroup(); g != nil && "#"+g.Id != c.who {
			continue
		}
		c.waiting = append(c.waiting, change)
		if m := change.GetArrived(); m == nil || m.Own {
			continue
		}
		if c.news++; c.news == 1 && !c.console.empty() {
			c.note("1 new: it is printed when your line is sent, or empty")
		}
	}
	return nil
}
