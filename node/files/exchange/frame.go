package exchange

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/blob"
	"github.com/earshot-im/earshot/store/event"
)

// Protocol names the stream in the negotiation of protocols. PROTOCOL.md has its bytes.
const Protocol = "/earshot/blob/1"

const (
	// MaxCount bounds the bytes of one request, and MaxPages its pages.
	MaxCount = blob.ChunkSize
	MaxPages = 32
	// PageSize is how many bytes a page has, but for the last of an attachment.
	PageSize = blob.PageLeaves * 32
	// MaxOpen bounds the requests of one stream that are not answered.
	MaxOpen = 64
	// MaxStretches bounds the stretches of an answer to Have.
	MaxStretches = 16
	// MaxRequest and MaxReply bound the bytes of each frame.
	MaxRequest = 128
	MaxReply   = 512

	maxAttachment = 31
	maxID         = 1<<53 - 1
	maxChunks     = blob.MaxPages * blob.PageLeaves
	maxRaw        = 256 << 10 // raw bytes behind a reply
)

// Attachment names an attachment of a message.
type Attachment struct {
	Event event.ID
	Index int // from 0 to 31
}

// What is asked for.
type What uint8

const (
	Manifest What = 1
	Pages    What = 2
	Bytes    What = 3
	Have     What = 4

	CallOff What = 5 // nothing more of the request whose number is in First; a Conn alone asks for it
)

// Request asks for something of an attachment.
type Request struct {
	Of    Attachment
	What  What
	First uint64 // of Pages: the first; of Bytes: where in the stream; else 0
	Count int    // of Pages: 1 to MaxPages; of Bytes: 1 to MaxCount, within one chunk; else 0
}

// check says whether a request may be asked.
func (q *Request) check() error {
	ok := q.Of.Index >= 0 && q.Of.Index <= maxAttachment
	switch count := uint64(q.Count); q.What {
	case Manifest, Have:
		ok = ok && q.First == 0 && q.Count == 0
	case Pages:
		ok = ok && q.Count >= 1 && q.Count <= MaxPages && q.First < blob.MaxPages && q.First+count <= blob.MaxPages
	case Bytes:
		ok = ok && q.Count >= 1 && q.Count <= MaxCount && q.First < blob.MaxSize &&
			q.First/blob.ChunkSize == (q.First+count-1)/blob.ChunkSize
	case CallOff:
		ok = *q == Request{What: CallOff, First: q.First} && q.First >= 1 && q.First <= maxID
	default:
		ok = false
	}
	if !ok {
		return malformed("request for %d of %d, %d from %d on", q.What, q.Of.Index, q.Count, q.First)
	}
	return nil
}

// Marshal returns the request with a number as it goes.
func (q *Request) Marshal(id uint64) []byte {
	var w canon.Writer
	w.Uint(1, id)
	if q.What != CallOff {
		w.Bytes(2, q.Of.Event[:])
	}
	w.Uint(3, uint64(q.Of.Index))
	w.Uint(4, uint64(q.What))
	w.Uint(5, q.First)
	w.Uint(6, uint64(q.Count))
	return w.Out()
}

// ParseRequest reads what Marshal returns, if it may be asked.
func ParseRequest(b []byte) (id uint64, q Request, err error) {
	r := canon.NewReader(b)
	id = r.Uint(1)
	of := r.Optional(2, len(q.Of.Event))
	index, what, first, count := r.Uint(3), r.Uint(4), r.Uint(5), r.Uint(6)
	switch err := r.End(); {
	case err != nil:
		return 0, q, malformed("%w", err)
	case id < 1 || id > maxID || index > maxAttachment || what > uint64(CallOff) || count > MaxCount:
		return 0, q, malformed("request %d for %d of %d, %d of it", id, what, index, count)
	case (of == nil) != (What(what) == CallOff):
		return 0, q, malformed("request for %d, of the event %x", what, of)
	}
	q = Request{Of: Attachment{Index: int(index)}, What: What(what), First: first, Count: int(count)}
	copy(q.Of.Event[:], of)
	return id, q, q.check()
}

