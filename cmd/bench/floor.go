package main

import (
	"bufio"
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
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/node/link"
)

// floorCommand, as the first argument, makes this program one of the processes of a floor:
//
//	serve DIR                    answers streams of any protocol below; holds messages to be pulled
//	drive DIR ADDR               does what it is asked on standard input against a server (see ask)
//	fan DIR ADDR...              the same against many
//	gossip DIR TOPICS [ADDR]...  hears what is published, and tells who wants to know; a topic is a number of hearers
//	publish DIR TOPICS ADDR...   publishes what it is asked
//	pull DIR ADDR                pulls all that a server holds, commits it, and says so
//	idle DIR                     does nothing
//
// Each says on standard output when it is ready, and ends when its standard input does.
const floorCommand = "floor"

// The protocols that a server answers. Messages have messageSize bytes, counts are 8 bytes, big endian.
const (
	protoEcho  = "/bench/echo"  // a message comes back
	protoCheck = "/bench/check" // a message and its signature; after the check, when that was (see moment)
	protoEach  = "/bench/each"  // a message and its signature; after check and commit, the count so far
	protoGroup = "/bench/group" // messages; after the commit of whatever was there, the count so far
	protoPull  = "/bench/pull"  // one byte; then everything held
)

// signerSeed makes the key that signs what goes by protoEach. It protects nothing.
var signerSeed [ed25519.SeedSize]byte

func runFloor(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("a floor needs a kind and a folder")
	}
	d, err := openDisk(args[1])
	if err != nil {
		return err
	}
	defer d.db.Close()
	h, err := newHost()
	if err != nil {
		return err
	}
	defer h.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // before h, which waits for its handlers
	switch more := args[2:]; args[0] {
	case "serve":
		return serve(h, d)
	case "idle":
		return ready(h)
	case "drive":
		return drive(ctx, h, d, more)
	case "fan":
		return spread(ctx, h, d, more)
	case "gossip":
		return hear(ctx, h, more)
	case "publish":
		return publish(ctx, h, more)
	case "pull":
		return pull(ctx, h, d, more)
	}
	return fmt.Errorf("no floor %q", args[0])
}

// connect connects to those who listen at these addresses, and names them.
func connect(ctx context.Context, h *link.Host, addrs []string) (ids []peer.ID, err error) {
	for _, a := range addrs {
		to, err := peer.AddrInfoFromString(a)
		if err == nil {
			err = h.Connect(ctx, to.ID, to.Addrs)
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, to.ID)
	}
	return ids, nil
}

// connectOne connects to the one that there must be.
func connectOne(ctx context.Context, h *link.Host, addrs []string) (peer.ID, error) {
	if len(addrs) != 1 {
		return "", fmt.Errorf("%d addresses, want one", len(addrs))
	}
	ids, err := connect(ctx, h, addrs)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func newHost() (*link.Host, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	h, err := link.New(link.Config{Key: key})
	if err != nil {
		return nil, err
	}
	if err := h.Listen([]ma.Multiaddr{ma.StringCast("/ip4/127.0.0.1/tcp/0")}); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// ready says where the process is and waits for the end of standard input.
func ready(h *link.Host) error {
	fmt.Printf("ready %s/p2p/%s\n", h.ListenAddrs()[0], h.ID())
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// must resets the stream, and so ends the driver with an error, where a handler fails.
func must(f func(network.Stream) error) func(network.Stream) {
	return func(s network.Stream) {
		if err := f(s); err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, "bench: floor:", err)
			_ = s.Reset()
		}
	}
}

// serve is the far end of the floors without gossip.
func serve(h *link.Host, d *disk) error {
	h.SetStreamHandler(protoEcho, must(func(s network.Stream) error {
		_, err := io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{s}, make([]byte, messageSize))
		return err
	}))
	h.SetStreamHandler(protoCheck, must(func(s network.Stream) error {
		return checkEach(s, func([]byte) ([]byte, error) { return moment(time.Now()), nil })
	}))
	h.SetStreamHandler(protoEach, must(d.takeEach))
	h.SetStreamHandler(protoGroup, must(d.takeGroups))
	h.SetStreamHandler(protoPull, must(d.give))
	return ready(h)
}

func (d *disk) takeEach(s network.Stream) error {
	n := uint64(0)
	return checkEach(s, func(message []byte) ([]byte, error) {
		n++
		return binary.BigEndian.AppendUint64(nil, n), d.put(message)
	})
}

// checkEach checks one signed message at a time and answers what take makes of it.
func checkEach(s network.Stream, take func(message []byte) (answer []byte, err error)) error {
	public := ed25519.NewKeyFromSeed(signerSeed[:]).Public().(ed25519.PublicKey)
	b := make([]byte, messageSize+ed25519.SignatureSize)
	for {
		if _, err := io.ReadFull(s, b); err != nil {
			return err
		}
		if !ed25519.Verify(public, b[:messageSize], b[messageSize:]) {
			return errors.New("bad signature")
		}
		answer, err := take(b[:messageSize])
		if err == nil {
			_, err = s.Write(answer)
		}
		if err != nil {
			return err
		}
	}
}

// moment is a time by the clock that all processes of a machine share: nanoseconds, 8 bytes.
func moment(t time.Time) []byte { return binary.BigEndian.AppendUint64(nil, uint64(t.UnixNano())) }

// latest reads a moment, and returns it if it is later than last.
func latest(r io.Reader, last time.Time) (time.Time, error) {
	b := make([]byte, 8)
	_, err := io.ReadFull(r, b)
	if t := time.Unix(0, int64(binary.BigEndian.Uint64(b))); t.After(last) {
		last = t
	}
	return last, err
}

func (d *disk) takeGroups(s network.Stream) error {
	n := uint64(0)
	return d.group(readMessages(s), func(messages [][]byte) error {
		n += uint64(len(messages))
		_, err := s.Write(binary.BigEndian.AppendUint64(nil, n))
		return err
	})
}

func (d *disk) give(s network.Stream) error {
	if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
		return err
	}
	w := bufio.NewWriterSize(s, 64<<10)
	if err := d.each(func(message []byte) error { _, err := w.Write(message); return err }); err != nil {
		return err
	}
	return errors.Join(w.Flush(), s.CloseWrite())
}

// readMessages reads until the stream ends, which closes the channel.
func readMessages(s network.Stream) <-chan []byte {
	in := make(chan []byte, maxGroup)
	go func() {
		defer close(in)
		for r := bufio.NewReaderSize(s, 64<<10); ; {
			m := make([]byte, messageSize)
			if _, err := io.ReadFull(r, m); err != nil {
				return
			}
			in <- m
		}
	}()
	return in
}

// pull is the reader of W5.
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

// ask is what a driver does N times; the answer is how long each took in nanoseconds, or all together.
type ask struct {
	Do string // drive: echo, commit, sign, check, each, group; fan: check, each; publish: nothing else
	To int    // of fan and publish: to how many
	N  int
}

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
func answer(do func(ask) ([]time.Duration, error)) error {
	fmt.Println("ready")
	in, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var a ask
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

func (dr *driver) do(a ask) (took []time.Duration, err error) {
	m := message(0)
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

// repeatUntil is repeat for steps that end when they say.
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
