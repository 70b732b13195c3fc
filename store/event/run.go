package event

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	// MaxRunEvents bounds the events of a run: what one signature may cost to
	// prove, and what is in memory unproven.
	MaxRunEvents = 256
	// MaxRunSize bounds the sum of Size over the events of a run, in bytes.
	// Writers sign before it is exceeded. It counts bodies that are gone, so a run
	// that was once good stays so.
	MaxRunSize = 1 << 20
	// MaxRunSent bounds the bytes of headers and bodies that a run really brings,
	// enclosed recalls included. With all tags, lengths and signatures it fits a
	// frame of 1.25 MiB. Where recalls would exceed it, send the body as Dropped.
	MaxRunSent = MaxRunSize + 192<<10

	tagSize     = 32
	maxRunEvent = MaxHeader + MaxBody + 128 // with tags, lengths and signature
)

// Run is a stretch of one log in sequence order that ends at a signature: how
// events travel. Card and control heads are the same throughout.
type Run struct {
	// Tag names the conversation to one peer, see node/PROTOCOL.md: 32 bytes, or
	// nil for the direct conversation. It proves nothing.
	Tag []byte

	Events []Event

	// Recalls are from any log of the conversation. Each is why one event of the
	// run, in the order of those, is absent as Recalled. What is recalled by a later
	// event of the run itself needs none.
	Recalls []Event
}

// ParseRun takes a Run message, which the result aliases. It has at least one
// event; anything else about them together is for Prove.
func ParseRun(b []byte) (Run, error) {
	r := canon.NewReader(b)
	tag := r.Optional(1, tagSize)
	events := r.Repeated(2, MaxRunEvents, maxRunEvent)
	recalls := r.Repeated(3, MaxRunEvents, maxRunEvent)
	if err := r.End(); err != nil {
		return Run{}, malformed("run: %w", err)
	}
	if len(events) == 0 {
		return Run{}, malformed("run without events")
	}
	run := Run{Tag: tag}
	var err error
	if run.Events, err = parseRunEvents(events); err != nil {
		return Run{}, err
	}
	if run.Recalls, err = parseRunEvents(recalls); err != nil {
		return Run{}, err
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
		if err := r.End(); err != nil {
			return nil, malformed("event of a run: %w", err)
		}
		if absent > uint64(Dropped) {
			return nil, malformed("absence %d", absent)
		}
		var err error
		if events[i], err = Parse(head, body, Absence(absent), signature); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// Marshal returns the Run message of a run that Prove accepts.
func (r *Run) Marshal() []byte {
	var w canon.Writer
	w.Bytes(1, r.Tag)
	for i := range r.Events {
		w.Element(2, r.Events[i].marshal())
	}
	for i := range r.Recalls {
		w.Element(3, r.Recalls[i].marshal())
	}
	return w.Out()
}

func (e *Event) marshal() []byte {
	var w canon.Writer
	w.Bytes(1, e.Head)
	w.Bytes(2, e.Body)
	w.Uint(3, uint64(e.Absent))
	w.Bytes(4, e.Signature)
	return w.Out()
}

// Log returns the log that the run is of.
func (r *Run) Log() Log { return r.Events[0].Header.Log() }

// Segment returns the stretch that the run is.
func (r *Run) Segment() Segment {
	last := &r.Events[len(r.Events)-1]
	return Segment{First: r.Events[0].Header.Sequence, Last: last.Header.Sequence, ID: last.ID}
}

// Trim drops the signatures that Prove has no need of: all but the last and those
// of SelfProven kinds. Call it before sending; each one left costs the receiver a check.
func (r *Run) Trim() {
	for i := range r.Events[:len(r.Events)-1] {
		if e := &r.Events[i]; !e.Header.Kind.SelfProven() {
			e.Signature = nil
		}
	}
}

// Prove checks that the device of the run's log wrote every event in it: the last by
// its signature, the others by the chain of IDs that leads there. Every signature in
// the run is checked, so all of them may be kept. It says nothing about the first
// event's Previous, about whether the device may write there, whether an enclosed
// recall's author may recall, and whether the Expired have expired.
//
// It takes its time and keeps no state: call it off the path of other work.
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
		sent += len(e.Head) + len(e.Body)
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
		sent += len(r.Recalls[i].Head) + len(r.Recalls[i].Body)
	}
	if size > MaxRunSize || sent > MaxRunSent {
		return unproven("run of %d bytes", max(size, sent))
	}
	if err := r.proveAbsences(); err != nil {
		return err
	}
	return r.proveSignatures()
}

// proveSignatures checks the signature of the last event and whatever others there are.
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

// proveAbsences checks that each event which is absent as Recalled has a recall, and
// that each enclosed recall serves that purpose.
func (r *Run) proveAbsences() error {
	var own []ID // what the run itself recalls
	for i := range r.Events {
		if e := &r.Events[i]; e.Header.Kind == KindRecall {
			target, err := e.recalls()
			if err != nil {
				return err
			}
			own = append(own, target)
		}
	}
	enclosed := r.Recalls
	for i := range r.Events {
		e := &r.Events[i]
		if e.Absent != Recalled {
			continue
		}
		if len(enclosed) > 0 {
			recall := &enclosed[0]
			if recall.Header.Kind != KindRecall || recall.Header.Conversation != e.Header.Conversation {
				return unproven("enclosed event is no recall of this conversation")
			}
			target, err := recall.recalls()
			if err != nil {
				return err
			}
			if target == e.ID {
				enclosed = enclosed[1:]
				continue
			}
		}
		if !slices.Contains(own, e.ID) {
			return unproven("absent without a recall: sequence %d", e.Header.Sequence)
		}
	}
	if len(enclosed) > 0 {
		return unproven("enclosed recall of nothing absent, or out of order")
	}
	return nil
}

// recalls returns what a recall is of.
func (e *Event) recalls() (ID, error) {
	b, err := e.ParseBody()
	if err != nil {
		return ID{}, err
	}
	c, err := ParseRecall(b.Content)
	return c.Target, err
}
