package rogue

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-yamux/v5"
	mstream "github.com/multiformats/go-multistream"

	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/event"
)

const blobProtocol = "/earshot/blob/1"

// What is asked for of a file.
const (
	AskManifest = 1
	AskPages    = 2
	AskBytes    = 3
	AskHave     = 4
	AskNoMore   = 5
)

// How it is answered.
const (
	GiveOK      = 1
	GiveNothing = 2
	GiveChanged = 3
	GiveBusy    = 4
)

// Request is a frame that asks for something.
type Request struct {
	ID         uint64
	Event      []byte // nil: none
	Attachment uint64
	What       uint64
	First      uint64
	Count      uint64
}

// Framed is the request with its length before it.
func (q *Request) Framed() []byte {
	var w canon.Writer
	w.Uint(1, q.ID)
	w.Bytes(2, q.Event)
	w.Uint(3, q.Attachment)
	w.Uint(4, q.What)
	w.Uint(5, q.First)
	w.Uint(6, q.Count)
	return lengthen(w.Out())
}

func lengthen(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }

// Reply is a frame that answers, and what is behind it.
type Reply struct {
	ID, Status, Size, Had uint64
	Chunks                [][2]uint64 // first, count
	Raw                   []byte
}

// Framed is the reply with its length before it, and what is behind it.
func (p *Reply) Framed() []byte {
	var w canon.Writer
	w.Uint(1, p.ID)
	w.Uint(2, p.Status)
	w.Uint(3, p.Size)
	w.Uint(4, p.Had)
	for _, c := range p.Chunks {
		var e canon.Writer
		e.Uint(1, c[0])
		e.Uint(2, c[1])
		w.Element(5, e.Out())
	}
	return append(lengthen(w.Out()), p.Raw...)
}

// Blobs is a stream of files, whoever has opened it. One goroutine reads it.
type Blobs struct {
	*yamux.Stream
	in      *bufio.Reader
	sending sync.Mutex // guards what is written
}

// Write writes bytes as they are.
func (b *Blobs) Write(raw []byte) (int, error) {
	b.sending.Lock()
	defer b.sending.Unlock()
	return b.Stream.Write(raw)
}

// Fetch opens a stream on which files are asked for.
func (l *Link) Fetch(ctx context.Context) (*Blobs, error) {
	s, err := l.open(ctx, blobProtocol)
	if err != nil {
		return nil, err
	}
	return &Blobs{Stream: s, in: bufio.NewReaderSize(s, inBuffer)}, nil
}

// frame reads one.
func (b *Blobs) frame() ([]byte, error) {
	size, err := binary.ReadUvarint(b.in)
	if err != nil {
		return nil, err
	}
	if size > 1<<10 {
		return nil, errors.New("a frame that is too large")
	}
	f := make([]byte, size)
	_, err = io.ReadFull(b.in, f)
	return f, err
}

// Request reads what is asked for.
func (b *Blobs) Request() (q Request, err error) {
	f, err := b.frame()
	if err != nil {
		return q, err
	}
	r := canon.NewReader(f)
	q.ID, q.Event = r.Uint(1), r.Optional(2, len(event.ID{}))
	q.Attachment, q.What, q.First, q.Count = r.Uint(3), r.Uint(4), r.Uint(5), r.Uint(6)
	return q, r.End()
}

// Skip reads a reply without what is behind it, which it leaves out, and returns its status and how much
// that was.
func (b *Blobs) Skip() (status, size uint64, err error) {
	f, err := b.frame()
	if err != nil {
		return 0, 0, err
	}
	r := canon.NewReader(f)
	_, status, size = r.Uint(1), r.Uint(2), r.Uint(3)
	_, err = io.CopyN(io.Discard, b.in, int64(size))
	return status, size, err
}

// Serve takes the streams of files that the victim opens, and has each of them answered, until the link
// ends. Other streams are turned away.
func (l *Link) Serve(answer func(*Blobs)) {
	for {
		s, err := l.AcceptStream()
		if err != nil {
			return
		}
		go func() { // ends with the link
			m := mstream.NewMultistreamMuxer[string]()
			m.AddHandler(blobProtocol, nil)
			if _, _, err := m.Negotiate(s); err != nil {
				_ = s.Reset()
				return
			}
			answer(&Blobs{Stream: s, in: bufio.NewReaderSize(s, inBuffer)})
		}()
	}
}

// Give answers a request as somebody honest does. Of a stream that is shorter than it claims to be the
// rest is zero.
func (b *Blobs) Give(f *File, q *Request) error {
	var out []byte
	switch raw := f.part(q); {
	case q.What == AskNoMore:
		return nil
	case q.What == AskHave:
		p := Reply{ID: q.ID, Status: GiveOK, Had: (f.Size + chunkSize - 1) / chunkSize}
		out = p.Framed()
	case len(raw) == 0:
		p := Reply{ID: q.ID, Status: GiveNothing}
		out = p.Framed()
	default:
		had := uint64(0)
		if q.What == AskManifest {
			had = uint64(len(raw))
		}
		const piece = 64 << 10
		for len(raw) > 0 {
			some := raw[:min(piece, len(raw))]
			p := Reply{ID: q.ID, Status: GiveOK, Size: uint64(len(some)), Had: had, Raw: some}
			out, raw, had = append(out, p.Framed()...), raw[len(some):], 0
		}
	}
	_, err := b.Write(out)
	return err
}

// open opens a stream and names its protocol.
func (l *Link) open(ctx context.Context, protocol string) (*yamux.Stream, error) {
	opening, cancel := context.WithTimeout(ctx, greetWithin)
	defer cancel()
	s, err := l.OpenStream(opening)
	if err != nil {
		return nil, err
	}
	if err = s.SetDeadline(time.Now().Add(greetWithin)); err == nil {
		err = mstream.SelectProtoOrFail(protocol, s)
	}
	if err == nil {
		err = s.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = s.Reset()
		return nil, err
	}
	return s, nil
}
