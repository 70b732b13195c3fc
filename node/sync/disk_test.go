package sync_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// disk is the model of a store: what a transaction has committed, and nothing else, is in it. Its
// methods are the inside of transactions.
type disk struct {
	instance  event.Instance
	logs      map[event.Log]*held
	writing   map[event.Conversation]event.Log // this device's open logs
	closed    map[event.Log]bool
	rows      map[event.ID]*row
	keys      map[viewKey]event.ID // the row of each message
	placed    map[event.ID]int64   // T of what is shown, or of the row that stands for it
	waiting   []waiting
	cards     map[int]bool // persons
	delivered map[delivery]event.Ranges
	records   map[recordKey]event.Record
	requests  int
	rooms     map[event.Conversation]*controls
	shown     int // arrivals
}

type held struct {
	events   map[uint64]*event.Event
	segments event.Segments
}

type viewKey struct {
	conv   event.Conversation
	person int
	key    [16]byte
}

type delivery struct {
	log    event.Log
	person int
}

type recordKey struct {
	conv   event.Conversation
	device crypto.DeviceID
}

func newDisk(rng *rand.Rand) *disk {
	return &disk{
		instance:  randomInstance(rng),
		logs:      map[event.Log]*held{},
		writing:   map[event.Conversation]event.Log{},
		closed:    map[event.Log]bool{},
		rows:      map[event.ID]*row{},
		keys:      map[viewKey]event.ID{},
		placed:    map[event.ID]int64{},
		cards:     map[int]bool{},
		delivered: map[delivery]event.Ranges{},
		records:   map[recordKey]event.Record{},
		rooms:     map[event.Conversation]*controls{},
	}
}

func randomInstance(rng *rand.Rand) (i event.Instance) {
	for n := range i {
		i[n] = byte(rng.Uint32())
	}
	return i
}

// clone is a backup. What the maps point to is not changed once it is there, but for held.
func (d *disk) clone() *disk {
	c := *d
	c.logs = map[event.Log]*held{}
	for name, h := range d.logs {
		c.logs[name] = &held{maps.Clone(h.events), h.segments}
	}
	c.writing, c.closed = maps.Clone(d.writing), maps.Clone(d.closed)
	c.rows, c.keys, c.placed = maps.Clone(d.rows), maps.Clone(d.keys), maps.Clone(d.placed)
	c.waiting = slices.Clone(d.waiting)
	c.rooms = map[event.Conversation]*controls{}
	for id, set := range d.rooms {
		c.rooms[id] = set.clone()
	}
	c.cards, c.delivered, c.records = maps.Clone(d.cards), maps.Clone(d.delivered), maps.Clone(d.records)
	return &c
}

func (d *disk) log(name event.Log) *held {
	if d.logs[name] == nil {
		d.logs[name] = &held{events: map[uint64]*event.Event{}}
	}
	return d.logs[name]
}

func (d *disk) logsOf(n *node, conv event.Conversation) map[event.Log]event.Segments {
	logs := map[event.Log]event.Segments{}
	for name := range d.logs {
		if segments := n.segments(d, name); name.Conversation == conv && len(segments) > 0 {
			logs[name] = segments
		}
	}
	return logs
}

// append writes messages, of which the last is signed, and returns them.
func (d *disk) append(n *node, conv event.Conversation, keys [][16]byte) []*event.Event {
	content, err := event.Text{Text: "words"}.Marshal()
	n.world.must(err)
	var written []*event.Event
	for i, key := range keys {
		e := d.write(n, event.Header{Conversation: conv, Kind: event.KindText, Key: key}, content)
		if i == len(keys)-1 {
			e.Signature = make([]byte, crypto.SignatureSize)
		}
		written = append(written, e)
	}
	return written
}

// write makes the next event of this device's log.
func (d *disk) write(n *node, header event.Header, content []byte) *event.Event {
	conv := header.Conversation
	name, ok := d.writing[conv]
	if ok && n.limit(d, name) <= d.log(name).segments.Last() {
		ok = false
	}
	if !ok {
		name = event.Log{Conversation: conv, Device: n.device, Instance: randomInstance(n.world.rng)}
	}
	sequence := uint64(1)
	if h := d.logs[name]; h != nil {
		sequence = h.segments.Last() + 1
		header.Previous = h.events[sequence-1].ID
	}
	header.Device, header.Instance, header.Sequence = n.device, name.Instance, sequence
	header.Seen, header.Card, header.Clock = d.seen(name), crypto.Hash{byte(n.person + 1)}, n.clock()
	if set := d.rooms[conv]; set != nil {
		header.Control = set.heads()
	}
	e, err := event.New(header, event.Body{Salt: header.Key, Content: content})
	n.world.must(err)
	name.Conversation = e.Header.Conversation
	d.writing[name.Conversation] = name
	h := d.log(name)
	h.events[sequence] = &e
	h.segments, err = h.segments.Add(event.Segment{First: sequence, Last: sequence, ID: e.ID})
	n.world.must(err)
	n.record([]*event.Event{&e})
	if e.Header.Kind.Class() == event.ClassControl {
		e.Signature = make([]byte, crypto.SignatureSize)
		if d.rooms[name.Conversation] == nil {
			d.rooms[name.Conversation] = newControls(n.world)
		}
		d.rooms[name.Conversation].add(&e)
	}
	d.place(n, &e)
	return &e
}

