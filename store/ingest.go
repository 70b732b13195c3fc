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
	Rows     int  // that the run made appear
	New      bool // it brought something that was not had before
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
	written := s.submit(ctx, g.run)
	return func() (IngestResult, error) {
		err := written()
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
	before := b.Sequence(bucketArrivals)
	more := false
	for i := range g.recalls {
		// One that can't be kept leaves its target as dropped.
		if b.s.book.PersonOf(b.Reader, g.recalls[i].events[0].Header.Device) != g.author {
			continue
		}
		g.recalls[i].batch = b
		if _, _, err := g.recalls[i].ingest(); err != nil && err != ErrTooManySegments && err != ErrCut {
			return err
		}
		more = more || g.recalls[i].new
	}
	g.events.batch = b
	l, forked, err := g.events.ingest()
	if err != nil {
		return err
	}
	g.forked = forked
	if err := b.noteReceived(l, more || g.events.new, forked); err != nil {
		return err
	}
	segments, err := b.counted(l)
	if err != nil {
		return err
	}
	g.result = IngestResult{Segments: slices.Clone(segments), Rows: int(b.Sequence(bucketArrivals) - before), New: g.events.new}
	return nil
}

// intake is a run on its way in.
type intake struct {
	*batch // that it is taken in
	events []event.Event
	sealed [][]byte        // bodies, by event
	absent []event.Absence // as it is settled here, by event
	from   Origin
	new    bool // something was not had before
}

// sifted is what a run is to a log: indexes of its events.
type sifted struct {
	fresh []int
	held  []int  // they stand in the log, whether they were had or not
	fork  int    // of the first event that contradicts what is held; -1: none
	doubt uint64 // the first sequence that has two events, if there is a fork
}

func (in *intake) ingest() (l *logState, forked bool, err error) {
	h := &in.events[0].Header
	c, err := in.conversation(h.Conversation)
	if err != nil {
		return nil, false, err
	}
	if l, err = in.named(c.number, h.Log(), branchFirst); err != nil {
		return nil, false, err
	}
	known := l != nil
	if !known {
		l = &logState{conversation: c.number, log: h.Log(), person: in.from.Author, limit: noLimit}
	}
	if in.events[len(in.events)-1].Header.Sequence > l.limit {
		return nil, false, ErrCut
	}
	sift, err := in.sift(l, in.events)
	if err != nil {
		return nil, false, err
	}
	if known && l.number == c.own && (len(sift.fresh) > 0 || sift.fork >= 0) {
		// Somebody has more of the log that this device writes than the device.
		if err := in.rollback(&c, l); err != nil {
			return nil, false, err
		}
		if sift, err = in.sift(l, in.events); err != nil {
			return nil, false, err
		}
	}
	if own := l.log.Device == in.s.own.Device.ID(); own && (l.forked != 0 || sift.fork >= 0) {
		err = in.ownFork(&c, l, sift)
	}
	if err != nil {
		return nil, false, err
	}
	if l.forked != 0 {
		return in.ingestForked(l)
	}
	if sift.fork >= 0 {
		l, err = in.fork(l, sift)
		return l, true, err
	}
	l, err = in.growLog(l, sift, known)
	return l, false, err
}

