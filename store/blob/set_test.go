package blob

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// model is a Set in the plainest way.
type model map[int]bool

func (m model) next(n int, is bool, end int) (first, count int) {
	for ; n < end && m[n] != is; n++ {
	}
	for first = n; n < end && m[n] == is; n++ {
		count++
	}
	if count == 0 {
		return 0, 0
	}
	return first, count
}

func TestSet(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for range 60 {
		end := 1 + random.IntN(400)
		var s Set
		m := model{}
		for range random.IntN(40) {
			first := random.IntN(end)
			count := random.IntN(end-first) + 1
			if random.IntN(2) == 0 {
				count = min(count, 3)
			}
			add := random.IntN(3) > 0
			if add {
				s.Add(first, count)
			} else {
				s.Remove(first, count)
			}
			for n := first; n < first+count; n++ {
				if add {
					m[n] = true
				} else {
					delete(m, n)
				}
			}
			checkSet(t, &s, m, end)
		}
	}
}

func checkSet(t *testing.T, s *Set, m model, end int) {
	t.Helper()
	if s.Count() != len(m) {
		t.Fatalf("%d numbers, not %d", s.Count(), len(m))
	}
	for n := -1; n <= end; n++ {
		if s.Has(n) != m[n] {
			t.Fatalf("has %d: %v", n, s.Has(n))
		}
		first, count := s.Next(n)
		if f, c := m.next(max(n, 0), true, end); f != first || c != count {
			t.Fatalf("from %d: %d from %d, not %d from %d", n, count, first, c, f)
		}
		first, count = s.Gap(n, end)
		if f, c := m.next(max(n, 0), false, end); f != first || c != count {
			t.Fatalf("gap from %d: %d from %d, not %d from %d", n, count, first, c, f)
		}
	}
	total := 0
	for first, count := range s.Stretches() {
		if !s.Has(first) || s.Has(first-1) || s.Has(first+count) {
			t.Fatal("stretch is not whole")
		}
		total += count
	}
	if total != len(m) {
		t.Fatalf("stretches of %d, not %d", total, len(m))
	}
	b := s.Marshal()
	got, err := ParseSet(b, end)
	if err != nil || !got.Equal(s) || got.Count() != s.Count() {
		t.Fatalf("%x: %v", b, err)
	}
	clone := s.Clone()
	clone.Add(0, end)
	if s.Count() != len(m) || clone.Count() < s.Count() {
		t.Fatal("a clone shares")
	}
}

func TestSetIsShort(t *testing.T) {
	var all, half Set
	all.Add(0, MaxChunks)
	for n := 0; n < MaxChunks; n += 2 {
		half.Add(n, 1)
	}
	if n := len(all.Marshal()); n > 8 {
		t.Errorf("all: %d bytes", n)
	}
	b := half.Marshal()
	if len(b) > MaxSet {
		t.Errorf("half: %d bytes", len(b))
	}
	if got, err := ParseSet(b, MaxChunks); err != nil || !got.Equal(&half) {
		t.Error(err)
	}
}

func TestSetRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"no form":               {0, 0, 1},
		"form 3":                {3, 0, 1},
		"no stretches":          {setRuns},
		"half a stretch":        {setRuns, 0},
		"empty stretch":         {setRuns, 1, 0, 9, 50},
		"stretches that touch":  {setRuns, 0, 50, 0, 50},
		"long varint":           {setRuns, 0x80, 0, 100},
		"endless varint":        {setRuns, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"past the end":          {setRuns, 0, 101},
		"past the end by both":  {setRuns, 51, 50},
		"numbers that overflow": append([]byte{setRuns, 1}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
		"no bitmap":             {setBitmap},
		"bitmap with a zero":    {setBitmap, 0x55, 0x55, 0},
		"bitmap past the end":   {setBitmap, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x20},
		"stretches as a bitmap": {setBitmap, 0xff, 0xff},
		"a bitmap as stretches": {setRuns, 0, 1, 1, 1, 1, 1, 1, 1},
		"bitmap of zeros":       {setBitmap, 0},
	} {
		if _, err := ParseSet(b, 100); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzSet checks that what parses has no second encoding and no number that is too high.
func FuzzSet(f *testing.F) {
	f.Add([]byte{setRuns, 3, 5, 1, 1}, 20)
	f.Add([]byte{setBitmap, 0x55, 0x55, 0x15}, 30)
	f.Fuzz(func(t *testing.T, b []byte, end int) {
		if end < 0 || end > MaxChunks {
			return
		}
		s, err := ParseSet(b, end)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if again := s.Marshal(); !bytes.Equal(again, b) {
			t.Fatalf("%x came back as %x", b, again)
		}
		if first, count := s.Next(end); count != 0 {
			t.Fatalf("%d from %d, past %d", count, first, end)
		}
	})
}
