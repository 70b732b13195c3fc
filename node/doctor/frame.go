package doctor

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto/canon"
)

// Protocol is what a peer that is a contact may be asked by. PROTOCOL.md has its bytes.
const Protocol = "/earshot/doctor/1"

const (
	// maxQuestion and maxAnswer bound the frames, by what fits into their fields.
	maxQuestion = 16
	maxAnswer   = 256

	// maxVersion is how long the version of a program may be, in bytes.
	maxVersion = 64

	// minPort is the lowest port that is dialled for a peer. Those below belong to other services.
	minPort = 1024
)

// errFrame: what the peer has sent is malformed.
var errFrame = errors.New("malformed frame")

// ways are those by which a device is heard, each with its number on the wire.
var ways = []string{"mdns4", "mdns6", "beacon4", "beacon6"}

// outcomes are those of dialling back, each with its number on the wire, from 1 up.
var outcomes = []string{"connected", "refused", "timed_out", "other"}

// question is what is asked of a contact.
type question struct {
	announce bool   // the peer is to announce itself now
	port     uint16 // the peer is to dial back to this port; 0: not
}

// answer is what a contact answers.
type answer struct {
	time    time.Time // by the peer's clock
	version string    // of the peer's program
	ways    []string  // by which the peer announces itself
	heard   []heard   // by which ways the peer has heard the one who asks
	outcome string    // of dialling back; empty: not tried
}

// heard says how long ago somebody was heard by a way.
type heard struct {
	way string
	ago time.Duration
}

func (q *question) marshal() []byte {
	var w canon.Writer
	w.Uint(1, bit(q.announce))
	w.Uint(2, uint64(q.port))
	return w.Out()
}

func parseQuestion(b []byte) (q question, err error) {
	r := canon.NewReader(b)
	announce, port := r.Uint(1), r.Uint(2)
	if err := r.End(); err != nil {
		return q, fmt.Errorf("%w: %w", errFrame, err)
	}
	if announce > 1 || port > 0 && port < minPort || port > 1<<16-1 {
		return q, fmt.Errorf("%w: announce %d, port %d", errFrame, announce, port)
	}
	return question{announce: announce == 1, port: uint16(port)}, nil
}

func (a *answer) marshal() []byte {
	var w canon.Writer
	w.Uint(1, uint64(max(a.time.UnixMilli(), 0)))
	w.String(2, a.version)
	var announced uint64
	for i, way := range ways {
		announced |= bit(slices.Contains(a.ways, way)) << i
	}
	w.Uint(3, announced)
	for i, way := range ways {
		for _, h := range a.heard {
			if h.way == way {
				var e canon.Writer
				e.Uint(1, uint64(i+1))
				e.Uint(2, uint64(h.ago.Milliseconds()))
				w.Element(4, e.Out())
			}
		}
	}
	w.Uint(5, uint64(slices.Index(outcomes, a.outcome)+1))
	return w.Out()
}

func parseAnswer(b []byte) (a answer, err error) {
	fail := func(err any) (answer, error) { return answer{}, fmt.Errorf("%w: %v", errFrame, err) }
	const (
		longest = 1 << 43 // 278 years in ms, which a Duration can hold
		element = 16
	)
	r := canon.NewReader(b)
	at, version, announced := r.Uint(1), r.String(2, maxVersion), r.Uint(3)
	elements, outcome := r.Repeated(4, len(ways), element), r.Uint(5)
	if err := r.End(); err != nil {
		return fail(err)
	}
	if at > longest || announced >= 1<<len(ways) || outcome > uint64(len(outcomes)) {
		return fail("number too large")
	}
	a.time, a.version = time.UnixMilli(int64(at)), version
	for i, way := range ways {
		if announced>>i&1 == 1 {
			a.ways = append(a.ways, way)
		}
	}
	last := uint64(0)
	for _, e := range elements {
		r := canon.NewReader(e)
		way, ago := r.Uint(1), r.Uint(2)
		if err := r.End(); err != nil {
			return fail(err)
		}
		if way <= last || way > uint64(len(ways)) || ago > longest {
			return fail("ways out of order, or number too large")
		}
		last = way
		a.heard = append(a.heard, heard{ways[way-1], time.Duration(ago) * time.Millisecond})
	}
	if outcome > 0 {
		a.outcome = outcomes[outcome-1]
	}
	return a, nil
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// write writes a frame.
func write(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(b))), b...))
	return err
}

// read reads a frame of at most so many bytes. The error is io.EOF where the peer has said all.
func read(r *bufio.Reader, most int) ([]byte, error) {
	first, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	n := uint64(first)
	if first >= 0x80 {
		second, err := r.ReadByte()
		if err != nil {
			return nil, errors.Join(errFrame, err)
		}
		if n = uint64(first&0x7f) | uint64(second)<<7; second >= 0x80 || second == 0 {
			return nil, fmt.Errorf("%w: length", errFrame)
		}
	}
	if n > uint64(most) {
		return nil, fmt.Errorf("%w: %d bytes", errFrame, n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, errors.Join(errFrame, err)
	}
	return b, nil
}
