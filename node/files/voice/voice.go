// Package voice checks voice notes, and brings what a browser or another program recorded into their
// one form, without decoding a sound.
//
// A voice note is an Ogg Opus file (RFC 7845 in RFC 3533) of one logical stream, of one or two channels,
// of at most MaxDuration and MaxBytes. Check holds that, and more than a player would: every page has
// its checksum and its number, the granule positions say exactly what the packets hold, and the last
// page says that it is the last. It is for whoever receives one, and for whoever sends one.
//
// Remux is for whoever sends one. It takes Opus out of Ogg, or out of WebM (RFC 9559, as MediaRecorder
// of Chromium writes it: sizes left open, a simple block for each packet), and writes Ogg anew, so that
// nothing comes along that is not sound: the comments become a bare "earshot", the sample rate of the
// microphone 48,000 Hz, the serial number always the same. Times in WebM are those of the recorder's
// clock and jitter, so they aren't read: packets are put end to end, as they were coded. Likewise gaps
// in Ogg are closed, and an end that is missing is written. What it returns passes Check, and comes out
// of Remux as it is.
//
// The package is pure: bytes in, bytes out, and may be called from anywhere. It takes memory for the
// result, and for at most 360,000 packets a slice header each (9 MB).
package voice

import (
	"bytes"
	"time"
)

const (
	// MaxBytes is the size of the largest voice note, and of the largest recording that becomes one.
	MaxBytes = 4 << 20
	// MaxDuration is the length of the longest one.
	MaxDuration = 15 * time.Minute
	// MaxWave is how many bytes a wave has at most.
	MaxWave = 128
)

// Note is what is known about a voice note that was not played.
type Note struct {
	// Duration is how long it is heard: above 0.
	Duration time.Duration
	// Wave says how much there is to hear, in slices of the same length, at most MaxWave of them, the
	// loudest 255. It comes of how many bytes the coder has spent on a slice, for nothing was decoded:
	// with a variable bit rate, as recorders have it, that is little for silence and much for words.
	// With a constant rate it is flat.
	Wave []byte
}

// Check returns what there is to say about a voice note, or why it isn't one.
func Check(ogg []byte) (Note, error) {
	r, err := read(ogg, false)
	if err != nil {
		return Note{}, err
	}
	if r.healed {
		return Note{}, malformed("granule positions leave gaps, or no end")
	}
	return Note{Duration: r.duration(), Wave: r.wave()}, nil
}

// Remux returns a recording, Ogg or WebM, as a voice note.
func Remux(b []byte) ([]byte, error) {
	r, err := read(b, true)
	if err != nil {
		return nil, err
	}
	out := r.ogg()
	if len(out) > MaxBytes {
		return nil, ErrTooLarge
	}
	return out, nil
}

func read(b []byte, webm bool) (r recording, err error) {
	switch {
	case len(b) > MaxBytes:
		return r, ErrTooLarge
	case bytes.HasPrefix(b, []byte(capture)):
		err = r.readOgg(b)
	case webm && bytes.HasPrefix(b, []byte(ebmlMagic)):
		err = r.readWebM(b)
	default:
		return r, ErrUnknown
	}
	if err != nil {
		return r, err
	}
	return r, r.finish()
}
