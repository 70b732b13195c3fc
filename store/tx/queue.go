package tx

const (
	// batchBytes bounds what is written in one batch of what others have brought. Whoever comes while it
	// is being written waits for it. With less, much of the time would go into syncs.
	batchBytes = 1 << 20
	// leftBytes is how much of it is left for others beside the first thing, which may be larger than a batch.
	leftBytes = batchBytes / 4
)

// queue is what waits to be written. What the owner writes is first. Of what others have brought,
// one thing of each is taken in turns, so that somebody who brings little does not wait for all that
// somebody else has brought before.
type queue struct {
	own  []*op
	by   map[string][]*op
	next []string // the keys of by; first the one whose turn it is
	len  int
}

func (q *queue) add(o *op) {
	q.len++
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
	q.len -= len(group)
	return group
}

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
	for q.len > 0 {
		all = append(all, q.take()...)
	}
	return all
}
