package floor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/earshot-im/earshot/node/link"
)

// Gossipsub's own queues of 32 lose messages in silence. Everything else is left at its defaults,
// with signatures.
const (
	gossipQueue  = 1024
	gossipBuffer = 4096
)

// protoHeard, with a topic after it: one byte; then of each message heard in that topic its number,
// and when that was.
const protoHeard = "/bench/heard/"

// topic is a topic that this process has joined.
type topic struct {
	*pubsub.Topic
	heard *pubsub.Subscription // its author hears its own messages too
}

// join joins topics, whose names are numbers of hearers, and then connects.
func join(ctx context.Context, h *link.Host, names string, addrs []string) (map[int]topic, []peer.ID, error) {
	// There is no identify protocol on earshot's links. Everybody who is connected here speaks
	// gossipsub.
	identified, err := h.Libp2p().EventBus().Emitter(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return nil, nil, err
	}
	h.Notify(func(c network.Conn) {
		_ = identified.Emit(event.EvtPeerIdentificationCompleted{ // fails once it is closed
			Peer: c.RemotePeer(), Conn: c, Protocols: []protocol.ID{pubsub.GossipSubID_v13}})
	}, func(network.Conn) {})
	p, err := pubsub.NewGossipSub(ctx, h.Libp2p(),
		pubsub.WithPeerOutboundQueueSize(gossipQueue), pubsub.WithValidateQueueSize(gossipQueue))
	if err != nil {
		return nil, nil, err
	}
	topics := make(map[int]topic)
	for name := range strings.SplitSeq(names, ",") {
		to, err := strconv.Atoi(name)
		if err != nil {
			return nil, nil, err
		}
		t := topic{}
		if t.Topic, err = p.Join(name); err == nil {
			t.heard, err = t.Subscribe(pubsub.WithBufferSize(gossipBuffer))
		}
		if err != nil {
			return nil, nil, err
		}
		topics[to] = t
	}
	ids, err := connect(ctx, h, addrs)
	return topics, ids, err
}

// hear runs a hearer. It connects to those that were started before it, and those after it connect
// to it.
func hear(ctx context.Context, h *link.Host, args []string) error {
	if len(args) < 1 {
		return errors.New("no topics")
	}
	topics, _, err := join(ctx, h, args[0], args[1:])
	if err != nil {
		return err
	}
	for _, t := range topics {
		h.SetStreamHandler(protocol.ID(protoHeard+t.String()), must(func(s network.Stream) error {
			if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
				return err
			}
			for {
				m, err := t.heard.Next(ctx)
				if err != nil {
					return err
				}
				if _, err := s.Write(append(m.Data[:numberSize:numberSize], moment(time.Now())...)); err != nil {
					return err
				}
			}
		}))
	}
	return ready(h)
}

// publish runs the author.
func publish(ctx context.Context, h *link.Host, args []string) error {
	if len(args) < 1 {
		return errors.New("no topics")
	}
	topics, ids, err := join(ctx, h, args[0], args[1:])
	if err != nil {
		return err
	}
	hearers := make(map[int][]network.Stream)
	for to, t := range topics {
		if len(ids) < to {
			return fmt.Errorf("%d hearers, want %d", len(ids), to)
		}
		for _, id := range ids[:to] {
			s, err := h.NewStream(ctx, id, protocol.ID(protoHeard+t.String()))
			if err == nil {
				_, err = s.Write([]byte{1})
			}
			if err != nil {
				return err
			}
			hearers[to] = append(hearers[to], s)
		}
		// Gossipsub drops in silence what is published before it has neighbours.
		enough := pubsub.WithReadiness(pubsub.MinTopicSize(min(to, pubsub.GossipSubDlo)))
		if err := t.Publish(ctx, Message(0), enough); err != nil {
			return err
		}
	}
	published := 0
	return answer(func(a Ask) ([]time.Duration, error) {
		return repeatUntil(a.N, func() (time.Time, error) {
			published++
			m := Message(published)
			if err := topics[a.To].Publish(ctx, m); err != nil {
				return time.Time{}, err
			}
			return heardBy(hearers[a.To], m[:numberSize])
		})
	})
}

// heardBy returns the time at which the last of these hearers had a message. It skips what they
// heard before.
func heardBy(hearers []network.Stream, number []byte) (last time.Time, err error) {
	for _, s := range hearers {
		for heard := make([]byte, numberSize); !bytes.Equal(heard, number); {
			var at time.Time
			if _, err = io.ReadFull(s, heard); err == nil {
				at, err = latest(s, last)
			}
			if err != nil {
				return last, err
			}
			last = at
		}
	}
	return last, nil
}
