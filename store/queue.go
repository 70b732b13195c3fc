package store

import (
	"container/heap"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// maxQueued is how many lines of the outbox are read in one transaction.
const maxQueued = 500

// EachPending tells what is still to be delivered in a conversation, or in all if that is nil: a line for each
// message and person, the oldest first (within a log as they were written), as many at once as maxQueued. Its
// cost grows with what is pending, not with what was ever written. Nothing is held of the lines but the next of
// each part of a log that somebody lacks, and those of events that stand for the message of another event.
//
// What the parts are is found out at the beginning: what is written meanwhile is not told, nor is what was
// delivered before its turn, and nothing is told twice. It ends with an error of tell, which may call the store.
func (s *Store) EachPending(in *event.Conversation, tell func([]Pending) error) error {
	q := queue{seen: map[line]bool{}}
	err := s.view(func(r *reader) error { return q.begin(r, in) })
	for err == nil && len(q.parts) > 0 {
		var lines []Pending
		err = s.view(func(r *reader) (err error) {
			lines, err = q.take(r)
			return err
		})
		if err == nil && len(lines) > 0 {
			err = tell(lines)
		}
	}
	return err
}

// queue is what is still to be told: a heap of parts by the age of the next line of each.
type queue struct {
	parts []*lacking
	seen  map[line]bool // those of events that stand for the message of another event
}

// lacking is a part of an own log that a person lacks.
type lacking struct {
	at    layout.Slot // where the next line stands
	last  uint64
	to    crypto.PersonID
	next  Pending
	order int // among those that are as old
}

func (q *queue) Len() int { return len(q.parts) }
func (q *queue) Less(i, j int) bool {
	x, y := q.parts[i], q.parts[j]
	if !x.next.Queued.Equal(y.next.Queued) {
		return x.next.Queued.Before(y.next.Queued)
	}
	return x.order < y.order
}
func (q *queue) Swap(i, j int) { q.parts[i], q.parts[j] = q.parts[j], q.parts[i] }
func (q *queue) Push(x any)    { q.parts = append(q.parts, x.(*lacking)) }
func (q *queue) Pop() any {
	last := len(q.parts) - 1
	p := q.parts[last]
	q.parts = q.parts[:last]
	return p
}

// begin finds out which parts there are.
func (q *queue) begin(r *reader, in *event.Conversation) error {
	add := func(l *layout.Log, missing event.Range, to crypto.PersonID) error {
		p := &lacking{at: l.At(missing.First), last: missing.Last, to: to, order: len(q.parts)}
		more, err := q.look(r, p)
		if more {
			q.parts = append(q.parts, p)
		}
		return err
	}
	if in == nil {
		if err := r.eachLacking(add); err != nil {
			return err
		}
	} else {
		c, err := r.conversation(*in)
		if err != nil {
			return ignore(err, ErrNoConversation)
		}
		if err := r.eachLackingIn(&c, add); err != nil {
			return err
		}
	}
	heap.Init(q)
	return nil
}

// take returns the next lines that are still pending.
func (q *queue) take(r *reader) (lines []Pending, err error) {
	got := map[*lacking]event.Ranges{} // what their persons have by now
	for passed := 0; len(q.parts) > 0 && len(lines) < maxQueued && passed < maxPassed; passed++ {
		p := q.parts[0]
		has, known := got[p]
		if !known {
			if has, err = r.ranges(bucketDelivered, p.at.Log, p.to); err != nil {
				return nil, err
			}
			got[p] = has
		}
		if !has.Covers(p.at.Sequence) {
			lines = append(lines, p.next)
		}
		p.at.Sequence++
		more, err := q.look(r, p)
		switch {
		case err != nil:
			return nil, err
		case more:
			heap.Fix(q, 0)
		default:
			heap.Pop(q)
		}
	}
	return lines, nil
}

// look goes to the next line of a part, from where it stands. It returns false if there is none.
func (q *queue) look(r *reader, p *lacking) (more bool, err error) {
	for ; p.at.Sequence <= p.last; p.at.Sequence++ {
		x, err := r.entry(p.at)
		if err == ErrNoEvent {
			continue // it was given back since
		}
		if err != nil {
			return false, err
		}
		switch r.listingOf(x) {
		case layout.Bare:
			continue
		case layout.Behind:
			if x, err = r.lineBehind(x, p.to, q.seen); err != nil {
				return false, err
			}
			if x == nil {
				continue
			}
		}
		p.next = pendingOf(x, p.to)
		return true, nil
	}
	return false, nil
}
