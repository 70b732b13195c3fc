package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
)

// previewed makes a preview, and holds what must hold for every one.
func previewed(t *testing.T, b []byte) image.Image {
	t.Helper()
	i, err := Look(b)
	if err != nil {
		t.Fatal(err)
	}
	small, err := Preview(b)
	if err != nil {
		t.Fatalf("preview: %v", err)
	}
	if len(small) > MaxPreview {
		t.Errorf("%d bytes", len(small))
	}
	if out, err := Strip(small); err != nil || !bytes.Equal(out, small) {
		t.Errorf("a preview has something to strip: %v", err)
	}
	m, err := jpeg.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	width, height := i.Upright()
	got := m.Bounds()
	if got.Dx() > min(width, previewSides[0]) || got.Dy() > min(height, previewSides[0]) {
		t.Errorf("%d × %d became %v", width, height, got)
	}
	if proportion := float64(got.Dx()) * float64(height) / (float64(got.Dy()) * float64(width)); min(got.Dx(), got.Dy()) > 20 && (proportion < 0.9 || proportion > 1.1) {
		t.Errorf("%d × %d became %v", width, height, got)
	}
	return m
}

// near says that a pixel is of about this colour.
func near(m image.Image, x, y int, want color.RGBA) bool {
	r, g, b, _ := m.At(x, y).RGBA()
	for _, d := range []int{int(r>>8) - int(want.R), int(g>>8) - int(want.G), int(b>>8) - int(want.B)} {
		if d < -40 || d > 40 {
			return false
		}
	}
	return true
}

func TestPreview(t *testing.T) {
	noise := image.NewRGBA(image.Rect(0, 0, 600, 400))
	chance := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = byte(chance.Uint32())
	}
	var noisy bytes.Buffer
	if err := jpeg.Encode(&noisy, noise, nil); err != nil {
		t.Fatal(err)
	}
	pictures := map[string][]byte{
		"a scene": jpegOf(t, 640, 480), "noise": noisy.Bytes(), "one pixel": jpegOf(t, 1, 1),
		"a line": pngOf(t, scene(6_000, 1)), "a column": pngOf(t, scene(1, 6_000)), "colours": pngOf(t, scene(500, 400)),
		"grey": pngOf(t, image.NewGray16(image.Rect(0, 0, 500, 40))), "an animation": gifOf(t, 2, 0),
	}
	for _, name := range []string{"progressive.jpg", "restart.jpg", "scans.jpg", "grey.jpg", "lossy.webp", "lossless.webp", "alpha.webp"} {
		pictures[name] = fixture(t, name)
	}
	for name, b := range pictures {
		t.Run(name, func(t *testing.T) { previewed(t, b) })
	}
	if m := previewed(t, pictures["a scene"]); m.Bounds() != image.Rect(0, 0, 320, 240) || !near(m, 10, 10, color.RGBA{230, 20, 20, 255}) || !near(m, 300, 220, color.RGBA{239, 234, 40, 255}) {
		t.Errorf("%v, %v, %v", m.Bounds(), m.At(10, 10), m.At(300, 220))
	}
}

// TestPreviewIsUpright: by the words of the Exif standard, which say where the first row and the first
// column are seen. The first pixel is red, the last one of the first row blue.
func TestPreviewIsUpright(t *testing.T) {
	const width, height = 64, 32
	stored := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{128, 128, 128, 255}
			if x < 16 && y < 16 {
				c = color.RGBA{255, 0, 0, 255}
			} else if x >= width-16 && y < 16 {
				c = color.RGBA{0, 0, 255, 255}
			}
			stored.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, stored, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	corners := []struct{ red, blue string }{
		{"top left", "top right"}, {"top right", "top left"}, {"bottom right", "bottom left"}, {"bottom left", "bottom right"},
		{"top left", "bottom left"}, {"top right", "bottom right"}, {"bottom right", "top right"}, {"bottom left", "top left"},
	}
	for n, want := range corners {
		var s secrets
		m := previewed(t, s.dressJPEG(b.Bytes(), n+1))
		w, h := m.Bounds().Dx(), m.Bounds().Dy()
		where := map[string]image.Point{"top left": {5, 5}, "top right": {w - 6, 5}, "bottom left": {5, h - 6}, "bottom right": {w - 6, h - 6}}
		red, blue := where[want.red], where[want.blue]
		if !near(m, red.X, red.Y, color.RGBA{255, 0, 0, 255}) || !near(m, blue.X, blue.Y, color.RGBA{0, 0, 255, 255}) {
			t.Errorf("orientation %d: %s is %v, %s is %v", n+1, want.red, m.At(red.X, red.Y), want.blue, m.At(blue.X, blue.Y))
		}
	}
}

// TestPreviewIsOnWhite: for what is clear, and where a first frame doesn't reach.
func TestPreviewIsOnWhite(t *testing.T) {
	white := color.RGBA{255, 255, 255, 255}
	if m := previewed(t, pngOf(t, image.NewNRGBA(image.Rect(0, 0, 50, 50)))); !near(m, 25, 25, white) {
		t.Errorf("clear is %v", m.At(25, 25))
	}
	dark := image.NewPaletted(image.Rect(400, 400, 800, 800), palette.Plan9)
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{dark}, Delay: []int{0}, Config: image.Config{ColorModel: dark.Palette, Width: 800, Height: 800}}); err != nil {
		t.Fatal(err)
	}
	if m := previewed(t, b.Bytes()); !near(m, 80, 80, white) || !near(m, 240, 240, color.RGBA{0, 0, 0, 255}) || m.Bounds().Dx() != 320 {
		t.Errorf("%v, %v in %v", m.At(80, 80), m.At(240, 240), m.Bounds())
	}
}

