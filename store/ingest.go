package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Origin says whose a run is.
type Origin struct {
	Author   crypto.PersonID // whom the run's device speaks for
	Stranger bool            // not a contact: what is stored counts towards a budget
	Member   bool            // may write in this group: the budget, if one counts, is larger
}

// IngestResult says how a log is held after a run was taken.
type IngestResult struct {
	Segments event.Segments
	Rows     int // that the run made appear
}

// Ingest takes a run into its log. The caller has proven it and has found that the
// devices of the run and of its enclosed recalls speak for the author under the card
// heads named. What is held already is left as it is, so a run may come any number of
// times and by any road. The run must not change afterwards.
//
// ErrForked is returned when the run, or an earlier one, contradicts what is held;
// the first contradiction is kept beside it. The result is valid then. Other errors:
// ErrNoConversation, ErrTooManySegments, ErrBudget, ErrCut.
func (s *Store) Ingest(ctx context.Context, run event.Run, from Origin) (IngestResult, error) {
	return s.BeginIngest(ctx, run, from)()
}

// BeginIngest is Ingest in two steps: the run has its place after those that were begun before it, and wait returns when
// it is on the disk. Between the two the caller can prepare the next one.
func (s *Store) BeginIngest(ctx context.Context, run event.Run, from Origin) (wait func() (IngestResult, error)) {
	g := s.ingestion(&run, from)
	o, err := s.submit(ctx, g.run)
	return func() (IngestResult, error) {
		if err == nil {
			err = s.wait(o)
		}
		switch {
		case err != nil:
			return IngestResult{}, err
		case g.forked:
			return g.result, ErrForked
		}
		return g.result, nil
	}
}

// ingestion is one run with its bodies sealed, so that the writer need not. result and forked are set by run.
type ingestion struct {
	author  crypto.PersonID
	events  intake
	recalls []intake
	result  IngestResult
	forked  bool
}

func (s *Store) ingestion(run *event.Run, from Origin) *ingestion {
	sealed := func(events []event.Event) intake {
		out := intake{events: events, sealed: make([][]byte, len(events)), from: from}
		for i := range events {
			if e := &events[i]; e.Absent == event.Present {
				out.sealed[i] = s.disk.Keyring.Seal(e.Body, e.Header.BodyHash[:])
			}
		}
		return out
	}
	g := &ingestion{author: from.Author, events: sealed(run.Events)}
	for i := range run.Recalls {
		g.recalls = append(g.recalls, sealed(run.Recalls[i:i+1]))
	}
	return g
}

func (g *ingestion) run(b *batch) error {
	before := b.bucket(bucketArrivals).Sequence()
	for i := range g.recalls {
		// One that can't be kept leaves its target as dropped.
		if b.personOf(g.recalls[i].events[0].Header.Device) != g.author {
			continue
		}
		if _, _, err := b.ingest(&g.recalls[i]); err != nil && err != ErrTooManySegments && err != ErrCut {
			return err
		}
	}
	l, forked, err := b.ingest(&g.events)
	if err != nil {
		return err
	}
	g.forked = forked
	segments, err := b.counted(l)
	if err != nil {
		return err
	}
	g.result = IngestResult{Segments: slices.Clone(segments), Rows: int(b.bucket(bucketArrivals).Sequence() - before)}
	return nil
}

// intake is a run on its way in.
type intake struct {
	events []event.Event
	sealed [][]byte // bodies, by event
	from   Origin
}

// sifted is what a run is to a log: indexes of its events.
type sifted struct {
	fresh []int
	held  []int
	fork  int    // of the first event that contradicts what is held; -1: none
	doubt uint64 // the first sequence that has two events, if there is a fork
}

func (b *batch) ingest(in *intake) (l *logState, forked bool, err error) {
	h := &in.events[0].Header
	c, err := b.conversation(h.Conversation)
	if err != nil {
		return nil, false, err
	}
	if l, err = b.named(c.number, h.Log(), branchFirst); err != nil {
		return nil, false, err
	}
	known := l != nil
	if !known {
		l = &logState{conversation: c.number, log: h.Log(), person: in.from.Author, limit: noLimit}
	}
	if in.events[len(in.events)-1].Header.Sequence > l.limit {
		return nil, false, ErrCut
	}
	sift, err := b.sift(l, in.events)
	if err != nil {
		return nil, false, err
	}
	if known && l.number == c.own && (len(sift.fresh) > 0 || sift.fork >= 0) {
		// Somebody has more of the log that this device writes than the device.
		if err := b.rollback(&c, l); err != nil {
			return nil, false, err
		}
		if sift, err = b.sift(l, in.events); err != nil {
			return nil, false, err
		}
	}
	if l.forked != 0 {
		held, err := b.heldByEither(l, in, sift)
		return l, !held, err
	}
	if sift.fork >= 0 {
		l, err = b.fork(l, in, sift)
		return l, true, err
	}
	if len(sift.fresh) > 0 {
		segments, err := extend(l.segments, in.events, sift.fresh)
		if err != nil {
			return nil, false, err
		}
		if err := b.charge(in, sift.fresh, known); err != nil {
			return nil, false, err
		}
		if !known {
			l = b.addLog(c.number, l.log, l.person, branchFirst)
		}
		l.segments = segments
		b.touch(l)
		b.grown[l.number] = true
	}
	for _, i := range sift.held {
		if err := b.again(l, in, i); err != nil {
			return nil, false, err
		}
	}
	for _, i := range sift.fresh {
		if err := b.take(l, in, i); err != nil {
			return nil, false, err
		}
	}
	return l, false, nil
}

