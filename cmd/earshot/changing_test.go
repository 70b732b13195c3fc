package main

import (
	"context"
	"sync"

	"github.com/earshot-im/earshot/node/localapi/server"
)

// changingNode is a fake node whose count of changes the test increases. mu also guards the fields
// of what embeds it.
type changingNode struct {
	server.Node

	mu   sync.Mutex
	at   uint64
	more chan struct{} // closed and replaced when at moves
}

func newChangingNode() changingNode { return changingNode{at: 1, more: make(chan struct{})} }

// change tells those who watch.
func (n *changingNode) change() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at++
	close(n.more)
	n.more = make(chan struct{})
}

func (n *changingNode) Changed(ctx context.Context, after uint64) (uint64, error) {
	for {
		n.mu.Lock()
		at, more := n.at, n.more
		n.mu.Unlock()
		if at > after {
			return at, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (n *changingNode) PeersChanged(ctx context.Context, _ uint64) (uint64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}
