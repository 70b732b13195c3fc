package link

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	blankhost "github.com/libp2p/go-libp2p/p2p/host/blank"
	mstream "github.com/multiformats/go-multistream"
)

// protoHost is the library's thinnest host with the two places mended where a silent peer could hold it for ever:
// agreeing on the protocol of a stream, outgoing and incoming. It also counts handlers, so that Close can wait.
type protoHost struct {
	*blankhost.BlankHost
	calls *calls
}

// NewStream agrees on the first protocol that the peer speaks, or returns an error when ctx ends, after
// negotiateTimeout at the latest.
func (h *protoHost) NewStream(ctx context.Context, id peer.ID, protos ...protocol.ID) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, negotiateTimeout)
	defer cancel()
	s, err := h.Network().NewStream(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	proto, err := mstream.SelectOneOf(protos, s)
	if !stop() {
		return nil, fmt.Errorf("agree on protocol: %w", ctx.Err())
	}
	if err == nil {
		err = s.SetProtocol(proto) // asks the resource manager
	}
	if err != nil {
		_ = s.Reset()
		return nil, fmt.Errorf("agree on protocol: %w", err)
	}
	return s, nil
}

// serve takes a stream that a peer opened. The swarm runs it in the stream's own goroutine.
func (h *protoHost) serve(s network.Stream) {
	done, ok := h.calls.begin(nil)
	if !ok {
		_ = s.Reset()
		return
	}
	defer done()
	_ = s.SetDeadline(time.Now().Add(negotiateTimeout))
	proto, handle, err := h.Mux().Negotiate(s)
	if err == nil {
		err = s.SetProtocol(proto)
	}
	if err != nil {
		_ = s.Reset()
		return
	}
	_ = s.SetDeadline(time.Time{})
	_ = handle(proto, s)
}

// calls counts what Close must wait for, and can cancel those that would not end by themselves.
type calls struct {
	mu      sync.Mutex
	closed  bool
	cancels map[*context.CancelFunc]struct{}
	running sync.WaitGroup
}

// begin counts a call until done; not ok after close. A cancel that is not nil is called by close.
func (c *calls) begin(cancel context.CancelFunc) (done func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false
	}
	c.running.Add(1)
	if cancel == nil {
		return c.running.Done, true
	}
	if c.cancels == nil {
		c.cancels = make(map[*context.CancelFunc]struct{})
	}
	c.cancels[&cancel] = struct{}{}
	return func() {
		c.mu.Lock()
		delete(c.cancels, &cancel)
		c.mu.Unlock()
		c.running.Done()
	}, true
}

func (c *calls) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for cancel := range c.cancels {
		(*cancel)()
	}
}

func (c *calls) wait() { c.running.Wait() }
