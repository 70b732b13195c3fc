package floor

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/earshot-im/earshot/node/link"
)

// fan is one sender with open streams to many servers.
type fan struct {
	d       *disk
	key     ed25519.PrivateKey
	streams map[string][]network.Stream // by what to do there
}

func spread(ctx context.Context, h *link.Host, d *disk, addrs []string) error {
	ids, err := connect(ctx, h, addrs)
	if err != nil {
		return err
	}
	f := &fan{d: d, key: ed25519.NewKeyFromSeed(signerSeed[:]), streams: make(map[string][]network.Stream)}
	for do, proto := range map[string]protocol.ID{"check": protoCheck, "each": protoEach} {
		for _, id := range ids {
			s, err := h.NewStream(ctx, id, proto)
			if err != nil {
				return err
			}
			f.streams[do] = append(f.streams[do], s)
		}
	}
	return answer(f.do)
}

func (f *fan) do(a Ask) ([]time.Duration, error) {
	if len(f.streams[a.Do]) < a.To {
		return nil, fmt.Errorf("no step %q to %d", a.Do, a.To)
	}
	streams := f.streams[a.Do][:a.To]
	if a.Do == "each" {
		return repeat(a.N, func() error { return f.each(streams) })
	}
	return repeatUntil(a.N, func() (time.Time, error) { return f.check(streams) })
}

// send sends a message, signed once.
func (f *fan) send(streams []network.Stream, m []byte) error {
	signed := append(m[:len(m):len(m)], ed25519.Sign(f.key, m)...)
	for _, s := range streams {
		if _, err := s.Write(signed); err != nil {
			return err
		}
	}
	return nil
}

// check sends a message, and returns the time at which the last server had it.
func (f *fan) check(streams []network.Stream) (last time.Time, err error) {
	if err := f.send(streams, Message(0)); err != nil {
		return last, err
	}
	for _, s := range streams {
		if last, err = latest(s, last); err != nil {
			return last, err
		}
	}
	return last, nil
}

// each commits a message and sends it, and returns once all servers have answered that they have
// committed it too.
func (f *fan) each(streams []network.Stream) error {
	m := Message(0)
	if err := errors.Join(f.d.put(m), f.send(streams, m)); err != nil {
		return err
	}
	for _, s := range streams {
		if _, err := io.ReadFull(s, make([]byte, 8)); err != nil {
			return err
		}
	}
	return nil
}
