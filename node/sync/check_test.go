package sync_test

import (
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// check verifies, when the nodes are at rest, what the design promises.
func (w *world) check() {
	w.checkOneEach()
	for _, c := range w.convs {
		var members []*node
		for _, n := range w.nodes {
			if has(c.persons, n.person) {
				members = append(members, n)
			}
		}
		for _, n := range members {
			w.checkComplete(n, c)
			w.checkRows(n, c)
			w.checkDelivered(n, c)
			w.checkRecords(n, c, members)
		}
		w.checkAgreed(c, members)
	}
	w.checkRooms()
	for _, n := range w.nodes {
		for _, e := range n.ends {
			if e != nil {
				e.checkTaken()
			}
		}
		w.checkRest(n)
	}
}

// checkOneEach: one event for each (instance, sequence), unless a disk went back and nobody said
// so.
func (w *world) checkOneEach() {
	type place struct {
		log      event.Log
		sequence uint64
	}
	events := map[place]event.ID{}
	forks := 0
	for _, e := range w.written {
		p := place{e.Header.Log(), e.Header.Sequence}
		if id, ok := events[p]; ok && id != e.ID {
			forks++
		}
		events[p] = e.ID
	}
	if forks > 0 && w.count.restores == 0 {
		w.fail("%d places in logs have two events", forks)
	}
}

// checkComplete: nothing is lost, nothing is shown twice.
func (w *world) checkComplete(n *node, c conv) {
	shown := map[message]int{}
	for _, r := range n.disk.order(c.id) {
		shown[message{c.id, w.personOf[r.e.Header.Device], r.e.Header.Key}]++
	}
	expected := map[message]bool{}
	for _, m := range w.messages {
		if m.conv != c.id {
			continue
		}
		expected[m] = true
		switch got := shown[m]; {
		case got == 0 && !w.forkedAway(n, m) && !w.keptAway(n, m):
			w.fail("%s lacks message %x of %d in %d", n.name, m.key[:2], m.person, c.id[0])
		case got > 1:
			w.fail("%s shows message %x of %d %d times", n.name, m.key[:2], m.person, got)
		}
	}
	for m := range shown {
		if !expected[m] && w.count.restores == 0 {
			w.fail("%s shows message %x, which nobody wrote", n.name, m.key[:2])
		}
	}
}

// forkedAway reports whether every event of a message that counts at n, or one before it in its log, is on
// a branch of which n holds the other.
func (w *world) forkedAway(n *node, m message) bool {
	if w.count.rollbacks == 0 && w.count.forks == 0 {
		return false
	}
	for _, e := range w.written {
		if e.Header.Conversation != m.conv || e.Header.Key != m.key {
			continue
		}
		if set := n.disk.rooms[m.conv]; set != nil && !w.counts(n, set, e) {
			continue
		}
		h := n.disk.logs[e.Header.Log()]
		if h == nil {
			return false
		}
		conflict := false
		for at := e; at != nil && !conflict; at = w.written[at.Header.Previous] {
			held := h.events[at.Header.Sequence]
			conflict = held != nil && held.ID != at.ID
		}
		if !conflict {
			return false
		}
	}
	return true
}

// keptAway reports whether n has a message without its words, and whoever of its peers has these has kept
// words to itself: what was sent so does not come again in that session.
func (w *world) keptAway(n *node, m message) bool {
	for _, e := range w.written {
		if e.Header.Conversation != m.conv || e.Header.Key != m.key {
			continue
		}
		held := n.disk.log(e.Header.Log()).events[e.Header.Sequence]
		if held == nil || held.ID != e.ID || held.Absent != event.Dropped {
			return false
		}
		for _, end := range n.ends {
			if end != nil && end.peer.disk.has(e) && !end.other.lied {
				return false
			}
		}
	}
	return true
}

// checkRows: causes come first, so each author's rows are in order, unless a row was shown with a
// gap. A network on which nothing breaks makes no gaps.
func (w *world) checkRows(n *node, c conv) {
	place := map[event.ID]int{}
	rows := slices.DeleteFunc(n.disk.order(c.id), func(r *row) bool {
		return n.limit(n.disk, r.e.Header.Log()) < r.e.Header.Sequence // hidden
	})
	for i, r := range rows {
		place[r.e.ID] = i
	}
	for i, r := range rows {
		if r.gap {
			if w.gentle && c.room == nil {
				w.fail("%s shows a gap", n.name)
			}
			continue
		}
		for _, id := range causes(r.e) {
			if at, ok := place[id]; ok && at >= i {
				w.fail("%s shows a row before its cause", n.name)
			}
		}
	}
	n.look()
}

// checkAgreed: those whose clocks are right show rows at one time T, and so in one order, where the
// author's clock was not ahead and no gap is among the causes.
func (w *world) checkAgreed(c conv, members []*node) {
	var first *node
	for _, n := range members {
		switch {
		case n.offset.Abs() >= right:
		case first == nil:
			first = n
		default:
			fair := fairness{w: w, a: first.disk, b: n.disk, known: map[event.ID]bool{}}
			agreed := 0
			for _, r := range first.disk.order(c.id) {
				other := n.disk.rows[r.e.ID]
				if other == nil || !fair.of(r.e.ID) {
					continue
				}
				agreed++
				if other.t != r.t {
					w.fail("%s and %s order a row by different times", first.name, n.name)
				}
			}
			if w.gentle && w.allRight() && agreed != len(first.disk.order(c.id)) {
				w.fail("%s and %s agree on %d rows only", first.name, n.name, agreed)
			}
		}
	}
}

func (w *world) allRight() bool {
	for _, n := range w.nodes {
		if n.offset >= right {
			return false
		}
	}
	return true
}

type fairness struct {
	w     *world
	a, b  *disk
	known map[event.ID]bool
}

func (f *fairness) of(id event.ID) bool {
	if fair, ok := f.known[id]; ok {
		return fair
	}
	a, b := f.a.rows[id], f.b.rows[id]
	fair := a != nil && b != nil && !a.gap && !b.gap && f.w.nodeOf(a.e.Header.Device).offset < right
	if fair {
		for _, cause := range causes(a.e) {
			fair = fair && f.of(cause)
		}
	}
	f.known[id] = fair
	return fair
}

func (w *world) nodeOf(device crypto.DeviceID) *node {
	for _, n := range w.nodes {
		if n.device == device {
			return n
		}
	}
	return nil
}

// checkDelivered: the outbox is empty, and what it says of others is true.
func (w *world) checkDelivered(n *node, c conv) {
	if w.count.restores > 0 {
		return
	}
	for name, h := range n.disk.logs {
		if name.Conversation != c.id || name.Device != n.device {
			continue
		}
		for _, p := range c.persons {
			if p == n.person || slices.ContainsFunc(w.nodes, func(o *node) bool { return o.person == p && w.walled(n, o) }) {
				continue // beyond a wall, only receipts could tell
			}
			if lacks := h.segments.Ranges().Subtract(n.disk.delivered[delivery{name, p}]); len(lacks) > 0 {
				w.fail("%s still has %v in its outbox for person %d", n.name, lacks, p)
			}
		}
	}
}

func (w *world) checkRecords(n *node, c conv, members []*node) {
	if w.count.restores > 0 {
		return // a counter may have gone back
	}
	for _, author := range members {
		key := recordKey{c.id, author.device}
		if want, got := author.disk.records[key], n.disk.records[key]; want.Counter != got.Counter {
			w.fail("%s has record %d of %s, not %d", n.name, got.Counter, author.name, want.Counter)
		}
	}
}

// checkRest: everyone is connected, every round has ended, and nothing is queued.
func (w *world) checkRest(n *node) {
	if len(n.disk.waiting) > 0 {
		w.fail("%s: %d rows wait", n.name, len(n.disk.waiting))
	}
	for i, e := range n.ends {
		peer := w.nodes[i]
		if peer == n || w.walled(n, peer) {
			continue
		}
		if e == nil || e.conn.dead || !e.joined {
			w.fail("%s has no session with %s", n.name, peer.name)
			continue
		}
		if idle, queues := e.session.Idle(); !idle || len(e.inbox) > 0 {
			w.fail("%s is not done with %s: %v", n.name, peer.name, queues)
		}
		for _, c := range w.shared(n, peer) {
			if c.room != nil && w.untold(peer, c.room) {
				continue
			}
			if !e.rounds[c.id] && !e.terms[c.id].quiet && !n.hostile && !peer.hostile {
				w.fail("%s: no round with %s has ended in %d", n.name, peer.name, c.id[0])
			}
		}
	}
	if slow := w.now.Sub(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)); slow > trouble+5*time.Minute {
		w.fail("rest came only after %v", slow)
	}
}
