package store

import (
	"bytes"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
)

// order gives events their place in the order in which people see them. Events whose causes are not
// here wait.
type order struct {
	*batch
	waits  presence // in bucketWaiting: does anything wait?
	waking waking   // as it is after this transaction
	woken  int      // how many that waited were tried, see maxWoken
}

// add stores a new event, places it and whatever waited for it, and does what it asks for.
func (o *order) add(x *entry) error {
	ids.Put(o.Batch, x.id, ids.Slot(x.slot.bytes()))
	ok, err := o.place(x, release{})
	if err != nil {
		return err
	}
	o.save(x)
	if ok {
		if err := o.nowHad(x); err != nil {
			return err
		}
	}
	switch {
	case x.header.Kind == event.KindRecall:
		return o.recalls.applyRecall(x)
	case x.absent == event.Present && isEdit(x.header.Kind):
		o.index(x, true)
	}
	return nil
}

// place gives an event its T, if its causes are here and placed, or those that it waits for are,
// and makes its row. Otherwise it notes the first cause that the event waits for. The caller saves
// x.
func (o *order) place(x *entry, until release) (bool, error) {
	causes, err := o.causes(x)
	if err != nil {
		return false, err
	}
	m, times := split(causes)
	key := m.absent
	if until.wait != waitForAll {
		key = until.held(causes, x.firstSeen)
	}
	if key == nil && until.wait != waitForNone {
		key = m.held
	}
	if key != nil {
		o.Put(bucketWaiting, x.slot.append(key), u64(uint64(x.firstSeen)))
		o.waits = something
		return false, nil
	}
	gap, err := o.gap(x, m)
	if err != nil {
		return false, err
	}
	if gap {
		x.flags |= flagGap
	}
	x.t = event.Time(x.header.Clock, x.firstSeen, times)
	x.flags |= flagPlaced
	return true, o.show(x)
}

// lead notes that an event is placed and had. The next event that this device writes names the
// highest such event of each log as seen.
func (o *order) lead(x *entry) {
	if x.header.Sequence <= x.in.top.sequence {
		return
	}
	x.in.top = placed{x.header.Sequence, x.t, x.id}
	o.touch(x.in)
	if logs := o.s.writing.fresh[x.in.conversation]; logs != nil && x.in.branch == branchFirst {
		logs[x.in.number] = true
	}
}

// show makes the row of an event that is placed, if it is one that people see and its key has no
// row yet. The caller saves x.
func (o *order) show(x *entry) error {
	if x.absent != event.Present {
		return nil
	}
	switch x.header.Kind.Class() {
	case event.ClassMessage:
	case event.ClassOther:
		body, err := o.content(x)
		if err != nil {
			return err
		}
		if body.Fallback == "" {
			return nil
		}
	default:
		return nil
	}
	key := localKey(x.in.conversation, x.in.person, x.header.Key)
	if row, ok := slotAt(o.Get(bucketKeys, key)); ok {
		o.putTwin(row, x)
		return nil
	}
	row := viewKey(x.in.conversation, x.t, x.id)
	if last := o.lastKey(bucketView, x.in.conversation); last != nil && bytes.Compare(row, last) < 0 {
		x.flags |= flagLate
	}
	x.flags |= flagShown
	x.arrival = o.Next(bucketArrivals)
	o.shown = true
	p := x.slot.bytes()
	o.Put(bucketKeys, key, p)
	o.Put(bucketView, row, p)
	o.Put(bucketArrivals, u64(x.arrival), p)
	if x.in.person == o.s.own.Person {
		return nil
	}
	read, err := o.ranges(bucketRead, x.log, o.s.own.Person)
	if err == nil && !read.Covers(x.sequence) { // another own device may have read it
		o.Put(bucketUnread, u64(x.arrival), p)
	}
	return err
}

// waitLess has an event that waits not wait for causes that are withheld from this node.
func (o *order) waitLess(x *entry, withheld uint32) error {
	causes, err := o.causes(x)
	if err != nil {
		return err
	}
	for _, c := range causes {
		key := x.slot.append(c.key)
		if o.Get(bucketWaiting, key) == nil {
			continue
		}
		x.withheld |= withheld
		o.save(x)
		o.Delete(bucketWaiting, key)
		if ok, err := o.place(x, release{}); err != nil || !ok {
			return err
		}
		o.save(x)
		return o.nowHad(x)
	}
	return nil
}

// countHad counts an event as had that stood in its log without being had.
func (o *order) countHad(x *entry) error {
	g := event.Segment{First: x.sequence, Last: x.sequence, ID: x.id}
	segments, err := x.in.segments.Add(g)
	if err != nil {
		return err
	}
	x.in.segments = segments[:min(len(segments), event.MaxPieces)]
	o.touch(x.in)
	o.grown[x.in.number] = true
	return o.nowHad(x)
}

// nowHad does for others what becomes possible when an event is had now.
func (o *order) nowHad(x *entry) error {
	o.wakeFor(x, release{})
	return o.wakeSome()
}

// wakeFor has what waits for an event woken, if the event is had and placed. Of what waits,
// whatever is due by until waits no longer than that says.
func (o *order) wakeFor(x *entry, until release) {
	if x.is(flagPlaced) && x.absent != event.Dropped {
		o.lead(x)
		o.waking.push(x, until)
	}
}
