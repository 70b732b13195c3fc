package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/jpeg"
	"testing"
)

func jpegOf(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, scene(width, height), &jpeg.Options{Quality: 70}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func app(marker byte, body ...[]byte) []byte {
	return appendSegment(nil, segment{marker: marker, body: bytes.Join(body, nil)})
}

// profile is kept, so it has no secret.
var profile = app(markerAPP2, []byte(iccHead+"\x01\x01a profile"))

// dressJPEG puts in everything that goes, between everything that stays: at the beginning, between
// scans and after the end.
func (s *secrets) dressJPEG(b []byte, orientation int) []byte {
	thumbnail := bytes.Repeat(s.plant("thumbnail"), 3)
	jfif := app(markerAPP0, []byte("JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x03\x05"), thumbnail)
	out := bytes.Join([][]byte{
		{0xff, markerSOI}, jfif,
		app(markerAPP1, []byte(exifHead), s.exif(binary.LittleEndian, orientation)),
		app(markerAPP1, []byte(exifHead), s.exif(binary.BigEndian, 2)), // the first one counts
		app(markerAPP1, []byte("http://ns.adobe.com/xap/1.0/\x00"), s.plant("xmp")),
		app(markerAPP0, []byte("JFXX\x00\x10"), s.plant("jfxx")),
		app(markerAPP0, []byte("JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"), s.plant("second")), app(markerCOM),
		app(markerAPP2, []byte("MPF\x00"), s.plant("mpf")), app(markerAPP2, []byte(jfifHead), s.plant("app2")), profile,
		app(markerAPP1+2, s.plant("app3")), app(markerAPP14-1, []byte("Photoshop 3.0\x00"), s.plant("app13")),
		app(markerAPP14, []byte("Adobe\x00\x64\x00\x00\x00\x00\x01"), s.plant("adobe")),
		app(markerAPP14, s.plant("app14")), app(markerAPP15, s.plant("app15")), app(markerCOM, s.plant("comment")),
		{0xff, 0xff, 0xff}, // filled up
	}, nil)
	first := true
	for rest := b[2:]; ; {
		part, after, err := cutSegment(rest)
		if err != nil {
			panic(err)
		}
		rest = after
		switch {
		case part.marker == markerEOI:
			out = append(out, 0xff, 0xff, markerEOI)
			return append(append(out, "\xff\xd8\xff\xe1"...), s.plant("after")...)
		case part.isJFIF():
			continue
		case !first:
			out = append(append(out, app(markerCOM, s.plant("between"))...), app(markerAPP1, []byte(exifHead), s.plant("late"))...)
		}
		out = appendSegment(out, part)
		first = part.marker != markerSOS && first
	}
}

func TestStripJPEG(t *testing.T) {
	pictures := map[string][]byte{"of Go": jpegOf(t, 50, 30)}
	for _, name := range []string{"progressive.jpg", "restart.jpg", "scans.jpg", "grey.jpg"} {
		pictures[name] = fixture(t, name)
	}
	for name, b := range pictures {
		t.Run(name, func(t *testing.T) {
			for orientation := 1; orientation <= 8; orientation++ {
				var s secrets
				in := s.dressJPEG(b, orientation)
				if i, err := Look(in); err != nil || i.Orientation != orientation {
					t.Errorf("orientation %d: %+v, %v", orientation, i, err)
				}
				out := s.stripped(t, in)
				samePixels(t, JPEG, in, out)
				if n := bytes.Count(out, []byte("Exif")); n > 1 || (n == 1) != (orientation > 1) {
					t.Errorf("orientation %d: Exif %d times", orientation, n)
				}
				want := append([]byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x00\x00"), exifOf(orientation)...)
				want = append(append(want, profile...), "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01"...)
				if !bytes.HasPrefix(out, want) || !bytes.HasSuffix(out, []byte{0xff, markerEOI}) {
					t.Errorf("begins with %x\nnot with    %x", out[:len(want)], want)
				}
			}
			cutShort(t, b)
		})
	}
}

func exifOf(orientation int) []byte {
	if orientation == 1 {
		return nil
	}
	return app(markerAPP1, []byte(exifHead), writeOrientation(orientation))
}

// TestNothingToStripFromJPEG: what has nothing to hide stays as it is, byte for byte.
func TestNothingToStripFromJPEG(t *testing.T) {
	for _, b := range [][]byte{jpegOf(t, 9, 9), fixture(t, "progressive.jpg"), fixture(t, "restart.jpg"), fixture(t, "scans.jpg"), fixture(t, "arithmetic.jpg")} {
		var s secrets
		if out := s.stripped(t, b); !bytes.Equal(out, b) {
			t.Errorf("%d bytes became %d", len(b), len(out))
		}
	}
}

// TestNoJFIF: an extension of it doesn't stand for it.
func TestNoJFIF(t *testing.T) {
	b := jpegOf(t, 9, 9)
	var s secrets
	in := append(append([]byte{0xff, markerSOI}, app(markerAPP0, []byte("JFXX\x00\x10"), s.plant("jfxx"))...), b[2:]...)
	if out := s.stripped(t, in); !bytes.Equal(out, b) {
		t.Errorf("%d bytes became %d, not %d", len(in), len(out), len(b))
	}
}

func TestMalformedJPEG(t *testing.T) {
	b := jpegOf(t, 16, 16)
	var frame []byte
	for rest := b[2:]; frame == nil; {
		s, after, err := cutSegment(rest)
		if err != nil {
			t.Fatal(err)
		}
		if s.frame() {
			frame = rest[:len(rest)-len(after)]
		}
		rest = after
	}
	at := func(offset int, value byte) []byte { // in the frame
		c := bytes.Clone(frame)
		c[offset] = value
		return bytes.Replace(b, frame, c, 1)
	}
	sized := func(height, width byte) []byte {
		return bytes.Replace(b, frame, append(append(bytes.Clone(frame[:5]), 0, height, 0, width), frame[9:]...), 1)
	}
	framed := func(components byte) []byte {
		body := append(bytes.Clone(frame[4:9]), components)
		for c := range components {
			body = append(body, c, 0x11, 0)
		}
		return bytes.Replace(b, frame, app(markerSOF0, body), 1)
	}
	end := b[len(b)-2:]
	begun := func(more ...byte) []byte { return append([]byte{0xff, markerSOI}, append(more, b[2:]...)...) }
	ended := func(more ...byte) []byte { return append(append(bytes.Clone(b[:len(b)-2]), more...), end...) }
	for what, in := range map[string][]byte{
		"a second beginning":       begun(0xff, markerSOI),
		"a restart before a scan":  begun(0xff, markerRST0),
		"a marker of no kind":      begun(0xff, 0x02, 0, 2),
		"a reserved marker":        begun(0xff, 0xf0, 0, 2),
		"bytes between":            begun(0xff, markerCOM, 0, 2, 0),
		"a segment of length 1":    begun(0xff, markerCOM, 0, 1),
		"a segment beyond the end": begun(0xff, markerCOM, 0xff, 0xff),
		"a short JFIF":             begun(app(markerAPP0, []byte(jfifHead))...),
		"two frames":               begun(frame...),
		"no frame":                 bytes.Replace(b, frame, nil, 1),
		"a frame after the scan":   ended(frame...),
		"a profile after the scan": ended(profile...),
		"JFIF after the scan":      ended(app(markerAPP0, []byte("JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00"))...),
		"no height":                sized(0, 16),
		"no width":                 sized(16, 0),
		"five components":          at(9, 5),
		"no component":             framed(0),
		"five of them":             framed(5),
		"a frame of 5 bytes":       bytes.Replace(b, frame, app(markerSOF0, frame[4:9]), 1),
		"sampling 0 down":          at(11, 0x10),
		"sampling 5 down":          at(11, 0x15),
		"sampling 0":               at(11, 0),
		"sampling 5":               at(11, 0x51),
		"0xff 0xff 0x00 in a scan": ended(0xff, 0xff, 0),
		"no scan":                  append(bytes.Clone(b[:bytes.Index(b, frame)+len(frame)]), end...),
	} {
		refused(t, what, in, ErrMalformed)
	}
	if _, err := Look(b[:20]); !errors.Is(err, ErrMalformed) {
		t.Errorf("cut short: %v", err)
	}
}
