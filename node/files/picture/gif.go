package picture

import (
	"bytes"
	"encoding/binary"
)

// The blocks of GIF: 89a, appendix A.
const (
	gifExtension   = 0x21
	gifImage       = 0x2c
	gifTrailer     = 0x3b
	gifControl     = 0xf9
	gifApplication = 0xff
)

// gifHead is the signature and the logical screen.
const gifHead = 13

func lookGIF(b []byte) (Info, error) {
	i := Info{Type: GIF, Orientation: 1}
	if len(b) < gifHead {
		return i, malformed("header")
	}
	i.Width, i.Height = int(binary.LittleEndian.Uint16(b[6:])), int(binary.LittleEndian.Uint16(b[8:]))
	if i.Width == 0 || i.Height == 0 {
		return i, malformed("a picture of no size")
	}
	return i, nil
}

// paletteBytes returns how many bytes follow the flags of a screen or an image as its palette.
func paletteBytes(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// blocksEnd returns where a chain of sub-blocks ends.
func blocksEnd(b []byte, at int) (int, error) {
	for at < len(b) {
		n := int(b[at])
		at += n + 1
		if n == 0 {
			return at, nil
		}
	}
	return 0, malformed("ends in a block")
}

// stripGIF writes what stays.
func stripGIF(b []byte) ([]byte, error) {
	at := gifHead + paletteBytes(b[10])
	if at > len(b) {
		return nil, malformed("ends in the palette")
	}
	out := append(make([]byte, 0, len(b)), b[:at]...)
	for images := 0; at < len(b); {
		switch b[at] {
		case gifTrailer:
			if images == 0 {
				return nil, malformed("no image")
			}
			return append(out, gifTrailer), nil
		case gifImage:
			if at+10 > len(b) {
				return nil, malformed("ends in an image")
			}
			end, err := blocksEnd(b, at+10+paletteBytes(b[at+9])+1) // 1: how wide the codes are
			if err != nil {
				return nil, err
			}
			out = append(out, b[at:end]...)
			images++
			at = end
		case gifExtension:
			if at+2 > len(b) {
				return nil, malformed("ends in an extension")
			}
			end, err := blocksEnd(b, at+2)
			if err != nil {
				return nil, err
			}
			out = append(out, extension(b[at:end])...)
			at = end
		default:
			return nil, malformed("a block of no kind")
		}
	}
	return nil, malformed("no end")
}

// extension returns what stays of an extension: when and how a frame is shown, and how often all are.
func extension(e []byte) []byte {
	switch body := e[2:]; e[1] {
	case gifControl:
		if len(body) == 6 && body[0] == 4 {
			return e
		}
	case gifApplication:
		if !bytes.HasPrefix(body, []byte("\x0bNETSCAPE2.0")) && !bytes.HasPrefix(body, []byte("\x0bANIMEXTS1.0")) {
			break
		}
		for block := body[12:]; block[0] != 0; block = block[1+int(block[0]):] {
			if block[0] == 3 && block[1] == 1 { // the number of repetitions
				loop := append(bytes.Clone(e[:14]), block[:4]...)
				return append(loop, 0)
			}
		}
	}
	return nil
}
