package picture

import (
	"bytes"
	"image"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"testing"
)

// gifOf returns an animation; loop is as in gif.GIF.
func gifOf(t testing.TB, frames, loop int) []byte {
	t.Helper()
	g := gif.GIF{LoopCount: loop}
	for i := range frames {
		m := image.NewPaletted(image.Rect(0, 0, 24, 16), palette.Plan9)
		draw.Draw(m, m.Bounds(), scene(24, 16), image.Pt(i, 0), draw.Src)
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 7+i)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// extensionOf returns an extension of sub-blocks.
func extensionOf(label byte, blocks ...[]byte) []byte {
	out := []byte{gifExtension, label}
	for _, b := range blocks {
		out = append(append(out, byte(len(b))), b...)
	}
	return append(out, 0)
}

// dressGIF puts in everything that goes, in front and at the end, and gives the number of repetitions
// a companion.
func (s *secrets) dressGIF(b []byte) []byte {
	at := gifHead + paletteBytes(b[10])
	hide := func() []byte {
		// XMP is no sub-blocks: a tail of 257 bytes that count down leads every reader to its end.
		xmp := extensionOf(gifApplication, []byte("XMP DataXMP"))
		xmp = append(xmp[:len(xmp)-1], append([]byte("<x:xmpmeta>"), s.plant("xmp")...)...)
		xmp = append(xmp, 1)
		for i := range 256 {
			xmp = append(xmp, byte(255-i))
		}
		return bytes.Join([][]byte{
			extensionOf(0xfe, s.plant("comment"), s.plant("comment")), append(xmp, 0),
			extensionOf(gifApplication, []byte("ICCRGBG1012"), s.plant("icc")),
			extensionOf(0x01, make([]byte, 12), s.plant("text")),
			extensionOf(0xce, s.plant("unknown")), extensionOf(gifControl, s.plant("control")),
		}, nil)
	}
	loop := extensionOf(gifApplication, []byte("NETSCAPE2.0"), []byte{1, 0, 0})
	more := extensionOf(gifApplication, []byte("NETSCAPE2.0"), s.plant("buffer"), make([]byte, 255), []byte{1, 0, 0}, s.plant("buffer"))
	out := append(bytes.Clone(b[:at]), hide()...)
	out = append(out, bytes.Replace(b[at:len(b)-1], loop, more, 1)...)
	out = append(append(out, hide()...), gifTrailer)
	return append(out, s.plant("after")...)
}

func TestStripGIF(t *testing.T) {
	for _, loop := range []int{-1, 0, 3} {
		b := gifOf(t, 3, loop)
		var s secrets
		in := b
		if loop == 0 {
			in = s.dressGIF(b)
		}
		out := s.stripped(t, in)
		if !bytes.Equal(out, b) {
			t.Errorf("loop %d: %d bytes became %d", loop, len(b), len(out))
		}
		if is, err := gif.DecodeAll(bytes.NewReader(out)); err != nil || is.LoopCount != loop || len(is.Image) != 3 {
			t.Errorf("loop %d: %v", loop, err)
		}
		cutShort(t, b)
	}
}

// TestPaletteOfAll: one that stands in front of the frames.
func TestPaletteOfAll(t *testing.T) {
	m := image.NewPaletted(image.Rect(0, 0, 8, 8), palette.Plan9)
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{m, m}, Delay: []int{1, 1}, Config: image.Config{ColorModel: m.Palette, Width: 8, Height: 8}}); err != nil {
		t.Fatal(err)
	}
	if paletteBytes(b.Bytes()[10]) != 3*256 {
		t.Fatal("no palette of all")
	}
	var s secrets
	if out := s.stripped(t, s.dressGIF(b.Bytes())); !bytes.Equal(out, b.Bytes()) {
		t.Errorf("%d bytes became %d", b.Len(), len(out))
	}
	cutShort(t, b.Bytes())
}

func TestMalformedGIF(t *testing.T) {
	b := gifOf(t, 1, -1)
	at := gifHead + paletteBytes(b[10])
	for what, in := range map[string][]byte{
		"no width":           append(append(bytes.Clone(b[:6]), 0, 0), b[8:]...),
		"no image":           append(bytes.Clone(b[:at]), gifTrailer),
		"a block of no kind": append(append(bytes.Clone(b[:at]), 0), b[at:]...),
		"a block beyond":     append(append(bytes.Clone(b[:at]), gifExtension, 0xfe, 255), b[at:at+40]...),
	} {
		refused(t, what, in, ErrMalformed)
	}
}
