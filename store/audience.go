package store

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// delivery says who has which events of the owner.
type delivery struct {
	*reader
	audiences map[string]*audience // by conversation and control heads
	ahead     map[had]event.Ranges // what is not noted yet, see reckon; nil: nothing

	cancelled, reissued presence // in bucketCancelled and bucketReissued
}

// had is what a person has of a log.
type had struct {
	log    uint32
	person crypto.PersonID
}

// audience is the persons whom some messages of the owner are for: in a direct conversation the
// other person, in a group its readers by the control heads that the messages were written under.
type audience struct {
	persons []crypto.PersonID
	out     bool                // the owner is out of the group: nothing more is sent to anybody
	how     Reason              // how the owner last went out of the group, also if they have come back
	one     bool                // it is one person of a larger audience
	logs    map[uint32]coverage // by log, what was looked up before
}

// alone returns one person of an audience as an audience of their own.
func (a *audience) alone(p crypto.PersonID) *audience {
	return &audience{persons: []crypto.PersonID{p}, out: a.out, how: a.how, one: true, logs: map[uint32]coverage{}}
}

// coverage is the part of a log that every person of an audience has.
type coverage struct{ delivered, read event.Ranges }

// audience returns the persons whom messages are for that were written in a conversation under
// these control heads. Within a transaction it returns the same audience for the same heads, since
// the page of a large group asks for the same hundreds of readers for each message.
func (d *delivery) audience(c *layout.Conversation, control []crypto.Hash) *audience {
	if c.Other != (crypto.PersonID{}) {
		control = nil
	}
	key := layout.U32(c.Number)
	for i := range control {
		key = append(key, control[i][:]...)
	}
	a := d.audiences[string(key)]
	if a != nil {
		return a
	}
	a = &audience{logs: map[uint32]coverage{}}
	switch {
	case c.Other != (crypto.PersonID{}):
		a.persons = []crypto.PersonID{c.Other}
	case d.isGroup(c) && d.s.cfg.Authority != nil:
		a.persons = d.s.cfg.Authority.Readers(c.ID, control)
		a.out, a.how = d.s.cfg.Authority.Out(c.ID)
	}
	if d.audiences == nil {
		d.audiences = map[string]*audience{}
	}
	d.audiences[string(key)] = a
	return a
}

// coverage returns what all of an audience, which must not be empty, have of a log.
func (d *delivery) coverage(a *audience, log uint32) (coverage, error) {
	if all, ok := a.logs[log]; ok {
		return all, nil
	}
	var all coverage
	for i, p := range a.persons {
		read, err := d.ranges(bucketRead, log, p)
		if err != nil {
			return all, err
		}
		delivered, err := d.ranges(bucketDelivered, log, p)
		if err != nil {
			return all, err
		}
		delivered = delivered.Union(read).Union(d.ahead[had{log, p}])
		if i == 0 {
			all = coverage{delivered, read}
			continue
		}
		all.delivered = all.delivered.Subtract(all.delivered.Subtract(delivered))
		all.read = all.read.Subtract(all.read.Subtract(read))
	}
	a.logs[log] = all
	return all, nil
}

// eachStretch calls f for each stretch of an own log whose messages are all for the same audience.
// Stretches whose messages are for nobody, or can't be delivered any more (see
// audience.undelivered), are left out.
func (d *delivery) eachStretch(c *layout.Conversation, l *layout.Log, f func(event.Range, *audience) error) error {
	segments, err := d.counted(l)
	if err != nil {
		return err
	}
	for _, g := range segments {
		for first, last := g.First, uint64(0); first <= g.Last; first = last + 1 {
			var control []crypto.Hash
			if last = g.Last; d.isGroup(c) {
				if control, last, err = d.sameControl(l, first, g.Last); err != nil {
					return err
				}
			}
			a := d.audience(c, control)
			if len(a.persons) == 0 || a.out {
				continue
			}
			if err := f(event.Range{First: first, Last: last}, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameControl returns the control heads of the event at first, and the last sequence up to which
// events were written under the same heads. The heads of a log only advance, so equal heads at two
// places mean equal heads between. Changes are rare. So it first looks whether the heads change at
// all, and then searches forward in growing steps.
func (r *reader) sameControl(l *layout.Log, first, last uint64) ([]crypto.Hash, uint64, error) {
	x, err := r.entry(l.At(first))
	if err != nil {
		return nil, 0, err
	}
	control := headsOf(&x.header)
	changed := func(seq uint64) (bool, error) {
		y, err := r.entry(l.At(seq))
		return err == nil && !slices.Equal(headsOf(&y.header), control), err
	}
	if other, err := changed(last); !other {
		return control, last, err
	}
	from := first + 1
	for step := uint64(1); from+step < last; step *= 2 {
		other, err := changed(from + step)
		if err != nil {
			return nil, 0, err
		}
		if other {
			last = from + step
			break
		}
		from += step
	}
	next, err := bisect(from, last, changed)
	return control, next - 1, err
}
