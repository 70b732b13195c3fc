package sync_test

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// world is some nodes of fewer persons on a network that loses connections, under a virtual clock.
// One seed gives one course of things, to the last byte.
type world struct {
	rng    *rand.Rand
	now    time.Time
	queue  things
	number uint64
	trace  hash.Hash64
	log    func(format string, args ...any) // nil: silent

	nodes    []*node
	personOf map[crypto.DeviceID]int
	convs    []conv
	rooms    []*room
	served   bool // B serves C in their direct conversation
	calm     bool // nothing breaks any more
	gentle   bool // nothing ever broke
	cutRate  float64
	crash    float64
	partedTo map[[2]int]time.Time
	wall     [2]int // two nodes that never reach each other; the same twice: none

	messages []message
	written  map[event.ID]*event.Event // whatever was ever on a disk of its author
	pasts    map[crypto.Hash]map[crypto.Hash]bool
	failures []string
	count    counts
}

// counts say what a run went through, so that it can't be vacuous.
type counts struct {
	crashes, cuts, gaps, duplicates, rollbacks, needCards, requests, openings, refused, forks, frames, restores, strips, drains, fulls, overs, forgets, typings, aways int

	// In rooms only.
	needControls, welcomes, invites, removals, skips, spans, shorts, quiet, asks, unheeded, directs int
}

// conv is a conversation and the persons in it.
type conv struct {
	id      event.Conversation
	persons []int
	kind    string // direct, self, group or room
	room    *room  // nil if it is none
}

// message is what somebody was told is written.
type message struct {
	conv   event.Conversation
	person int
	key    [16]byte
}

const (
	personA = iota
	personB
	personC
	personD
	personE
)

// The persons of each node.
var (
	friends = []int{personA, personA, personB, personB, personC}
	office  = []int{personA, personA, personB, personB, personC, personD, personE}
)

var deviceKeys = func() []crypto.DeviceKey {
	keys := make([]crypto.DeviceKey, len(office))
	for i := range keys {
		var err error
		if keys[i], err = crypto.NewDeviceKey(rand.NewChaCha8([32]byte{byte(i)})); err != nil {
			panic(err)
		}
	}
	return keys
}()

type thing struct {
	at     time.Time
	number uint64
	do     func()
}

type things []thing

func (q things) Len() int { return len(q) }
func (q things) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].number < q[j].number
}
func (q things) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *things) Push(x any)   { *q = append(*q, x.(thing)) }
func (q *things) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

func newWorld(seed uint64, persons []int) *world {
	w := &world{
		rng:      rand.New(rand.NewPCG(seed, 0x6561727368)),
		now:      time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC),
		trace:    fnv.New64a(),
		personOf: map[crypto.DeviceID]int{},
		written:  map[event.ID]*event.Event{},
		pasts:    map[crypto.Hash]map[crypto.Hash]bool{},
		partedTo: map[[2]int]time.Time{},
	}
	w.convs = []conv{
		{event.Conversation{1}, []int{personA, personB}, "direct", nil},
		{event.Conversation{2}, []int{personB, personC}, "direct", nil},
		{event.Conversation{3}, []int{personA, personB, personC}, "group", nil},
		{event.Conversation{4}, []int{personA}, "self", nil},
	}
	for i, p := range persons {
		n := &node{world: w, index: i, person: p, key: deviceKeys[i], device: deviceKeys[i].ID(), up: true}
		n.name = fmt.Sprintf("%c%d", 'A'+p, i%2+1)
		n.offset = w.offset()
		n.ends = make([]*end, len(persons))
		n.following = map[event.Conversation]map[int]bool{}
		n.direct = map[event.Log]int{}
		n.disk = newDisk(w.rng)
		n.disk.cards[p] = true
		w.personOf[n.device] = p
		w.nodes = append(w.nodes, n)
	}
	return w
}

// offset is how wrong a clock is: half of them are right to half a second, others up to ten years
// wrong.
func (w *world) offset() time.Duration {
	const year = 365 * 24 * time.Hour
	switch w.rng.IntN(4) {
	case 0:
		return time.Duration(w.rng.Int64N(int64(20*year))) - 10*year
	case 1:
		return time.Duration(w.rng.Int64N(int64(2*time.Hour))) - time.Hour
	}
	return time.Duration(w.rng.Int64N(int64(time.Second))) - time.Second/2
}

const right = time.Second // offsets below it are right

func (w *world) must(err error) {
	if err != nil {
		panic(err)
	}
}

func (w *world) fail(format string, args ...any) {
	if len(w.failures) < 20 {
		w.failures = append(w.failures, fmt.Sprintf("%s: ", w.now.Format("15:04:05.000"))+fmt.Sprintf(format, args...))
	}
	w.note("FAIL "+format, args...)
}

func (w *world) note(format string, args ...any) {
	if w.log != nil {
		w.log("%s "+format, append([]any{w.now.Format("15:04:05.000")}, args...)...)
	}
}

