package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixture returns a file of testdata, whose README says how it was made.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scene is a picture that differs in every corner, with soft and hard edges.
func scene(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.NRGBA{uint8(x * 255 / width), uint8(y * 255 / height), 40, 255}
			if x < width/4 && y < height/4 {
				c = color.NRGBA{230, 20, 20, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// secrets are planted in pictures, a new one each time, and must not be found in what was stripped.
type secrets struct{ planted []string }

func (s *secrets) plant(where string) []byte {
	word := fmt.Sprintf("SECRET-%s-%d", where, len(s.planted))
	s.planted = append(s.planted, word)
	return []byte(word)
}

// byteOrder is one of the two of TIFF, for reading and writing.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// exif returns Exif as a camera writes it: who made it, which way is up, where it was.
func (s *secrets) exif(order byteOrder, orientation int) []byte {
	b := []byte("MM\x00*")
	if order.Uint16([]byte{1, 0}) == 1 {
		b = []byte("II*\x00")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 3)
	field := func(tag, kind uint16, count, value uint32) {
		b = order.AppendUint16(b, tag)
		b = order.AppendUint16(b, kind)
		b = order.AppendUint32(b, count)
		if kind == 3 {
			b = order.AppendUint16(b, uint16(value))
			b = order.AppendUint16(b, 0)
		} else {
			b = order.AppendUint32(b, value)
		}
	}
	maker := s.plant("maker")
	end := uint32(8 + 2 + 3*12 + 4)
	field(0x010f, 2, uint32(len(maker)), end)
	field(0x0112, 3, 1, uint32(orientation))
	field(0x8825, 4, 1, end+uint32(len(maker))) // the directory of GPS
	b = order.AppendUint32(b, 0)
	return append(append(b, maker...), s.plant("gps")...)
}

// stripped strips, and holds what must hold for every picture.
func (s *secrets) stripped(t *testing.T, b []byte) []byte {
	t.Helper()
	before, err := Look(b)
	if err != nil {
		t.Fatalf("look: %v", err)
	}
	for _, word := range s.planted {
		if !bytes.Contains(b, []byte(word)) {
			t.Fatalf("%s was not planted", word)
		}
	}
	out, err := Strip(b)
	if err != nil {
		t.Fatalf("strip: %v", err)
	}
	for _, word := range append(s.planted, "SECRET", "xmp", "XMP", "GPS") {
		if bytes.Contains(out, []byte(word)) {
			t.Errorf("%s is still there", word)
		}
	}
	if after, err := Look(out); err != nil || after != before {
		t.Errorf("was %+v, is %+v, %v", before, after, err)
	}
	if again, err := Strip(out); err != nil || !bytes.Equal(again, out) {
		t.Errorf("stripped again: %d bytes, not %d: %v", len(again), len(out), err)
	}
	if len(out) > len(b)+64 {
		t.Errorf("%d bytes became %d", len(b), len(out))
	}
	return out
}

// samePixels decodes both.
func samePixels(t *testing.T, kind Type, before, after []byte) {
	t.Helper()
	a, err := decode(before, kind)
	if err != nil {
		t.Fatalf("before: %v", err)
	}
	b, err := decode(after, kind)
	if err != nil {
		t.Fatalf("after: %v", err)
	}
	if !same(a, b) {
		t.Error("other pixels")
	}
}

func same(a, b image.Image) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}

// refused: whatever Strip refuses is ErrNotStripped, and says why.
func refused(t *testing.T, what string, b []byte, why error) {
	t.Helper()
	if out, err := Strip(b); !errors.Is(err, ErrNotStripped) || !errors.Is(err, why) || out != nil {
		t.Errorf("%s: %d bytes, %v", what, len(out), err)
	}
}

// cutShort: no beginning of a picture is a picture.
func cutShort(t *testing.T, b []byte) {
	t.Helper()
	for n := range b {
		if out, err := Strip(b[:n]); !errors.Is(err, ErrNotStripped) {
			t.Errorf("the first %d of %d bytes: %d bytes, %v", n, len(b), len(out), err)
		}
	}
}

func TestRecognise(t *testing.T) {
	files := map[string]Type{
		"progressive.jpg": JPEG, "lossy.webp": WebP, "animated.webp": WebP, "picture.avif": AVIF, "picture.heic": HEIC, "README.md": Unknown,
	}
	for name, want := range files {
		b := fixture(t, name)
		if got := Recognise(b); got != want {
			t.Errorf("%s: %s", name, got)
		}
		if got := Recognise(b[:min(recogniseBytes, len(b))]); got != want {
			t.Errorf("%s by its first bytes: %s", name, got)
		}
	}
	heads := map[string]Type{
		"": Unknown, "\xff\xd8": Unknown, "\xff\xd8\xff": JPEG, pngSignature: PNG, "GIF89a": GIF, "GIF87a": GIF, "GIF88a": Unknown,
		"RIFF\x00\x00\x00\x00WAVE":                          Unknown,
		"\x00\x00\x00\x18ftypmp42" + "avif":                 Unknown, // the version of the brand isn't one
		"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00avif":      AVIF,
		"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00miaf":      HEIC,
		"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00" + "avif": Unknown, // after the box
	}
	for head, want := range heads {
		if got := Recognise([]byte(head)); got != want {
			t.Errorf("%q: %s", head, got)
		}
	}
}

func TestLook(t *testing.T) {
	files := map[string]Info{
		"progressive.jpg": {JPEG, 64, 48, 1}, "restart.jpg": {JPEG, 64, 48, 1}, "grey.jpg": {JPEG, 64, 48, 1}, "arithmetic.jpg": {JPEG, 64, 48, 1},
		"lossy.webp": {WebP, 64, 48, 1}, "lossless.webp": {WebP, 64, 48, 1}, "alpha.webp": {WebP, 64, 48, 1}, "animated.webp": {WebP, 32, 24, 1},
		"picture.avif": {AVIF, 64, 48, 1}, "picture.heic": {HEIC, 64, 64, 1},
	}
	for name, want := range files {
		if got, err := Look(fixture(t, name)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, b := range []string{"", "words", "%PDF-1.7"} {
		if i, err := Look([]byte(b)); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %+v, %v", b, i, err)
		}
		refused(t, b, []byte(b), ErrUnknown)
	}
	if _, err := Look(make([]byte, MaxBytes+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
}

// TestTooManyPixels: the size counts before anything else is read.
func TestTooManyPixels(t *testing.T) {
	large := pngFile(8192, 6401)
	if i, err := Look(large); !errors.Is(err, ErrTooLarge) || i.Width != 8192 || i.Height != 6401 {
		t.Errorf("%+v, %v", i, err)
	}
	refused(t, "too many pixels", large, ErrTooLarge)
	if _, err := Preview(large); !errors.Is(err, ErrTooLarge) {
		t.Errorf("preview: %v", err)
	}
	if _, err := Look(pngFile(8192, 6400)); err != nil {
		t.Errorf("50 megapixels: %v", err)
	}
	refused(t, "2³¹−1 on each side", pngFile(1<<31-1, 1<<31-1), ErrTooLarge)
}

// TestCodedInBoxes: nothing is taken out of them, and that is said.
func TestCodedInBoxes(t *testing.T) {
	for _, name := range []string{"picture.heic", "picture.avif"} {
		b := fixture(t, name)
		refused(t, name, b, ErrUnsupported)
		if _, err := Preview(b); !errors.Is(err, ErrUnsupported) {
			t.Errorf("preview of %s: %v", name, err)
		}
		cutShort(t, b)
	}
	head := "\x00\x00\x00\x10ftypheic\x00\x00\x00\x00"
	for what, rest := range map[string]string{
		"no description":       "",
		"an empty box":         "\x00\x00\x00\x08meta",
		"a box without end":    "\x00\x00\x00\x07meta",
		"a box of 2⁶⁴−1 bytes": "\x00\x00\x00\x01meta\xff\xff\xff\xff\xff\xff\xff\xff",
		"too many boxes":       strings.Repeat("\x00\x00\x00\x08free", maxBoxes),
	} {
		if i, err := Look([]byte(head + rest)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", what, i, err)
		}
	}
}

// TestSizeInBoxes: the largest of those that are listed counts, wherever a box says how long it is.
func TestSizeInBoxes(t *testing.T) {
	box := func(kind string, body ...[]byte) []byte {
		all := bytes.Join(body, nil)
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(all))), kind...), all...)
	}
	size := func(kind string, width, height uint32) []byte {
		return box(kind, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(make([]byte, 4), width), height))
	}
	meta := func(sizes ...[]byte) []byte {
		return box("meta", make([]byte, 4), box("hdlr"), box("iprp", box("ipco", sizes...)))
	}
	sizes := [][]byte{size("clap", 9000, 9000), size("ispe", 512, 512), size("ispe", 4000, 3000), size("ispe", 1<<31, 1), size("ispe", 1, 1<<31), size("ispe", 160, 120), box("ispe")}
	good := meta(sizes...)
	long := append(append([]byte{0, 0, 0, 1}, "meta"...), append(binary.BigEndian.AppendUint64(nil, uint64(len(good)+8)), good[8:]...)...)
	open := append([]byte{0, 0, 0, 0}, good[4:]...)
	for what, c := range map[string]struct {
		boxes []byte
		err   error
	}{
		"one after another": {append(append(box("free", make([]byte, 5)), good...), box("mdat")...), nil},
		"the first counts":  {append(bytes.Clone(good), meta(size("ispe", 5000, 4000))...), nil},
		"a size of 64 bits": {append(bytes.Clone(long), box("mdat")...), nil},
		"to the end":        {open, nil},
		"no size":           {meta(sizes[0]), ErrMalformed},
		"none of use":       {meta(sizes[3], sizes[4]), ErrMalformed},
		"no list":           {box("meta", make([]byte, 4)), ErrMalformed},
		"too short":         {box("meta", make([]byte, 3)), ErrMalformed},
		"too many boxes":    {append(bytes.Repeat(box("free"), maxBoxes), good...), ErrMalformed},
	} {
		i, err := Look(append([]byte("\x00\x00\x00\x10ftypheic\x00\x00\x00\x00"), c.boxes...))
		if !errors.Is(err, c.err) || err == nil && i != (Info{HEIC, 4000, 3000, 1}) {
			t.Errorf("%s: %+v, %v", what, i, err)
		}
	}
}

