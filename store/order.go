package store

import (
	"bytes"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/layout"
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
	ids.Put(o.Batch, x.id, ids.Slot(x.Slot.Bytes()))
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
	case x.Absent == event.Present && isEdit(x.header.Kind):
		o.index(x, true)
	}
	return nil
}

// place gives an event its T and makes its row, unless it still has to wait for a cause; until says
// for which causes it waits. If it waits, place notes the first such cause and returns false. The
// caller saves x.
func (o *order) place(x *entry, until release) (bool, error) {
	causes, err := o.causes(x)
	if err != nil {
		return false, err
	}
	m, times := split(causes)
	key := m.absent
	if until.wait != waitForAll {
		key = until.held(causes, x.FirstSeen)
	}
	if key == nil && until.wait != waitForNone {
		key = m.held
	}
	if key != nil {
		o.Put(bucketWaiting, x.Slot.Append(key), layout.U64(uint64(x.FirstSeen)))
		o.waits = something
		return false, nil
	}
	gap, err := o.gap(x, m)
	if err != nil {
		return false, err
	}
	if gap {
		x.Flags |= layout.FlagGap
		if err := o.putGap(x, causes); err != nil {
			return false, err
		}
	}
	x.T = event.Time(x.header.Clock, x.FirstSeen, times)
	x.Flags |= layout.FlagPlaced
	return true, o.show(x)
}

// lead notes that an event is placed and had. The next event that this device writes names the
// highest such event of each log as seen.
func (o *order) lead(x *entry) {
	if x.header.Sequence <= x.in.Top.Sequence {
		return
	}
	x.in.Top = layout.Placed{Sequence: x.header.Sequence, T: x.T, ID: x.id}
	o.touch(x.in)
	if logs := o.s.writing.fresh[x.in.Conversation]; logs != nil && x.in.Branch == layout.BranchFirst {
		logs[x.in.Number] = true
	}
}

// show makes the row of an event that is placed, if it is one that people see and its key has no
// row yet. The caller saves x.
func (o *order) show(x *entry) error {
	if x.Absent != event.Present {
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
	key := layout.LocalKey(x.in.Conversation, x.in.Person, x.header.Key)
	if row, ok := layout.SlotAt(o.Get(bucketKeys, key)); ok {
		o.putTwin(row, x)
		return nil
	}
	row := layout.ViewKey(x.in.Conversation, x.T, x.id)
	if last := o.lastRow(x.in.Conversation); last != nil && bytes.Compare(row, last) < 0 {
		x.Flags |= layout.FlagLate
	}
	x.Flags |= layout.FlagShown
	x.Arrival = o.arrive()
	p := x.Slot.Bytes()
	o.Put(bucketKeys, key, p)
	o.putRow(x.in.Conversation, row, p)
	if err := o.arriving.add(x.Arrival, x.Slot); err != nil {
		return err
	}
	if err := o.files.show(x); err != nil {
		return err
	}
	if err := o.voices.show(x); err != nil || x.in.Person == o.s.own.Person {
		return err
	}
	read, err := o.ranges(bucketRead, x.Log, o.s.own.Person)
	if err == nil && !read.Covers(x.Sequence) { // another own device may have read it
		return o.voices.putUnread(x)
	}
	return err
}

// waitLess stops an event from waiting for causes that are withheld from this node, as a peer now
// says.
func (o *order) waitLess(x *entry, withheld uint32) error {
	causes, err := o.causes(x)
	if err != nil {
		return err
	}
	for _, c := range causes {
		key := x.Slot.Append(c.key)
		if o.Get(bucketWaiting, key) == nil {
			continue
		}
		x.Withheld |= withheld
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

// countHad counts an event as had that stood in its log before, but was not had.
func (o *order) countHad(x *entry) error {
	g := event.Segment{First: x.Sequence, Last: x.Sequence, ID: x.id}
	segments, err := x.in.Segments.Add(g)
	if err != nil {
		return err
	}
	x.in.Segments = segments[:min(len(segments), event.MaxPieces)]
	o.touch(x.in)
	o.grown[x.in.Number] = true
	return o.nowHad(x)
}

// nowHad wakes the events that waited for x, which is had from now on.
func (o *order) nowHad(x *entry) error {
	if err := o.wakeFor(x, release{}); err != nil {
		return err
	}
	return o.wakeSome()
}

// wakeFor puts an event into the queue of those whose waiting events are to be woken, if it is had
// and placed. Waiting events that are due by until wait only as long as until says; the others wait
// for all of their causes.
func (o *order) wakeFor(x *entry, until release) error {
	if x.Is(layout.FlagPlaced) && x.Absent != event.Dropped {
		o.lead(x)
		o.waking.push(x, until)
		return o.closeGaps(x.in.Conversation, &x.header, x.id)
	}
	return nil
}