// sift compares a run with what is held of its log.
func (b *batch) sift(l *logState, events []event.Event) (sifted, error) {
	s := sifted{fork: -1}
	for i := range events {
		e := &events[i]
		seq := e.Header.Sequence
		if l.segments.Covers(seq) {
			st, err := b.stored(pointer{l.number, seq})
			if err != nil {
				return s, err
			}
			if st == nil {
				return s, damaged("a segment without its events")
			}
			if !bytes.Equal(st.head, e.Head) {
				s.fork, s.doubt = i, seq
				return s, nil
			}
			s.held = append(s.held, i)
			continue
		}
		if i == 0 && !follows(l.segments, e) {
			s.fork, s.doubt = i, seq-1
			return s, nil
		}
		if l.segments.Covers(seq + 1) {
			next, err := b.entry(pointer{l.number, seq + 1})
			if err != nil {
				return s, err
			}
			if next.header.Previous != e.ID {
				s.fork, s.doubt = i, seq
				return s, nil
			}
		}
		s.fresh = append(s.fresh, i)
	}
	return s, nil
}

// follows reports whether an event that is not held links to the one before it, if
// that is held.
func follows(held event.Segments, e *event.Event) bool {
	for _, g := range held {
		if g.Last == e.Header.Sequence-1 {
			return g.ID == e.Header.Previous
		}
	}
	return true
}

// extend returns the segments with some of a run's events.
func extend(s event.Segments, events []event.Event, which []int) (event.Segments, error) {
	for len(which) > 0 {
		n := 1
		for n < len(which) && which[n] == which[0]+n {
			n++
		}
		last := &events[which[n-1]]
		var err error
		if s, err = s.Add(event.Segment{
			First: events[which[0]].Header.Sequence,
			Last:  last.Header.Sequence,
			ID:    last.ID,
		}); err != nil {
			return nil, err
		}
		which = which[n:]
	}
	return s, nil
}

// fork keeps what contradicts a log as its other branch, and freezes both.
func (b *batch) fork(l *logState, in *intake, s sifted) (*logState, error) {
	which := s.fresh
	for i := s.fork; i < len(in.events); i++ {
		which = append(which, i)
	}
	segments, err := extend(nil, in.events, which)
	if err != nil {
		return nil, err
	}
	if err := b.charge(in, which, false); err != nil {
		return nil, err
	}
	other := b.addLog(l.conversation, l.log, l.person, branchOther)
	other.segments = segments
	l.forked, other.forked = s.doubt, s.doubt
	b.touch(l)
	b.visible = true
	for _, i := range which {
		if err := b.take(other, in, i); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// heldByEither reports whether all of a run stands in one branch of a fork: it may
// come again.
func (b *batch) heldByEither(l *logState, in *intake, s sifted) (bool, error) {
	if len(s.held) == len(in.events) {
		return true, nil
	}
	other, err := b.named(l.conversation, l.log, branchOther)
	if err != nil || other == nil {
		return false, err
	}
	for i := range in.events {
		for _, branch := range []*logState{l, other} {
			st, err := b.stored(pointer{branch.number, in.events[i].Header.Sequence})
			if err != nil {
				return false, err
			}
			if st != nil && bytes.Equal(st.head, in.events[i].Head) {
				break
			} else if branch == other {
				return false, nil
			}
		}
	}
	return true, nil
}

// take stores an event that is new to its log.
func (b *batch) take(l *logState, in *intake, i int) error {
	e := &in.events[i]
	x := &entry{
		pointer: pointer{l.number, e.Header.Sequence},
		stored: &stored{
			absent:    e.Absent,
			firstSeen: b.now,
			head:      e.Head,
			signature: e.Signature,
			sealed:    in.sealed[i],
		},
		in:     l,
		header: e.Header,
		id:     e.ID,
	}
	if err := b.settleAbsence(x); err != nil {
		return err
	}
	return b.add(x)
}

// settleAbsence decides of a new event whether its body is there. One that was
// recalled is not taken, nor an edit of one that was; one that is said to be gone for a reason that does not hold
// here is only missing.
func (b *batch) settleAbsence(x *entry) error {
	if x.header.Kind.SelfProven() {
		return nil
	}
	recalled, err := b.recalled(x)
	if err == nil && !recalled && x.header.Kind == event.KindEdit && x.absent == event.Present {
		if recalled, err = b.editRecalled(x); recalled {
			x.absent, x.sealed = event.Dropped, nil
			return nil
		}
	}
	switch {
	case err != nil:
		return err
	case recalled:
		x.absent, x.sealed = event.Recalled, nil
	case x.absent == event.Recalled, x.absent == event.Expired && !x.header.Expired(b.now):
		x.absent = event.Dropped
	}
	return nil
}

// again takes what an event that is held brings the second time: a body that was
// missing, a signature.
func (b *batch) again(l *logState, in *intake, i int) error {
	e := &in.events[i]
	st, err := b.stored(pointer{l.number, e.Header.Sequence})
	if err != nil {
		return err
	}
	sign := st.signature == nil && e.Signature != nil
	fill := st.absent == event.Dropped && e.Absent == event.Present
	if !sign && !fill {
		return nil
	}
	x := &entry{pointer: pointer{l.number, e.Header.Sequence}, stored: st, in: l, header: e.Header, id: e.ID}
	if sign {
		x.signature = e.Signature
	}
	if fill {
		x.absent, x.sealed = event.Present, in.sealed[i]
		if err := b.settleAbsence(x); err != nil {
			return err
		}
		if x.is(flagPlaced) {
			if err := b.show(x); err != nil {
				return err
			}
		}
	}
	b.save(x)
	if fill && x.absent == event.Present && indexed(x.header.Kind) {
		return b.index(x, true)
	}
	return nil
}