func TestOrientation(t *testing.T) {
	for want := 1; want <= 8; want++ {
		var s secrets
		for _, order := range []byteOrder{binary.BigEndian, binary.LittleEndian} {
			if got := readOrientation(s.exif(order, want)); got != want {
				t.Errorf("%v: %d is read as %d", order, want, got)
			}
		}
		if got := readOrientation(writeOrientation(want)); got != want {
			t.Errorf("%d is written as %d", want, got)
		}
		width, height := Info{Width: 3, Height: 2, Orientation: want}.Upright()
		if (width == 2) != (want >= 5) || width*height != 6 {
			t.Errorf("%d is shown as %d × %d", want, width, height)
		}
	}
	if len(writeOrientation(1)) != 0 {
		t.Error("upright is written")
	}
	good := writeOrientation(6)
	for what, change := range map[string]func(b []byte) []byte{
		"0":                       func(b []byte) []byte { b[19] = 0; return b },
		"9":                       func(b []byte) []byte { b[19] = 9; return b },
		"a LONG":                  func(b []byte) []byte { b[13] = 4; return b },
		"two of them":             func(b []byte) []byte { b[17] = 2; return b },
		"another order":           func(b []byte) []byte { b[0] = 'I'; return b },
		"a directory beyond":      func(b []byte) []byte { b[4] = 0xff; return b },
		"cut in the header":       func(b []byte) []byte { return b[:7] },
		"cut in the field":        func(b []byte) []byte { return b[:20] },
		"65,535 fields, none fit": func(b []byte) []byte { b[8], b[9], b[10] = 0xff, 0xff, 7; return b },
	} {
		if got := readOrientation(change(bytes.Clone(good))); got != 1 {
			t.Errorf("%s: %d", what, got)
		}
	}
}

