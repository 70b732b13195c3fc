package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

// forged is a header of a record as somebody makes it who has no key, but knows all else.
func forged(generation, number uint64, previous Sum, body string) []byte {
	r := record(body)
	guess := Key{0xff}
	guess.seal(r, generation, number, previous)
	return r
}

// TestForged: what somebody puts into a body is not taken for a record, also where what stands before it is
// gone, or the record that has it was torn.
func TestForged(t *testing.T) {
	const size = 8 << 10
	for _, turned := range []bool{false, true} {
		h := newHistory(t, size)
		h.add(t, "first")
		if turned {
			h.turn()
		}
		last, generation := h.link(1), uint64(1)
		if turned {
			generation = 2
		}
		var body []byte
		for n := uint64(2); n < 20; n++ { // of this filling, the next ones, and those of another file
			for _, g := range []uint64{generation, n, 1} {
				body = append(body, forged(g, n, last.Sum, "forged")...)
			}
		}
		h.add(t, string(body))
		bad := h.all[1]
		file := Names[h.j.Active()]
		replays(t, h.files(), Last{}, h.all...)

		for _, n := range []int64{1, HeaderSize - 1, HeaderSize, HeaderSize + 6, HeaderSize + 50, bad.end - bad.at - 1} { // torn: the rest is what was written
			files := h.files()
			clear(files.content[file][bad.at:][:n])
			replays(t, files, Last{}, h.all[0])
		}
		files := h.files() // where a record is looked for, there stands a forged one
		clear(files.content[file][bad.at:])
		copy(files.content[file][bad.at:], body)
		replays(t, files, Last{}, h.all[0])
		replays(t, files, Last{Link: last}) // the database has it
	}
}

// TestLooksAreFew: however a file is filled, at most 3 of 8 places that follow each other look like a header of a
// record that may be missing, and each costs one block of the hash. So it takes little longer to open such a file.
func TestLooksAreFew(t *testing.T) {
	if n := KeySize + 1 + HeaderSize - sumSize; n > 64-9 {
		t.Errorf("%d bytes are hashed for a header, which takes more than one block", n)
	}
	const most = 2 * (4 << 20) / HeaderSize
	for _, above := range []uint64{0, 1, 254, 255, 256, 1 << 16, 1<<24 - 1, 1 << 32, 1<<40 - 3, 1<<48 - 1} {
		var pattern [8]byte
		for n := range 1 << 16 {
			for i := range pattern {
				pattern[i] = []byte{0, 1, 2, 255}[n>>(2*i)&3]
			}
			b, few := bytes.Repeat(pattern[:], HeaderSize/8+3), 0
			for i := range pattern {
				if looks(b[i:], above, most) {
					few++
				}
			}
			if few > 3 {
				t.Fatalf("%d of 8 places look like a header above %d in a file full of %x", few, above, pattern)
			}
		}
	}
	k, b := testKey, record("")
	k.seal(b, 1, most+2, Sum{})
	for above, want := range map[uint64]bool{0: false, 1: false, 2: true, most + 1: true, most + 2: false} {
		if got := k.any(b, above, most); got != want {
			t.Errorf("looks at %d above %d: %v", most+2, above, got)
		}
	}
}

// TestForgedEverywhere: files full of what looks like headers are opened, and nothing of that is taken.
func TestForgedEverywhere(t *testing.T) {
	const size = 256 << 10
	for _, n := range []uint64{1, 2, 255, 256, 1 << 16, 1 << 40} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			h := newHistory(t, size)
			h.j.last.Number = n - 2 // as if so many had been written
			if n < 2 {
				h.j.last.Number = 0
			}
			has := Last{Link: h.j.last}
			for range 2 {
				pattern := binary.BigEndian.AppendUint64(nil, n)
				check(t, h.j.Append(append(make([]byte, HeaderSize), bytes.Repeat(pattern, 8<<10)...)))
			}
			j, got, err := reopen(h.m, has)
			check(t, err)
			if len(got) != 2 || j.Last() != h.j.Last() {
				t.Errorf("replays %v", numbers(got))
			}
			first := int64(HeaderSize + 8*8<<10)
			h.m.content[Names[0]][first]++ // the second one is torn
			if _, got, err = reopen(h.m, has); err != nil || len(got) != 1 {
				t.Errorf("replays %v, %v", numbers(got), err)
			}
		})
	}
}

// TestNotTheNext: a record that this program has sealed counts only where it belongs: behind the one before
// it, in the same filling of a file.
func TestNotTheNext(t *testing.T) {
	key := testKey
	for name, next := range map[string]struct {
		generation, number uint64
		previous           func(Sum) Sum
		follows            bool
	}{
		"the next":              {1, 2, func(s Sum) Sum { return s }, true},
		"of another filling":    {2, 2, func(s Sum) Sum { return s }, false},
		"one is left out":       {1, 3, func(s Sum) Sum { return s }, false},
		"the same again":        {1, 1, func(s Sum) Sum { return s }, false},
		"after another":         {1, 2, func(s Sum) Sum { s[0]++; return s }, false},
		"after none":            {1, 2, func(Sum) Sum { return Sum{} }, false},
		"the end of all":        {1, math.MaxUint64, func(s Sum) Sum { return s }, false},
		"a filling not begun":   {3, 2, func(s Sum) Sum { return s }, false},
		"a filling with no end": {0, 2, func(s Sum) Sum { return s }, false},
	} {
		m, j := create(t, 300)
		one := add(t, j, "one")
		two := record("two")
		sum := key.seal(two, next.generation, next.number, next.previous(one.Sum))
		copy(m.content[Names[0]][one.end:], two)
		want := []batch{one}
		if next.follows {
			want = append(want, batch{Link: Link{2, sum}, body: "two"})
		}
		t.Log(name)
		replays(t, m, Last{}, want...)
	}
	for generation := range uint64(4) { // at the beginning of a file, of which the record before is gone
		m, j := create(t, 300)
		two := record("two")
		l := Link{2, key.seal(two, generation, 2, Sum{1})}
		copy(m.content[Names[0]], two)
		var want []batch
		if generation == 2 {
			want = []batch{{Link: l, body: "two"}}
		}
		t.Log("generation", generation)
		replays(t, m, Last{Link: Link{1, Sum{1}}}, want...)
		check(t, j.Close())
	}
}
