// Package picture takes place and device out of pictures before they are sent, without touching a
// pixel, and makes the small preview that goes with the message.
//
// Recognise tells by the first bytes what a file is, names count for nothing. Look reads the size out
// of the headers. Strip writes the picture again without what tells about its maker: the coded pixels
// are copied byte for byte, and around them stays only what a viewer needs to show the same picture.
// All rules are lists of what stays, so what nobody has heard of goes:
//
//   - JPEG (ITU-T T.81): the tables, the frame and the scans; APP0 "JFIF" without its thumbnail, APP2
//     "ICC_PROFILE", APP14 "Adobe". All other APPn go (Exif, XMP, Photoshop, the further pictures of
//     MPF, provenance), comments, and whatever follows EOI: previews, depth, HDR gain, short films.
//   - PNG (W3C, third edition): IHDR, PLTE, IDAT, IEND, what says how colours are meant, and the frames
//     of an animation. Every CRC is checked, those of chunks that go as well.
//   - WebP (RFC 9649): VP8X, ICCP, ANIM, ANMF, ALPH, VP8, VP8L.
//   - GIF (89a): frames, palettes, delays and the number of repetitions. Comments, plain text and
//     all other application extensions go.
//
// Which way is up is the one thing that is kept out of Exif: an orientation other than upright is
// written anew as the only tag, which in WebP not all viewers heed. A colour profile stays as it is, and the name in it may be that of a
// screen. What is hidden in coded pixels stays too. A picture that breaks its format isn't repaired
// but refused: of what can't be read for sure, nothing can be said to be gone.
//
// Preview decodes, and is the only part that does. It is for whoever sends a picture, from their own
// file: a node never decodes what it received. It looks at the size first, decodes one picture at a
// time, whoever calls it, and takes at most about MaxDecoded and 80 MiB for that moment.
//
// The package is pure: bytes in, bytes out. It may be called from anywhere; Strip holds a second copy
// of the picture while it writes it.
package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	// MaxBytes is the size above which a picture is not looked at.
	MaxBytes = 64 << 20
	// MaxPixels is the number of pixels above which a picture is not stripped or decoded: 50
	// megapixels, counted as the makers of sensors do (8192 × 6144 are 48 × 2²⁰).
	MaxPixels = 50 << 20
)

// Type is what a picture is coded as.
type Type uint8

// The types that Recognise tells apart.
const (
	Unknown Type = iota
	JPEG
	PNG
	WebP
	GIF
	HEIC
	AVIF
)

func (t Type) String() string {
	return [...]string{"unknown", "JPEG", "PNG", "WebP", "GIF", "HEIC", "AVIF"}[t]
}

// Info is what the headers of a picture say.
type Info struct {
	Type Type
	// Width and Height are in pixels, as they are stored: above 0.
	Width, Height int
	// Orientation is that of Exif, 1 to 8, where 1 is upright.
	Orientation int
}

// Upright returns the size of the picture as it is shown.
func (i Info) Upright() (width, height int) {
	if i.Orientation >= 5 {
		return i.Height, i.Width
	}
	return i.Width, i.Height
}

// Recognise returns what begins with these bytes; 64 of them are enough.
func Recognise(head []byte) Type {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return JPEG
	case bytes.HasPrefix(head, []byte(pngSignature)):
		return PNG
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return WebP
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		return GIF
	}
	return recogniseBoxes(head)
}

// Look returns what the headers say. It doesn't read the coded pixels, so it can't say whether they
// are whole. With ErrTooLarge comes the Info of a picture of too many pixels.
func Look(b []byte) (Info, error) {
	if len(b) > MaxBytes {
		return Info{}, ErrTooLarge
	}
	var i Info
	var err error
	switch t := Recognise(b); t {
	case JPEG:
		i, err = lookJPEG(b)
	case PNG:
		i, err = lookPNG(b)
	case WebP:
		i, err = lookWebP(b)
	case GIF:
		i, err = lookGIF(b)
	case HEIC, AVIF:
		i, err = lookBoxes(b, t)
	default:
		err = ErrUnknown
	}
	if err != nil {
		return Info{}, err
	}
	if int64(i.Width)*int64(i.Height) > MaxPixels {
		return i, ErrTooLarge
	}
	return i, nil
}

// Strip returns the picture without place and device, as the package comment lists it. It is the same
// for what it returned: nothing more goes. Every error is ErrNotStripped and says why.
func Strip(b []byte) ([]byte, error) {
	i, err := Look(b)
	var out []byte
	switch {
	case err != nil:
	case i.Type == JPEG:
		out, err = stripJPEG(b, i.Orientation)
	case i.Type == PNG:
		out, err = stripPNG(b, i.Orientation)
	case i.Type == WebP:
		out, err = stripWebP(b, i.Orientation)
	case i.Type == GIF:
		out, err = stripGIF(b)
	default:
		err = fmt.Errorf("%w: %s", ErrUnsupported, i.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStripped, err)
	}
	return out, nil
}

// The one tag that is kept of Exif, which is a TIFF file of its own: field 0x0112, one SHORT.
const (
	orientationTag = 0x0112
	tiffShort      = 3
)

// readOrientation returns the orientation in the first directory of Exif, 1 if there is none.
func readOrientation(tiff []byte) int {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(tiff, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(tiff, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return 1
	}
	if len(tiff) < 8 {
		return 1
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	fields := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(fields) < 12 {
			return 1
		}
		if order.Uint16(fields) == orientationTag {
			value := int(order.Uint16(fields[8:]))
			if order.Uint16(fields[2:]) != tiffShort || order.Uint32(fields[4:]) != 1 || value < 1 || value > 8 {
				return 1
			}
			return value
		}
		fields = fields[12:]
	}
	return 1
}

// writeOrientation returns Exif that says which way is up and nothing else; nothing for upright.
func writeOrientation(orientation int) []byte {
	if orientation == 1 {
		return nil
	}
	return []byte{
		'M', 'M', 0, '*', 0, 0, 0, 8, // the first directory is at 8
		0, 1, // it has one field
		orientationTag >> 8, orientationTag & 0xff, 0, tiffShort, 0, 0, 0, 1, 0, byte(orientation), 0, 0,
		0, 0, 0, 0, // and is the last
	}
}
