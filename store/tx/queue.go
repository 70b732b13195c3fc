package tx

import "time"

const (
	// batchBytes bounds what is written in one batch of what others have brought. Whoever comes while it
	// is being written waits for it. With less, much of the time would go into syncs.
	batchBytes = 1 << 20
	// leftBytes is how much of it is left for others beside the first thing, which may be larger than a batch.
	leftBytes = batchBytes / 4
)

// queue is what waits to be written. What the owner writes is first. Of what others have brought,
// one thing of each is taken in turns, so that somebody who brings little does not wait for all that
// somebody else has brought before. What may wait is written with the rest, and first: it is older.
type queue struct {
	own   []*op
	by    map[string][]*op
	next  []string // the keys of by; first the one whose turn it is
	later []*op
	timer *time.Timer // until one of later waits no longer; nil while there is none
	len   int
}

func (q *queue) add(o *op) {
	q.len++
	if o.later > 0 {
		q.later = append(q.later, o)
		if q.timer == nil {
			q.timer = time.NewTimer(o.later)
		}
		return
	}
	if o.by == "" {
		q.own = append(q.own, o)
		return
	}
	if q.by == nil {
		q.by = make(map[string][]*op)
	}
	if len(q.by[o.by]) == 0 {
		q.next = append(q.next, o.by)
	}
	q.by[o.by] = append(q.by[o.by], o)
}

// take takes out what is written in the next batch: at least one thing, if anything waits. Where the next
// thing of somebody does not fit, others have their turn, and theirs is among the first in the batch after.
func (q *queue) take() []*op {
	group, left := q.own, batchBytes
	q.own = nil
	var waiting []string
	for first := true; len(q.next) > 0; first = false {
		by := q.next[0]
		o := q.by[by][0]
		switch {
		case first:
			left -= min(o.bytes, batchBytes-leftBytes)
		case o.bytes > left:
			waiting = append(waiting, by)
			q.next = q.next[1:]
			continue
		default:
			left -= o.bytes
		}
		group = append(group, o)
		q.pop()
	}
	q.next = waiting
	if len(group) > 0 {
		group = append(q.takeLater(), group...)
	}
	q.len -= len(group)
	return group
}

// takeLater takes out what may wait.
func (q *queue) takeLater() (late []*op) {
	late, q.later = q.later, nil
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	return late
}

// due says when what may wait waits no longer: hurry is to be called then.
func (q *queue) due() <-chan time.Time {
	if q.timer == nil {
		return nil
	}
	return q.timer.C
}

// hurry has what may wait be written at once.
func (q *queue) hurry() { q.own = append(q.own, q.takeLater()...) }

// pop takes out the first thing of the one whose turn it is, who is the last from now on.
func (q *queue) pop() {
	by := q.next[0]
	q.next = q.next[1:]
	if q.by[by] = q.by[by][1:]; len(q.by[by]) > 0 {
		q.next = append(q.next, by)
	} else {
		delete(q.by, by)
	}
}

// all takes out everything.
func (q *queue) all() (all []*op) {
	q.hurry()
	for q.len > 0 {
		all = append(all, q.take()...)
	}
	return all
}