// FuzzStrip feeds what comes with a picture from elsewhere. What was stripped is a picture of the same
// size that has nothing more to strip, and whatever could be decoded shows the same.
func FuzzStrip(f *testing.F) {
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
		before, err := Look(b)
		if err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("look: %v", err)
		}
		out, err := Strip(b)
		if err != nil {
			if !errors.Is(err, ErrNotStripped) {
				t.Fatalf("strip: %v", err)
			}
			return
		}
		if after, err := Look(out); err != nil || after != before {
			t.Fatalf("was %+v, is %+v, %v", before, after, err)
		}
		if again, err := Strip(out); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("stripped again: %d bytes, not %d: %v", len(again), len(out), err)
		}
		if len(out) > len(b)+64 {
			t.Fatalf("%d bytes became %d", len(b), len(out))
		}
		if before.Width*before.Height > 1<<16 {
			return
		}
		if was, err := decode(b, before.Type); err == nil {
			if is, err := decode(out, before.Type); err != nil || !same(was, is) {
				t.Fatalf("other pixels: %v", err)
			}
		}
	})
}

// dressed returns a picture of each type with everything in it that goes.
func dressed(t testing.TB) [][]byte {
	var s secrets
	return [][]byte{
		s.dressJPEG(fixture(t, "scans.jpg"), 6),
		s.dressPNG(pngOf(t, scene(20, 10)), 6),
		s.dressWebP(fixture(t, "alpha.webp"), 6),
		s.dressWebP(fixture(t, "animated.webp"), 3),
		s.dressGIF(gifOf(t, 3, 0)),
	}
}
