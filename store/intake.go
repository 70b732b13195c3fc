package store

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

const (
	// MaxLogs is how many logs one person, even a contact, may have in a conversation. So nobody
	// can make offers and receipts, which list logs, grow without bound. A device begins a log when
	// it is new, was restored or was cut off, so honest persons never come near the limit.
	MaxLogs = 1024

	// costEvent is what an event takes beside the bytes that were sent: indexes, and pages that are
	// not full.
	costEvent = 256

	// bodyPart: since pages are not full, a body takes a 16th more than its size.
	bodyPart = 16

	// costLog is more than a log takes on the disk: it also costs a place in every session, and in
	// what is said there.
	costLog = 4 << 10
)

// intake takes one run into its log.
type intake struct {
	*batch // the one in which it is taken
	events []event.Event
	sealed [][]byte        // bodies, by event
	files  int             // that are attached to all events together
	absent []event.Absence // by event, as it is decided here
	from   Origin

	inGroup bool // it is a group's
	new     bool // the run brings something that was not had before
}

// sifted says which events of a run a log has, lacks or contradicts, by their indexes in the run.
type sifted struct {
	fresh []int
	held  []int  // stand in the log already, whether they were had or not
	fork  int    // the first that contradicts what is held; -1: none
	doubt uint64 // if there is one: the first sequence of the log that has two events
}

// ingest takes the run. It returns its log, and whether that is forked and the run is not in it.
func (in *intake) ingest() (l *layout.Log, forked bool, err error) {
	h := &in.events[0].Header
	c, err := in.conversation(h.Conversation)
	if err != nil {
		return nil, false, err
	}
	in.inGroup = in.isGroup(&c)
	if l, err = in.named(c.Number, h.Log(), layout.BranchFirst); err != nil {
		return nil, false, err
	}
	known := l != nil
	if known && !in.above(l) {
		return l, l.Forked != 0, nil
	}
	if !known {
		l = &layout.Log{Conversation: c.Number, Name: h.Log(), Person: in.from.Author, Limit: layout.NoLimit}
	}
	if in.events[len(in.events)-1].Header.Sequence > l.Limit {
		return nil, false, ErrCut
	}
	sift, err := in.sift(l, in.events)
	if err != nil {
		return nil, false, err
	}
	if known && l.Number == c.Own && (len(sift.fresh) > 0 || sift.fork >= 0) {
		// Somebody has more of the log that this device writes than this device.
		if err := in.rollback(&c, l); err != nil {
			return nil, false, err
		}
		if sift, err = in.sift(l, in.events); err != nil {
			return nil, false, err
		}
	}
	if own := l.Name.Device == in.s.own.Device.ID(); own && (l.Forked != 0 || sift.fork >= 0) {
		err = in.ownFork(&c, l, sift)
	}
	if err != nil {
		return nil, false, err
	}
	if l.Forked != 0 {
		return in.ingestForked(l)
	}
	if sift.fork >= 0 {
		l, err = in.fork(l, sift)
		return l, true, err
	}
	l, err = in.growLog(l, sift, known)
	return l, false, err
}

// above leaves out of the run what was given back: it was here, and does not come again. It reports
// false if nothing is left to take. Of a forked log nothing is taken any more, since there is nothing
// left to compare it with.
func (in *intake) above(l *layout.Log) bool {
	if l.Gone == 0 {
		return true
	}
	given := func(e event.Event) bool { return l.GivenBack(e.Header.Sequence) }
	first := slices.IndexFunc(in.events, func(e event.Event) bool { return !given(e) })
	if first < 0 || l.Forked != 0 {
		return false
	}
	in.events, in.sealed = in.events[first:], in.sealed[first:]
	if end := slices.IndexFunc(in.events, given); end > 0 { // what comes after that comes again
		in.events, in.sealed = in.events[:end], in.sealed[:end]
	}
	return true
}

