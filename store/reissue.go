package store

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// maxAgain bounds how many events of a forked log are issued again at once, the latest: what was written between a restore
// and the first meeting with somebody who knew more, with room.
const maxAgain = 4096

// An own log that is forked was written on by two lives of this disk. Others took the branch that came to them first, and
// take no more of that log, so what stands in the branch that they lack can't come to them in it. It is issued again, under
// the same keys: views show one event for each, and a message is delivered where any event that stands for it is. Second
// branches of own logs are never served.

// contested returns what of a branch some reader is not known to have, and is not issued again already, or for the second time.
func (b *batch) contested(c *conversation, l *logState, first, last uint64) ([]*entry, error) {
	seconds := map[slot]bool{}
	for _, v := range b.Prefix(bucketReissued, nil) {
		p, _ := slotAt(v)
		seconds[p] = true
	}
	var out []*entry
	for _, g := range l.segments {
		for seq := max(g.First, first); seq <= min(g.Last, last); seq++ {
			x, err := b.entry(slot{l.number, seq})
			if err != nil {
				return nil, err
			}
			if seconds[x.slot] || b.Get(bucketReissued, x.slot.bytes()) != nil {
				continue
			}
			a := b.delivery.audience(c, headsOf(&x.header))
			if len(a.persons) == 0 || a.out {
				continue
			}
			all, err := b.delivery.coverage(a, l.number)
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

// issueAgain writes events of this device anew, in the log that it writes now. Control events need no log to be known by: they
// stay as they are in the control set.
func (b *batch) issueAgain(c *conversation, entries []*entry, recalled func(recall, again *entry)) error {
	ids := map[event.ID]event.ID{}     // of what took the place of what
	again := map[event.ID]slot{}       // where that is
	apart := map[*logState]*logState{} // logs for what newcomers are not to have, by the log it stood in
	for _, x := range entries {
		if x.absent != event.Present || x.header.Kind.Class() == event.ClassControl {
			continue
		}
		if y, done := again[x.id]; done { // both branches have it, behind a hole of one
			b.Put(bucketReissued, x.slot.bytes(), y.bytes())
			continue
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
		ids[x.id], again[x.id] = y.id, y.slot
		switch {
		case x.header.Kind != event.KindRecall:
			b.Put(bucketReissued, x.slot.bytes(), y.slot.bytes())
		case recalled != nil:
			recalled(x, y)
		}
	}
	return nil
}

// rewrite writes an event anew: under what this device knows of the group now, or, where somebody has come in who was not
// meant, under what it knew then, which keeps it from them. That takes a log apart, since control heads ascend.
func (b *batch) rewrite(c *conversation, x *entry, target event.ID, body event.Body, apart map[*logState]*logState) (*entry, error) {
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
		l = b.addLog(c.number, event.Log{Conversation: c.id, Device: b.s.own.Device.ID(), Instance: instance}, b.s.own.Person, branchFirst)
		apart[x.in] = l
	}
	return b.own.writeIn(c, l, h, body)
}

// newcomers reports whether there are readers of a group now for whom x was not written.
func (b *batch) newcomers(c *conversation, x *entry) bool {
	if !b.isGroup(c) || b.s.cfg.Authority == nil {
		return false
	}
	then := b.delivery.audience(c, headsOf(&x.header)).persons
	return slices.ContainsFunc(b.delivery.audience(c, b.s.cfg.Authority.Heads(c.id)).persons, func(p crypto.PersonID) bool {
		return !slices.Contains(then, p)
	})
}