// TestPreviewRefuses: by the headers, before anything is decoded.
func TestPreviewRefuses(t *testing.T) {
	// resized gives a JPEG another size, and its frame another marker.
	resized := func(b []byte, marker byte, width, height uint16) []byte {
		b = bytes.Clone(b)
		at := bytes.Index(b, []byte{0xff, markerSOF0, 0})
		if at < 0 {
			at = bytes.Index(b, []byte{0xff, markerSOF0 + 2, 0})
		}
		b[at+1] = marker
		binary.BigEndian.PutUint16(b[at+5:], height)
		binary.BigEndian.PutUint16(b[at+7:], width)
		return b
	}
	coloured := jpegOf(t, 8, 8)
	inks := bytes.Clone(coloured[:2])
	for _, s := range []segment{{marker: markerSOF0, body: []byte{8, 0x1b, 0x80, 0x1b, 0x80, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0}}, {marker: markerSOS}} {
		inks = appendSegment(inks, s)
	}
	inks = append(inks, 0xff, markerEOI)
	adobe := append(append(bytes.Clone(coloured[:2]), app(markerAPP14, []byte("Adobe\x00\x64\x00\x00\x00\x00\x00"))...), coloured[2:]...)
	often := bytes.Clone(fixture(t, "scans.jpg"))
	scan := often[bytes.LastIndex(often, []byte{0xff, markerSOS}) : len(often)-2]
	often = append(append(often[:len(often)-2], bytes.Repeat(scan, maxScans)...), 0xff, markerEOI)
	for what, p := range map[string]struct {
		b   []byte
		err error
	}{
		"progressive of 48 megapixels":  {resized(fixture(t, "progressive.jpg"), markerSOF0+2, 8000, 6000), ErrTooLarge},
		"four inks of 50 megapixels":    {inks, ErrTooLarge},
		"raw colours of 50 megapixels":  {resized(adobe, markerSOF0, 7040, 7040), ErrTooLarge},
		"16 bits of 48 megapixels":      {deepPNG(8000, 6000), ErrTooLarge},
		"too wide":                      {pngOf(t, scene(70_000, 1)), ErrTooLarge},
		"too many scans":                {often, ErrTooLarge},
		"animated WebP":                 {fixture(t, "animated.webp"), ErrUnsupported},
		"arithmetic coding":             {fixture(t, "arithmetic.jpg"), ErrMalformed},
		"words":                         {[]byte("words"), ErrUnknown},
		"pixels that can't be decoded":  {pngFile(10, 10), ErrMalformed},
		"baseline of 48, but no pixels": {resized(coloured, markerSOF0, 8000, 6000), ErrMalformed},
	} {
		if out, err := Preview(p.b); !errors.Is(err, p.err) {
			t.Errorf("%s: %d bytes, %v", what, len(out), err)
		}
	}
}

func deepPNG(width, height uint32) []byte {
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	out := appendPNG([]byte(pngSignature), "IHDR", append(header, 16, 6, 0, 0, 0))
	return appendPNG(appendPNG(out, "IDAT", nil), "IEND", nil)
}

// TestDecodedSize: what is reckoned from headers is what decoding takes.
func TestDecodedSize(t *testing.T) {
	const side = 400
	area := image.Rect(0, 0, side, side)
	clear := scene(side, side)
	clear.SetNRGBA(1, 1, color.NRGBA{})
	deep := image.NewNRGBA64(area)
	deep.SetNRGBA64(2, 2, color.NRGBA64{1, 2, 3, 4})
	var grey bytes.Buffer
	if err := jpeg.Encode(&grey, image.NewGray(area), nil); err != nil {
		t.Fatal(err)
	}
	var frame bytes.Buffer
	if err := gif.Encode(&frame, image.NewPaletted(area, palette.Plan9), nil); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"JPEG": jpegOf(t, side, side), "grey JPEG": grey.Bytes(), "PNG": pngOf(t, scene(side, side)), "clear PNG": pngOf(t, clear),
		"PNG of 16 bits": pngOf(t, deep), "grey PNG": pngOf(t, image.NewGray(area)), "PNG by palette": pngOf(t, image.NewPaletted(area, palette.Plan9)),
		"GIF": frame.Bytes(),
	} {
		i, err := Look(b)
		if err != nil {
			t.Fatal(err)
		}
		reckoned, err := decodedSize(b, i)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := decode(b, i.Type); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if took := int64(after.TotalAlloc - before.TotalAlloc); took > reckoned+reckoned/4+256<<10 {
			t.Errorf("%s: reckoned %d, took %d", name, reckoned, took)
		}
	}
}

// FuzzPreview feeds what comes with a picture from elsewhere to all decoders.
func FuzzPreview(f *testing.F) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			f.Add(fixture(f, e.Name()))
		}
	}
	for _, b := range dressed(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if i, err := Look(b); err != nil || i.Width*i.Height > 1<<16 {
			return
		}
		small, err := Preview(b)
		if err != nil {
			return
		}
		if c, err := jpeg.DecodeConfig(bytes.NewReader(small)); err != nil || len(small) > MaxPreview || max(c.Width, c.Height) > previewSides[0] {
			t.Fatalf("%d bytes, %d × %d, %v", len(small), c.Width, c.Height, err)
		}
	})
}
