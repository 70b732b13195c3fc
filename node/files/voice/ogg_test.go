package voice

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// bytes writes a page with whatever is in its fields, and the right checksum.
func (p page) bytes() []byte {
	b := appendPage(nil, p.flags, p.granule, p.sequence)
	binary.LittleEndian.PutUint32(b[14:], p.serial)
	b[26] = byte(len(p.lacing))
	return resealed(append(append(b, p.lacing...), p.body...))
}

// pages returns the pages of a file.
func pages(b []byte) (all []page) {
	for len(b) > 0 {
		p, rest, err := cutPage(b)
		if err != nil {
			panic(err)
		}
		all = append(all, p)
		b = rest
	}
	return all
}

func file(all []page) (b []byte) {
	for _, p := range all {
		b = append(b, p.bytes()...)
	}
	return b
}

// resealed sets right the checksums of all pages that can be found.
func resealed(b []byte) []byte {
	b = bytes.Clone(b)
	for rest := b; len(rest) >= pageHead && string(rest[:4]) == capture; {
		size := pageHead + int(rest[26])
		for i := pageHead; i < size && i < len(rest); i++ {
			if size += int(rest[i]); i == pageHead+int(rest[26])-1 {
				break
			}
		}
		if size > len(rest) {
			break
		}
		binary.LittleEndian.PutUint32(rest[22:], checksum(rest[:size]))
		rest = rest[size:]
	}
	return b
}

