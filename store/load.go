package store

import (
	"slices"

	"github.com/earshot-im/earshot/store/event"
)

// Logs returns how far each log of a conversation is held and counts.
func (s *Store) Logs(conv event.Conversation) (map[event.Log]event.Segments, error) {
	out := map[event.Log]event.Segments{}
	err := s.view(func(r *reader) error {
		c, err := r.conversation(conv)
		if err != nil {
			return err
		}
		return r.eachLog(c.number, func(l *logState) error {
			segments, err := r.counted(l)
			if len(segments) > 0 {
				out[l.log] = slices.Clone(segments)
			}
			return err
		})
	})
	return out, err
}

// LoadRun returns the run of a log that begins at a sequence: as much as fits a run,
// maxEvents and maxBytes (of headers and bodies), up to an event whose signature is held, or
// the shortest such run if even that is larger. This device's own log can be cut
// anywhere, since it can be signed anywhere. ErrNoEvent if the sequence is not held or does not count.
func (s *Store) LoadRun(log event.Log, first uint64, maxEvents, maxBytes int) (event.Run, error) {
	var run event.Run
	err := s.view(func(r *reader) error {
		c, err := r.conversation(log.Conversation)
		if err != nil {
			return err
		}
		l, err := r.named(c.number, log, branchFirst)
		if err != nil {
			return err
		}
		if l == nil {
			return ErrNoEvent
		}
		segments, err := r.counted(l)
		if err != nil {
			return err
		}
		if !segments.Covers(first) {
			return ErrNoEvent
		}
		run, err = r.loadRun(l, segments, first, min(maxEvents, event.MaxRunEvents), maxBytes)
		return err
	})
	return run, err
}

func (r *reader) loadRun(l *logState, segments event.Segments, first uint64, maxEvents, maxBytes int) (event.Run, error) {
	var run event.Run
	own := l.log.Device == r.s.own.Device.ID()
	var signed, recalls int         // how much of the run is proven so far
	size, sent, enclosed := 0, 0, 0 // bytes of the run with the event in hand
	for seq := first; segments.Covers(seq); seq++ {
		e, recall, err := r.travelling(pointer{l.number, seq})
		if err != nil {
			return run, err
		}
		cost := len(recall.Head) + len(recall.Body)
		if enclosed += cost; cost > 0 && enclosed > event.MaxRunSent-event.MaxRunSize { // there must be room for any run
			e.Absent, recall, enclosed = event.Dropped, event.Event{}, enclosed-cost
		}
		size += e.Size()
		sent += len(e.Head) + len(e.Body) + len(recall.Head) + len(recall.Body)
		n := len(run.Events)
		enough := n >= maxEvents || sent > maxBytes
		full := n == event.MaxRunEvents || size > event.MaxRunSize || sent > event.MaxRunSent ||
			n > 0 && !sameHeads(&run.Events[0].Header, &e.Header)
		if n > 0 && (enough || full) {
			if own && signed < n {
				run.Events[n-1].Sign(r.s.own.Device)
				signed, recalls = n, len(run.Recalls)
			}
			if full || signed > 0 {
				break
			}
		}
		run.Events = append(run.Events, e)
		if e.Absent == event.Recalled {
			run.Recalls = append(run.Recalls, recall)
		}
		if e.Signature != nil {
			signed, recalls = n+1, len(run.Recalls)
		}
	}
	if n := len(run.Events); own && signed < n { // it was cut there
		run.Events[n-1].Sign(r.s.own.Device)
		signed, recalls = n, len(run.Recalls)
	}
	if signed == 0 {
		return event.Run{}, damaged("a segment that no signature ends")
	}
	run.Events, run.Recalls = run.Events[:signed], run.Recalls[:recalls]
	run.Trim()
	return run, nil
}

func sameHeads(a, b *event.Header) bool {
	return a.Card == b.Card && slices.Equal(a.Control, b.Control)
}

// travelling returns an event as it goes into a run, copied, and the recall to enclose if it is absent for one. Without
// the recall it goes as dropped.
func (r *reader) travelling(p pointer) (e, recall event.Event, err error) {
	x, err := r.entry(p)
	if err != nil {
		return e, recall, err
	}
	if e, err = r.whole(x); err != nil {
		return e, recall, err
	}
	e = detached(e)
	if x.absent == event.Recalled {
		var ok bool
		if recall, ok, err = r.recallFor(x); !ok {
			e.Absent = event.Dropped
		}
	}
	return e, recall, err
}

// recallFor returns the recall of an event as it is enclosed, copied.
func (r *reader) recallFor(x *entry) (event.Event, bool, error) {
	p, err := r.recallOf(x)
	if err != nil || p == (pointer{}) {
		return event.Event{}, false, err
	}
	recall, err := r.entry(p)
	if err != nil {
		return event.Event{}, false, err
	}
	e, err := r.whole(recall)
	return detached(e), err == nil, err
}
