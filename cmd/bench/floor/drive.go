package floor

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/earshot-im/earshot/node/link"
)

func drive(ctx context.Context, h *link.Host, d *disk, addrs []string) error {
	to, err := connectOne(ctx, h, addrs)
	if err != nil {
		return err
	}
	dr := &driver{d: d, key: ed25519.NewKeyFromSeed(signerSeed[:])}
	for proto, s := range map[string]*network.Stream{protoEcho: &dr.echo, protoEach: &dr.each, protoGroup: &dr.group} {
		if *s, err = h.NewStream(ctx, to, protocol.ID(proto)); err != nil {
			return err
		}
	}
	return answer(dr.do)
}

// answer does what is asked until standard input ends.
func answer(do func(Ask) ([]time.Duration, error)) error {
	fmt.Println("ready")
	in, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var a Ask
		if err := in.Decode(&a); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		took, err := do(a)
		if err == nil {
			err = answers.Encode(took)
		}
		if err != nil {
			return err
		}
	}
}

// driver is the near end of the floors of W1 and W2.
type driver struct {
	d                 *disk
	key               ed25519.PrivateKey
	echo, each, group network.Stream
	grouped           uint64
}

func (dr *driver) do(a Ask) (took []time.Duration, err error) {
	m := Message(0)
	if a.Do == "group" {
		began := time.Now()
		err := dr.pipeline(m, a.N)
		return []time.Duration{time.Since(began)}, err
	}
	public, signature := dr.key.Public().(ed25519.PublicKey), ed25519.Sign(dr.key, m)
	answer := make([]byte, messageSize)
	steps := map[string]func() error{
		"echo":   func() error { return exchange(dr.echo, m, answer) },
		"commit": func() error { return dr.d.put(m) },
		"sign":   func() error { ed25519.Sign(dr.key, m); return nil },
		"check": func() error {
			if !ed25519.Verify(public, m, signature) {
				return errors.New("bad signature")
			}
			return nil
		},
		"each": func() error {
			if err := dr.d.put(m); err != nil {
				return err
			}
			return exchange(dr.each, append(m[:len(m):len(m)], ed25519.Sign(dr.key, m)...), answer[:8])
		},
	}
	step := steps[a.Do]
	if step == nil {
		return nil, fmt.Errorf("no step %q", a.Do)
	}
	return repeat(a.N, step)
}

// repeat returns how long each of n times took.
func repeat(n int, step func() error) ([]time.Duration, error) {
	return repeatUntil(n, func() (time.Time, error) {
		err := step()
		return time.Now(), err
	})
}

// repeatUntil is repeat for steps that return the time at which they ended.
func repeatUntil(n int, step func() (time.Time, error)) (took []time.Duration, err error) {
	for range n {
		began := time.Now()
		end, err := step()
		if err != nil {
			return nil, err
		}
		took = append(took, end.Sub(began))
	}
	return took, nil
}

func exchange(s network.Stream, message, answer []byte) error {
	if _, err := s.Write(message); err != nil {
		return err
	}
	_, err := io.ReadFull(s, answer)
	return err
}

// pipeline commits and sends n messages and returns when the far end has committed them.
func (dr *driver) pipeline(m []byte, n int) error {
	in := make(chan []byte, maxGroup)
	go func() { // ends when group has taken all
		defer close(in)
		for range n {
			in <- m
		}
	}()
	sent := make(chan error, 1)
	go func() {
		sent <- dr.d.group(in, func(messages [][]byte) error {
			var b []byte
			for _, m := range messages {
				b = append(b, m...)
			}
			_, err := dr.group.Write(b)
			return err
		})
	}()
	want := dr.grouped + uint64(n)
	for count := make([]byte, 8); dr.grouped < want; {
		if _, err := io.ReadFull(dr.group, count); err != nil {
			return errors.Join(err, <-sent)
		}
		dr.grouped = binary.BigEndian.Uint64(count)
	}
	return <-sent
}

// pull gets all that a server holds, and is ready once it has committed that.
func pull(ctx context.Context, h *link.Host, d *disk, addrs []string) error {
	from, err := connectOne(ctx, h, addrs)
	if err != nil {
		return err
	}
	s, err := h.NewStream(ctx, from, protoPull)
	if err != nil {
		return err
	}
	if _, err := s.Write([]byte{1}); err != nil {
		return err
	}
	n := 0
	if err := d.group(readMessages(s), func(messages [][]byte) error { n += len(messages); return nil }); err != nil {
		return err
	}
	fmt.Println("ready", n)
	return nil
}
