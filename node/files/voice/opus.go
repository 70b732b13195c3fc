package voice

import (
	"bytes"
	"encoding/binary"
	"time"
)

// rate is how many samples a second Opus counts in, whatever the microphone gave.
const rate = 48_000

// Bounds of a packet: RFC 6716, section 3.2, and RFC 7845, section 6.
const (
	maxPacketSamples = rate * 120 / 1000
	maxPacketBytes   = 61_440
)

// maxSamples is MaxDuration with what may stand before it and after it without being heard.
const maxSamples = int(MaxDuration/time.Second)*rate + 1<<16 + maxPacketSamples

// head is what OpusHead says (RFC 7845, section 5.1).
type head struct {
	channels byte
	preSkip  uint16 // samples to decode and not to play
	gain     int16
}

const (
	headMagic = "OpusHead"
	tagsMagic = "OpusTags"
	vendor    = "earshot"
)

func readHead(b []byte) (head, error) {
	if len(b) < 19 || !bytes.HasPrefix(b, []byte(headMagic)) {
		return head{}, malformed("OpusHead")
	}
	h := head{channels: b[9], preSkip: binary.LittleEndian.Uint16(b[10:]), gain: int16(binary.LittleEndian.Uint16(b[16:]))}
	if b[8] != 1 || b[18] != 0 || len(b) != 19 || h.channels < 1 || h.channels > 2 {
		return h, ErrUnsupported // another version, or a family of channels that are told apart by a table
	}
	return h, nil
}

func (h head) bytes() []byte {
	b := append([]byte(headMagic), 1, h.channels)
	b = binary.LittleEndian.AppendUint16(b, h.preSkip)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint16(b, uint16(h.gain))
	return append(b, 0)
}

// checkTags says whether OpusTags holds what it says it holds. What that is isn't read.
func checkTags(b []byte) error {
	b, ok := bytes.CutPrefix(b, []byte(tagsMagic))
	text := func() {
		if ok = ok && len(b) >= 4 && uint64(binary.LittleEndian.Uint32(b)) <= uint64(len(b)-4); ok {
			b = b[4+binary.LittleEndian.Uint32(b):]
		}
	}
	text()
	if !ok || len(b) < 4 {
		return malformed("OpusTags")
	}
	n := binary.LittleEndian.Uint32(b)
	for b = b[4:]; n > 0 && ok; n-- {
		text()
	}
	if !ok {
		return malformed("OpusTags")
	}
	return nil
}

func bareTags() []byte {
	b := binary.LittleEndian.AppendUint32([]byte(tagsMagic), uint32(len(vendor)))
	return append(append(b, vendor...), 0, 0, 0, 0)
}

// samplesOf returns how long a packet sounds, from its first two bytes (RFC 6716, section 3.1); 0 if
// there is no such packet.
func samplesOf(packet []byte) int {
	if len(packet) == 0 || len(packet) > maxPacketBytes {
		return 0
	}
	var frame int
	switch config := packet[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [...]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = 480 << (config & 1)
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config & 3)
	}
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0
		}
		frames = int(packet[1] & 0x3f)
	}
	if frames*frame > maxPacketSamples {
		return 0
	}
	return frames * frame
}

// recording is Opus out of any container.
type recording struct {
	head
	packets [][]byte // some of them alias what they were read from
	samples int      // of all packets
	trim    int      // samples at the end that are not played
	healed  bool     // something was missing that can be written anew
}

func (r *recording) add(packet []byte) error {
	n := samplesOf(packet)
	if n == 0 {
		return malformed("packet")
	}
	if r.samples += n; r.samples > maxSamples {
		return ErrTooLarge
	}
	r.packets = append(r.packets, packet)
	return nil
}

// finish drops packets of which nothing is played, and checks that something is left, and not too much.
func (r *recording) finish() error {
	for len(r.packets) > 0 {
		last := samplesOf(r.packets[len(r.packets)-1])
		if r.trim < last {
			break
		}
		r.packets = r.packets[:len(r.packets)-1]
		r.trim -= last
		r.samples -= last
	}
	switch {
	case len(r.packets) == 0 || r.played() <= 0:
		return malformed("nothing to hear")
	case r.duration() > MaxDuration:
		return ErrTooLarge
	}
	return nil
}

// played returns how many samples are heard.
func (r *recording) played() int { return r.samples - r.trim - int(r.preSkip) }

func (r *recording) duration() time.Duration {
	return time.Duration(r.played()) * time.Second / rate
}

// wave spreads the bytes of each packet over the slices in which it sounds, and squares what comes of
// that: bytes grow about as the logarithm of loudness does, and half of the most is silence already.
func (r *recording) wave() []byte {
	n, total := min(MaxWave, len(r.packets)), int64(r.samples)
	spent := make([]float64, n)
	begin := int64(0) // in samples times n, so that slice k goes from k to k+1 times total
	for _, p := range r.packets {
		end := begin + int64(samplesOf(p)*n)
		for k := begin / total; k*total < end; k++ {
			sounds := min(end, (k+1)*total) - max(begin, k*total)
			spent[k] += float64(len(p)) * float64(sounds) / float64(end-begin)
		}
		begin = end
	}
	most := 0.0
	for _, s := range spent {
		most = max(most, s)
	}
	wave := make([]byte, n)
	for k, s := range spent {
		wave[k] = byte(s/most*s/most*255 + 0.5)
	}
	return wave
}
