package event

// MaxSegments bounds the pieces in which a log is held, so that what a peer says
// about a log stays small whatever it was sent.
const MaxSegments = 32

// Segment is a stretch of a log that somebody holds, both ends included. ID is that
// of Last.
type Segment struct {
	First, Last uint64
	ID          ID
}

// Segments is what somebody holds of one log: ascending, none overlapping or
// touching another, at most MaxSegments. The methods leave their receiver as it is.
type Segments []Segment

// Check refuses segments from outside that are not what the type promises.
func (s Segments) Check() error {
	if len(s) > MaxSegments {
		return malformed("%d segments", len(s))
	}
	for i, g := range s {
		if err := g.check(); err != nil {
			return err
		}
		if i > 0 && s[i-1].Last+1 >= g.First {
			return malformed("segments out of order")
		}
	}
	return nil
}

func (g Segment) check() error {
	if g.First < 1 || g.First > g.Last || g.Last > MaxInteger {
		return malformed("segment from %d to %d", g.First, g.Last)
	}
	return nil
}

// Add returns s with g. It fails with ErrTooManySegments if the result would have
// too many, and with ErrConflict if another ID stands at the same last sequence.
func (s Segments) Add(g Segment) (Segments, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	out := make(Segments, 0, len(s)+1)
	i := 0
	for ; i < len(s) && s[i].Last < g.First-1; i++ {
		out = append(out, s[i])
	}
	for ; i < len(s) && s[i].First-1 <= g.Last; i++ {
		if s[i].Last == g.Last && s[i].ID != g.ID {
			return nil, ErrConflict
		}
		g.First = min(g.First, s[i].First)
		if s[i].Last > g.Last {
			g.Last, g.ID = s[i].Last, s[i].ID
		}
	}
	out = append(append(out, g), s[i:]...)
	if len(out) > MaxSegments {
		return nil, ErrTooManySegments
	}
	return out, nil
}

// Covers reports whether sequence is in s.
func (s Segments) Covers(sequence uint64) bool {
	for _, g := range s {
		if sequence <= g.Last {
			return sequence >= g.First
		}
	}
	return false
}

// Last returns the highest sequence in s, 0 if there is none.
func (s Segments) Last() uint64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].Last
}

// Ranges returns the sequences in s.
func (s Segments) Ranges() Ranges {
	out := make(Ranges, len(s))
	for i, g := range s {
		out[i] = Range{g.First, g.Last}
	}
	return out
}

// Missing returns what s has and of lacks: what its holder can give of's.
func (s Segments) Missing(of Segments) Ranges { return s.Ranges().Subtract(of.Ranges()) }
