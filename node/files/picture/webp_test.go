package picture

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// webpParts returns the chunks of a file or of a frame.
func webpParts(b []byte) (parts []webpChunk) {
	for len(b) > 0 {
		c, rest, err := cutWebP(b)
		if err != nil {
			panic(err)
		}
		parts = append(parts, c)
		b = rest
	}
	return parts
}

func webpFile(parts ...webpChunk) []byte {
	out := []byte("RIFF????WEBP")
	for _, c := range parts {
		out = appendWebP(out, c.kind, c.data)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

// dressWebP puts in everything that goes, in the frames of an animation as well. Only the extended form
// can have it.
func (s *secrets) dressWebP(b []byte, orientation int) []byte {
	var parts []webpChunk
	for _, c := range webpParts(b[12:]) {
		switch c.kind {
		case "VP8X":
			c.data = bytes.Clone(c.data)
			c.data[0] |= webpExif | 1<<2 | 1<<5
			c.data[2] = 0x55 // reserved
			parts = append(parts, c, webpChunk{"ICCP", []byte("a profile")})
		case "ANMF":
			frame := append(bytes.Clone(c.data), webpFile(webpChunk{"EXIF", s.plant("frame")}, webpChunk{"what", s.plant("frame")})[12:]...)
			parts = append(parts, webpChunk{c.kind, frame}, webpChunk{"none", s.plant("unknown")})
		default:
			parts = append(parts, c, webpChunk{"none", s.plant("unknown")})
		}
	}
	parts = append(parts,
		webpChunk{"EXIF", append([]byte(exifHead), s.exif(binary.LittleEndian, orientation)...)}, webpChunk{"XMP ", s.plant("xmp")},
		webpChunk{"EXIF", s.exif(binary.BigEndian, 2)}) // the first one counts
	return append(webpFile(parts...), s.plant("after")...)
}

func TestStripWebP(t *testing.T) {
	for _, name := range []string{"alpha.webp", "animated.webp"} {
		b := fixture(t, name)
		for orientation := 1; orientation <= 8; orientation++ {
			var s secrets
			in := s.dressWebP(b, orientation)
			if i, err := Look(in); err != nil || i.Orientation != orientation {
				t.Errorf("%s: orientation %d: %+v, %v", name, orientation, i, err)
			}
			out := s.stripped(t, in)
			// All that is left besides the picture: the profile, its flag, and the orientation.
			parts := webpParts(b[12:])
			header := bytes.Clone(parts[0].data)
			header[0] |= webpProfile
			if orientation > 1 {
				header[0] |= webpExif
				parts = append(parts, webpChunk{"EXIF", writeOrientation(orientation)})
			}
			want := webpFile(append([]webpChunk{{"VP8X", header}, {"ICCP", []byte("a profile")}}, parts[1:]...)...)
			if !bytes.Equal(out, want) {
				t.Errorf("%s: orientation %d\ngot  %x\nwant %x", name, orientation, out, want)
			}
			if name == "alpha.webp" {
				samePixels(t, WebP, in, out)
			}
		}
	}
	for _, name := range []string{"lossy.webp", "lossless.webp"} {
		b := fixture(t, name)
		var s secrets
		more := append(webpParts(b[12:]), webpChunk{"EXIF", s.exif(binary.LittleEndian, 6)}, webpChunk{"none", s.plant("unknown")}, webpChunk{"ICCP", s.plant("profile")})
		in := append(webpFile(more...), s.plant("after")...)
		out := s.stripped(t, in)
		samePixels(t, WebP, in, out)
		if !bytes.Equal(out, b) {
			t.Errorf("%s: %d bytes became %d", name, len(b), len(out))
		}
	}
	for _, name := range []string{"lossy.webp", "lossless.webp", "alpha.webp", "animated.webp"} {
		b := fixture(t, name)
		var s secrets
		if out := s.stripped(t, b); !bytes.Equal(out, b) {
			t.Errorf("%s: a picture with nothing to hide has changed", name)
		}
		cutShort(t, b)
	}
}

func TestMalformedWebP(t *testing.T) {
	still := webpParts(fixture(t, "alpha.webp")[12:])
	moving := webpParts(fixture(t, "animated.webp")[12:])
	lossy := webpParts(fixture(t, "lossy.webp")[12:])[0]
	header, alpha, pixels := still[0], still[1], still[2]
	wider := webpChunk{"VP8X", bytes.Clone(header.data)}
	wider.data[4]++
	short := webpFile(lossy)
	binary.LittleEndian.PutUint32(short[4:], 3)
	flat := webpChunk{"VP8 ", bytes.Clone(lossy.data)}
	flat.data[8], flat.data[9] = 0, 0
	for what, in := range map[string][]byte{
		"a height of 0":         webpFile(flat),
		"nothing":               webpFile(),
		"no pixels":             webpFile(header, alpha),
		"a short header":        webpFile(webpChunk{"VP8X", header.data[:9]}, alpha, pixels),
		"two headers":           webpFile(header, header, alpha, pixels),
		"two bitmaps":           webpFile(header, alpha, pixels, pixels),
		"another size":          webpFile(wider, alpha, pixels),
		"a frame in a still":    webpFile(header, moving[2], alpha, pixels),
		"a bitmap in a moving":  webpFile(moving[0], moving[1], moving[2], pixels),
		"an empty frame":        webpFile(moving[0], moving[1], webpChunk{"ANMF", make([]byte, 16)}),
		"a short frame":         webpFile(moving[0], moving[1], webpChunk{"ANMF", make([]byte, 15)}),
		"two bitmaps in frame":  webpFile(moving[0], moving[1], webpChunk{"ANMF", append(bytes.Clone(moving[2].data), moving[2].data[16:]...)}),
		"a frame of no key":     webpFile(webpChunk{"VP8 ", append([]byte{1}, lossy.data[1:]...)}),
		"another signature":     webpFile(webpChunk{"VP8L", lossy.data}),
		"a first chunk of none": webpFile(webpChunk{"EXIF", writeOrientation(3)}, lossy),
		"a file of length 3":    short,
	} {
		refused(t, what, in, ErrMalformed)
	}
}
