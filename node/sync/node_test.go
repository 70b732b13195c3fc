package sync_test

import (
	"maps"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// node is a machine: a disk that stays and everything else, which a crash takes.
type node struct {
	world  *world
	index  int
	name   string
	person int
	key    crypto.DeviceKey
	device crypto.DeviceID
	offset time.Duration

	disk   *disk
	backup *disk
	seen   map[event.ID]row // rows that the owner has seen

	up      bool
	life    int  // counts starts
	restore int  // counts restores
	hostile bool // does not believe that it was removed
	unaware bool // went back, and will write before it knows
	full    bool // has no room for what others bring
	spent   bool // has no budget left for what persons write whom it has not accepted
	ends    []*end

	following map[event.Conversation]map[int]bool // peers, in rooms
	direct    map[event.Log]int                   // which peer brings its log, in rooms
	waiting   []operation                         // for the writer
	writing   bool
}

// operation is what the writer does in a transaction, and then after it.
type operation struct {
	conv event.Conversation // whose rows may wait after it
	in   func(d *disk)
	then func()
}

func (n *node) clock() int64 { return n.world.now.Add(n.offset).UnixMilli() }

// after does something later in the same life.
func (n *node) after(d time.Duration, do func()) {
	life := n.life
	n.world.after(d, func() {
		if n.up && n.life == life {
			do()
		}
	})
}

// submit queues an operation for the next transaction.
func (n *node) submit(op operation) {
	n.waiting = append(n.waiting, op)
	if !n.writing {
		n.writing = true
		n.after(n.world.within(4*time.Millisecond), n.commit)
	}
}

// commit does in one transaction what has waited, crashing before or after it.
func (n *node) commit() {
	w := n.world
	n.writing = false
	ops := n.waiting
	n.waiting = nil
	if !w.calm && w.chance(w.crash) {
		n.stop("before a transaction")
		return
	}
	before := map[event.Log]event.Segments{}
	for name := range n.disk.logs {
		before[name] = n.segments(n.disk, name)
	}
	rooms := map[event.Conversation]int{}
	for id, set := range n.disk.rooms {
		rooms[id] = len(set.events)
	}
	for _, op := range ops {
		op.in(n.disk)
	}
	n.look()
	if !w.calm && w.chance(w.crash) {
		n.stop("after a transaction")
		return
	}
	for _, op := range ops {
		if op.then != nil {
			op.then()
		}
	}
	n.tellControl(rooms)
	for _, name := range slices.SortedFunc(maps.Keys(n.disk.logs), event.Log.Compare) {
		segments := n.segments(n.disk, name)
		if slices.Equal(segments, before[name]) {
			continue
		}
		for _, e := range n.ends {
			if e != nil {
				e.held(sync.Held{Log: name, Segments: segments})
			}
		}
	}
	if slices.ContainsFunc(n.disk.waiting, func(x waiting) bool { return x.since.Equal(w.now) }) {
		n.releaseLater()
	}
}

// maxWait is how long a row waits for a cause.
const maxWait = 3 * time.Second

func (n *node) releaseLater() {
	now := n.world.now
	n.after(maxWait, func() {
		if len(n.disk.waiting) > 0 {
			n.submit(operation{in: func(d *disk) { d.release(n, nil, now) }})
		}
	})
}

// look compares the rows with those that were seen before.
func (n *node) look() {
	if n.seen == nil {
		n.seen = map[event.ID]row{}
	}
	if len(n.seen) == len(n.disk.rows) && n.world.rng.IntN(16) != 0 {
		return
	}
	for id, r := range n.seen {
		if now := n.disk.rows[id]; now == nil || *now != r {
			n.world.fail("%s: a row that was shown has moved or gone", n.name)
		}
	}
	for id, r := range n.disk.rows {
		n.seen[id] = *r
	}
}

// stop loses everything but the disk. The peers notice later.
func (n *node) stop(when string) {
	w := n.world
	w.count.crashes++
	w.mark('c', n.index)
	w.note("%s stops %s", n.name, when)
	n.up = false
	n.writing, n.waiting = false, nil
	clear(n.following)
	clear(n.direct)
	for i, e := range n.ends {
		if e != nil {
			e.closed, e.conn.dead = true, true
			n.ends[i] = nil
			w.after(w.within(6*time.Second), e.other.close)
		}
	}
	w.after(100*time.Millisecond+w.within(8*time.Second), n.start)
}

func (n *node) start() {
	if n.up {
		return
	}
	w := n.world
	w.mark('s', n.index)
	w.note("%s starts", n.name)
	n.up = true
	n.life++
	for _, r := range n.seen {
		if now := n.disk.rows[r.e.ID]; now == nil || *now != r {
			w.fail("%s: a row that was shown has moved or gone in a crash", n.name)
		}
	}
	if len(n.disk.waiting) > 0 {
		n.releaseLater()
	}
	if n.unaware {
		n.unaware = false
		for _, c := range w.convs {
			if has(c.persons, n.person) {
				n.write(c, 1)
			}
		}
		for _, r := range w.rooms {
			n.write(r.conv, 1)
		}
	}
	n.dial()
}

// dial meets everyone soon.
func (n *node) dial() {
	for _, peer := range n.world.nodes {
		if peer != n {
			n.world.after(n.world.within(2*time.Second), func() { n.world.meet(n, peer) })
		}
	}
}

// turnsAway says why the node takes nothing now of what a person writes, 0 if it does.
func (n *node) turnsAway(author int) wire.Reason {
	switch {
	case n.full:
		return wire.NoRoom
	case n.spent && author != n.person:
		return wire.OverBudget
	}
	return 0
}

// hasRoom ends that the node has no room. Its sessions hear of it.
func (n *node) hasRoom() {
	n.full = false
	for _, e := range n.ends {
		if e != nil {
			e.step(sync.Room{})
		}
	}
}

// accepts ends that the node has no budget for others. Its sessions are joined again.
func (n *node) accepts() {
	n.spent = false
	for _, e := range n.ends {
		if e != nil && e.joined {
			e.join()
		}
	}
}

// write sends messages, and counts them as sent when they are on the disk.
func (n *node) write(c conv, count int) {
	if !n.up {
		return
	}
	w := n.world
	keys := make([][16]byte, count)
	for i := range keys {
		for j := range keys[i] {
			keys[i][j] = byte(w.rng.Uint32())
		}
	}
	n.submit(operation{conv: c.id, in: func(d *disk) {
		if c.room != nil && !d.rooms[c.id].isMember(n.person) {
			return
		}
		d.append(n, c.id, keys)
		for _, key := range keys {
			w.messages = append(w.messages, message{c.id, n.person, key})
		}
	}})
}

// record keeps what was written, to hold everyone else to it.
func (n *node) record(events []*event.Event) {
	for _, e := range events {
		n.world.written[e.ID] = e
		n.world.note("%s writes %s", n.name, brief(e))
	}
}

// sign makes a new record in a conversation.
func (n *node) sign(c conv) {
	if !n.up {
		return
	}
	n.submit(operation{in: func(d *disk) {
		next := event.Record{Kind: 9, Counter: d.records[recordKey{c.id, n.device}].Counter + 1, Subject: c.id[:]}
		r, err := event.NewRecord(n.key, next)
		n.world.must(err)
		d.putRecord(c.id, r)
		for _, e := range n.ends {
			if e != nil {
				e.soon(sync.HeldRecord{Conversation: c.id, Record: r})
			}
		}
	}})
}

// restoreBackup puts an older disk into the machine. If its owner says so, the logs that it writes
// are closed at once; if not, it finds out from its peers.
func (n *node) restoreBackup(told bool) {
	if n.backup == nil {
		return
	}
	if n.up {
		n.stop("to be restored")
	}
	w := n.world
	w.count.restores++
	w.note("%s goes back to its backup (told: %t)", n.name, told)
	n.restore++
	n.disk, n.backup = n.backup, nil
	n.seen = nil
	if told {
		for _, log := range n.disk.writing {
			n.disk.closed[log] = true
		}
		clear(n.disk.writing)
	}
	n.unaware = !told
	// What was only on the disk that is gone is lost with it.
	w.messages = slices.DeleteFunc(w.messages, func(m message) bool {
		return !slices.ContainsFunc(w.nodes, func(o *node) bool { return o.disk.holds(m.key) })
	})
}

func (d *disk) holds(key [16]byte) bool {
	for _, h := range d.logs {
		for _, e := range h.events {
			if e.Header.Key == key {
				return true
			}
		}
	}
	return false
}
