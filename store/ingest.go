package store

import (
	"context"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Origin says whose a run is. What is stored of it counts towards the budget of its author.
type Origin struct {
	Author  crypto.PersonID // whom the run's device speaks for
	Address string          // of the link by which it came; empty: not known. It says where a stranger counts
	By      crypto.PersonID // who has brought it. Those who bring something take turns at the disk

	This  *Attempt // what becomes of the run; may be nil
	After *Attempt // that of the last run of its log that came the same way before it; nil: there is none
}

// Attempt is what became of a run that was to be stored. Runs of a log are handed over before it is
// known what became of those before them. One that is smaller than the one before it may fit into a
// budget where that did not, and would be shown before the words that it follows. So it is refused too.
type Attempt struct {
	first      uint64 // sequence of the run
	overBudget bool
}

// leavesOut reports whether a run is missing before one that begins with a sequence.
func (a *Attempt) leavesOut(first uint64) bool { return a != nil && a.overBudget && a.first < first }

// IngestResult says how a log is held after a run was taken.
type IngestResult struct {
	Segments event.Segments
	New      bool // the run brought something that was not had before
}

// BeginIngest takes a run into its log. The run has its place after those that the same person
// has brought before it, and wait returns when it is on the disk: meanwhile the caller can prepare the next. The
// caller has proven the run, and has found that the devices of the run and of its enclosed recalls
// speak for the author under the card heads that they name. The run must not change afterwards.
// Events that are held already stay as they are, so a run may come any number of times and from
// anywhere.
//
// ErrForked is returned when this run, or an earlier one, contradicts what is held; the first
// contradiction is kept beside it. The result is valid then. Other errors: ErrNoConversation,
// ErrTooManySegments, ErrBudget, ErrTooManyLogs, ErrCut.
func (s *Store) BeginIngest(ctx context.Context, run event.Run, from Origin) (wait func() (IngestResult, error)) {
	g := newIngestion(&s.dir.Keyring, &run, from)
	written := s.submitBy(ctx, from.By, g.bytes(), g.run)
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

// ingestion is one run whose bodies were sealed before the writer takes it. run sets result and
// forked.
type ingestion struct {
	author  crypto.PersonID
	events  intake
	recalls []intake
	result  IngestResult
	forked  bool
}

func newIngestion(keyring *crypto.Keyring, run *event.Run, from Origin) *ingestion {
	sealed := func(events []event.Event) intake {
		out := intake{events: events, sealed: make([][]byte, len(events)), from: from}
		for i := range events {
			if e := &events[i]; e.Absent == event.Present {
				out.sealed[i] = keyring.Seal(e.Body, e.Header.BodyHash[:])
				out.files += event.CountAttachments(e.Body)
			}
		}
		return out
	}
	g := &ingestion{author: from.Author, events: sealed(run.Events)}
	from.This, from.After = nil, nil // a recall that a run encloses follows other events, maybe in another log
	for i := range run.Recalls {
		g.recalls = append(g.recalls, sealed(run.Recalls[i:i+1]))
	}
	return g
}

// bytes returns about how much is written.
func (g *ingestion) bytes() (n int) {
	for _, in := range append(g.recalls, g.events) {
		n += in.files * costFile
		for i := range in.events {
			n += len(in.events[i].HeaderBytes) + len(in.sealed[i])
		}
	}
	return n
}

// run takes the enclosed recalls and then the run.
func (g *ingestion) run(b *batch) (err error) {
	if this := g.events.from.This; this != nil {
		defer func() { *this = Attempt{g.events.events[0].Header.Sequence, err == ErrBudget} }()
	}
	more := false
	for i := range g.recalls {
		// A recall that can't be kept leaves its target as dropped.
		if b.s.book.PersonOf(b.Reader, g.recalls[i].events[0].Header.Device) != g.author {
			continue
		}
		recall := g.recalls[i] // a copy, since all of it may run again
		recall.batch = b
		if _, _, err := recall.ingest(); err != nil && err != ErrTooManySegments && err != ErrCut {
			return err
		}
		more = more || recall.new
	}
	events := g.events
	events.batch = b
	l, forked, err := events.ingest()
	if err != nil {
		return err
	}
	g.forked = forked
	if err := b.noteReceived(l, more || events.new, forked); err != nil {
		return err
	}
	segments, err := b.counted(l)
	if err != nil {
		return err
	}
	g.result = IngestResult{Segments: slices.Clone(segments), New: events.new}
	return nil
}
