package event

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	// MaxRunEvents bounds the events of a run, and so what has to be in memory before one signature
	// proves it.
	MaxRunEvents = 256
	// MaxRunSize bounds the sum of Size over the events of a run, in bytes. Writers sign before it
	// is exceeded. It counts bodies that are gone, so that a run which was once good stays good.
	MaxRunSize = 1 << 20
	// MaxRunSent bounds the bytes of headers and bodies that a run really brings, with its enclosed
	// recalls. With all tags, lengths and signatures the run then fits a frame of 1.25 MiB. Where
	// recalls would exceed it, leave them out: they also come with the run in which they stand.
	MaxRunSent = MaxRunSize + 192<<10

	// MaxOpeningEvents and MaxOpeningSent bound the one run that somebody gets who has not accepted
	// its author: its events, and the bytes of their headers and bodies. It is enough to say who
	// one is and what one wants, and for one event of any size.
	MaxOpeningEvents = 16
	MaxOpeningSent   = MaxHeader + MaxBody

	// Around is what surrounds an event in a run, in bytes, at most: tags, lengths and signature.
	Around = 128

	tagSize     = 32
	maxRunEvent = MaxHeader + MaxBody + Around
)

// Run is a part of one log in the order of sequences that ends at a signature. Events travel in
// runs. Card and control heads are the same in all its events.
type Run struct {
	// Tag names the conversation to one peer, see node/PROTOCOL.md: 32 bytes, or nil for the direct
	// conversation. It proves nothing.
	Tag []byte

	// Number counts the runs that were sent in a session, from 1; the answer names it. It is 0
	// where no answer is expected.
	Number uint64

	Events []Event

	// Recalls are from any log of the conversation, in the order of their targets. Each is why at
	// least one event of the run is absent as Recalled: its target, or an edit of its target. There
	// need not be one for every such event.
	Recalls []Event
}

// ParseRun parses a Run message, which the result aliases. The run has at least one event; whether
// its events fit together is for Prove to say.
func ParseRun(b []byte) (Run, error) {
	r := canon.NewReader(b)
	tag := r.Optional(1, tagSize)
	events := r.Repeated(2, MaxRunEvents, maxRunEvent)
	recalls := r.Repeated(3, MaxRunEvents, maxRunEvent)
	number := r.Uint(4)
	if err := r.End(); err != nil {
		return Run{}, malformed("run: %w", err)
	}
	if len(events) == 0 {
		return Run{}, malformed("run without events")
	}
	if number > MaxInteger {
		return Run{}, malformed("run number %d", number)
	}
	run := Run{Tag: tag, Number: number}
	var err error
	if run.Events, err = parseRunEvents(events); err != nil {
		return Run{}, err
	}
	if run.Recalls, err = parseRunEvents(recalls); err != nil {
		return Run{}, err
	}
	for i := range run.Recalls {
		if run.Recalls[i].Withheld != 0 {
			return Run{}, malformed("causes of an enclosed recall")
		}
	}
	return run, nil
}

func parseRunEvents(elements [][]byte) ([]Event, error) {
	if len(elements) == 0 {
		return nil, nil
	}
	events := make([]Event, len(elements))
	for i, b := range elements {
		r := canon.NewReader(b)
		head := r.Bytes(1, MaxHeader)
		body := r.Bytes(2, MaxBody)
		absent := r.Uint(3)
		signature := r.Optional(4, crypto.SignatureSize)
		withheld := r.Uint(5)
		if err := r.End(); err != nil {
			return nil, malformed("event of a run: %w", err)
		}
		if absent > uint64(Dropped) {
			return nil, malformed("absence %d", absent)
		}
		if withheld > maxWithheld {
			return nil, malformed("withheld causes %x", withheld)
		}
		var err error
		if events[i], err = Parse(head, body, Absence(absent), signature); err != nil {
			return nil, err
		}
		events[i].Withheld = uint32(withheld)
	}
	return events, nil
}

// Marshal returns the Run message of a run that Prove accepts.
func (r *Run) Marshal() []byte {
	size := len(r.Tag) + framing
	for _, all := range [][]Event{r.Events, r.Recalls} {
		for i := range all {
			size += len(all[i].HeaderBytes) + len(all[i].Body) + len(all[i].Signature) + framing
		}
	}
	var w, one canon.Writer
	w.Grow(size)
	w.Bytes(1, r.Tag)
	for i := range r.Events {
		w.Element(2, r.Events[i].marshal(&one))
	}
	for i := range r.Recalls {
		w.Element(3, r.Recalls[i].marshal(&one))
	}
	w.Uint(4, r.Number)
	return w.Out()
}

// framing is the most bytes of a run, or of an event in it, that are no content of a field.
const framing = 32

