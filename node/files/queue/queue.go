// Package queue decides which of the attachments that are wanted are fetched now: [MaxRunning] at once,
// [MaxOfPerson] of one person's messages, in turn by person. Of one person's the smallest goes first,
// but every second time the one that has waited longest: so a picture does not wait for films, nor a
// film for ever for pictures.
//
// What has run for a [Slice] makes room for a person of whom nothing is fetched, and for something of the
// same person's that needs less than half of what it still needs itself; and what runs beside another one
// of the same person makes room for a person of whom nothing is fetched after a [Brief]. What doesn't fit
// on the disk beside what is being fetched waits until it does, with a state that says so. What nobody has
// rests, and is tried again after everything else.
//
// A [Queue] is pure: it is told what happened and when, and [Queue.Next] answers with what starts and
// what stops. It bounds nothing by itself; the owner has said what is wanted. Nothing in it fails. One
// goroutine at a time may call it.
package queue

import (
	"cmp"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

const (
	// MaxRunning is how many attachments are fetched at once.
	MaxRunning = 4
	// MaxOfPerson is how many of them are of one person's messages.
	MaxOfPerson = 2
	// Slice is how long one runs at least before it makes room for another.
	Slice = 30 * time.Second
	// Brief is the same of the second one of a person, for a person of whom nothing is fetched: two who
	// give nothing don't hold up all others.
	Brief = 5 * time.Second
)

// State is what becomes of an attachment.
type State uint8

const (
	// Unknown: it is not in the queue.
	Unknown State = iota
	// Waiting for its turn.
	Waiting
	// Running: it is being fetched.
	Running
	// NoRoom: there is no room for it on the disk.
	NoRoom
	// Resting: nobody has it.
	Resting
)

// Queue is the attachments that are wanted, named by K. They are told apart by who sent them: somebody
// who sends many has others' wait no longer.
type Queue[K comparable] struct {
	items   map[K]*item[K]
	people  map[crypto.PersonID]*person[K]
	run     []*item[K] // those that are Running, the first first
	resting []*item[K] // those that rest until a time, by that
	room    uint64     // bytes
	turns   int        // counts what was added, started and stopped
}

type item[K comparable] struct {
	key     K
	of      *person[K]
	need    uint64    // bytes
	apart   bool      // they are written to another disk
	state   State     // never NoRoom, which State works out
	turn    int       // when it began to wait
	tried   bool      // it has rested, and nothing says that somebody has it now
	stopped bool      // in this Next
	since   time.Time // of Running: when it was started
	until   time.Time // of Resting; zero: until Wake
}

// person has what of a person's messages is Waiting, in two orders. In both, what is only tried again
// comes behind everything else.
type person[K comparable] struct {
	id      crypto.PersonID
	items   int // of any state
	small   []*item[K]
	old     []*item[K]
	running int
	turn    int // when something of theirs was started last
	starts  int
}

// New returns an empty queue, with no room on the disk.
func New[K comparable]() *Queue[K] {
	return &Queue[K]{items: make(map[K]*item[K]), people: make(map[crypto.PersonID]*person[K])}
}

// Add wants an attachment of a person's message, for which so many bytes of disk are needed. One that is
// there already stays where it is.
func (q *Queue[K]) Add(k K, of crypto.PersonID, need uint64) {
	if q.items[k] != nil {
		return
	}
	p := q.people[of]
	if p == nil {
		p = &person[K]{id: of}
		q.people[of] = p
	}
	i := &item[K]{key: k, of: p, need: need, turn: q.tick()}
	q.items[k] = i
	p.items++
	q.put(i, Waiting)
}

// Remove wants an attachment no more: it is held, or the owner has decided otherwise.
func (q *Queue[K]) Remove(k K) {
	i := q.items[k]
	if i == nil {
		return
	}
	q.put(i, Unknown)
	delete(q.items, k)
	if i.of.items--; i.of.items == 0 {
		delete(q.people, i.of.id)
	}
}

// Len returns how many attachments are wanted, and Of how many of them are of a person's messages.
func (q *Queue[K]) Len() int { return len(q.items) }

func (q *Queue[K]) Of(person crypto.PersonID) int {
	if p := q.people[person]; p != nil {
		return p.items
	}
	return 0
}

// Need says how many bytes an attachment needs by now. It is to be told as it is written, with Room: what
// was written is not in the room any more, and what still needs more than there is is stopped.
func (q *Queue[K]) Need(k K, bytes uint64) {
	if i := q.items[k]; i != nil {
		q.change(i, func() { i.need = bytes })
	}
}

// Apart says whether an attachment is written to another disk than that of Room, where its owner looks for room.
func (q *Queue[K]) Apart(k K, apart bool) {
	if i := q.items[k]; i != nil {
		i.apart = apart
	}
}

// takes is how many bytes of the disk of Room it takes.
func (i *item[K]) takes() uint64 {
	if i.apart {
		return 0
	}
	return i.need
}

// Room says how many bytes may be written to the disk now.
func (q *Queue[K]) Room(bytes uint64) { q.room = bytes }

// Rest says that nobody has it. It gives up its turn until a time, or if that is zero until Wake.
func (q *Queue[K]) Rest(k K, until time.Time) {
	if i := q.items[k]; i != nil {
		q.put(i, Unknown)
		i.until, i.tried, i.turn = until, true, q.tick()
		q.put(i, Resting)
	}
}

// Wake says that somebody has come who may have it.
func (q *Queue[K]) Wake(k K) {
	i := q.items[k]
	if i == nil {
		return
	}
	q.change(i, func() { i.tried = false })
	if i.state == Resting {
		q.put(i, Waiting)
	}
}

// State returns what becomes of an attachment.
func (q *Queue[K]) State(k K) State {
	i := q.items[k]
	switch {
	case i == nil:
		return Unknown
	case i.state == Waiting && i.takes() > q.left():
		return NoRoom
	}
	return i.state
}

// Next returns what stops and what starts now, and the time at which to call it again at the latest; zero
// is never. Call it after any other method but State.
func (q *Queue[K]) Next(now time.Time) (stop, start []K, wake time.Time) {
	at := func(t time.Time) {
		if wake.IsZero() || t.Before(wake) {
			wake = t
		}
	}
	for len(q.resting) > 0 && !now.Before(q.resting[0].until) {
		q.put(q.resting[0], Waiting)
	}
	if len(q.resting) > 0 {
		at(q.resting[0].until)
	}
	var stopped []*item[K]
	halt := func(i *item[K]) {
		q.put(i, Unknown)
		i.stopped, i.turn = true, q.tick()
		q.put(i, Waiting)
		stopped = append(stopped, i)
		stop = append(stop, i.key)
	}
	for q.reserved() > q.room {
		halt(slices.MaxFunc(q.run, func(a, b *item[K]) int { return cmp.Compare(a.takes(), b.takes()) }))
	}
	for {
		i, instead, later := q.choose(now)
		if i == nil {
			if !later.IsZero() {
				at(later)
			}
			break
		}
		if instead != nil {
			halt(instead)
		}
		q.put(i, Running)
		i.since = now
		i.of.starts++
		i.of.turn = q.tick()
		start = append(start, i.key)
	}
	for _, i := range stopped {
		i.stopped = false
		at(now.Add(time.Second)) // it may be its turn already
	}
	return stop, start, wake
}

func (q *Queue[K]) tick() int {
	q.turns++
	return q.turns
}

// put changes the state of an item.
func (q *Queue[K]) put(i *item[K], state State) {
	is := func(o *item[K]) bool { return o == i }
	switch i.state {
	case Waiting:
		remove(&i.of.small, i, bySize)
		remove(&i.of.old, i, byTurn)
	case Running:
		q.run = slices.DeleteFunc(q.run, is)
		i.of.running--
	case Resting:
		if !i.until.IsZero() {
			remove(&q.resting, i, byUntil)
		}
	}
	i.state = state
	switch {
	case state == Waiting:
		insert(&i.of.small, i, bySize)
		insert(&i.of.old, i, byTurn)
	case state == Running:
		q.run = append(q.run, i)
		i.of.running++
	case state == Resting && !i.until.IsZero():
		insert(&q.resting, i, byUntil)
	}
}

// change changes what an item is sorted by.
func (q *Queue[K]) change(i *item[K], do func()) {
	if i.state != Waiting {
		do()
		return
	}
	q.put(i, Unknown)
	do()
	q.put(i, Waiting)
}

// reserved is how many bytes those that run still need.
func (q *Queue[K]) reserved() (bytes uint64) {
	for _, i := range q.run {
		bytes += i.takes()
	}
	return bytes
}

// left is how much room there is beside those that run.
func (q *Queue[K]) left() uint64 { return q.room - min(q.room, q.reserved()) }

// choose returns what starts next, and what stops for it. If it is only that nothing has run for long
// enough, it says when that will be.
func (q *Queue[K]) choose(now time.Time) (i, instead *item[K], later time.Time) {
	left, full := q.left(), len(q.run) == MaxRunning
	for _, p := range q.people {
		if full || p.running == MaxOfPerson {
			continue
		}
		if o := p.next(left); o != nil && (i == nil || byPerson(o, i) < 0) {
			i = o
		}
	}
	if i != nil {
		return i, nil, time.Time{}
	}
	for _, p := range q.people {
		for _, v := range q.run {
			o := p.instead(v, left, full)
			if o == nil {
				continue
			}
			slice := Slice
			if v.of != p && v.of.running > 1 {
				slice = Brief
			}
			if at := v.since.Add(slice); now.Before(at) {
				if later.IsZero() || at.Before(later) {
					later = at
				}
			} else if i == nil || cmp.Or(byPerson(o, i), cmp.Compare(instead.of.running, v.of.running)) < 0 {
				i, instead = o, v // of equals the one that was started first
			}
		}
	}
	return i, instead, later
}

// next returns which of a person's that fit goes next.
func (p *person[K]) next(left uint64) *item[K] {
	if p.starts%2 == 1 {
		return fitting(p.old, left)
	}
	return fitting(p.small, left)
}

// fitting returns the first that fits.
func fitting[K comparable](list []*item[K], left uint64) *item[K] {
	for _, i := range list {
		if i.takes() <= left && !i.stopped {
			return i
		}
	}
	return nil
}

// instead returns which of a person's is to run instead of another, when that has run long enough.
func (p *person[K]) instead(v *item[K], left uint64, full bool) (i *item[K]) {
	if v.of == p {
		if i = fitting(p.small, left); i != nil && i.need >= v.need/2 {
			i = nil
		}
	} else if full && p.running == 0 {
		i = p.next(left)
	}
	if i != nil && i.tried {
		return nil
	}
	return i
}
