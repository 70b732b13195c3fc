package store

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// fork keeps what contradicts a log as its second branch, and freezes both branches at that place.
func (in *intake) fork(l *layout.Log, s sifted) (*layout.Log, error) {
	if err := in.decideAbsences(l); err != nil {
		return nil, err
	}
	which := slices.Clone(s.fresh)
	for i := s.fork; i < len(in.events); i++ {
		which = append(which, i)
	}
	var had []int
	for _, i := range which {
		if in.absent[i] != event.Dropped {
			had = append(had, i)
		}
	}
	segments, err := extend(nil, in.events, had)
	if err != nil {
		return nil, err
	}
	if err := in.charge(l, which, nil, false); err != nil {
		return nil, err
	}
	other := in.addLog(l.Conversation, l.Name, l.Person, layout.BranchOther)
	other.Segments, other.Events = segments, uint64(len(which))
	l.Forked, other.Forked = s.doubt, s.doubt
	in.touch(l)
	in.noteRows(l, event.Range{First: s.doubt, Last: in.lastIn(l)})
	for _, i := range which {
		if err := in.take(other, i); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// heldByEither reports whether each event of a run stands in one of the two branches. Such a run
// brings nothing new and is no error.
func (in *intake) heldByEither(l *layout.Log, s sifted) (bool, error) {
	if len(s.held) == len(in.events) {
		return true, nil
	}
	other, err := in.named(l.Conversation, l.Name, layout.BranchOther)
	if err != nil || other == nil {
		return false, err
	}
	for i := range in.events {
		for _, branch := range []*layout.Log{l, other} {
			st, err := in.stored(branch.At(in.events[i].Header.Sequence))
			if err != nil {
				return false, err
			}
			if st != nil && bytes.Equal(st.HeaderBytes, in.events[i].HeaderBytes) {
				break
			} else if branch == other {
				return false, nil
			}
		}
	}
	return true, nil
}

// ingestForked takes a run of a forked log. Events before the place of the fork are taken as into
// any other log, since there may be holes. From there on the log takes nothing more.
func (in *intake) ingestForked(l *layout.Log) (_ *layout.Log, forked bool, err error) {
	n := slices.IndexFunc(in.events, func(e event.Event) bool { return e.Header.Sequence >= l.Forked })
	if n < 0 {
		n = len(in.events)
	}
	if proven, err := in.provenBefore(l, n); err != nil {
		return nil, false, err
	} else if proven {
		before := &intake{batch: in.batch, events: in.events[:n], sealed: in.sealed[:n], from: in.from, inGroup: in.inGroup}
		sift, err := before.sift(l, before.events)
		if err == nil && sift.fork < 0 {
			_, err = before.growLog(l, sift, true)
		}
		if err != nil {
			return nil, false, err
		}
		in.new = before.new
	}
	sift, err := in.sift(l, in.events)
	if err != nil {
		return nil, false, err
	}
	held, err := in.heldByEither(l, sift)
	return l, !held, err
}

// provenBefore reports whether the first n events of a run, which are those before the fork, are
// proven without the rest: by a signature of their own, or by the one that proves the first event
// after them, if that one stands in the log.
func (in *intake) provenBefore(l *layout.Log, n int) (bool, error) {
	if n == 0 {
		return false, nil
	}
	if n == len(in.events) || in.events[n-1].Signature != nil {
		return true, nil
	}
	st, err := in.standing(l, l.Forked)
	if err != nil || st == nil {
		return false, err
	}
	h, err := event.ParseHeader(st.HeaderBytes)
	if err != nil {
		return false, damaged("event: %w", err)
	}
	return sameHeads(&in.events[n-1].Header, &h), nil // all events of a run have the same heads
}

// ownFork takes the second branch of a log of this device, or more of it, and issues again what may
// not be known to all readers.
func (in *intake) ownFork(c *layout.Conversation, l *layout.Log, sift sifted) error {
	other, err := in.named(l.Conversation, l.Name, layout.BranchOther)
	if err != nil {
		return err
	}
	var entries []*entry
	if other == nil {
		if _, err := in.fork(l, sift); err != nil {
			return err
		}
		if other, err = in.named(l.Conversation, l.Name, layout.BranchOther); err != nil {
			return err
		}
		if len(other.Segments) == 0 { // all of it came without words
			return nil
		}
		common, err := in.commonEnd(l, other, other.Segments[0].First)
		if err != nil {
			return err
		}
		if entries, err = in.contested(c, l, common+1, l.Segments.Last()); err != nil {
			return err
		}
	} else if more, err := in.extendOther(l, other); err != nil || !more {
		return err
	}
	first, last := in.events[0].Header.Sequence, in.events[len(in.events)-1].Header.Sequence
	theirs, err := in.contested(c, other, first, last)
	if err != nil {
		return err
	}
	entries = append(entries, theirs...)
	return in.issueAgain(c, entries[max(0, len(entries)-maxAgain):], nil)
}

// extendOther takes what the second branch lacks, at either end. It reports false if nothing of the
// run joins that branch.
func (in *intake) extendOther(l, other *layout.Log) (bool, error) {
	if err := in.decideAbsences(other); err != nil {
		return false, err
	}
	sift, err := in.sift(other, in.events)
	if err != nil || sift.fork >= 0 {
		return false, err
	}
	var fresh []int
	links := len(sift.held) > 0
	for _, i := range sift.fresh {
		e := &in.events[i]
		st, err := in.stored(l.At(e.Header.Sequence))
		if err != nil {
			return false, err
		}
		if st != nil && bytes.Equal(st.HeaderBytes, e.HeaderBytes) {
			continue // both branches have it
		}
		fresh = append(fresh, i)
		// sift has found that the IDs fit.
		links = links || slices.ContainsFunc(other.Segments, func(g event.Segment) bool {
			return g.Last+1 == e.Header.Sequence || g.First == e.Header.Sequence+1
		})
	}
	if len(fresh) == 0 || !links {
		return false, nil
	}
	had := slices.DeleteFunc(slices.Clone(fresh), func(i int) bool { return in.absent[i] == event.Dropped })
	if other.Segments, err = extend(other.Segments, in.events, had); err != nil {
		return false, err
	}
	other.Events += uint64(len(fresh))
	in.touch(other)
	for _, i := range fresh {
		if err := in.take(other, i); err != nil {
			return false, err
		}
	}
	return true, nil
}

// forkKnown reports whether it is known where the second branch of a log leaves the first one.
func (r *reader) forkKnown(l, other *layout.Log) (bool, error) {
	if len(other.Segments) == 0 {
		return false, nil
	}
	first := other.Segments[0].First
	common, err := r.commonEnd(l, other, first)
	return first == 1 || common != 0, err
}
