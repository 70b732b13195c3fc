package event

const (
	// MaxSegments bounds how many pieces of a log are told to a peer. If there are more, the lowest
	// are told: the peer gives the lowest missing events first, so the gaps close there.
	MaxSegments = 32

	// MaxPieces bounds in how many pieces a log is held, so that a log takes little room even if
	// somebody sends it in scattered pieces.
	MaxPieces = 1024
)

// Segment is a part of a log that somebody holds, both ends included. ID is that of the event at
// Last.
type Segment struct {
	First, Last uint64
	ID          ID
}

// Segments is what somebody holds of one log: ascending, none overlapping or touching another. The
// methods leave their receiver as it is.
type Segments []Segment

// Check refuses segments from outside that are not as the type promises, or are more than most.
func (s Segments) Check(most int) error {
	if len(s) > most {
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

// Told returns what is told of s: its lowest pieces.
func (s Segments) Told() Segments { return s[:min(len(s), MaxSegments)] }

// Len returns how many sequences are in s.
func (s Segments) Len() (n uint64) {
	for _, g := range s {
		n += g.Last - g.First + 1
	}
	return n
}

// Add returns s with g. It fails with ErrConflict if another ID stands at the same last sequence.
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
	return append(append(out, g), s[i:]...), nil
}

// Union returns what is in s or in o, with the errors of Add.
func (s Segments) Union(o Segments) (Segments, error) {
	out := make(Segments, 0, len(s)+len(o))
	for len(s)+len(o) > 0 {
		var g Segment
		if len(o) == 0 || len(s) > 0 && s[0].First <= o[0].First {
			g, s = s[0], s[1:]
		} else {
			g, o = o[0], o[1:]
		}
		n := len(out)
		if n == 0 || g.First-1 > out[n-1].Last {
			out = append(out, g)
			continue
		}
		switch last := &out[n-1]; {
		case g.Last == last.Last && g.ID != last.ID:
			return nil, ErrConflict
		case g.Last > last.Last:
			last.Last, last.ID = g.Last, g.ID
		}
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

// Missing returns what s has and of lacks: what the holder of s can give to the holder of of.
func (s Segments) Missing(of Segments) Ranges { return s.Ranges().Subtract(of.Ranges()) }