// seen returns the last placed event of every other log of the conversation.
func (d *disk) seen(own event.Log) []event.Position {
	var seen []event.Position
	for name, h := range d.logs {
		if name == own || name.Conversation != own.Conversation {
			continue
		}
		for sequence := h.segments.Last(); sequence > 0; sequence-- {
			if e := h.events[sequence]; e != nil && d.isPlaced(e.ID) {
				seen = append(seen, e.Position())
				break
			}
		}
	}
	slices.SortFunc(seen, func(a, b event.Position) int {
		return a.Log(own.Conversation).Compare(b.Log(own.Conversation))
	})
	return seen[:min(len(seen), event.MaxSeen)]
}

// ingest stores a run, whose signature is taken to be good. It returns why not, if so.
func (d *disk) ingest(n *node, run event.Run) wire.Reason {
	h := d.log(run.Log())
	first, part := run.Events[0].Header, run.Segment()
	limit := n.limit(d, run.Log(), &run.Events[0])
	if first.Sequence > limit {
		return wire.NotPermitted
	}
	before, after := h.events[part.First-1], h.events[part.Last+1]
	if before != nil && before.ID != first.Previous || after != nil && after.Header.Previous != part.ID {
		return wire.Forked
	}
	for i := range run.Events {
		e := &run.Events[i]
		if old := h.events[e.Header.Sequence]; old != nil && old.ID != e.ID {
			return wire.Forked
		}
	}
	for _, g := range run.Given() {
		segments, err := h.segments.Add(g)
		n.world.must(err)
		h.segments = segments
	}
	for i := range run.Events {
		e := &run.Events[i]
		switch old := h.events[e.Header.Sequence]; {
		case old != nil && (old.Absent != event.Dropped || e.Absent == event.Dropped):
			n.world.count.duplicates++
		case e.Absent == event.Dropped:
			h.events[e.Header.Sequence] = e
		default:
			h.events[e.Header.Sequence] = e
			d.place(n, e)
		}
	}
	if part.Last > limit {
		n.world.count.spans++
		return wire.NotPermitted // no more of it
	}
	return 0
}

// load returns the run from first, or from where the peer may have what follows, to the last
// signature within the limits.
func (d *disk) load(n *node, in sync.Load, peer int) (run event.Run, ok bool) {
	h := d.log(in.Log)
	limit := n.limit(d, in.Log)
	first := in.First
	for ; h.events[first] != nil && first <= limit && !n.serves(d, peer, h.events[first]); first++ {
		n.world.count.skips++
	}
	bytes, end := 0, 0
	for sequence := first; (len(run.Events) < in.Events || end == 0) && first <= limit; sequence++ {
		e := h.events[sequence]
		if e == nil || bytes+len(e.HeaderBytes)+len(e.Body) > in.Bytes || !slices.Equal(e.Header.Control, h.events[first].Header.Control) {
			break
		}
		bytes += len(e.HeaderBytes) + len(e.Body)
		run.Events = append(run.Events, *e)
		if e.Signature != nil {
			end = len(run.Events)
		}
		if end > 0 && sequence > limit {
			break
		}
	}
	run.Events = run.Events[:end]
	if end == 0 {
		return run, first > in.First || first > limit
	}
	run.Trim()
	return run, true
}

// rollback compares a claim about an own log with what is here. If this disk went back, it closes
// the log and writes again what may exist only here.
func (d *disk) rollback(n *node, log event.Log, theirs event.Segments) []*event.Event {
	h := d.log(log)
	agreed, contradicted := uint64(0), false
	for _, g := range theirs {
		if e := h.events[g.Last]; e != nil && e.ID == g.ID {
			agreed = g.Last
		} else {
			contradicted = true
		}
	}
	if !contradicted || d.closed[log] {
		return nil
	}
	n.world.count.rollbacks++
	d.closed[log] = true
	if d.writing[log.Conversation] == log {
		delete(d.writing, log.Conversation)
	}
	var keys [][16]byte
	for sequence := agreed + 1; h.events[sequence] != nil; sequence++ {
		if e := h.events[sequence]; e.Header.Kind == event.KindText {
			keys = append(keys, e.Header.Key)
		}
	}
	if len(keys) == 0 || d.rooms[log.Conversation] != nil && !d.rooms[log.Conversation].isMember(n.person) {
		return nil
	}
	return d.append(n, log.Conversation, keys)
}

// deliver notes what a person's device has of an own log, where it is what is here.
func (d *disk) deliver(log event.Log, person int, segments event.Segments) {
	for _, g := range segments {
		if e := d.log(log).events[g.Last]; e != nil && e.ID == g.ID {
			key := delivery{log, person}
			d.delivered[key] = d.delivered[key].Add(event.Range{First: g.First, Last: g.Last})
		}
	}
}

// putRecord keeps the newer and reports whether that is r.
func (d *disk) putRecord(conv event.Conversation, r event.Record) bool {
	key := recordKey{conv, r.Device}
	if old, ok := d.records[key]; ok && !event.Newer(r, old) {
		return false
	}
	d.records[key] = r
	return true
}

func (d *disk) recordsOf(conv event.Conversation) []event.Record {
	var records []event.Record
	for key, r := range d.records {
		if key.conv == conv {
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b event.Record) int { return bytes.Compare(a.Device[:], b.Device[:]) })
	return records
}

// opening returns the first event of an own log that a person has not acknowledged.
func (d *disk) opening(device crypto.DeviceID, conv event.Conversation, person int) sync.Opening {
	var first sync.Opening
	for name, h := range d.logs {
		if name.Conversation != conv || name.Device != device {
			continue
		}
		lacks := h.segments.Ranges().Subtract(d.delivered[delivery{name, person}])
		if len(lacks) > 0 && (first.First == 0 || name.Compare(first.Log) < 0) {
			first = sync.Opening{Log: name, First: lacks[0].First}
		}
	}
	return first
}
