package voice

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
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

// noted is what is expected of a file: how long it is, and the bytes that Remux makes of it, for which
// ffmpeg and opusdec gave the same samples as for the file.
var noted = map[string]struct {
	duration time.Duration
	packets  int
	hash     string
}{
	"opusenc.opus":         {1300 * time.Millisecond, 66, "3ef13e8223ecb7c6"},
	"opusenc-short.opus":   {1300 * time.Millisecond, 523, "cab76c9dd61629f2"},
	"ffmpeg-stereo.ogg":    {1300 * time.Millisecond, 22, "6c39df103c7ed084"},
	"ffmpeg.webm":          {1300 * time.Millisecond, 66, "cc20486cf0afe689"},
	"ffmpeg-live.webm":     {1300 * time.Millisecond, 66, "cc20486cf0afe689"},
	"chromium-whole.webm":  {2160 * time.Millisecond, 36, "59a8d449eb276f02"},
	"chromium-sliced.webm": {2160 * time.Millisecond, 36, "a3043af0df097608"},
	"chromium-paused.webm": {1560 * time.Millisecond, 26, "458c98718171ed5a"},
}

func TestRemux(t *testing.T) {
	for name, want := range noted {
		b := fixture(t, name)
		out, err := Remux(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if sum := sha256.Sum256(out); hex.EncodeToString(sum[:8]) != want.hash {
			t.Errorf("%s: other bytes: %x", name, sum[:8])
		}
		for _, secret := range []string{"SECRET", "DEVICE", "Lavf", "Lavc", "libopus", "opusenc", "Chrome"} {
			if bytes.Contains(out, []byte(secret)) {
				t.Errorf("%s: %s is still there", name, secret)
			}
		}
		note, err := Check(out)
		if err != nil || note.Duration != want.duration || len(note.Wave) != min(want.packets, MaxWave) {
			t.Errorf("%s: %v, %d slices, %v", name, note.Duration, len(note.Wave), err)
		}
		before, err := read(b, true)
		if err != nil {
			t.Fatal(err)
		}
		after, err := read(out, false)
		if err != nil || len(after.packets) != want.packets || !reflect.DeepEqual(before.packets, after.packets) || before.head != after.head || before.played() != after.played() {
			t.Errorf("%s: other packets: %d and %d, %v", name, len(before.packets), len(after.packets), err)
		}
		if again, err := Remux(out); err != nil || !bytes.Equal(again, out) {
			t.Errorf("%s: other bytes the second time: %v", name, err)
		}
		if filepath.Ext(name) == ".webm" {
			if _, err := Check(b); !errors.Is(err, ErrUnknown) {
				t.Errorf("%s is a voice note: %v", name, err)
			}
		} else if got, err := Check(b); err != nil || !reflect.DeepEqual(got, note) {
			t.Errorf("%s: %v before, %v after, %v", name, got, note, err)
		}
	}
}

// spoken returns a recording of packets of 20 ms in SILK, of so many bytes each.
func spoken(sizes ...int) *recording {
	r := &recording{head: head{channels: 1, preSkip: 312}}
	for _, n := range sizes {
		r.packets = append(r.packets, append([]byte{1 << 3}, make([]byte, n-1)...))
		r.samples += 960
	}
	return r
}

func TestWave(t *testing.T) {
	for _, c := range []struct {
		what  string
		sizes []int
		want  []byte
	}{
		{"one packet", []int{40}, []byte{255}},
		{"a constant rate", []int{7, 7, 7, 7}, []byte{255, 255, 255, 255}},
		{"half of the bytes is a quarter", []int{20, 40, 10}, []byte{64, 255, 16}},
	} {
		if got := spoken(c.sizes...).wave(); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	// 192 packets in 128 slices: each slice has one and a half.
	var sizes []int
	for range 64 {
		sizes = append(sizes, 40, 20, 40)
	}
	got := spoken(sizes...).wave()
	if len(got) != MaxWave || bytes.Count(got, []byte{255}) != MaxWave {
		t.Errorf("%d slices: %v", len(got), got)
	}
	sizes = nil
	for i := range 1000 {
		sizes = append(sizes, 10+i/500*90) // silence, and then words
	}
	if got := spoken(sizes...).wave(); got[0] > 5 || got[63] > 5 || got[64] != 255 || got[127] != 255 {
		t.Errorf("a step: %v", got)
	}
}

func TestSamplesOf(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   int
	}{
		{nil, 0}, {[]byte{0}, 480}, {[]byte{3 << 3}, 2880}, {[]byte{11 << 3}, 2880}, // SILK
		{[]byte{12 << 3}, 480}, {[]byte{15 << 3}, 960}, // hybrid
		{[]byte{16 << 3}, 120}, {[]byte{17 << 3}, 240}, {[]byte{31 << 3}, 960}, // CELT
		{[]byte{1<<3 | 1, 0}, 1920}, {[]byte{1<<3 | 2, 0}, 1920}, {[]byte{1<<3 | 4}, 960}, // two frames; stereo
		{[]byte{1<<3 | 3}, 0}, {[]byte{1<<3 | 3, 0}, 0}, {[]byte{1<<3 | 3, 6}, 5760}, {[]byte{1<<3 | 3, 7}, 0}, // counted
		{[]byte{16<<3 | 3, 48 | 0xc0}, 5760}, {[]byte{16<<3 | 3, 49}, 0},
		{make([]byte, maxPacketBytes), 480}, {make([]byte, maxPacketBytes+1), 0},
	} {
		if got := samplesOf(c.packet); got != c.want {
			t.Errorf("%.4x: %d, not %d", c.packet, got, c.want)
		}
	}
}

// TestBounds: 15 minutes are a voice note, and one sample more is none; likewise 4 MiB.
func TestBounds(t *testing.T) {
	long := &recording{head: head{channels: 2, preSkip: 1920}}
	for range 15*60*1000/60 + 1 {
		if err := long.add([]byte{3 << 3, 0}); err != nil {
			t.Fatal(err)
		}
	}
	long.trim = 2880 - 1920
	if note, err := Check(long.ogg()); err != nil || note.Duration != MaxDuration {
		t.Errorf("%v, %v", note.Duration, err)
	}
	long.trim--
	for what, f := range map[string]func([]byte) error{"check": checkOnly, "remux": remuxOnly} {
		if err := f(long.ogg()); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s of one sample more: %v", what, err)
		}
		endless := spoken(bytesOf(70_000, 5)...)
		if err := f(endless.ogg()); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s of an endless one: %v", what, err)
		}
		large := spoken(bytesOf(70, 60_000)...)
		if err := f(large.ogg()); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s of too many bytes: %v", what, err)
		}
	}
	largest := spoken(bytesOf(69, 60_000)...)
	if _, err := Check(largest.ogg()); err != nil {
		t.Errorf("4 MB: %v", err)
	}
}

