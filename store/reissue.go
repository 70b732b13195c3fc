package store

import (
	"bytes"
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

// ownFork takes the second branch of a log of this device, or more of it, as a run brings it.
func (in *intake) ownFork(c *conversation, l *logState, sift sifted) error {
	other, err := in.named(l.conversation, l.log, branchOther)
	if err != nil {
		return err
	}
	var entries []*entry
	if other == nil {
		if _, err := in.fork(l, sift); err != nil {
			return err
		}
		if other, err = in.named(l.conversation, l.log, branchOther); err != nil {
			return err
		}
		if len(other.segments) == 0 { // it came without any words
			return nil
		}
		common, err := in.commonEnd(l, other, other.segments[0].First)
		if err != nil {
			return err
		}
		if entries, err = in.contested(c, l, common+1, l.segments.Last()); err != nil {
			return err
		}
	} else if more, err := in.extendOther(l, other); err != nil || !more {
		return err
	}
	first, last := in.events[0].Header.Sequence, in.events[len(in.events)-1].Header.Sequence
	theirs, err := in.contested(c, other, first, last)
	if err != nil {
		return err
	}
	entries = append(entries, theirs...)
	return in.issueAgain(c, entries[max(0, len(entries)-maxAgain):], nil)
}

// forkKnown reports whether it is known where a branch leaves the first one.
func (r *reader) forkKnown(l, other *logState) (bool, error) {
	if len(other.segments) == 0 {
		return false, nil
	}
	first := other.segments[0].First
	common, err := r.commonEnd(l, other, first)
	return first == 1 || common != 0, err
}

// extendOther takes what the second branch lacks, at either end. It reports false if there is nothing that links to it.
func (in *intake) extendOther(l, other *logState) (bool, error) {
	if err := in.decideAbsences(other); err != nil {
		return false, err
	}
	sift, err := in.sift(other, in.events)
	if err != nil || sift.fork >= 0 {
		return false, err
	}
	var fresh []int
	links := len(sift.held) > 0
	for _, i := range sift.fresh {
		e := &in.events[i]
		st, err := in.stored(slot{l.number, e.Header.Sequence})
		if err != nil {
			return false, err
		}
		if st != nil && bytes.Equal(st.headerBytes, e.Head) {
			continue // both branches have it
		}
		fresh = append(fresh, i)
		links = links || slices.ContainsFunc(other.segments, func(g event.Segment) bool { // sift has looked at the IDs
			return g.Last+1 == e.Header.Sequence || g.First == e.Header.Sequence+1
		})
	}
	if len(fresh) == 0 || !links {
		return false, nil
	}
	had := slices.DeleteFunc(slices.Clone(fresh), func(i int) bool { return in.absent[i] == event.Dropped })
	if other.segments, err = extend(other.segments, in.events, had); err != nil {
		return false, err
	}
	other.events += uint64(len(fresh))
	in.touch(other)
	for _, i := range fresh {
		if err := in.take(other, i); err != nil {
			return false, err
		}
	}
	return true, nil
}

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
		instance, err := b.s.newInstance()
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
