package store

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// maxAgain bounds how many events of a forked log are issued again at once, the latest of them. It
// is enough for the messages that are written between a restore and the first meeting with somebody
// who knew more.
const maxAgain = 4096

// A disk that goes back in time (a backup that was put back, a copy that was used beside it) may
// write two different events at one place of an own log, which is then forked. Others took the
// branch that came to them first, and take nothing more of that log. So the events of the branch
// that they lack are issued again in another log, under the same keys. Views show one event of each
// key, and a message counts as delivered when any event that stands for it is. Second branches of
// own logs are never served.

// contested returns those events of a part of a branch that some reader is not known to have.
// Events that were issued again, or took the place of others, are left out.
func (b *batch) contested(c *layout.Conversation, l *layout.Log, first, last uint64) ([]*entry, error) {
	seconds := map[layout.Slot]bool{}
	for _, v := range b.Prefix(bucketReissued, nil) {
		p, _ := layout.SlotAt(v)
		seconds[p] = true
	}
	var out []*entry
	for _, g := range l.Segments {
		for seq := max(g.First, first); seq <= min(g.Last, last); seq++ {
			x, err := b.entry(l.At(seq))
			if err != nil {
				return nil, err
			}
			if seconds[x.Slot] || b.isReissued(x.Slot) {
				continue
			}
			a := b.delivery.audience(c, headsOf(&x.header))
			if len(a.persons) == 0 || a.out {
				continue
			}
			all, err := b.delivery.coverage(a, l.Number)
			if err != nil {
				return nil, err
			}
			if !all.delivered.Covers(seq) {
				out = append(out, x)
			}
		}
	}
	return out, nil
}

// issueAgain writes events of this device anew, in the log that it writes now. recalled, if it is
// not nil, is told of each recall that was written again. Control events stay as they are: others
// know them from the control set, and it does not matter in which log they stand.
func (b *batch) issueAgain(c *layout.Conversation, entries []*entry, recalled func(recall, again *entry)) error {
	ids := map[event.ID]event.ID{}         // old ID → ID of the event that took its place
	again := map[event.ID]layout.Slot{}    // old ID → where that event stands
	apart := map[*layout.Log]*layout.Log{} // old log → log for what newcomers are not to have
	for _, x := range entries {
		if x.Absent != event.Present || x.header.Kind.Class() == event.ClassControl {
			continue
		}
		if y, done := again[x.id]; done { // both branches have it, one of them behind a hole
			b.reissued(x, y)
			continue // its row is noted
		}
		body, err := b.content(x)
		if err != nil {
			return err
		}
		target := x.header.Target
		if id, moved := ids[target]; moved && isEdit(x.header.Kind) {
			target = id
		}
		y, err := b.rewrite(c, x, target, body, apart)
		if err != nil {
			return err
		}
		ids[x.id], again[x.id] = y.id, y.Slot
		switch {
		case x.header.Kind != event.KindRecall:
			b.reissued(x, y.Slot)
			b.noteEvent(x.Slot)
		case recalled != nil:
			recalled(x, y)
		}
	}
	return nil
}

// reissued notes which event has taken the place of x.
func (b *batch) reissued(x *entry, by layout.Slot) {
	b.Put(bucketReissued, x.Slot.Bytes(), by.Bytes())
	b.delivery.reissued = something
	b.list(x.Slot, b.listingOf(x))
}

// rewrite writes an event anew, under the control heads of now. Where persons have come into the
// group for whom the event was not meant, it is written under its old heads, which keep it from
// them. That takes a log of its own (apart), since the heads of a log only advance.
func (b *batch) rewrite(c *layout.Conversation, x *entry, target event.ID, body event.Body, apart map[*layout.Log]*layout.Log) (*entry, error) {
	h := event.Header{
		Kind: x.header.Kind, Flags: x.header.Flags, Lifetime: x.header.Lifetime, Key: x.header.Key, Clock: x.header.Clock, Target: target,
	}
	if !b.newcomers(c, x) {
		return b.own.write(c, h, body)
	}
	h.Control = x.header.Control
	l := apart[x.in]
	if l == nil {
		instance, err := newInstance(b.s.cfg.Rand)
		if err != nil {
			return nil, err
		}
		l = b.addLog(c.Number, event.Log{Conversation: c.ID, Device: b.s.own.Device.ID(), Instance: instance}, b.s.own.Person, layout.BranchFirst)
		apart[x.in] = l
	}
	return b.own.writeIn(c, l, h, body)
}

// newcomers reports whether there are readers of a group now for whom x was not written.
func (b *batch) newcomers(c *layout.Conversation, x *entry) bool {
	if !b.isGroup(c) || b.s.cfg.Authority == nil {
		return false
	}
	then := b.delivery.audience(c, headsOf(&x.header)).persons
	return slices.ContainsFunc(b.delivery.audience(c, b.s.cfg.Authority.Heads(c.ID)).persons, func(p crypto.PersonID) bool {
		return !slices.Contains(then, p)
	})
}
