package voice

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// el returns an element of EBML, its size in eight bytes.
func el(id uint32, body ...[]byte) []byte {
	b := idBytes(id)
	all := bytes.Join(body, nil)
	return append(binary.BigEndian.AppendUint64(b, 1<<56|uint64(len(all))), all...)
}

// unsized returns the beginning of an element whose size is left open.
func unsized(id uint32, body ...[]byte) []byte {
	return append(append(idBytes(id), 0xff), bytes.Join(body, nil)...)
}

func idBytes(id uint32) []byte {
	return bytes.TrimLeft(binary.BigEndian.AppendUint32(nil, id), "\x00")
}

var (
	webmHeader = el(idEBML, el(idDocType, []byte("webm")))
	private    = el(idCodecPrivate, head{channels: 1, preSkip: 312}.bytes())
	number1    = el(idTrackNumber, []byte{1})
	codecOpus  = el(idCodecID, []byte("A_OPUS"))
	oneTrack   = el(idTracks, el(idTrackEntry, number1, codecOpus, private))
)

// blockOf returns a block of the first track, of 20 ms.
func blockOf(id uint32) []byte { return el(id, []byte{0x81, 0, 0, 0x80, 1 << 3, 9, 9, 9}) }

// webmCase is a file, what Remux says of it, and else how many packets it has and what is played of them.
type webmCase struct {
	what            string
	file            []byte
	err             error
	packets, played int
}