// ingestForked takes what comes before the doubt in a forked log as into any other: there may be holes. From the doubt on the
// log takes nothing more.
func (in *intake) ingestForked(l *logState) (_ *logState, forked bool, err error) {
	n := slices.IndexFunc(in.events, func(e event.Event) bool { return e.Header.Sequence >= l.forked })
	if n < 0 {
		n = len(in.events)
	}
	if proven, err := in.provenBefore(l, n); err != nil {
		return nil, false, err
	} else if proven {
		before := &intake{batch: in.batch, events: in.events[:n], sealed: in.sealed[:n], from: in.from}
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

// provenBefore reports whether the first n events of a run are proven without the rest: by their own signature, or by that
// which proves the event in doubt, if it stands in the log.
func (in *intake) provenBefore(l *logState, n int) (bool, error) {
	if n == 0 {
		return false, nil
	}
	if n == len(in.events) || in.events[n-1].Signature != nil {
		return true, nil
	}
	st, err := in.standing(l, l.forked)
	if err != nil || st == nil {
		return false, err
	}
	h, err := event.ParseHeader(st.headerBytes)
	if err != nil {
		return false, damaged("event: %w", err)
	}
	return sameHeads(&in.events[n-1].Header, &h), nil // a run does not cross a change of heads
}

// growLog takes a run into a log that it does not contradict, and makes the log if it is not known.
func (in *intake) growLog(l *logState, s sifted, known bool) (*logState, error) {
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
		if err := in.mayBegin(l.conversation, l.person); err != nil {
			return nil, err
		}
	}
	if err := in.charge(s.fresh, filled, known); err != nil {
		return nil, err
	}
	if !known {
		l = in.addLog(l.conversation, l.log, l.person, branchFirst)
	}
	in.new = !slices.Equal(l.segments, segments)
	if len(s.fresh) > 0 || in.new {
		l.segments = segments
		l.events += uint64(len(s.fresh))
		in.touch(l)
		in.grown[l.number] = true
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

// sift compares a run with what stands in its log.
func (in *intake) sift(l *logState, events []event.Event) (sifted, error) {
	s := sifted{fork: -1}
	for i := range events {
		e := &events[i]
		seq := e.Header.Sequence
		st, err := in.standing(l, seq)
		if err != nil {
			return s, err
		}
		if st != nil {
			if !bytes.Equal(st.headerBytes, e.Head) {
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
			h, err := event.ParseHeader(next.headerBytes)
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
func (in *intake) standing(l *logState, seq uint64) (*stored, error) {
	if !l.stands(seq) {
		return nil, nil
	}
	st, err := in.stored(slot{l.number, seq})
	if err == nil && st == nil && l.segments.Covers(seq) {
		err = damaged("a segment without its events")
	}
	return st, err
}

// follows reports whether an event that is not held links to the one before it, if
// that is held.
func (in *intake) follows(l *logState, e *event.Event) (bool, error) {
	for _, g := range l.segments {
		if g.Last == e.Header.Sequence-1 {
			return g.ID == e.Header.Previous, nil
		}
	}
	st, err := in.standing(l, e.Header.Sequence-1)
	return st == nil || idOf(st.headerBytes) == e.Header.Previous, err
}

// extended returns the segments of a log with what counts as had of a run when it has been taken:
// the events whose bodies are here or come with it, or are absent for a reason that holds.
func (in *intake) extended(l *logState, s sifted) (event.Segments, error) {
	if len(s.fresh) == 0 && !l.loose() {
		return l.segments, nil
	}
	var had []int
	held := s.held
	for i := range in.events {
		absent := in.absent[i]
		if len(held) > 0 && held[0] == i {
			held = held[1:]
			if absent == event.Dropped {
				st, err := in.stored(slot{l.number, in.events[i].Header.Sequence})
				if err != nil {
					return nil, err
				}
				absent = st.absent
			}
		}
		if absent != event.Dropped {
			had = append(had, i)
		}
	}
	return extend(l.segments, in.events, had)
}

// filled returns which of the held events get a body that was missing.
func (in *intake) filled(l *logState, held []int) ([]int, error) {
	if !l.loose() {
		return nil, nil
	}
	var filled []int
	for _, i := range held {
		st, err := in.stored(slot{l.number, in.events[i].Header.Sequence})
		if err != nil {
			return nil, err
		}
		if st.absent == event.Dropped && in.absent[i] == event.Present {
			filled = append(filled, i)
		}
	}
	return filled, nil
}

// extend returns the segments with some of a run's events. Past event.MaxPieces the highest
// are forgotten: their events stay and count again when they come again, and meanwhile what
// is lower gets its place. It fails with ErrTooManySegments if all of the run lies higher.
func extend(s event.Segments, events []event.Event, which []int) (event.Segments, error) {
	lowest := uint64(0) // of what s lacks
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

// gain counts an event as had that stood in its log without.
func (o *order) countHad(x *entry) error {
	g := event.Segment{First: x.sequence, Last: x.sequence, ID: x.id}
	segments, err := x.in.segments.Add(g)
	if err != nil {
		return err
	}
	x.in.segments = segments[:min(len(segments), event.MaxPieces)]
	o.touch(x.in)
	o.grown[x.in.number] = true
	return o.nowHad(x)
}

// nowHad does what an event that counts as had now, and is placed, makes possible for others.
func (o *order) nowHad(x *entry) error {
	o.wakeFor(x, release{})
	return o.wakeSome()
}

// wakeFor has what waits for an event woken, if that counts as had and is placed. What is due by until does not wait longer
// than that says.
func (o *order) wakeFor(x *entry, until release) {
	if x.is(flagPlaced) && x.absent != event.Dropped {
		o.lead(x)
		o.waking.push(x, until)
	}
}

// fork keeps what contradicts a log as its other branch, and freezes both.
func (in *intake) fork(l *logState, s sifted) (*logState, error) {
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
	if err := in.charge(which, nil, false); err != nil {
		return nil, err
	}
	other := in.addLog(l.conversation, l.log, l.person, branchOther)
	other.segments, other.events = segments, uint64(len(which))
	l.forked, other.forked = s.doubt, s.doubt
	in.touch(l)
	in.visible = true
	for _, i := range which {
		if err := in.take(other, i); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// heldByEither reports whether all of a run stands in one branch of a fork: it may
// come again.
func (in *intake) heldByEither(l *logState, s sifted) (bool, error) {
	if len(s.held) == len(in.events) {
		return true, nil
	}
	other, err := in.named(l.conversation, l.log, branchOther)
	if err != nil || other == nil {
		return false, err
	}
	for i := range in.events {
		for _, branch := range []*logState{l, other} {
			st, err := in.stored(slot{branch.number, in.events[i].Header.Sequence})
			if err != nil {
				return false, err
			}
			if st != nil && bytes.Equal(st.headerBytes, in.events[i].Head) {
				break
			} else if branch == other {
				return false, nil
			}
		}
	}
	return true, nil
}

// take stores an event that is new to its log.
func (in *intake) take(l *logState, i int) error {
	e := &in.events[i]
	x := &entry{
		slot: slot{l.number, e.Header.Sequence},
		stored: &stored{
			absent:      in.absent[i],
			firstSeen:   in.now,
			withheld:    in.withheld(i),
			headerBytes: e.Head,
			signature:   e.Signature,
		},
		in:     l,
		header: e.Header,
		id:     e.ID,
	}
	if x.absent == event.Present && x.header.Kind == event.KindEdit { // a recall earlier in the run may have come since
		if taken, err := in.recalls.wordsRecalled(x); err != nil {
			return err
		} else if taken {
			x.absent = event.Recalled
		}
	}
	if x.absent == event.Present {
		x.sealed = in.sealed[i]
	}
	in.foreign(x)
	return in.order.add(x)
}

// withheld returns which causes of an event are not for this node: none outside of groups, where everybody has a right to
// all that was said.
func (in *intake) withheld(i int) uint32 {
	if !in.from.Member {
		return 0
	}
	return in.events[i].Withheld
}

// decideAbsences decides of each event of a run whether its body is taken, and why it is absent if not.
func (in *intake) decideAbsences(l *logState) error {
	in.absent = make([]event.Absence, len(in.events))
	var recalled map[event.ID]bool // by the run itself
	for i := range in.events {
		if h := &in.events[i].Header; h.Kind == event.KindRecall {
			if recalled == nil {
				recalled = map[event.ID]bool{}
			}
			recalled[h.Target] = true
		}
	}
	for i := range in.events {
		e := &in.events[i]
		if e.Absent != event.Present && (recalled[e.ID] || e.Header.Kind == event.KindEdit && recalled[e.Header.Target]) {
			in.absent[i] = event.Recalled
			continue
		}
		var err error
		if in.absent[i], err = in.absence(l, e); err != nil {
			return err
		}
	}
	return nil
}

// absence decides it of one event. The words of what was recalled are not taken. What is said to be gone for a reason
// that does not hold here is only missing.
func (in *intake) absence(l *logState, e *event.Event) (event.Absence, error) {
	x := &entry{in: l, header: e.Header, id: e.ID}
	switch {
	case e.Header.Kind.SelfProven():
	case e.Absent == event.Present:
		if taken, err := in.recalls.wordsRecalled(x); err != nil || taken {
			return event.Recalled, err
		}
	case e.Absent == event.Expired:
		if !e.Header.Expired(in.now) {
			return event.Dropped, nil
		}
	default: // as recalled, or for no reason given
		if in.recalls.none() {
			return event.Dropped, nil
		}
		if p, err := in.recallOf(x); err != nil || p == (slot{}) {
			return event.Dropped, err
		}
		return event.Recalled, nil
	}
	return e.Absent, nil
}

// takeAgain takes what an event that stands in its log brings the second time: a body that was
// missing or a reason for its absence, a signature, and which causes are not for this node.
func (in *intake) takeAgain(l *logState, i int) error {
	e := &in.events[i]
	st, err := in.stored(slot{l.number, e.Header.Sequence})
	if err != nil {
		return err
	}
	absent := st.absent
	if absent == event.Dropped {
		absent = in.absent[i]
	}
	sign := st.signature == nil && e.Signature != nil
	fill := absent != st.absent
	free := in.withheld(i)&^st.withheld != 0 && !st.is(flagPlaced)
	if !sign && !fill && !free {
		return nil
	}
	x := &entry{slot: slot{l.number, e.Header.Sequence}, stored: st, in: l, header: e.Header, id: e.ID}
	if sign {
		x.signature = e.Signature
	}
	if fill {
		if x.absent = absent; absent == event.Present {
			x.sealed = in.sealed[i]
		}
		if x.is(flagPlaced) {
			if err := in.order.show(x); err != nil {
				return err
			}
		}
	}
	in.save(x)
	if fill {
		if absent == event.Present && isEdit(x.header.Kind) {
			in.index(x, true)
		}
		if err := in.order.nowHad(x); err != nil {
			return err
		}
	}
	if free {
		return in.order.waitLess(x, in.withheld(i))
	}
	return nil
}
