package picture

import (
	"bytes"
	"encoding/binary"
)

// The flags in VP8X: RFC 9649, section 2.7.1.
const (
	webpAnimated = 1 << 1
	webpExif     = 1 << 3
	webpAlpha    = 1 << 4
	webpProfile  = 1 << 5
)

// webpChunk is a chunk of RIFF.
type webpChunk struct {
	kind string
	data []byte
}

// cutWebP returns the first chunk, and what follows it and its padding.
func cutWebP(b []byte) (c webpChunk, rest []byte, err error) {
	if len(b) < 8 {
		return c, nil, malformed("ends in a chunk")
	}
	n := int64(binary.LittleEndian.Uint32(b[4:]))
	if n+n&1 > int64(len(b)-8) {
		return c, nil, malformed("length of a chunk")
	}
	return webpChunk{kind: string(b[:4]), data: b[8 : 8+n]}, b[8+n+n&1:], nil
}

// webpBody returns the chunks of a file, without what follows them.
func webpBody(b []byte) ([]byte, error) {
	n := int64(binary.LittleEndian.Uint32(b[4:]))
	if n < 4 || n+8 > int64(len(b)) {
		return nil, malformed("length of the file")
	}
	return b[12 : n+8], nil
}

// bitmapSize returns the size that the coded pixels say they have.
func bitmapSize(c webpChunk) (width, height int, err error) {
	b := c.data
	switch {
	case c.kind == "VP8 " && len(b) >= 10 && b[0]&1 == 0 && bytes.Equal(b[3:6], []byte{0x9d, 0x01, 0x2a}):
		width = int(binary.LittleEndian.Uint16(b[6:]) & 0x3fff)
		height = int(binary.LittleEndian.Uint16(b[8:]) & 0x3fff)
	case c.kind == "VP8L" && len(b) >= 5 && b[0] == 0x2f:
		bits := binary.LittleEndian.Uint32(b[1:])
		width, height = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
	}
	if width == 0 || height == 0 {
		return 0, 0, malformed("coded pixels")
	}
	return width, height, nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func lookWebP(b []byte) (Info, error) {
	i := Info{Type: WebP, Orientation: 1}
	rest, err := webpBody(b)
	if err != nil {
		return i, err
	}
	first, rest, err := cutWebP(rest)
	if err != nil {
		return i, err
	}
	if first.kind != "VP8X" {
		i.Width, i.Height, err = bitmapSize(first)
		return i, err
	}
	if len(first.data) != 10 {
		return i, malformed("header")
	}
	i.Width, i.Height = uint24(first.data[4:])+1, uint24(first.data[7:])+1
	bitmap := false
	for exif := false; len(rest) > 0; {
		var c webpChunk
		if c, rest, err = cutWebP(rest); err != nil {
			return i, err
		}
		switch {
		case c.kind == "EXIF" && !exif:
			exif = true
			i.Orientation = readOrientation(bytes.TrimPrefix(c.data, []byte(exifHead)))
		case c.kind == "VP8 " || c.kind == "VP8L":
			width, height, err := bitmapSize(c)
			if err != nil {
				return i, err
			}
			// A second bitmap, or one of another size, would be shown by some and not by others.
			if bitmap || first.data[0]&webpAnimated != 0 || width != i.Width || height != i.Height {
				return i, malformed("coded pixels of another size")
			}
			bitmap = true
		case c.kind == "ANMF":
			if first.data[0]&webpAnimated == 0 {
				return i, malformed("a frame in a still picture")
			}
			bitmap = true
		}
	}
	if !bitmap {
		return i, malformed("no coded pixels")
	}
	return i, nil
}

// stripWebP writes what stays. In the simple form that is one chunk.
func stripWebP(b []byte, orientation int) ([]byte, error) {
	rest, err := webpBody(b)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(b)+64)
	out = append(out, "RIFF????WEBP"...)
	for first, simple := true, false; len(rest) > 0 && !simple; first = false {
		var c webpChunk
		if c, rest, err = cutWebP(rest); err != nil {
			return nil, err
		}
		switch c.kind {
		case "VP8X":
			if !first {
				return nil, malformed("two headers")
			}
			header := make([]byte, 10)
			header[0] = c.data[0] & (webpAnimated | webpAlpha | webpProfile)
			if orientation != 1 {
				header[0] |= webpExif
			}
			copy(header[4:], c.data[4:])
			out = appendWebP(out, c.kind, header)
		case "VP8 ", "VP8L":
			simple = first
			out = appendWebP(out, c.kind, c.data)
		case "ICCP", "ANIM", "ALPH":
			out = appendWebP(out, c.kind, c.data)
		case "ANMF":
			frame, err := stripFrame(c.data)
			if err != nil {
				return nil, err
			}
			out = appendWebP(out, c.kind, frame)
		}
	}
	if exif := writeOrientation(orientation); exif != nil { // which Look finds in the extended form only
		out = appendWebP(out, "EXIF", exif)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out, nil
}

// stripFrame returns a frame of an animation without the chunks in it that nobody knows.
func stripFrame(data []byte) ([]byte, error) {
	const head = 16 // where, how large, how long
	if len(data) < head {
		return nil, malformed("frame")
	}
	out := append(make([]byte, 0, len(data)+1), data[:head]...)
	bitmap := false
	for rest := data[head:]; len(rest) > 0; {
		c, after, err := cutWebP(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		switch c.kind {
		case "VP8 ", "VP8L":
			if bitmap {
				return nil, malformed("two bitmaps in a frame")
			}
			bitmap = true
		case "ALPH":
		default:
			continue
		}
		out = appendWebP(out, c.kind, c.data)
	}
	if !bitmap {
		return nil, malformed("empty frame")
	}
	return out, nil
}

func appendWebP(out []byte, kind string, data []byte) []byte {
	out = append(out, kind...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(data)))
	out = append(out, data...)
	if len(data)&1 != 0 {
		out = append(out, 0)
	}
	return out
}