func webmCases() (all []webmCase) {
	simple := blockOf(idSimpleBlock)
	segment := func(children ...[]byte) []byte { return append(bytes.Clone(webmHeader), el(idSegment, children...)...) }
	cluster := func(blocks ...[]byte) []byte { return el(idCluster, blocks...) }
	group := func(children ...[]byte) []byte { return el(idBlockGroup, children...) }
	padding := func(b ...byte) []byte { return el(idDiscardPadding, b) }
	other := func(id uint32, b ...byte) []byte { return segment(oneTrack, cluster(simple, el(id, b))) }
	header := func(id uint32, b ...byte) []byte {
		return append(el(idEBML, el(idDocType, []byte("webm")), el(id, b)), el(idSegment, oneTrack, cluster(simple))...)
	}
	track := func(children ...[]byte) []byte {
		return segment(el(idTracks, el(idTrackEntry, children...)), cluster(simple))
	}
	void, cues := el(0xec, make([]byte, 9)), el(0x1c53bb6b, []byte("cues"))
	return []webmCase{
		{"known sizes", segment(void, oneTrack, cluster(el(0xe7, []byte{0}), simple, simple), cues, cluster(simple)), nil, 3, 3*960 - 312},
		{"open sizes", append(bytes.Clone(webmHeader), unsized(idSegment, oneTrack, unsized(idCluster, simple, simple), unsized(idCluster, simple), cues)...), nil, 3, 3*960 - 312},
		{"open, then known", append(bytes.Clone(webmHeader), unsized(idSegment, oneTrack, unsized(idCluster, simple), cluster(simple))...), nil, 2, 2*960 - 312},
		{"groups", segment(oneTrack, cluster(group(blockOf(idBlock)), group(el(0x9b, []byte{20}), blockOf(idBlock)))), nil, 2, 2*960 - 312},
		{"Matroska", append(el(idEBML, el(idDocType, []byte("matroska"))), el(idSegment, oneTrack, cluster(simple))...), nil, 1, 960 - 312},
		{"something before the segment", append(append(bytes.Clone(webmHeader), void...), el(idSegment, oneTrack, cluster(simple))...), nil, 1, 960 - 312},

		{"padding at the end", segment(oneTrack, cluster(simple, group(blockOf(idBlock), padding(0x00, 0xce, 0x00)))), nil, 2, 2*960 - 312 - 3}, // 52,736 ns are 2.53 samples
		{"padding of 13.5 ms", segment(oneTrack, cluster(simple, group(blockOf(idBlock), padding(0x00, 0xcd, 0xfe, 0x60)))), nil, 2, 2*960 - 312 - 648},
		{"padding of all of it", segment(oneTrack, cluster(simple, group(blockOf(idBlock), padding(bytes.Repeat([]byte{0x7f}, 8)...)))), nil, 1, 960 - 312},
		{"padding in the middle", segment(oneTrack, cluster(group(blockOf(idBlock), padding(0x7f, 0, 0)), simple)), nil, 2, 2*960 - 312},
		{"padding at the beginning", segment(oneTrack, cluster(simple, group(blockOf(idBlock), padding(0xff, 0)))), nil, 2, 2*960 - 312},
		{"padding of no number", segment(oneTrack, cluster(group(blockOf(idBlock), padding()))), ErrMalformed, 0, 0},
		{"padding of 9 bytes", segment(oneTrack, cluster(group(blockOf(idBlock), padding(make([]byte, 9)...)))), ErrMalformed, 0, 0},

		{"no header", el(idSegment, oneTrack, cluster(simple)), ErrUnknown, 0, 0},
		{"another document", append(el(idEBML, el(idDocType, []byte("else"))), el(idSegment, oneTrack, cluster(simple))...), ErrUnsupported, 0, 0},
		{"no document", append(el(idEBML), el(idSegment, oneTrack, cluster(simple))...), ErrUnsupported, 0, 0},
		{"EBML 1", header(idReadVersion, 1), nil, 1, 960 - 312},
		{"EBML 2", header(idReadVersion, 2), ErrUnsupported, 0, 0},
		{"longer IDs", header(idMaxIDLength, 5), ErrUnsupported, 0, 0},
		{"longer sizes", header(idMaxSizeLength, 9), ErrUnsupported, 0, 0},
		{"a version of 9 bytes", header(idReadVersion, make([]byte, 9)...), ErrUnsupported, 0, 0},
		{"a header alone", webmHeader, ErrMalformed, 0, 0},
		{"two segments", append(segment(oneTrack, cluster(simple)), el(idSegment, cluster(simple))...), ErrUnsupported, 0, 0},

		{"no track", segment(cluster(simple)), ErrMalformed, 0, 0},
		{"two tracks", segment(el(idTracks, el(idTrackEntry, number1, codecOpus, private), el(idTrackEntry, number1, codecOpus, private)), cluster(simple)), ErrUnsupported, 0, 0},
		{"another codec", track(number1, el(idCodecID, []byte("A_VORBIS")), private), ErrUnsupported, 0, 0},
		{"an unnumbered track", track(codecOpus, private), ErrMalformed, 0, 0},
		{"a number of 9 bytes", track(el(idTrackNumber, make([]byte, 9)), codecOpus, private), ErrMalformed, 0, 0},
		{"no OpusHead", track(number1, codecOpus), ErrMalformed, 0, 0},
		{"a number of 8 bytes", track(el(idTrackNumber, []byte{0, 0, 0, 0, 0, 0, 0, 1}), codecOpus, private), nil, 1, 960 - 312},
		{"an encrypted track", track(number1, codecOpus, private, el(idEncodings)), ErrUnsupported, 0, 0},
		{"tracks without a size", append(bytes.Clone(webmHeader), unsized(idSegment, unsized(idTracks, el(idTrackEntry, number1, codecOpus, private)))...), ErrMalformed, 0, 0},

		{"a block of another track", other(idSimpleBlock, 0x82, 0, 0, 0x80, 8, 9), ErrMalformed, 0, 0},
		{"a block of no packet", other(idSimpleBlock, 0x81, 0, 0, 0x80), ErrMalformed, 0, 0},
		{"a block of two bytes", other(idSimpleBlock, 0x81, 0), ErrMalformed, 0, 0},
		{"an empty block", other(idSimpleBlock), ErrMalformed, 0, 0},
		{"a block of several packets", other(idSimpleBlock, 0x81, 0, 0, 0x82, 0, 8, 9), ErrUnsupported, 0, 0},
		{"an encrypted block", other(idEncryptedBlock, 0x81, 0, 0, 0x80, 8, 9), ErrUnsupported, 0, 0},
		{"blocks outside of a cluster", segment(oneTrack, simple, cluster(simple), simple), nil, 1, 960 - 312},
		{"an element beyond its parent", append(segment(oneTrack), append(idBytes(idCluster), 0x84)...), ErrMalformed, 0, 0},
		{"an element beyond the end", segment(oneTrack, []byte{0xa3, 0x40, 0xff}), ErrMalformed, 0, 0},
		{"an ID of 5 bytes", segment(oneTrack, []byte{0x08, 1, 1, 1, 1, 0x80}), ErrMalformed, 0, 0},
		{"a size of 9 bytes", segment(oneTrack, []byte{0xec, 0, 0x80, 0, 0, 0, 0, 0, 0, 0}), ErrMalformed, 0, 0},
		{"clusters in clusters", segment(oneTrack, []byte(strings.Repeat("\x1f\x43\xb6\x75\xff", 10_000))), ErrMalformed, 0, 0},
	}
}

func TestWebM(t *testing.T) {
	for _, c := range webmCases() {
		err := remuxOnly(c.file)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		held(t, c.file)
		if err != nil {
			continue
		}
		if r, err := read(c.file, true); err != nil || len(r.packets) != c.packets || r.played() != c.played || r.channels != 1 {
			t.Errorf("%s: %d packets, %d samples, %v", c.what, len(r.packets), r.played(), err)
		}
	}
	for name := range noted {
		if !strings.HasSuffix(name, ".webm") {
			continue
		}
		b := fixture(t, name)
		for n := range b { // what ends between two blocks is a shorter recording
			held(t, b[:n])
		}
	}
}
