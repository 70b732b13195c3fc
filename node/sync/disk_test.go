package sync_test

import (
	"bytes"
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/store/event"
)

// disk is the model of a store: what a transaction has committed, and nothing else,
// is in it. Its methods are the inside of transactions.
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
	shown     int // arrivals
}

type held struct {
	events   map[uint64]*event.Event
	segments event.Segments
}

type row struct {
	e   *event.Event
	t   int64
	gap bool
}

type waiting struct {
	e     *event.Event
	since time.Time // virtual
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
	c.cards, c.delivered, c.records = maps.Clone(d.cards), maps.Clone(d.delivered), maps.Clone(d.records)
	return &c
}

func (d *disk) log(name event.Log) *held {
	if d.logs[name] == nil {
		d.logs[name] = &held{events: map[uint64]*event.Event{}}
	}
	return d.logs[name]
}

func (d *disk) logsOf(conv event.Conversation) map[event.Log]event.Segments {
	logs := map[event.Log]event.Segments{}
	for name, h := range d.logs {
		if name.Conversation == conv && len(h.segments) > 0 {
			logs[name] = h.segments
		}
	}
	return logs
}

// append writes messages, of which the last is signed, and returns them.
func (d *disk) append(n *node, conv event.Conversation, keys [][16]byte) []*event.Event {
	rng := n.world.rng
	name, ok := d.writing[conv]
	if !ok {
		name = event.Log{Conversation: conv, Device: n.device, Instance: randomInstance(rng)}
		d.writing[conv] = name
	}
	h := d.log(name)
	var written []*event.Event
	for i, key := range keys {
		header := event.Header{
			Conversation: conv, Device: n.device, Instance: name.Instance,
			Sequence: h.segments.Last() + 1, Seen: d.seen(name), Card: crypto.Hash{byte(n.person + 1)},
			Clock: n.clock(), Kind: event.KindText, Key: key,
		}
		if header.Sequence > 1 {
			header.Previous = h.events[header.Sequence-1].ID
		}
		content, err := event.Text{Text: "words"}.Marshal()
		n.world.must(err)
		e, err := event.New(header, event.Body{Salt: [16]byte(key), Content: content})
		n.world.must(err)
		if i == len(keys)-1 {
			e.Signature = make([]byte, crypto.SignatureSize)
		}
		h.events[header.Sequence] = &e
		h.segments, err = h.segments.Add(event.Segment{First: header.Sequence, Last: header.Sequence, ID: e.ID})
		n.world.must(err)
		d.place(n, &e)
		written = append(written, &e)
	}
	return written
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

func (d *disk) isPlaced(id event.ID) bool { _, ok := d.placed[id]; return ok }

// ingest stores a run, whose signature is taken to be good. It returns why not, if so.
func (d *disk) ingest(n *node, run event.Run) sync.Reason {
	h := d.log(run.Log())
	first, part := run.Events[0].Header, run.Segment()
	before, after := h.events[part.First-1], h.events[part.Last+1]
	if before != nil && before.ID != first.Previous || after != nil && after.Header.Previous != part.ID {
		return sync.Forked
	}
	for i := range run.Events {
		e := &run.Events[i]
		if old := h.events[e.Header.Sequence]; old != nil && old.ID != e.ID {
			return sync.Forked
		}
	}
	segments, err := h.segments.Add(part)
	if err != nil {
		return sync.TooManySegments
	}
	h.segments = segments
	for i := range run.Events {
		e := &run.Events[i]
		if h.events[e.Header.Sequence] != nil {
			n.world.count.duplicates++
			continue
		}
		h.events[e.Header.Sequence] = e
		d.place(n, e)
	}
	return 0
}

// place shows an event whose causes are placed, and what has waited for it.
func (d *disk) place(n *node, e *event.Event) {
	if !d.ready(e) {
		d.waiting = append(d.waiting, waiting{e, n.world.now})
		return
	}
	d.show(n, e, false)
	d.cascade(n)
}

func (d *disk) cascade(n *node) {
	for again := true; again; {
		again = false
		for i := 0; i < len(d.waiting); i++ {
			if e := d.waiting[i].e; d.ready(e) {
				d.waiting = slices.Delete(d.waiting, i, i+1)
				d.show(n, e, false)
				again = true
				i--
			}
		}
	}
}

func causes(e *event.Event) []event.ID {
	var ids []event.ID
	if e.Header.Sequence > 1 {
		ids = append(ids, e.Header.Previous)
	}
	for _, p := range e.Header.Seen {
		ids = append(ids, p.ID)
	}
	return ids
}

func (d *disk) ready(e *event.Event) bool {
	return !slices.ContainsFunc(causes(e), func(id event.ID) bool { return !d.isPlaced(id) })
}

func (d *disk) show(n *node, e *event.Event, gap bool) {
	var ts []int64
	for _, id := range causes(e) {
		if t, ok := d.placed[id]; ok {
			ts = append(ts, t)
		}
	}
	key := viewKey{e.Header.Conversation, n.world.personOf[e.Header.Device], e.Header.Key}
	if other, ok := d.keys[key]; ok {
		d.placed[e.ID] = d.rows[other].t
		return
	}
	t := event.Time(e.Header.Clock, n.clock(), ts)
	d.placed[e.ID] = t
	d.keys[key] = e.ID
	d.rows[e.ID] = &row{e, t, gap}
	d.shown++
	if gap {
		n.world.note("%s shows %s after a gap", n.name, brief(e))
		n.world.count.gaps++
	}
}

// release shows what has waited since before or longer, for causes that did not come.
func (d *disk) release(n *node, conv *event.Conversation, before time.Time) {
	for again := true; again; {
		again = false
		for i, w := range d.waiting {
			if conv != nil && w.e.Header.Conversation != *conv || w.since.After(before) || d.waitsInside(w.e) {
				continue
			}
			d.waiting = slices.Delete(d.waiting, i, i+1)
			d.show(n, w.e, true)
			d.cascade(n)
			again = true
			break
		}
	}
}

// waitsInside reports whether a cause of e is here and waits itself.
func (d *disk) waitsInside(e *event.Event) bool {
	for _, id := range causes(e) {
		if slices.ContainsFunc(d.waiting, func(w waiting) bool { return w.e.ID == id }) {
			return true
		}
	}
	return false
}

// load returns the run from first to the last signature within the limits.
func (d *disk) load(in sync.Load) (run event.Run, ok bool) {
	h := d.log(in.Log)
	bytes, end := 0, 0
	for sequence := in.First; len(run.Events) < in.Events; sequence++ {
		e := h.events[sequence]
		if e == nil || bytes+len(e.Head)+len(e.Body) > in.Bytes {
			break
		}
		bytes += len(e.Head) + len(e.Body)
		run.Events = append(run.Events, *e)
		if e.Signature != nil {
			end = len(run.Events)
		}
	}
	run.Events = run.Events[:end]
	if end == 0 {
		return run, false
	}
	run.Trim()
	return run, true
}

// rollback compares a claim about an own log with what is here. If this disk went
// back, it closes the log and writes again what may exist only here.
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
		keys = append(keys, h.events[sequence].Header.Key)
	}
	if len(keys) == 0 {
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

// order returns the rows of a conversation as people see them.
func (d *disk) order(conv event.Conversation) []*row {
	var rows []*row
	for _, r := range d.rows {
		if r.e.Header.Conversation == conv {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.t, b.t), bytes.Compare(a.e.ID[:], b.e.ID[:]))
	})
	return rows
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