// growLog takes the run into a log that it does not contradict. The log is made if it is not known.
func (in *intake) growLog(l *layout.Log, s sifted, known bool) (*layout.Log, error) {
	if err := in.decideAbsences(l); err != nil {
		return nil, err
	}
	segments, err := in.extended(l, s)
	if err != nil {
		return nil, err
	}
	filled, err := in.filled(l, s.held)
	if err != nil {
		return nil, err
	}
	if !known {
		if err := in.mayBegin(l.Conversation, l.Person); err != nil {
			return nil, err
		}
	}
	if err := in.inOrder(l, s.fresh); err != nil {
		return nil, err
	}
	if err := in.charge(l, s.fresh, filled, known); err != nil {
		return nil, err
	}
	if !known {
		l = in.addLog(l.Conversation, l.Name, l.Person, layout.BranchFirst)
	}
	in.new = !slices.Equal(l.Segments, segments)
	if len(s.fresh) > 0 || in.new {
		l.Segments = segments
		l.Events += uint64(len(s.fresh))
		in.touch(l)
		in.grown[l.Number] = true
	}
	for _, i := range s.held {
		if err := in.takeAgain(l, i); err != nil {
			return nil, err
		}
	}
	for _, i := range s.fresh {
		if err := in.take(l, i); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// inOrder returns ErrBudget if the run before this one found no room, so that there is a hole before
// what this one brings.
func (in *intake) inOrder(l *layout.Log, fresh []int) error {
	if len(fresh) == 0 {
		return nil
	}
	first := in.events[fresh[0]].Header.Sequence
	if !in.from.After.leavesOut(first) || l.Segments.Covers(first-1) {
		return nil
	}
	before, err := in.standing(l, first-1)
	if err == nil && before == nil {
		err = ErrBudget
	}
	return err
}

// sift compares events with what stands in their log.
func (in *intake) sift(l *layout.Log, events []event.Event) (sifted, error) {
	s := sifted{fork: -1}
	for i := range events {
		e := &events[i]
		seq := e.Header.Sequence
		st, err := in.standing(l, seq)
		if err != nil {
			return s, err
		}
		if st != nil {
			if !bytes.Equal(st.HeaderBytes, e.HeaderBytes) {
				s.fork, s.doubt = i, seq
				return s, nil
			}
			s.held = append(s.held, i)
			continue
		}
		if i == 0 {
			if follows, err := in.follows(l, e); err != nil {
				return s, err
			} else if !follows {
				s.fork, s.doubt = i, seq-1
				return s, nil
			}
		}
		next, err := in.standing(l, seq+1)
		if err != nil {
			return s, err
		}
		if next != nil {
			h, err := event.ParseHeader(next.HeaderBytes)
			if err != nil {
				return s, damaged("event: %w", err)
			}
			if h.Previous != e.ID {
				s.fork, s.doubt = i, seq
				return s, nil
			}
		}
		s.fresh = append(s.fresh, i)
	}
	return s, nil
}

// standing returns the event that stands at a sequence of a log, nil if none does.
func (in *intake) standing(l *layout.Log, seq uint64) (*layout.Event, error) {
	if !l.Stands(seq) {
		return nil, nil
	}
	st, err := in.stored(l.At(seq))
	if err == nil && st == nil && l.Segments.Covers(seq) && seq > l.Gone {
		err = damaged("a segment without its events")
	}
	return st, err
}

// follows reports whether an event that is not held names the right one as its predecessor, if that
// one is held.
func (in *intake) follows(l *layout.Log, e *event.Event) (bool, error) {
	for _, g := range l.Segments {
		if g.Last == e.Header.Sequence-1 {
			return g.ID == e.Header.Previous, nil
		}
	}
	st, err := in.standing(l, e.Header.Sequence-1)
	return err != nil || st == nil || idOf(st.HeaderBytes) == e.Header.Previous, err
}

// extended returns the segments of a log as they are when the run has been taken. An event counts
// as had if its body is here or comes with it, or if it is absent for a reason that holds.
func (in *intake) extended(l *layout.Log, s sifted) (event.Segments, error) {
	if len(s.fresh) == 0 && !l.Loose() {
		return l.Segments, nil
	}
	var had []int
	held := s.held
	for i := range in.events {
		absent := in.absent[i]
		if len(held) > 0 && held[0] == i {
			held = held[1:]
			if absent == event.Dropped {
				st, err := in.stored(l.At(in.events[i].Header.Sequence))
				if err != nil {
					return nil, err
				}
				absent = st.Absent
			}
		}
		if absent != event.Dropped {
			had = append(had, i)
		}
	}
	return extend(l.Segments, in.events, had)
}

// filled returns which of the held events get a body that was missing.
func (in *intake) filled(l *layout.Log, held []int) ([]int, error) {
	if !l.Loose() {
		return nil, nil
	}
	var filled []int
	for _, i := range held {
		st, err := in.stored(l.At(in.events[i].Header.Sequence))
		if err != nil {
			return nil, err
		}
		if st.Absent == event.Dropped && in.absent[i] == event.Present {
			filled = append(filled, i)
		}
	}
	return filled, nil
}

// extend returns segments with some of a run's events added. If there are more than event.MaxPieces
// pieces, the highest are forgotten. Their events stay in the log and count again when they come
// again. It fails with ErrTooManySegments if all of the run would be forgotten at once.
func extend(s event.Segments, events []event.Event, which []int) (event.Segments, error) {
	lowest := uint64(0) // the first sequence that the segments lacked
	for len(which) > 0 {
		n := 1
		for n < len(which) && which[n] == which[0]+n {
			n++
		}
		first, last := &events[which[0]], &events[which[n-1]]
		g := event.Segment{First: first.Header.Sequence, Last: last.Header.Sequence, ID: last.ID}
		if lacks := (event.Segments{g}).Missing(s); lowest == 0 && len(lacks) > 0 {
			lowest = lacks[0].First
		}
		var err error
		if s, err = s.Add(g); err != nil {
			return nil, err
		}
		which = which[n:]
	}
	if len(s) > event.MaxPieces {
		if s = s[:event.MaxPieces]; lowest != 0 && !s.Covers(lowest) {
			return nil, ErrTooManySegments
		}
	}
	return s, nil
}

// take stores an event that is new to its log.
func (in *intake) take(l *layout.Log, i int) error {
	e := &in.events[i]
	x := &entry{
		Slot: l.At(e.Header.Sequence),
		Event: &layout.Event{
			Absent:      in.absent[i],
			FirstSeen:   in.now,
			Withheld:    in.withheld(i),
			HeaderBytes: e.HeaderBytes,
			Signature:   e.Signature,
		},
		in:     l,
		header: e.Header,
		id:     e.ID,
	}
	if x.Absent == event.Present && x.header.Kind == event.KindEdit {
		// A recall that stands before it in the run has been applied since its absence was decided.
		if taken, err := in.recalls.wordsRecalled(x); err != nil {
			return err
		} else if taken {
			x.Absent = event.Recalled
			if err := in.refundWords(x); err != nil {
				return err
			}
		}
	}
	if x.Absent == event.Present {
		x.Sealed, x.plain = in.sealed[i], e.Body
	}
	in.foreign(x)
	return in.order.add(x)
}

// mayBegin returns ErrTooManyLogs if a person has as many logs in a conversation as anybody may have.
func (in *intake) mayBegin(conversation uint32, author crypto.PersonID) error {
	if in.isOwn(author) {
		return nil
	}
	if in.Count(bucketAuthors, layout.AuthorKey(conversation, author)) >= MaxLogs {
		return ErrTooManyLogs
	}
	return nil
}

// costOfBody returns what a body counts.
func costOfBody(size uint64) uint64 { return size + size/bodyPart }

// charge counts what is stored for the author of a log: events that are new to it, and bodies that
// were missing before.
func (in *intake) charge(l *layout.Log, fresh, filled []int, known bool) error {
	n := uint64(0)
	if !known {
		n = costLog
	}
	for _, i := range fresh {
		n += costEvent + uint64(len(in.events[i].HeaderBytes))
	}
	for _, i := range slices.Concat(fresh, filled) {
		if in.absent[i] == event.Present {
			n += costOfBody(in.events[i].Header.BodySize)
		}
	}
	by, err := in.payer(l)
	if err != nil {
		return err
	}
	by.Address = in.from.Address
	return in.s.book.Charge(in.Batch, by, n)
}