// Status is how a request was answered.
type Status uint8

const (
	OK      Status = 1 // with what was asked for
	NotHere Status = 2 // the peer doesn't have it, or not for us; or it was called off
	Changed Status = 3 // the original is another one now
	Busy    Status = 4 // a limit was reached: ask again in a second
	Gone    Status = 5 // the peer has sent it, and has no copy of it any more
)

// Chunks is a stretch of chunks of a stream.
type Chunks struct{ First, Count int }

// Reply is the frame before the raw bytes of a part of an answer.
type Reply struct {
	ID     uint64 // of the request
	Status Status
	Size   int // raw bytes behind it
	Had    int // as in an Answer, which has Some in Chunks
	Some   []Chunks
}

// Marshal returns the reply as it goes.
func (p *Reply) Marshal() []byte {
	var w canon.Writer
	w.Uint(1, p.ID)
	w.Uint(2, uint64(p.Status))
	w.Uint(3, uint64(p.Size))
	w.Uint(4, uint64(p.Had))
	for _, c := range p.Some {
		var e canon.Writer
		e.Uint(1, uint64(c.First))
		e.Uint(2, uint64(c.Count))
		w.Element(5, e.Out())
	}
	return w.Out()
}

// ParseReply reads what Marshal returns.
func ParseReply(b []byte) (Reply, error) {
	r := canon.NewReader(b)
	id, status, size, had := r.Uint(1), r.Uint(2), r.Uint(3), r.Uint(4)
	elements := r.Repeated(5, MaxStretches, 16)
	switch err := r.End(); {
	case err != nil:
		return Reply{}, malformed("%w", err)
	case id < 1 || id > maxID || status < uint64(OK) || status > uint64(Gone) || size > maxRaw || had > maxChunks:
		return Reply{}, malformed("reply %d with %d, %d bytes, %d had", id, status, size, had)
	case status != uint64(OK) && (size > 0 || had > 0 || len(elements) > 0):
		return Reply{}, malformed("reply with %d and more", status)
	}
	p := Reply{ID: id, Status: Status(status), Size: int(size), Had: int(had)}
	end, all := uint64(0), uint64(0)
	for _, e := range elements {
		r := canon.NewReader(e)
		first, count := r.Uint(1), r.Uint(2)
		if err := r.End(); err != nil {
			return Reply{}, malformed("%w", err)
		}
		if all += count; count < 1 || count > maxChunks || first < end || first > maxChunks-count || all > had {
			return Reply{}, malformed("%d chunks from %d on, of %d", count, first, had)
		}
		end = first + count
		p.Some = append(p.Some, Chunks{int(first), int(count)})
	}
	return p, nil
}

// AppendFrame appends a frame with its length.
func AppendFrame(to, frame []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(frame))), frame...)
}

// ReadFrame reads a frame of at most so many bytes, which stay as they are until the next is read. begun
// is called after its first byte. The error is io.EOF if the peer has said all.
func ReadFrame(r *bufio.Reader, most int, begun func()) ([]byte, error) {
	n, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	begun()
	size := uint64(n)
	if n >= 0x80 {
		second, err := r.ReadByte()
		if err != nil {
			return nil, cutOff(err)
		}
		if size = uint64(n&0x7f) | uint64(second)<<7; second >= 0x80 || second == 0 {
			return nil, malformed("length of a frame")
		}
	}
	if size > uint64(most) {
		return nil, malformed("frame of %d bytes", size)
	}
	b, err := r.Peek(int(size))
	if err != nil {
		return nil, cutOff(err)
	}
	_, err = r.Discard(int(size))
	return b, err
}

// cutOff makes an error of an end in the middle.
func cutOff(err error) error {
	if err == io.EOF {
		return malformed("%w", io.ErrUnexpectedEOF)
	}
	return err
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}
