package store

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Logs returns how far each log of a conversation is held and counts.
func (s *Store) Logs(conv event.Conversation) (map[event.Log]event.Segments, error) {
	out := map[event.Log]event.Segments{}
	err := s.view(func(r *reader) error {
		c, err := r.conversation(conv)
		if err != nil {
			return err
		}
		return r.eachLog(c.Number, func(l *layout.Log) error {
			segments, err := r.counted(l)
			if len(segments) > 0 {
				out[l.Name] = slices.Clone(segments)
			}
			return err
		})
	})
	return out, err
}

// LoadRun returns the run of a log that begins at a sequence. It has as many events as fit a run,
// maxEvents and maxBytes (of headers and bodies), and ends at one whose signature is held; the
// shortest such run is returned even if it is larger. This device's own log can be cut anywhere,
// since it can be signed anywhere. ErrNoEvent if the sequence is not held or does not count.
func (s *Store) LoadRun(log event.Log, first uint64, maxEvents, maxBytes int) (event.Run, error) {
	var run event.Run
	err := s.view(func(r *reader) error {
		c, err := r.conversation(log.Conversation)
		if err != nil {
			return err
		}
		l, err := r.named(c.Number, log, layout.BranchFirst)
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
		run, err = r.loadRun(l, first, min(maxEvents, event.MaxRunEvents), maxBytes)
		return err
	})
	return run, err
}

// loadRun is LoadRun in a transaction. It includes events that are here without their words, since
// the signature that proves the events before them may stand after them.
func (r *reader) loadRun(l *layout.Log, first uint64, maxEvents, maxBytes int) (event.Run, error) {
	var run event.Run
	own := l.Name.Device == r.s.own.Device.ID()
	var recalls enclosure
	signed := 0        // how many events of the run are proven so far
	size, sent := 0, 0 // bytes of the run, with the event that is looked at
	if first <= l.Limit {
		run.Events = make([]event.Event, 0, min(uint64(max(maxEvents, 1)), event.MaxRunEvents, l.Limit-first+1))
	}
	for seq := first; seq <= l.Limit && l.Stands(seq); seq++ {
		e, recall, err := r.travelling(l.At(seq))
		if err == ErrNoEvent && !l.Segments.Covers(seq) {
			break
		} else if err != nil {
			return run, err
		}
		n := len(run.Events)
		size += e.Size()
		sent += len(e.HeaderBytes) + len(e.Body) + recalls.add(recall, n)
		enough := n >= maxEvents || sent > maxBytes
		full := n == event.MaxRunEvents || size > event.MaxRunSize || sent > event.MaxRunSent ||
			n > 0 && !sameHeads(&run.Events[0].Header, &e.Header)
		if n > 0 && (enough || full) {
			if own && signed < n {
				run.Events[n-1].Sign(r.s.own.Device)
				signed = n
			}
			if full || signed > 0 {
				break
			}
		}
		run.Events = append(run.Events, e)
		if e.Signature != nil {
			signed = n + 1
		}
	}
	if n := len(run.Events); own && signed < n { // it ends at what was asked for
		run.Events[n-1].Sign(r.s.own.Device)
		signed = n
	}
	if signed == 0 {
		return event.Run{}, damaged("a segment that no signature ends")
	}
	run.Events, run.Recalls = run.Events[:signed], recalls.of(signed)
	run.Trim()
	if len(run.Events) < cap(run.Events)/2 { // it may be kept for long
		run.Events = slices.Clone(run.Events)
	}
	return run, nil
}

// enclosure is the recalls that go with a run.
type enclosure struct {
	recalls []event.Event
	first   []int // by recall: the index of the first event that is absent because of it
	bytes   int
}

// add encloses a recall for an event of the run, if there is one and it is not enclosed yet, and
// returns how many bytes it takes. A recall that no run would have room for is left out.
func (c *enclosure) add(recall *event.Event, index int) int {
	if recall == nil || slices.ContainsFunc(c.recalls, func(e event.Event) bool { return e.Header.Target == recall.Header.Target }) {
		return 0
	}
	cost := len(recall.HeaderBytes) + len(recall.Body)
	if c.bytes+cost > event.MaxRunSent-event.MaxRunSize {
		return 0
	}
	c.recalls, c.first = append(c.recalls, *recall), append(c.first, index)
	c.bytes += cost
	return cost
}

// of returns the recalls for the first n events of the run, in the order of their targets.
func (c *enclosure) of(n int) []event.Event {
	var out []event.Event
	for i, first := range c.first {
		if first < n {
			out = append(out, c.recalls[i])
		}
	}
	slices.SortFunc(out, func(x, y event.Event) int { return bytes.Compare(x.Header.Target[:], y.Header.Target[:]) })
	return out
}

// sameHeads reports whether two events may stand in one run: their authors knew the same card and
// control heads.
func sameHeads(a, b *event.Header) bool {
	return a.Card == b.Card && slices.Equal(a.Control, b.Control)
}

// travelling returns a copy of an event as it goes into a run. If the event is absent because of a
// recall, it returns that too, else nil. If that recall can't be served, the event goes as dropped.
func (r *reader) travelling(p layout.Slot) (e event.Event, recall *event.Event, err error) {
	x, err := r.entry(p)
	if err != nil {
		return e, nil, err
	}
	if e, err = r.whole(x); err != nil {
		return e, nil, err
	}
	e = detached(e)
	if x.Absent == event.Recalled {
		if recall, err = r.recallFor(x); recall == nil {
			e.Absent = event.Dropped
		}
	}
	return e, recall, err
}

// recallFor returns the recall of an event, copied, as it is enclosed; nil if there is none.
func (r *reader) recallFor(x *entry) (*event.Event, error) {
	p, err := r.recallOf(x)
	if err != nil || p == (layout.Slot{}) {
		return nil, err
	}
	recall, err := r.entry(p)
	if err != nil {
		return nil, err
	}
	e, err := r.whole(recall)
	if err != nil {
		return nil, err
	}
	e = detached(e)
	return &e, nil
}