func bytesOf(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

func checkOnly(b []byte) error { _, err := Check(b); return err }

func remuxOnly(b []byte) error { _, err := Remux(b); return err }

func TestUnknown(t *testing.T) {
	for _, b := range []string{"", "Ogg", "RIFF\x00\x00\x00\x00WAVE", "ID3", "\x1a\x45\xdf"} {
		if err := checkOnly([]byte(b)); !errors.Is(err, ErrUnknown) {
			t.Errorf("check %q: %v", b, err)
		}
		if err := remuxOnly([]byte(b)); !errors.Is(err, ErrUnknown) {
			t.Errorf("remux %q: %v", b, err)
		}
	}
}

// known says that an error is one of those that are documented.
func known(err error) bool {
	return errors.Is(err, ErrUnknown) || errors.Is(err, ErrUnsupported) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrMalformed)
}

// held holds what must hold whatever the bytes are.
func held(t *testing.T, b []byte) {
	t.Helper()
	note, err := Check(b)
	if err != nil && !known(err) {
		t.Fatalf("check: %v", err)
	}
	if err == nil && (note.Duration <= 0 || note.Duration > MaxDuration || len(note.Wave) == 0 || len(note.Wave) > MaxWave) {
		t.Fatalf("%v, %d slices", note.Duration, len(note.Wave))
	}
	out, rerr := Remux(b)
	if rerr != nil {
		if !known(rerr) || err == nil && !errors.Is(rerr, ErrTooLarge) {
			t.Fatalf("remux: %v", rerr)
		}
		return
	}
	after, cerr := Check(out)
	if cerr != nil || err == nil && !reflect.DeepEqual(note, after) {
		t.Fatalf("%v after %v, %v", after, note, cerr)
	}
	if again, err := Remux(out); err != nil || !bytes.Equal(again, out) {
		t.Fatalf("other bytes the second time: %v", err)
	}
}

// FuzzOgg feeds what a hostile peer sends as a voice note. It wouldn't get past the checksums, so these
// are set right again.
func FuzzOgg(f *testing.F) {
	for name := range noted {
		if b := fixture(f, name); filepath.Ext(name) != ".webm" {
			f.Add(b)
		}
	}
	for _, c := range oggCases() {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		held(t, b)
		held(t, resealed(b))
	})
}

// FuzzRemux feeds what a browser may send, or something else in its name.
func FuzzRemux(f *testing.F) {
	for name := range noted {
		f.Add(fixture(f, name))
	}
	for _, c := range webmCases() {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, b []byte) { held(t, b) })
}
