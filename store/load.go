package store

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/store/event"
)

// Logs returns how far each log of a conversation is held.
func (s *Store) Logs(conv event.Conversation) (map[event.Log]event.Segments, error) {
	out := map[event.Log]event.Segments{}
	err := s.view(func(r *reader) error {
		c, err := r.conversation(conv)
		if err != nil {
			return err
		}
		return r.eachLog(c.number, func(l *logState) error {
			if len(l.segments) > 0 {
				out[l.log] = slices.Clone(l.segments)
			}
			return nil
		})
	})
	return out, err
}

// LoadRun returns the run of a log that begins at a sequence: as much as fits a run
// and maxBytes (of headers and bodies), up to an event whose signature is held, or
// the shortest such run if even that is larger. ErrNoEvent if the sequence is not held.
func (s *Store) LoadRun(log event.Log, first uint64, maxBytes int) (event.Run, error) {
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
		if l == nil || !l.segments.Covers(first) {
			return ErrNoEvent
		}
		run, err = r.loadRun(l, first, maxBytes)
		return err
	})
	return run, err
}

func (r *reader) loadRun(l *logState, first uint64, maxBytes int) (event.Run, error) {
	var run event.Run
	var signed, recalls int // how much of the run is proven so far
	size, sent := 0, 0
	for seq := first; l.segments.Covers(seq) && len(run.Events) < event.MaxRunEvents; seq++ {
		x, err := r.entry(pointer{l.number, seq})
		if err != nil {
			return run, err
		}
		e, err := r.whole(x)
		if err != nil {
			return run, err
		}
		e.Head, e.Signature = bytes.Clone(e.Head), bytes.Clone(e.Signature)
		if x.absent == event.Recalled {
			recall, ok, err := r.recallFor(x)
			if err != nil {
				return run, err
			}
			if cost := len(recall.Head) + len(recall.Body); ok && sent+cost <= event.MaxRunSent {
				run.Recalls = append(run.Recalls, recall)
				sent += cost
			} else {
				e.Absent = event.Dropped
			}
		}
		size += e.Size()
		sent += len(e.Head) + len(e.Body)
		if size > event.MaxRunSize || signed > 0 && sent > maxBytes {
			break
		}
		if h := &run; len(h.Events) > 0 && (h.Events[0].Header.Card != e.Header.Card || !slices.Equal(h.Events[0].Header.Control, e.Header.Control)) {
			break
		}
		run.Events = append(run.Events, e)
		if e.Signature != nil {
			signed, recalls = len(run.Events), len(run.Recalls)
		}
	}
	if signed == 0 {
		return event.Run{}, damaged("a segment that no signature ends")
	}
	run.Events, run.Recalls = run.Events[:signed], run.Recalls[:recalls]
	run.Trim()
	return run, nil
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
	e.Head, e.Signature = bytes.Clone(e.Head), bytes.Clone(e.Signature)
	return e, err == nil, err
}