// marshal writes an event, in the memory of the one before.
func (e *Event) marshal(w *canon.Writer) []byte {
	w.Reset()
	w.Bytes(1, e.HeaderBytes)
	w.Bytes(2, e.Body)
	w.Uint(3, uint64(e.Absent))
	w.Bytes(4, e.Signature)
	w.Uint(5, uint64(e.Withheld))
	return w.Out()
}

// Given returns what the run brings: all of its events except those whose bodies are Dropped.
func (r *Run) Given() Segments {
	var out Segments
	for i := range r.Events {
		e := &r.Events[i]
		seq := e.Header.Sequence
		switch n := len(out); {
		case e.Absent == Dropped:
		case n > 0 && out[n-1].Last+1 == seq:
			out[n-1].Last, out[n-1].ID = seq, e.ID
		default:
			out = append(out, Segment{First: seq, Last: seq, ID: e.ID})
		}
	}
	return out
}

// Log returns the log that the run is of.
func (r *Run) Log() Log { return r.Events[0].Header.Log() }

// Segment returns the segment that the run covers.
func (r *Run) Segment() Segment {
	last := &r.Events[len(r.Events)-1]
	return Segment{First: r.Events[0].Header.Sequence, Last: last.Header.Sequence, ID: last.ID}
}

// Trim drops the signatures that Prove doesn't need: all but the last one and those of SelfProven
// kinds. Call it before sending, since each signature costs the receiver a check.
func (r *Run) Trim() {
	for i := range r.Events[:len(r.Events)-1] {
		if e := &r.Events[i]; !e.Header.Kind.SelfProven() {
			e.Signature = nil
		}
	}
}

// Prove checks that the device of the run's log wrote every event in it: the last event by its
// signature, the others by the chain of IDs that leads to it. Every signature in the run is
// checked, so all of them may be kept. It does not say whether the first event's Previous exists,
// whether the device may write there, whether the author of an enclosed recall may recall, whether
// events that are absent as Recalled were recalled if nothing enclosed says so, and whether Expired
// events have expired.
//
// It takes its time and keeps no state: call it where nothing else has to wait.
func (r *Run) Prove() error {
	if len(r.Events) == 0 || len(r.Events) > MaxRunEvents {
		return unproven("run of %d events", len(r.Events))
	}
	first := &r.Events[0]
	log := first.Header.Log()
	size, sent := 0, 0
	for i := range r.Events {
		e := &r.Events[i]
		size += e.Size()
		sent += len(e.HeaderBytes) + len(e.Body)
		switch {
		case e.Header.Log() != log:
			return unproven("run of two logs")
		case e.Header.Card != first.Header.Card:
			return unproven("run crosses a change of card")
		case !slices.Equal(e.Header.Control, first.Header.Control):
			return unproven("run crosses a change of control")
		case i > 0 && e.Header.Sequence != r.Events[i-1].Header.Sequence+1:
			return unproven("run with a gap before sequence %d", e.Header.Sequence)
		case i > 0 && e.Header.Previous != r.Events[i-1].ID:
			return unproven("run with a broken link before sequence %d", e.Header.Sequence)
		}
	}
	for i := range r.Recalls {
		sent += len(r.Recalls[i].HeaderBytes) + len(r.Recalls[i].Body)
	}
	if size > MaxRunSize || sent > MaxRunSent {
		return unproven("run of %d bytes", max(size, sent))
	}
	if err := r.proveAbsences(); err != nil {
		return err
	}
	return r.proveSignatures()
}

// proveSignatures checks the signature of the last event, and those of other events that have one.
func (r *Run) proveSignatures() error {
	last := len(r.Events) - 1
	for i := range r.Events {
		e := &r.Events[i]
		if (i == last || e.Signature != nil || e.Header.Kind.SelfProven()) && !e.verified() {
			return unproven("no good signature at sequence %d", e.Header.Sequence)
		}
	}
	for i := range r.Recalls {
		if !r.Recalls[i].verified() {
			return unproven("no good signature of an enclosed recall")
		}
	}
	return nil
}

// proveAbsences checks that each enclosed recall is one, and says why something is absent.
func (r *Run) proveAbsences() error {
	if len(r.Recalls) == 0 {
		return nil
	}
	recalled := map[ID]bool{} // the targets whose recall takes an event of the run
	for i := range r.Events {
		e := &r.Events[i]
		if e.Absent != Recalled {
			continue
		}
		recalled[e.ID] = true
		if e.Header.Kind == KindEdit {
			recalled[e.Header.Target] = true
		}
	}
	for i := range r.Recalls {
		h := &r.Recalls[i].Header
		switch {
		case h.Kind != KindRecall || h.Conversation != r.Events[0].Header.Conversation:
			return unproven("enclosed event is no recall of this conversation")
		case i > 0 && bytes.Compare(r.Recalls[i-1].Header.Target[:], h.Target[:]) >= 0:
			return unproven("enclosed recalls out of order")
		case !recalled[h.Target]:
			return unproven("enclosed recall of nothing absent")
		}
	}
	return nil
}
