package picture

import (
	"encoding/binary"
	"hash/crc32"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// pngKept are the chunks that stay: what is drawn, what its colours and proportions are, and the
// frames of an animation. Not kept, among many others: tEXt, zTXt, iTXt, eXIf, tIME, the suggested
// palette and histogram, and what programs keep there for themselves.
var pngKept = map[string]bool{
	"IHDR": true, "PLTE": true, "IDAT": true, "IEND": true,
	"tRNS": true, "bKGD": true, "sBIT": true, "pHYs": true,
	"gAMA": true, "cHRM": true, "sRGB": true, "iCCP": true, "cICP": true,
	"mDCV": true, "cLLI": true, "mDCv": true, "cLLi": true, // how bright it gets; both spellings are in use
	"acTL": true, "fcTL": true, "fdAT": true,
}

// pngChunk is one chunk: all of its bytes, and of them the kind and the data.
type pngChunk struct {
	all  []byte
	kind string
	data []byte
}

func (c pngChunk) intact() bool {
	end := len(c.all) - 4
	return crc32.ChecksumIEEE(c.all[4:end]) == binary.BigEndian.Uint32(c.all[end:])
}

// cutPNG returns the first chunk, and what follows it.
func cutPNG(b []byte) (c pngChunk, rest []byte, err error) {
	if len(b) < 12 {
		return c, nil, malformed("ends in a chunk")
	}
	n := int64(binary.BigEndian.Uint32(b)) + 12
	if n > int64(len(b)) {
		return c, nil, malformed("length of a chunk")
	}
	return pngChunk{all: b[:n], kind: string(b[4:8]), data: b[8 : n-4]}, b[n:], nil
}

func lookPNG(b []byte) (Info, error) {
	i := Info{Type: PNG, Orientation: 1}
	c, rest, err := cutPNG(b[len(pngSignature):])
	if err != nil {
		return i, err
	}
	if c.kind != "IHDR" || len(c.data) != 13 {
		return i, malformed("no header")
	}
	width, height := binary.BigEndian.Uint32(c.data), binary.BigEndian.Uint32(c.data[4:])
	if width == 0 || height == 0 || width > 1<<31-1 || height > 1<<31-1 {
		return i, malformed("a picture of no size")
	}
	i.Width, i.Height = int(width), int(height)
	for c.kind != "IEND" {
		if c, rest, err = cutPNG(rest); err != nil {
			return i, err
		}
		if c.kind == "eXIf" {
			i.Orientation = readOrientation(c.data)
			break
		}
	}
	return i, nil
}

// stripPNG writes what stays. The orientation follows the header: it must stand before the pixels.
func stripPNG(b []byte, orientation int) ([]byte, error) {
	out := make([]byte, 0, len(b)+64)
	out = append(out, pngSignature...)
	pixels, ended := false, false // IDAT has begun, and is over
	for rest, first := b[len(pngSignature):], true; ; first = false {
		c, after, err := cutPNG(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		if !c.intact() {
			return nil, malformed("checksum of " + printable(c.kind))
		}
		ended = ended || pixels && c.kind != "IDAT"
		switch {
		case first != (c.kind == "IHDR"):
			return nil, malformed("not one header")
		case c.kind == "IDAT" && ended:
			return nil, malformed("pixels in two places")
		case c.kind == "IEND" && (!pixels || len(c.data) > 0):
			return nil, malformed("end")
		case c.kind[0]&0x20 == 0 && !pngKept[c.kind]: // capital: the picture can't be read without it
			return nil, malformed("unknown " + printable(c.kind))
		}
		pixels = pixels || c.kind == "IDAT"
		if pngKept[c.kind] {
			out = append(out, c.all...)
		}
		if exif := writeOrientation(orientation); first && exif != nil {
			out = appendPNG(out, "eXIf", exif)
		}
		if c.kind == "IEND" {
			return out, nil
		}
	}
}

func appendPNG(out []byte, kind string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	begin := len(out)
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[begin:]))
}

// printable keeps what a hostile file says of itself out of errors, but for letters.
func printable(kind string) string {
	for _, c := range []byte(kind) {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return "chunk"
		}
	}
	return "chunk " + kind
}
