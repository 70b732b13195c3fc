package event

import (
	"errors"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// bitmap is the model of a set of sequences 1 to 63.
type bitmap uint64

func (m bitmap) add(first, last uint64) bitmap {
	for s := first; s <= last; s++ {
		m |= 1 << s
	}
	return m
}

// is fails unless s is in its form and holds just what is in m.
func (m bitmap) is(t *testing.T, what string, s Ranges) {
	t.Helper()
	var got bitmap
	for i, r := range s {
		if r.First < 1 || r.First > r.Last || i > 0 && s[i-1].Last+1 >= r.First {
			t.Fatalf("%s: out of form: %v", what, s)
		}
		got = got.add(r.First, r.Last)
	}
	if got != m {
		t.Fatalf("%s: %v, want %b", what, s, m)
	}
}

func randomRange(r *rand.Rand) Range {
	first := 1 + r.Uint64N(63)
	return Range{first, min(63, first+r.Uint64N(9))}
}

func randomRanges(r *rand.Rand) (s Ranges, m bitmap) {
	for range r.IntN(8) {
		x := randomRange(r)
		s, m = s.Add(x), m.add(x.First, x.Last)
	}
	return s, m
}

func TestRangesAgainstABitmap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		a, ma := randomRanges(random)
		b, mb := randomRanges(random)
		ma.is(t, "add", a)
		(ma | mb).is(t, "union", a.Union(b))
		parts := append(slices.Concat(a, b, a), Range{}, Range{5, 4})
		random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		(ma | mb).is(t, "united", United(parts))
		(ma &^ mb).is(t, "subtract", a.Subtract(b))
		(ma & mb).is(t, "intersect", a.Intersect(b))
		for s := range uint64(64) {
			if a.Covers(s) != (ma>>s&1 == 1) {
				t.Fatalf("%v covers %d: %t", a, s, a.Covers(s))
			}
		}
		ma.is(t, "receiver after use", a)
		mb.is(t, "argument after use", b)
	}
}

func TestRangesAtTheEnds(t *testing.T) {
	const top = 1<<64 - 1
	whole := Ranges{}.Add(Range{1, top})
	if got := whole.Add(Range{5, 6}); len(got) != 1 || got[0] != (Range{1, top}) {
		t.Errorf("add: %v", got)
	}
	if got := whole.Subtract(whole); len(got) != 0 {
		t.Errorf("subtract all: %v", got)
	}
	if got := whole.Subtract(Ranges{{2, top}}); len(got) != 1 || got[0] != (Range{1, 1}) {
		t.Errorf("subtract the end: %v", got)
	}
	if got := (Ranges{{1, 1}}).Add(Range{top, top}); len(got) != 2 || !got.Covers(top) || got.Covers(0) {
		t.Errorf("far apart: %v", got)
	}
	for _, empty := range []Range{{}, {0, 5}, {3, 2}} {
		if got := (Ranges{}).Add(empty); len(got) != 0 {
			t.Errorf("add %v: %v", empty, got)
		}
	}
}

// idAt is the ID of a sequence in a log without forks.
func idAt(s uint64) ID { return ID{byte(s)} }

func randomSegments(t *testing.T, r *rand.Rand) (s Segments, m bitmap) {
	for range r.IntN(8) {
		x := randomRange(r)
		var err error
		if s, err = s.Add(Segment{x.First, x.Last, idAt(x.Last)}); err != nil {
			t.Fatal(err)
		}
		m = m.add(x.First, x.Last)
	}
	return s, m
}

func TestSegmentsAgainstABitmap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		a, ma := randomSegments(t, random)
		b, mb := randomSegments(t, random)
		ma.is(t, "add", a.Ranges())
		if err := a.Check(MaxSegments); err != nil {
			t.Fatal(err)
		}
		for _, g := range a {
			if g.ID != idAt(g.Last) {
				t.Fatalf("segment to %d has the ID of %d", g.Last, g.ID[0])
			}
		}
		(ma &^ mb).is(t, "missing", a.Missing(b))
		(ma | mb).is(t, "union of ranges", a.Ranges().Union(b.Ranges()))
		union, err := a.Union(b)
		if err != nil {
			t.Fatal(err)
		}
		(ma | mb).is(t, "union", union.Ranges())
		for _, g := range union {
			if g.ID != idAt(g.Last) {
				t.Fatalf("segment to %d of a union has the ID of %d", g.Last, g.ID[0])
			}
		}
		if want := uint64(max(0, bits.Len64(uint64(ma))-1)); a.Last() != want {
			t.Fatalf("last of %v: %d", a, a.Last())
		}
		for s := range uint64(64) {
			if a.Covers(s) != (ma>>s&1 == 1) {
				t.Fatalf("%v covers %d: %t", a, s, a.Covers(s))
			}
		}
	}
}

