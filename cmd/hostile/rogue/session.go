package rogue

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-yamux/v5"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
)

const (
	syncProtocol = "/earshot/sync/1"

	outBuffer = 64 << 10
	inBuffer  = 4 << 10
)

// Session is a sync stream of a person's.
type Session struct {
	*Link
	client *Client
	Stream *yamux.Stream
	in     *bufio.Reader

	sending sync.Mutex // guards out
	out     *bufio.Writer

	nonce, theirs [32]byte
	Victim        crypto.PersonID
	runs          atomic.Uint64   // that were sent
	heard         chan wire.Frame // what answers runs; nobody need take it
	offered       offered
}

// Begin opens a stream and names its protocol.
func (c *Client) Begin(ctx context.Context, l *Link) (*Session, error) {
	stream, err := l.open(ctx, syncProtocol)
	if err != nil {
		return nil, err
	}
	s := &Session{Link: l, client: c, Stream: stream, in: bufio.NewReaderSize(stream, inBuffer),
		out: bufio.NewWriterSize(stream, outBuffer), heard: make(chan wire.Frame, 64), offered: offered{tags: make(map[string]bool), more: make(chan struct{})}}
	Random(s.nonce[:])
	return s, nil
}

// Open connects as a person, begins a session and greets.
func (c *Client) Open(ctx context.Context, from netip.Addr, by *Person) (*Session, error) {
	l, err := c.Link(ctx, from, by)
	if err != nil {
		return nil, err
	}
	s, err := c.Begin(ctx, l)
	if err == nil {
		err = s.Greet()
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	c.Count("sessions", 1)
	return s, nil
}

// Enter is Open and all that an honest stranger does at first: offer, and answer what is asked.
func (c *Client) Enter(ctx context.Context, from netip.Addr, by *Person) (*Session, error) {
	s, err := c.Open(ctx, from, by)
	if err != nil {
		return nil, err
	}
	go s.Listen(ctx) // ends with the session
	return s, s.Offer()
}

// Greet says who one is, and learns who the victim is.
func (s *Session) Greet() error {
	profile := s.By.Profile(1, s.By.Name)
	err := s.Send(
		wire.Frame{Hello: &wire.Hello{Version: wire.Version, Nonce: s.nonce}},
		wire.Frame{Admission: &wire.Admission{Mode: wire.AdmissionOpen}},
		wire.Frame{Identity: &wire.Identity{Card: s.By.Card.Bytes(), Profile: &profile}},
	)
	if err == nil {
		err = s.Stream.SetReadDeadline(time.Now().Add(greetWithin))
	}
	for err == nil && s.Victim == (crypto.PersonID{}) {
		var f wire.Frame
		if f, err = s.Read(); err != nil {
			break
		}
		switch {
		case f.Hello != nil:
			s.theirs = f.Hello.Nonce
		case f.Identity != nil:
			var card crypto.Card
			if card, err = crypto.ParseCard(f.Identity.Card); err == nil {
				s.Victim = card.Person()
			}
		}
	}
	if err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	return s.Stream.SetReadDeadline(time.Time{})
}

// Offer offers the direct conversation.
func (s *Session) Offer(logs ...wire.LogSegments) error {
	return s.Send(wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{{Store: s.By.Store, Logs: logs}}}})
}

// Listen reads until the session ends, counts what is heard, and gives cards to who asks for them.
func (s *Session) Listen(ctx context.Context) {
	for {
		f, err := s.Read()
		if err != nil {
			return
		}
		switch {
		case f.Offers != nil:
			s.offered.add(f.Offers)
		case f.Refused != nil:
			s.client.Count(fmt.Sprint("refused ", f.Refused.Reason), 1)
			s.hear(f)
		case f.Have != nil && f.Have.Answers > 0:
			s.client.Count("acknowledged", 1)
			s.hear(f)
		case f.CardRequest != nil:
			s.client.Count("cards asked for", 1)
			card := s.client.card(f.CardRequest.Head, f.CardRequest.Person)
			s.client.Failed(ctx, "give card", s.Send(wire.Frame{Card: &wire.Card{Card: card}}))
		}
	}
}

func (s *Session) hear(f wire.Frame) {
	select {
	case s.heard <- f:
	default:
	}
}

// Answer waits for what answers a run, nil if nothing does in time.
func (s *Session) Answer(ctx context.Context, within time.Duration) *wire.Frame {
	select {
	case f := <-s.heard:
		return &f
	case <-time.After(within):
	case <-s.CloseChan():
	case <-ctx.Done():
	}
	return nil
}

func (s *Session) Read() (wire.Frame, error) {
	size, err := binary.ReadUvarint(s.in)
	if err != nil {
		return wire.Frame{}, err
	}
	if size > wire.MaxFrame {
		return wire.Frame{}, errors.New("a frame that is too large")
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(s.in, b); err != nil {
		return wire.Frame{}, err
	}
	return wire.ParseFrame(b)
}

// Framed is a frame with its length before it.
func Framed(f wire.Frame) []byte {
	b := f.Marshal()
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
}

func (s *Session) Send(frames ...wire.Frame) error {
	for _, f := range frames {
		if err := s.SendRaw(Framed(f)); err != nil {
			return err
		}
	}
	return nil
}

// SendRaw sends bytes as they are.
func (s *Session) SendRaw(b []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if _, err := s.out.Write(b); err != nil {
		return err
	}
	return s.out.Flush()
}
