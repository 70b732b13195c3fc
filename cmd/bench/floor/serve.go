package floor

import (
	"bufio"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/earshot-im/earshot/node/link"
)

// The protocols that a server answers. Messages have messageSize bytes, counts are 8 bytes, big
// endian.
const (
	protoEcho  = "/bench/echo"  // a message comes back
	protoCheck = "/bench/check" // a message and its signature; after the check, when that was (see moment)
	protoEach  = "/bench/each"  // a message and its signature; after check and commit, the count so far
	protoGroup = "/bench/group" // messages; after the commit of whatever was there, the count so far
	protoPull  = "/bench/pull"  // one byte; then everything held
)

// serve runs the far end of all floors but gossip.
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

// checkEach reads signed messages, checks each, and sends back what take returns for it.
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