// TestVoiceNote holds the bytes of a voice note, all of them.
func TestVoiceNote(t *testing.T) {
	r := &recording{head: head{channels: 2, preSkip: 312, gain: -256}, trim: 100}
	for _, p := range []string{"\x0c\x01", "\x0c" + strings.Repeat("x", 254)} {
		if err := r.add([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"4f67675300" + "02" + "0000000000000000" + "01000000" + "00000000" + "cb463a12" + "01" + "13",
		"4f70757348656164" + "01" + "02" + "3801" + "80bb0000" + "00ff" + "00",
		"4f67675300" + "00" + "0000000000000000" + "01000000" + "01000000" + "9486f760" + "01" + "17",
		"4f70757354616773" + "07000000" + "65617273686f74" + "00000000",
		"4f67675300" + "04" + "1c07000000000000" + "01000000" + "02000000" + "5d2f14ac" + "03" + "02" + "ff00",
		"0c01" + "0c" + strings.Repeat("78", 254),
	}
	if got := hex.EncodeToString(r.ogg()); got != strings.Join(want, "") {
		t.Errorf("got  %s\nwant %s", got, strings.Join(want, ""))
	}
	if _, err := Check(r.ogg()); err != nil {
		t.Error(err)
	}
}

// TestPagesAreAboutASecond: and never of more than 255 pieces.
func TestPagesAreAboutASecond(t *testing.T) {
	for what, r := range map[string]*recording{"small packets": spoken(bytesOf(200, 30)...), "large packets": spoken(bytesOf(200, 3000)...), "the largest": spoken(bytesOf(60, maxPacketBytes)...)} {
		b := r.ogg()
		if _, err := Check(b); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		at := int64(0)
		for i, p := range pages(b)[2:] {
			if p.granule-at > pageSamples || p.granule <= at {
				t.Errorf("%s: page %d has %d samples", what, i, p.granule-at)
			}
			at = p.granule
		}
	}
}

// oggCase is a file, and what Check and Remux say of it.
type oggCase struct {
	what         string
	file         []byte
	check, remux error
}

func oggCases() (all []oggCase) {
	plain := spoken(bytesOf(120, 40)...).ogg() // three pages of sound
	add := func(what string, check, remux error, change func(p []page) []page) {
		all = append(all, oggCase{what, file(change(pages(plain))), check, remux})
	}
	one := func(i int, f func(p *page)) func([]page) []page {
		return func(p []page) []page {
			f(&p[i])
			return p
		}
	}
	packet := func(i int, b string) func([]page) []page {
		return one(i, func(p *page) { p.lacing, p.body = []byte{byte(len(b))}, []byte(b) })
	}
	add("as it is", nil, nil, func(p []page) []page { return p })
	add("another serial and other numbers", nil, nil, func(p []page) []page {
		for i := range p {
			p[i].serial, p[i].sequence = 77, p[i].sequence+1000
		}
		return p
	})
	add("cut out of a longer one", nil, nil, func(p []page) []page {
		for i := range p[2:] {
			p[2+i].granule += 1 << 40
		}
		return p
	})
	add("an empty page at the end", nil, nil, func(p []page) []page {
		p[4].flags = 0
		return append(p, page{flags: last, granule: p[4].granule, serial: serial, sequence: 5})
	})
	add("comments on two pages, the second empty", nil, nil, func(p []page) []page {
		tags := append(binary.LittleEndian.AppendUint32([]byte(tagsMagic), 255-16), bytes.Repeat([]byte{'x'}, 255-16)...)
		tags = binary.LittleEndian.AppendUint32(tags, 0)
		a := page{granule: -1, serial: serial, sequence: 1, lacing: []byte{255}, body: tags}
		b := page{flags: continued, serial: serial, sequence: 2, lacing: []byte{0}}
		for i := range p[2:] {
			p[2+i].sequence++
		}
		return append([]page{p[0], a, b}, p[2:]...)
	})
	add("an empty comment", nil, nil, packet(1, "OpusTags\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"))
	add("a last page of which nothing is played", nil, nil, one(4, func(p *page) { p.granule = 96_000 }))
	add("a packet on two pages", nil, nil, func(p []page) []page {
		a, b := p[2], p[2]
		n := len(a.lacing) - 1
		big := append(bytes.Clone(a.body[:40*n]), append([]byte{1 << 3}, make([]byte, 299)...)...)
		a.lacing, a.body, a.granule = append(bytes.Clone(a.lacing[:n]), 255), big[:40*n+255], a.granule-960
		b.lacing, b.body, b.flags, b.sequence = []byte{45}, big[40*n+255:], continued, 3
		p[3].sequence, p[4].sequence = 4, 5
		return []page{p[0], p[1], a, b, p[3], p[4]}
	})
	add("a gap", ErrMalformed, nil, one(4, func(p *page) { p.granule += 960 }))
	add("no end", ErrMalformed, nil, one(4, func(p *page) { p.flags = 0 }))
	add("an end in the middle of a packet", ErrMalformed, nil, one(4, func(p *page) {
		p.lacing, p.body = append(bytes.Clone(p.lacing), 255), append(bytes.Clone(p.body), make([]byte, 255)...)
	}))
	for what, change := range map[string]func([]page) []page{
		"a page twice":           func(p []page) []page { return append(p[:3:3], p[2:]...) },
		"a page less":            func(p []page) []page { return append(p[:3:3], p[4:]...) },
		"no sound":               func(p []page) []page { p[1].flags = last; return p[:2] },
		"no comments":            func(p []page) []page { p[2].sequence = 1; return append(p[:1:1], p[2]) },
		"an unknown flag":        one(3, func(p *page) { p.flags = 8 }),
		"continued from nowhere": one(3, func(p *page) { p.flags = continued }),
		"a packet that isn't continued": one(3, func(p *page) {
			p.lacing = append(bytes.Clone(p.lacing[:len(p.lacing)-1]), 255)
			p.body = append(bytes.Clone(p.body), make([]byte, 215)...)
		}),
		"time goes back":                 one(3, func(p *page) { p.granule = 47_000 }),
		"less time than sound":           one(3, func(p *page) { p.granule-- }),
		"less on the first page":         one(2, func(p *page) { p.granule-- }),
		"time below 0":                   one(2, func(p *page) { p.granule = -1 }),
		"time without end":               one(4, func(p *page) { p.granule = 1<<63 - 1 }),
		"the end before what was played": one(4, func(p *page) { p.granule = 47_999 }),
		"time of a header":               one(0, func(p *page) { p.granule = 1 }),
		"time of the comments":           one(1, func(p *page) { p.granule = 960 }),
		"two packets with the header":    one(0, func(p *page) { p.lacing = []byte{19, 0} }),
		"sound with the comments":        one(1, func(p *page) { p.lacing, p.body = append(bytes.Clone(p.lacing), 1), append(bytes.Clone(p.body), 8) }),
		"a header on two pages":          one(0, func(p *page) { p.lacing, p.body = []byte{255}, append(bytes.Clone(p.body), make([]byte, 236)...) }),
		"a header that goes on": func(p []page) []page {
			b := page{flags: continued, serial: serial, sequence: 1, lacing: []byte{4}, body: p[0].body[15:]}
			p[0].lacing, p[0].body = []byte{255}, append(bytes.Clone(p[0].body), make([]byte, 236)...)
			return append([]page{p[0], b}, p[2:]...)
		},
		"time where no packet ends": func(p []page) []page {
			p[2].granule, p[2].lacing, p[2].body = 960, []byte{255}, make([]byte, 255)
			p[3].flags = continued
			return p
		},
		"a short header":                     packet(0, "OpusHead\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00"),
		"another header":                     packet(0, "OpusHeed\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"other comments":                     packet(1, "OpusTaps\x00\x00\x00\x00\x00\x00\x00\x00"),
		"comments without a count":           packet(1, "OpusTags\x00\x00\x00\x00\x00\x00\x00"),
		"comments beyond the end":            packet(1, "OpusTags\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00"),
		"a vendor beyond the end":            packet(1, "OpusTags\xff\xff\xff\xff\x00\x00\x00\x00"),
		"2³² comments":                       packet(1, "OpusTags\x00\x00\x00\x00\xff\xff\xff\xff"),
		"an empty packet":                    one(3, func(p *page) { p.lacing = append(bytes.Clone(p.lacing), 0) }),
		"a packet of 0 frames":               packet(4, "\x0b\x00"),
		"nothing but what isn't to be heard": func(p []page) []page { p[2].flags, p[2].granule = last, 312; return p[:3] },
	} {
		add(what, ErrMalformed, ErrMalformed, change)
	}
	for what, change := range map[string]func([]page) []page{
		"another stream":           one(3, func(p *page) { p.serial++ }),
		"another beginning":        one(3, func(p *page) { p.flags = first }),
		"no beginning":             one(0, func(p *page) { p.flags = 0 }),
		"something after the end":  one(3, func(p *page) { p.flags = last }),
		"three channels":           packet(0, "OpusHead\x01\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"no channel":               packet(0, "OpusHead\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"a family of channels":     packet(0, "OpusHead\x01\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x00\x01"),
		"another version":          packet(0, "OpusHead\x10\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"a header with more in it": packet(0, "OpusHead\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	} {
		add(what, ErrUnsupported, ErrUnsupported, change)
	}
	other := bytes.Clone(plain)
	other[4] = 1
	all = append(all, oggCase{"another version of Ogg", resealed(other), ErrMalformed, ErrMalformed})
	return all
}

func TestOgg(t *testing.T) {
	for _, c := range oggCases() {
		if err := checkOnly(c.file); !errors.Is(err, c.check) {
			t.Errorf("check %s: %v", c.what, err)
		}
		if err := remuxOnly(c.file); !errors.Is(err, c.remux) {
			t.Errorf("remux %s: %v", c.what, err)
		}
		held(t, c.file)
	}
	plain := spoken(bytesOf(120, 40)...).ogg()
	for n := range plain {
		if err := checkOnly(plain[:n]); !known(err) {
			t.Errorf("the first %d of %d bytes: %v", n, len(plain), err)
		}
		b := bytes.Clone(plain)
		b[n] ^= 0x10
		if err := checkOnly(b); err == nil {
			t.Errorf("byte %d is another one", n)
		}
	}
	more := append(bytes.Clone(plain), "more"...)
	if err := checkOnly(more); !errors.Is(err, ErrUnsupported) {
		t.Errorf("something at the end: %v", err)
	}
}

// TestPacketOfManyPages: of which each has one piece; it must not be copied for each of them.
func TestPacketOfManyPages(t *testing.T) {
	p := pages(spoken(40).ogg())[:1]
	for n := uint32(1); n < 14_000; n++ {
		p = append(p, page{flags: continued, granule: -1, serial: serial, sequence: n, lacing: []byte{255}, body: make([]byte, 255)})
	}
	p[1].flags = 0
	b := file(p)
	if n := testing.AllocsPerRun(1, func() { _ = remuxOnly(b) }); n > 200 {
		t.Errorf("%.0f allocations for one packet", n)
	}
}
