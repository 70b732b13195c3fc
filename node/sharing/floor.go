package sharing

import (
	"slices"
	gosync "sync"

	"github.com/earshot-im/earshot/store/event"
)

// floors remembers, for logs of groups, the first sequence that the peer may read. Members who join
// late have no right to earlier events.
type floors struct {
	mu gosync.Mutex
	of map[event.Log]floor
}

// floor is the first sequence of a log that the peer may read, and the first that was held here
// when that was found.
type floor struct{ first, begin uint64 }

// forget makes floors be found anew, since somebody who was brought into a group again may read
// another history than before.
func (f *floors) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of = nil
}

func (f *floors) get(log event.Log) (floor, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.of[log]
	return known, ok
}

// Visible returns the segments of a log that the peer may know about: in a group, nothing from
// before the history that they were given.
func (s *Portion) Visible(log event.Log, segments event.Segments) event.Segments {
	if len(segments) == 0 || !s.cfg.Groups.Known(log.Conversation) || s.wrote(log) {
		return segments
	}
	s.floors.mu.Lock()
	defer s.floors.mu.Unlock()
	known, ok := s.floors.of[log]
	begin := segments[0].First
	if !ok || begin < known.begin {
		first, err := s.cfg.Groups.Floor(log, segments, s.peer.Person)
		if err != nil {
			return nil
		}
		known = floor{first, begin}
		// The floor is remembered only if no event right before it is missing here: such an event
		// may come later and be one that the peer may read.
		if segments.Covers(first) && (first == begin || segments.Covers(first-1)) {
			if s.floors.of == nil {
				s.floors.of = make(map[event.Log]floor)
			}
			s.floors.of[log] = known
		}
	}
	var out event.Segments
	for _, g := range segments {
		if g.First = max(g.First, known.first); g.First <= g.Last {
			out = append(out, g)
		}
	}
	return out
}

// wrote says that a log was written by the peer's person.
func (s *Portion) wrote(log event.Log) bool {
	author, ok := s.cfg.People.Of(log.Device)
	return ok && author.ID == s.peer.Person
}

// withhold marks in a run of a group the causes of its events that the peer may not have, so that
// the peer does not wait for them.
func (s *Portion) withhold(run *event.Run) {
	if !s.cfg.Groups.Known(run.Log().Conversation) {
		return
	}
	hidden := make(map[event.Log]uint64) // hiddenTo, of logs that were looked up before
	var marked []event.Event             // a copy: the run may be shared with other sessions
	for i := range run.Events {
		if w := s.withheld(&run.Events[i].Header, i == 0, hidden); w != 0 {
			if marked == nil {
				marked = slices.Clone(run.Events)
			}
			marked[i].Withheld = w
		}
	}
	if marked != nil {
		run.Events = marked
	}
}

// withheld returns the marks of one event, as event.Event has them. Only the first of a run can
// have a previous event that is not for the peer.
func (s *Portion) withheld(h *event.Header, first bool, hidden map[event.Log]uint64) (w uint32) {
	early := func(log event.Log, sequence uint64) bool {
		last, ok := hidden[log]
		if !ok {
			last = s.hiddenTo(log)
			hidden[log] = last
		}
		return sequence <= last
	}
	if first && h.Sequence > 1 && early(h.Log(), h.Sequence-1) {
		w = event.WithholdPrevious
	}
	for i := range h.Seen {
		if p := &h.Seen[i]; early(p.Log(h.Conversation), p.Sequence) {
			w |= event.WithholdSeen(i)
		}
	}
	return w
}

// hiddenTo returns the last sequence of a log that is held here and lies before the history that
// the peer was given; 0 if none does. Events before it that are not held here are hidden too; of
// events after it that are not held here nothing is known.
func (s *Portion) hiddenTo(log event.Log) uint64 {
	if s.wrote(log) {
		return 0
	}
	known, ok := s.floors.get(log)
	switch {
	case ok && known.first > known.begin: // then what comes right before it is held
		return known.first - 1
	case ok:
		return 0
	}
	segments, err := s.cfg.Store.Held(log)
	if err != nil {
		return 0
	}
	first, err := s.cfg.Groups.Floor(log, segments, s.peer.Person)
	if err != nil {
		return 0
	}
	last := uint64(0)
	for _, g := range segments {
		if g.First < first {
			last = min(g.Last, first-1)
		}
	}
	return last
}
