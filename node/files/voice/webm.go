package voice

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The elements that are read, by their IDs as they stand in the file: RFC 8794, section 11, and RFC
// 9559, section 5. All others are passed over.
const (
	idEBML           = 0x1a45dfa3
	idReadVersion    = 0x42f7
	idMaxIDLength    = 0x42f2
	idMaxSizeLength  = 0x42f3
	idDocType        = 0x4282
	idSegment        = 0x18538067
	idTracks         = 0x1654ae6b
	idTrackEntry     = 0xae
	idTrackNumber    = 0xd7
	idCodecID        = 0x86
	idCodecPrivate   = 0x63a2
	idEncodings      = 0x6d80
	idCluster        = 0x1f43b675
	idSimpleBlock    = 0xa3
	idBlockGroup     = 0xa0
	idBlock          = 0xa1
	idDiscardPadding = 0x75a2
	idEncryptedBlock = 0xaf
)

const ebmlMagic = "\x1a\x45\xdf\xa3"

// element is one of EBML's. One whose size is left open holds all that follows.
type element struct {
	id   uint32
	body []byte
	open bool
}

// cutVint returns the number of variable length at the beginning, with the bit that says how long it
// is, and that length.
func cutVint(b []byte, longest int) (value uint64, n int, err error) {
	for n = 1; n <= longest && n <= len(b); n++ {
		value = value<<8 | uint64(b[n-1])
		if b[0]>>(8-n) != 0 {
			return value, n, nil
		}
	}
	return 0, 0, malformed("number")
}

// cutElement returns the first element, and what follows it.
func cutElement(b []byte) (e element, rest []byte, err error) {
	id, n, err := cutVint(b, 4)
	if err != nil {
		return e, nil, err
	}
	b = b[n:]
	size, n, err := cutVint(b, 8)
	if err != nil {
		return e, nil, err
	}
	b = b[n:]
	size &^= 1 << (7 * n)
	e = element{id: uint32(id), body: b}
	switch {
	case size == 1<<(7*n)-1:
		e.open = true
		if e.id != idSegment && e.id != idCluster {
			return e, nil, malformed("an element without a size")
		}
		return e, nil, nil
	case size > uint64(len(b)):
		return e, nil, malformed("size of an element")
	}
	e.body = b[:size]
	return e, b[size:], nil
}

// elements calls f with those of one level.
func elements(b []byte, f func(e element) error) error {
	for len(b) > 0 {
		e, rest, err := cutElement(b)
		if err != nil {
			return err
		}
		if err := f(e); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// number returns an unsigned integer of at most 8 bytes.
func number(b []byte) (n uint64, err error) {
	if len(b) > 8 {
		return 0, malformed("length of an integer")
	}
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n, nil
}

// webm is a file that is being read.
type webm struct {
	*recording
	track uint64 // 0 until it is known
}

// readWebM reads the one track of a file, which must be Opus.
func (r *recording) readWebM(b []byte) error {
	header, rest, err := cutElement(b)
	if err != nil {
		return err
	}
	if err := readHeader(header.body); err != nil {
		return err
	}
	w := &webm{recording: r}
	segments := 0
	return elements(rest, func(e element) error {
		if e.id != idSegment {
			return nil
		}
		if segments++; segments > 1 {
			return fmt.Errorf("%w: several segments", ErrUnsupported)
		}
		return w.segment(e.body)
	})
}

func readHeader(b []byte) error {
	docType := ""
	err := elements(b, func(e element) error {
		limit := uint64(0)
		switch e.id {
		case idDocType:
			docType = string(e.body[:min(len(e.body), 16)])
			return nil
		case idReadVersion:
			limit = 1
		case idMaxIDLength:
			limit = 4
		case idMaxSizeLength:
			limit = 8
		default:
			return nil
		}
		if n, err := number(e.body); err != nil || n > limit {
			return fmt.Errorf("%w: another EBML", ErrUnsupported)
		}
		return nil
	})
	if err == nil && docType != "webm" && docType != "matroska" {
		return fmt.Errorf("%w: EBML that isn't WebM", ErrUnsupported)
	}
	return err
}

// segment reads tracks and clusters. Where the size of a cluster is left open, its blocks follow on this
// level: it ends where an element follows that stands in no cluster, and none has both homes.
func (w *webm) segment(b []byte) error {
	for inCluster := false; len(b) > 0; {
		e, rest, err := cutElement(b)
		if err != nil {
			return err
		}
		switch {
		case e.id == idCluster && e.open:
			inCluster, rest = true, e.body
		case e.id == idCluster:
			inCluster, err = false, elements(e.body, w.block)
		case e.id == idTracks:
			inCluster, err = false, elements(e.body, w.tracks)
		case inCluster:
			err = w.block(e)
		}
		if err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// tracks reads an element of Tracks.
func (w *webm) tracks(e element) error {
	if e.id != idTrackEntry {
		return nil
	}
	if w.track != 0 {
		return fmt.Errorf("%w: several tracks", ErrUnsupported)
	}
	codec, private := "", []byte(nil)
	err := elements(e.body, func(e element) (err error) {
		switch e.id {
		case idTrackNumber:
			w.track, err = number(e.body)
		case idCodecID:
			codec = string(e.body[:min(len(e.body), 16)])
		case idCodecPrivate:
			private = e.body
		case idEncodings:
			err = fmt.Errorf("%w: packed or encrypted", ErrUnsupported)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case codec != "A_OPUS":
		return fmt.Errorf("%w: another codec", ErrUnsupported)
	case w.track == 0:
		return malformed("number of the track")
	}
	w.head, err = readHead(private)
	return err
}

// block reads an element of a cluster.
func (w *webm) block(e element) error {
	switch e.id {
	case idSimpleBlock:
		return w.packet(e.body)
	case idBlockGroup:
		return elements(e.body, func(e element) error {
			switch e.id {
			case idBlock:
				return w.packet(e.body)
			case idDiscardPadding:
				return w.discard(e.body)
			}
			return nil
		})
	case idEncryptedBlock:
		return fmt.Errorf("%w: encrypted", ErrUnsupported)
	}
	return nil
}

// packet reads a block: the number of the track, a time, flags, and one packet.
func (w *webm) packet(b []byte) error {
	track, n, err := cutVint(b, 8)
	if err != nil {
		return err
	}
	const lacing = 0x06 // several packets in one block
	switch {
	case len(b) < n+3:
		return malformed("block")
	case w.track == 0 || track&^(1<<(7*n)) != w.track:
		return malformed("a block of another track")
	case b[n+2]&lacing != 0:
		return fmt.Errorf("%w: several packets in a block", ErrUnsupported)
	}
	w.trim = 0 // of the block before, which was not the last
	return w.add(b[n+3:])
}

// discard takes note of how much of the last packet is not played, in nanoseconds, a signed integer.
func (w *webm) discard(b []byte) error {
	if len(b) == 0 || len(b) > 8 {
		return malformed("padding")
	}
	var padded [8]byte
	if b[0]&0x80 != 0 {
		return nil // at the beginning of the packet: the pre-skip says that
	}
	copy(padded[8-len(b):], b)
	ns := binary.BigEndian.Uint64(padded[:])
	if n := len(w.packets); n > 0 {
		samples := (min(ns, uint64(time.Second))*rate + uint64(time.Second)/2) / uint64(time.Second)
		w.trim = min(int(samples), samplesOf(w.packets[n-1]))
	}
	return nil
}