func (w *world) mark(what byte, numbers ...int) {
	b := []byte{what}
	for _, n := range numbers {
		b = binary.AppendVarint(b, int64(n))
	}
	b = binary.AppendVarint(b, w.now.UnixMicro())
	w.trace.Write(b)
}

func (w *world) after(d time.Duration, do func()) {
	w.number++
	heap.Push(&w.queue, thing{w.now.Add(d), w.number, do})
}

// within returns a random duration below d.
func (w *world) within(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(d)))
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// maxThings is far above what any run needs: beyond it something goes in circles.
const maxThings = 1_000_000

// run lets time pass until nothing is left to happen, or until end.
func (w *world) run(end time.Time) {
	for done := 0; len(w.queue) > 0 && len(w.failures) == 0; done++ {
		if !end.IsZero() && w.queue[0].at.After(end) {
			w.now = end
			return
		}
		if done == maxThings {
			w.fail("it does not come to rest")
			return
		}
		next := heap.Pop(&w.queue).(thing)
		w.now = next.at
		next.do()
	}
}

func (w *world) parted(a, b *node) bool {
	return !w.calm && w.now.Before(w.partedTo[[2]int{min(a.index, b.index), max(a.index, b.index)}])
}

// walled reports whether two nodes hear of each other by others only.
func (w *world) walled(a, b *node) bool {
	return w.wall == [2]int{min(a.index, b.index), max(a.index, b.index)}
}

// meet connects two nodes that can reach each other and aren't connected.
func (w *world) meet(a, b *node) {
	switch {
	case !a.up || !b.up || a.ends[b.index] != nil && b.ends[a.index] != nil && a.ends[b.index].conn == b.ends[a.index].conn:
		return
	case w.walled(a, b):
		return
	case w.parted(a, b):
		w.after(time.Second+w.within(time.Second), func() { w.meet(a, b) })
		return
	}
	for _, old := range []*end{a.ends[b.index], b.ends[a.index]} {
		if old != nil {
			old.close()
		}
	}
	w.mark('m', a.index, b.index)
	w.note("%s and %s connect", a.name, b.name)
	c := &conn{latency: time.Millisecond + w.within(300*time.Millisecond)}
	x, y := newEnd(a, b, c), newEnd(b, a, c)
	x.other, y.other = y, x
	for _, e := range []*end{x, y} {
		w.after(w.within(50*time.Millisecond), func() { e.open() })
	}
}

// shared returns the conversations of two nodes, by what the first one knows.
func (w *world) shared(n, peer *node) []conv {
	var both []conv
	for _, c := range w.convs {
		if has(c.persons, n.person) && has(c.persons, peer.person) && (w.serves(n, peer) || !c.isDirectOf(n, peer)) {
			both = append(both, c)
		}
	}
	for _, r := range w.rooms {
		if n.terms(r.id, peer).shared {
			both = append(both, r.conv)
		}
	}
	return both
}

// serves reports whether n takes part in the direct conversation with peer.
func (w *world) serves(n, peer *node) bool {
	return w.served || n.person != personB || peer.person != personC
}

func (c conv) isDirectOf(n, peer *node) bool {
	return c.kind == "direct" && n.person != peer.person || c.kind == "self" && n.person == peer.person
}

func has(persons []int, p int) bool {
	for _, q := range persons {
		if p == q {
			return true
		}
	}
	return false
}

// tag is what n calls a conversation to a peer.
func (c conv) tag(n, peer *node) []byte {
	if c.isDirectOf(n, peer) {
		return nil
	}
	t := crypto.Digest("simulated tag", append(c.id[:], n.device[:]...))
	return t[:]
}

// conn is two streams. Once dead it carries nothing, though the ends may not know yet.
type conn struct {
	dead    bool
	latency time.Duration
}

// cut kills a connection. Each end learns of it in its own time.
func (w *world) cut(e *end) {
	if e.conn.dead {
		return
	}
	w.count.cuts++
	w.mark('x', e.node.index, e.peer.index)
	w.note("%s and %s are cut", e.node.name, e.peer.name)
	e.conn.dead = true
	for _, side := range []*end{e, e.other} {
		w.after(w.within(8*time.Second), side.close)
	}
}

// transmit carries a frame to the other end, in order.
func (w *world) transmit(e *end, f wire.Frame) {
	b := f.Marshal()
	w.trace.Write(b)
	w.count.frames++
	if e.conn.dead {
		return
	}
	if !w.calm && w.chance(w.cutRate) {
		w.cut(e)
		return
	}
	at := w.now.Add(e.conn.latency + w.within(5*time.Millisecond))
	if at.Before(e.arrival) {
		at = e.arrival
	}
	e.arrival = at
	to := e.other
	w.after(at.Sub(w.now), func() {
		if e.conn.dead || to.closed {
			return
		}
		got, err := wire.ParseFrame(b)
		if err != nil {
			w.fail("%s could not read a frame of %s: %v", to.node.name, e.node.name, err)
			return
		}
		to.inbox = append(to.inbox, got)
		to.read()
	})
}
