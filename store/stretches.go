package store

import (
	"cmp"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Stretch is a part of a log that was written under the same control heads.
type Stretch struct {
	First, Last uint64
	Control     []crypto.Hash // as in FirstHeld
	From, To    int64         // the clocks of its first and its last event
}

// Held returns how far a log is held and counts; nothing of a log that is not here.
func (s *Store) Held(log event.Log) (segments event.Segments, err error) {
	err = s.view(func(r *reader) (err error) {
		_, segments, err = r.heldOf(log)
		return err
	})
	return segments, err
}

// heldOf returns a log, nil if there is none, and how far it is held and counts.
func (r *reader) heldOf(log event.Log) (*layout.Log, event.Segments, error) {
	c, err := r.conversation(log.Conversation)
	if err != nil {
		return nil, nil, err
	}
	l, err := r.named(c.Number, log, layout.BranchFirst)
	if err != nil || l == nil {
		return nil, nil, err
	}
	segments, err := r.counted(l)
	return l, segments, err
}

// Stretches returns, in order and from a sequence on, the stretches of a log of a group that are
// held and count. It returns at most as many as most says, and whether there are more.
func (s *Store) Stretches(log event.Log, from uint64, most int) (out []Stretch, more bool, err error) {
	err = s.view(func(r *reader) error {
		l, segments, err := r.heldOf(log)
		if err != nil {
			return err
		}
		for _, g := range segments {
			for first := max(g.First, from); first <= g.Last; first = out[len(out)-1].Last + 1 {
				if more = len(out) == most; more {
					return nil
				}
				g, err := r.stretch(l, first, g.Last)
				if err != nil {
					return err
				}
				out = append(out, g)
			}
		}
		return nil
	})
	return out, more, err
}

// Since returns the first sequence of a part of a log whose event is dated at clock (ms) or later;
// last + 1 if there is none. It relies on all events after that one being dated so as well.
func (s *Store) Since(log event.Log, first, last uint64, clock int64) (sequence uint64, err error) {
	err = s.view(func(r *reader) error {
		l, _, err := r.heldOf(log)
		if err != nil || l == nil {
			return cmp.Or(err, ErrNoEvent)
		}
		sequence, err = bisect(first, last, func(seq uint64) (bool, error) {
			x, err := r.entry(l.At(seq))
			return err == nil && x.header.Clock >= clock, err
		})
		return err
	})
	return sequence, err
}

// stretch returns the stretch that begins at first, and ends at last or before.
func (r *reader) stretch(l *layout.Log, first, last uint64) (Stretch, error) {
	control, last, err := r.sameControl(l, first, last)
	if err != nil {
		return Stretch{}, err
	}
	x, err := r.entry(l.At(first))
	if err != nil {
		return Stretch{}, err
	}
	y, err := r.entry(l.At(last))
	if err != nil {
		return Stretch{}, err
	}
	return Stretch{First: first, Last: last, Control: control, From: x.header.Clock, To: y.header.Clock}, nil
}
