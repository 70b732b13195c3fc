package fetch

import (
	"cmp"
	"time"
)

// overdue finds the parts that may be asked of one more source.
func (f *Fetch) overdue(now time.Time, wake *alarm) {
	f.overdues = f.overdues[:0]
	for _, s := range f.sources {
		for _, a := range s.attempts {
			others := f.open[a.Part]
			if a.checked || len(others) == 0 || others[0] != a {
				continue
			}
			after := late
			if a.Kind == Chunk && f.frees > 0 {
				after = veryLate
			}
			after = max(after, time.Duration(len(others)-1)*veryLate)
			if at := a.since.Add(after); now.Before(at) {
				wake.at(at)
			} else {
				f.overdues = append(f.overdues, a)
			}
		}
	}
}

// second returns the part of those that are overdue that fewest sources were asked for, of equals the
// one that was begun first. A source gets one at a time.
func (f *Fetch) second(s *source) (best Part, ok bool) {
	if len(s.attempts) > 0 {
		return Part{}, false
	}
	var first *attempt
	for _, a := range f.overdues {
		others := f.open[a.Part]
		if len(others) == 0 || !s.mayHave(a.Part) {
			continue
		}
		asked := false
		for _, o := range others {
			asked = asked || o.source == s
		}
		if asked || first != nil && cmp.Or(cmp.Compare(len(f.open[first.Part]), len(others)), first.since.Compare(a.since)) <= 0 {
			continue
		}
		first = a
	}
	if first == nil {
		return Part{}, false
	}
	return first.Part, true
}

func (f *Fetch) hasSecond(s *source) bool {
	_, ok := f.second(s)
	return ok
}

func (s *source) mayHave(p Part) bool {
	switch p.Kind {
	case Manifest:
		return s.hasManifest()
	case Page:
		return s.hasPage(p.Index)
	}
	return s.has(p.Index)
}
