package link

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	blankhost "github.com/libp2p/go-libp2p/p2p/host/blank"
	mstream "github.com/multiformats/go-multistream"
)

// protoHost is the library's blank host with one thing mended: a silent peer could keep it waiting
// for ever while the protocol of a stream is agreed on, of an outgoing one as of an incoming one.
// It also counts handlers, so that Close can wait for them, and has protocols that some peers can't
// know of.
type protoHost struct {
	*blankhost.BlankHost
	calls *calls
	quiet *mstream.MultistreamMuxer[protocol.ID] // has the protocols of all handlers
	may   func(peer.ID) bool                     // who is answered by quiet, others by Mux
}

// SetStreamHandler has streams of a protocol served for everybody.
func (h *protoHost) SetStreamHandler(proto protocol.ID, handle network.StreamHandler) {
	h.BlankHost.SetStreamHandler(proto, handle)
	h.setQuiet(proto, handle)
}

// SetStreamHandlerMatch does the same of all protocols that match.
func (h *protoHost) SetStreamHandlerMatch(proto protocol.ID, match func(protocol.ID) bool, handle network.StreamHandler) {
	h.BlankHost.SetStreamHandlerMatch(proto, match, handle)
	h.quiet.AddHandlerWithFunc(proto, match, serving(handle))
}

// RemoveStreamHandler is the opposite of both, and of setQuiet.
func (h *protoHost) RemoveStreamHandler(proto protocol.ID) {
	h.BlankHost.RemoveStreamHandler(proto)
	h.quiet.RemoveHandler(proto)
}

// setQuiet has streams of a protocol served for those who may know of it.
func (h *protoHost) setQuiet(proto protocol.ID, handle network.StreamHandler) {
	h.quiet.AddHandler(proto, serving(handle))
}

func serving(handle network.StreamHandler) mstream.HandlerFunc[protocol.ID] {
	return func(_ protocol.ID, s io.ReadWriteCloser) error {
		handle(s.(network.Stream))
		return nil
	}
}

// NewStream opens a stream for the first of the protocols that the peer speaks. It takes
// negotiateTimeout at most.
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

// serve serves a stream that a peer opened. The swarm calls it in a goroutine for each stream.
func (h *protoHost) serve(s network.Stream) {
	done, ok := h.calls.begin(nil)
	if !ok {
		_ = s.Reset()
		return
	}
	defer done()
	_ = s.SetDeadline(time.Now().Add(namingTimeout))
	var known protocol.Negotiator = h.Mux()
	if h.may(s.Conn().RemotePeer()) {
		known = h.quiet
	}
	proto, handle, err := known.Negotiate(s)
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

// begin counts a call until done is called; it is not ok after close. If cancel is not nil, close
// calls it.
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
