package store

import (
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// withheld returns which causes of an event are withheld from this node. That happens in groups
// only: in a direct conversation both have a right to all that was said.
func (in *intake) withheld(i int) uint32 {
	if !in.inGroup {
		return 0
	}
	return in.events[i].Withheld
}

// decideAbsences decides for each event of the run whether its body is taken, and why it is absent
// if not.
func (in *intake) decideAbsences(l *layout.Log) error {
	in.absent = make([]event.Absence, len(in.events))
	var recalled map[event.ID]bool // what the run itself recalls
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

// absence decides for one event whether its body is taken, and why not. The words of an event that
// was recalled are not taken. If the peer says that words are gone for a reason that does not hold
// here, they are only missing.
func (in *intake) absence(l *layout.Log, e *event.Event) (event.Absence, error) {
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
	default: // the peer says recalled, or gives no reason
		if in.recalls.none() {
			return event.Dropped, nil
		}
		if p, err := in.recallOf(x); err != nil || p == (layout.Slot{}) {
			return event.Dropped, err
		}
		return event.Recalled, nil
	}
	return e.Absent, nil
}

// takeAgain takes what the run adds to an event that stands in its log already: a body that was
// missing or a reason for its absence, a signature, and which causes are withheld from this node.
func (in *intake) takeAgain(l *layout.Log, i int) error {
	e := &in.events[i]
	st, err := in.stored(l.At(e.Header.Sequence))
	if err != nil {
		return err
	}
	absent := st.Absent
	if absent == event.Dropped {
		absent = in.absent[i]
	}
	sign := st.Signature == nil && e.Signature != nil
	fill := absent != st.Absent
	free := in.withheld(i)&^st.Withheld != 0 && !st.Is(layout.FlagPlaced)
	if !sign && !fill && !free {
		return nil
	}
	x := &entry{Slot: l.At(e.Header.Sequence), Event: st, in: l, header: e.Header, id: e.ID}
	if sign {
		x.Signature = e.Signature
	}
	if fill {
		if x.Absent = absent; absent == event.Present {
			x.Sealed = in.sealed[i]
		}
		if x.Is(layout.FlagPlaced) {
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
