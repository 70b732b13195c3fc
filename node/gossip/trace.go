package gossip

import (
	"errors"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// forged says whether an error of the validator means that no honest member would have forwarded
// the message.
func forged(err error) bool { return errors.Is(err, errSealed) || errors.Is(err, ErrForged) }

// tracer learns of everything that the library drops; the library has no other way to tell. The
// library's goroutines call it, and it must not block.
type tracer struct{ members *members }

// DropRPC: a queue was full, or there was none any more.
func (t tracer) DropRPC(rpc *pubsub.RPC, id peer.ID) { t.members.dropped(id, len(rpc.Publish)) }

// SendRPC, SendRPCCompleted and OnClosedOutboundStream: what was queued and not written when a
// stream ended is dropped.
func (t tracer) SendRPC(rpc *pubsub.RPC, id peer.ID) { t.members.sent(id, len(rpc.Publish)) }

func (t tracer) SendRPCCompleted(rpc *pubsub.RPC, id peer.ID, _ time.Duration) {
	t.members.sent(id, -len(rpc.Publish))
}

func (t tracer) OnClosedOutboundStream(id peer.ID) { t.members.lost(id) }

// RejectMessage: the queue in front of the validator was full.
func (t tracer) RejectMessage(m *pubsub.Message, reason string) {
	if reason == pubsub.RejectValidationQueueFull {
		t.members.dropped(m.ReceivedFrom, 1)
	}
}

func (tracer) OnNewOutboundStream(peer.ID, protocol.ID) {}
func (tracer) Join(string)                              {}
func (tracer) Leave(string)                             {}
func (tracer) Graft(peer.ID, string)                    {}
func (tracer) Prune(peer.ID, string)                    {}
func (tracer) ValidateMessage(*pubsub.Message)          {}
func (tracer) DeliverMessage(*pubsub.Message)           {}
func (tracer) DuplicateMessage(*pubsub.Message)         {}
func (tracer) ThrottlePeer(peer.ID)                     {}
func (tracer) RecvRPC(*pubsub.RPC)                      {}
func (tracer) UndeliverableMessage(*pubsub.Message)     {} // nothing subscribes: what is proven is taken
