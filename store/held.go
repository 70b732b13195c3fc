package store

import (
	"bytes"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Repeats reports whether a run brings nothing to the store, and then what BeginIngest would return
// for it: all of it is held, or, with ErrForked, its log takes nothing more where the run stands. It
// costs a look-up of each event and no commit. The run need not be proven: what is held was proven
// when it came, and an event with the same header is the same event.
func (s *Store) Repeats(run *event.Run) (result IngestResult, repeats bool, err error) {
	err = s.view(func(r *reader) error {
		for i := range run.Recalls {
			if state, err := r.repeats(run.Recalls[i : i+1]); state != isHeld || err != nil {
				return err
			}
		}
		state, err := r.repeats(run.Events)
		if state == isNews || err != nil {
			return err
		}
		repeats = true
		_, result.Segments, err = r.heldOf(run.Log())
		if err == nil && state == isFrozen {
			return ErrForked
		}
		return err
	})
	if !repeats {
		return IngestResult{}, false, err
	}
	return result, true, err
}

// repetition is what is known of some events of a log before they are proven.
type repetition int

const (
	isNews   repetition = iota // something of them may be new
	isHeld                     // they are held as they are
	isFrozen                   // they contradict what is held, and the log takes no more of that
)

// repeats compares events of one log with what stands in it.
func (r *reader) repeats(events []event.Event) (repetition, error) {
	log := events[0].Header.Log()
	c, err := r.conversation(log.Conversation)
	if err == ErrNoConversation {
		return isNews, nil
	} else if err != nil {
		return isNews, err
	}
	branches, err := r.branches(c.Number, log)
	if err != nil || len(branches) == 0 {
		return isNews, err
	}
	l := branches[0]
	state := isHeld
	for i := range events {
		h := &events[i].Header
		if h.Log() != log || h.Sequence > l.Limit {
			return isNews, nil
		}
		held, err := r.holds(branches, &events[i])
		switch {
		case err != nil:
			return isNews, err
		case held:
		case l.Forked == 0 || h.Sequence < l.Forked || log.Device == r.s.own.Device.ID():
			return isNews, nil
		default:
			state = isFrozen
		}
	}
	return state, nil
}

// holds reports whether an event stands in one of the branches of its log, and the event that came
// would add nothing to it: no words, no signature and no cause.
func (r *reader) holds(branches []*layout.Log, e *event.Event) (bool, error) {
	if branches[0].GivenBack(e.Header.Sequence) { // it was, and does not come again
		return true, nil
	}
	for _, l := range branches {
		st, err := r.stored(l.At(e.Header.Sequence))
		if err != nil {
			return false, err
		}
		if st == nil || !bytes.Equal(st.HeaderBytes, e.HeaderBytes) {
			continue
		}
		words := st.Absent == event.Dropped && e.Absent != event.Dropped
		signs := st.Signature == nil && e.Signature != nil
		frees := e.Withheld&^st.Withheld != 0 && !st.Is(layout.FlagPlaced)
		return !words && !signs && !frees, nil
	}
	return false, nil
}
