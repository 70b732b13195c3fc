package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/color/palette"
	"image/png"
	"strings"
	"testing"
)

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pngFile returns a PNG of any size, with pixels that nobody can decode.
func pngFile(width, height uint32) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	out := appendPNG([]byte(pngSignature), "IHDR", append(header, 8, 2, 0, 0, 0))
	out = appendPNG(out, "IDAT", []byte{0})
	return appendPNG(out, "IEND", nil)
}

// pngParts returns the chunks.
func pngParts(b []byte) (parts []pngChunk) {
	for rest := b[len(pngSignature):]; len(rest) > 0; {
		c, after, err := cutPNG(rest)
		if err != nil {
			panic(err)
		}
		parts = append(parts, c)
		rest = after
	}
	return parts
}

// dressPNG puts in everything that goes, an animation that stays, and two IDAT instead of one.
func (s *secrets) dressPNG(b []byte, orientation int) []byte {
	out := []byte(pngSignature)
	hide := func() {
		for _, kind := range []string{"tEXt", "zTXt", "iTXt", "caBX", "dSIG", "prVt", "sPLT", "hIST"} {
			out = appendPNG(out, kind, s.plant(kind))
		}
		out = appendPNG(out, "tIME", []byte{0x07, 0xea, 11, 29, 4, 0, 0})
	}
	for _, c := range pngParts(b) {
		switch c.kind {
		case "IHDR":
			out = append(out, c.all...)
			hide()
			out = appendPNG(out, "gAMA", []byte{0, 0, 0xb1, 0x8f})
			out = appendPNG(out, "acTL", []byte{0, 0, 0, 1, 0, 0, 0, 0})
		case "IDAT":
			out = appendPNG(out, "eXIf", s.exif(binary.BigEndian, orientation))
			out = appendPNG(out, "IDAT", c.data[:len(c.data)/2])
			out = appendPNG(out, "IDAT", c.data[len(c.data)/2:])
			out = appendPNG(out, "fdAT", append([]byte{0, 0, 0, 1}, c.data...))
			hide()
		default:
			out = append(out, c.all...)
		}
	}
	return append(out, s.plant("after")...)
}

func TestStripPNG(t *testing.T) {
	paletted := image.NewPaletted(image.Rect(0, 0, 20, 10), palette.Plan9)
	for i := range paletted.Pix {
		paletted.Pix[i] = byte(i)
	}
	clear := scene(20, 10)
	clear.SetNRGBA(3, 3, color.NRGBA{1, 2, 3, 4})
	deep := image.NewNRGBA64(clear.Rect)
	deep.SetNRGBA64(2, 2, color.NRGBA64{1, 2, 3, 4})
	for name, m := range map[string]image.Image{"colours": scene(20, 10), "clear": clear, "16 bits": deep, "palette": paletted, "grey": image.NewGray(clear.Rect)} {
		t.Run(name, func(t *testing.T) {
			b := pngOf(t, m)
			for orientation := 1; orientation <= 8; orientation++ {
				var s secrets
				in := s.dressPNG(b, orientation)
				if i, err := Look(in); err != nil || i.Orientation != orientation {
					t.Errorf("orientation %d: %+v, %v", orientation, i, err)
				}
				out := s.stripped(t, in)
				samePixels(t, PNG, in, out)
				var kinds []byte
				for _, c := range pngParts(out) {
					if !c.intact() {
						t.Errorf("checksum of %s", c.kind)
					}
					kinds = append(append(kinds, c.kind...), ' ')
				}
				want := "IHDR eXIf gAMA acTL IDAT IDAT fdAT IEND "
				if orientation == 1 {
					want = "IHDR gAMA acTL IDAT IDAT fdAT IEND "
				}
				if got := bytes.ReplaceAll(bytes.ReplaceAll(kinds, []byte("PLTE "), nil), []byte("tRNS "), nil); string(got) != want {
					t.Errorf("orientation %d: %s", orientation, got)
				}
			}
			var s secrets
			if out := s.stripped(t, b); !bytes.Equal(out, b) {
				t.Error("a picture with nothing to hide has changed")
			}
			cutShort(t, b)
		})
	}
}

// TestWhatStaysInPNG: it decides how the picture looks.
func TestWhatStaysInPNG(t *testing.T) {
	parts := pngParts(pngOf(t, scene(5, 5)))
	b := append([]byte(pngSignature), parts[0].all...)
	for _, kind := range strings.Fields("PLTE tRNS bKGD sBIT pHYs gAMA cHRM sRGB iCCP cICP mDCV cLLI mDCv cLLi acTL fcTL") {
		b = appendPNG(b, kind, []byte("said by "+kind))
	}
	b = append(append(b, parts[1].all...), appendPNG(nil, "fdAT", []byte("a frame"))...)
	b = append(b, parts[2].all...)
	if out, err := Strip(b); err != nil || !bytes.Equal(out, b) {
		t.Errorf("%q\nbecame %q, %v", b, out, err)
	}
}

func TestMalformedPNG(t *testing.T) {
	b := pngOf(t, scene(5, 5))
	parts := pngParts(b)
	header, pixels, end := parts[0].all, parts[1].all, parts[2].all
	file := func(chunks ...[]byte) []byte { return append([]byte(pngSignature), bytes.Join(chunks, nil)...) }
	text := appendPNG(nil, "tEXt", []byte("words"))
	if _, err := Strip(file(header, text, pixels, text, end)); err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(text)
	broken[9]++
	for what, in := range map[string][]byte{
		"no header":                file(pixels, end),
		"something before":         file(text, header, pixels, end),
		"two headers":              file(header, header, pixels, end),
		"a short header":           file(appendPNG(nil, "IHDR", parts[0].data[:12]), pixels, end),
		"another first chunk":      file(appendPNG(nil, "IHDX", parts[0].data), pixels, end),
		"a width of 0":             pngFile(0, 5),
		"a height of 0":            pngFile(5, 0),
		"a height above 2³¹−1":     pngFile(5, 1<<31),
		"no pixels":                file(header, end),
		"pixels in two places":     file(header, pixels, text, pixels, end),
		"a wrong checksum":         file(header, broken, pixels, end),
		"a chunk one must know":    file(header, appendPNG(nil, "CgBI", nil), pixels, end),
		"an end with words":        file(header, pixels, appendPNG(nil, "IEND", []byte("words"))),
		"a chunk of 2³²−1":         file(header, []byte("\xff\xff\xff\xffIDAT\x00\x00\x00\x00")),
		"no end":                   file(header, pixels),
		"letters that are no such": file(header, appendPNG(nil, "\x00\x00\x00\x00", nil), pixels, end),
	} {
		refused(t, what, in, ErrMalformed)
	}
	for kind, want := range map[string]string{"CgBI": "unknown chunk CgBI", "A[2J": "unknown chunk", "A\x1b@z": "unknown chunk", "A{zZ": "unknown chunk"} {
		if _, err := Strip(file(header, appendPNG(nil, kind, nil), pixels, end)); !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v", kind, err)
		}
	}
}