func TestSegmentsAdd(t *testing.T) {
	s, err := Segments{{1, 5, ID{1}}}.Add(Segment{3, 5, ID{2}})
	if !errors.Is(err, ErrConflict) {
		t.Errorf("fork: %v, %v", s, err)
	}
	for _, pair := range [][2]Segments{{{{1, 5, ID{1}}}, {{3, 5, ID{2}}}}, {{{3, 5, ID{1}}}, {{1, 5, ID{2}}}}} {
		if s, err := pair[0].Union(pair[1]); !errors.Is(err, ErrConflict) {
			t.Errorf("union of a fork: %v, %v", s, err)
		}
	}
	for _, g := range []Segment{{0, 1, ID{}}, {2, 1, ID{}}, {1, MaxInteger + 1, ID{}}} {
		if _, err := (Segments{}).Add(g); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: %v", g, err)
		}
	}
	s = nil
	for i := range uint64(MaxSegments + 8) {
		if s, err = s.Add(Segment{3*i + 1, 3*i + 1, idAt(3*i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	if joined, err := s.Add(Segment{2, 3, ID{}}); err != nil || len(joined) != len(s)-1 || joined[:1].Len() != 4 {
		t.Errorf("join: %d, %v", len(joined), err)
	}
	if told := s.Told(); len(told) != MaxSegments || told[0] != s[0] || told.Len() != MaxSegments || s[:3].Told().Len() != 3 {
		t.Errorf("told: %v", told)
	}
}

func TestSegmentsCheck(t *testing.T) {
	many := make(Segments, MaxSegments+1)
	for i := range many {
		many[i] = Segment{First: uint64(2*i + 1), Last: uint64(2*i + 1)}
	}
	for name, s := range map[string]Segments{
		"33":          many,
		"from 0":      {{First: 0, Last: 1}},
		"backwards":   {{First: 2, Last: 1}},
		"huge":        {{First: 2, Last: 1<<64 - 1}},
		"descending":  {{First: 5, Last: 6}, {First: 1, Last: 2}},
		"overlapping": {{First: 1, Last: 3}, {First: 3, Last: 4}},
		"touching":    {{First: 1, Last: 3}, {First: 4, Last: 4}},
	} {
		if err := s.Check(MaxSegments); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := many[1:].Check(MaxSegments); err != nil {
		t.Error(err)
	}
}

func TestTime(t *testing.T) {
	const now = 1_700_000_000_000
	for _, c := range []struct {
		name             string
		clock, firstSeen int64
		causes           []int64
		want             int64
	}{
		{"late", now - 500, now, nil, now - 500},
		{"ten years slow", 0, now, nil, 0},
		{"two minutes fast", now + 120_000, now, nil, now + 120_000},
		{"faster", now + 120_001, now, nil, now},
		{"ten years fast", MaxClock, now, nil, now},
		{"after its causes", now - 500, now, []int64{now - 400, now - 450}, now - 399},
		{"at the time of its cause", now, now, []int64{now}, now + 1},
		{"ten years slow, with causes", 0, now, []int64{now}, now + 1},
	} {
		if got := Time(c.clock, c.firstSeen, c.causes); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestConversations(t *testing.T) {
	v := vectors(t)
	a, b := [32]byte(pattern(32, 1)), [32]byte(pattern(32, 2))
	if Direct(a, b) != Direct(b, a) || Direct(a, b) != Conversation(v["conversation direct"]) {
		t.Error("the two sides of a conversation differ")
	}
	if Direct(a, b) == Direct(a, a) || Self(a) == Self(b) || Self(a) == Direct(a, a) {
		t.Error("two conversations are one")
	}
	l := Log{Conversation{1}, a, Instance{1}}
	for _, m := range []Log{{Conversation{2}, [32]byte{}, Instance{}}, {Conversation{1}, b, Instance{}}, {Conversation{1}, a, Instance{2}}} {
		if l.Compare(m) >= 0 || m.Compare(l) <= 0 || l.Compare(l) != 0 {
			t.Errorf("%v and %v out of order", l, m)
		}
	}
}
