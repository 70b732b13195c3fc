package store

import (
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// State is how far a message of the owner's has come. A greater state has come further.
type State uint8

const (
	NoState     State = iota // it is not the owner's, or it is for nobody
	Undelivered              // some reader lacks it, and will not get it
	Queued                   // some reader lacks it
	Carried                  // a carrier has it
	Cancelled                // it was taken back before any reader had it
	Delivered                // every reader has it
	Read                     // every reader has read it
)

func (s State) String() string {
	return [...]string{"", "undelivered", "queued", "carried", "cancelled", "delivered", "read"}[s]
}

// Reason is why a message is Undelivered, and how somebody went from a group.
type Reason uint8

const (
	NoReason Reason = iota
	Removed         // its author was taken out of the group
	Left            // its author went
)

func (r Reason) String() string { return [...]string{"", "removed", "left"}[r] }

// Progress says how far a message has come, with all of its readers or with one. Everything that
// tells this uses Progress, so that no two answers disagree.
type Progress struct {
	State  State
	Reason Reason // of Undelivered
}

// undelivered returns the progress of a message that not all of an audience have. It is Queued if
// it stands where others get it and the owner is still in the group, else Undelivered.
func (a *audience) undelivered(l *layout.Log, sequence uint64) Progress {
	if a.out || l.Branch != layout.BranchFirst || sequence > l.Limit {
		return Progress{Undelivered, a.how}
	}
	return Progress{State: Queued}
}

// progress returns how far the message x has come with all who read it.
func (d *delivery) progress(x *entry) (Progress, error) {
	a, err := d.readers(x)
	if err != nil || a == nil {
		return Progress{}, err
	}
	return d.progressTo(x, a)
}

// readers returns the persons whom the message x is for; nil if there are none or x is not the
// owner's.
func (d *delivery) readers(x *entry) (*audience, error) {
	if !d.isOwn(x.in.Person) {
		return nil, nil
	}
	c, err := d.conversation(x.header.Conversation)
	if err != nil {
		return nil, err
	}
	if a := d.audience(&c, headsOf(&x.header)); len(a.persons) > 0 {
		return a, nil
	}
	return nil, nil
}

// progressTo returns how far the message x has come with all of an audience, which must not be
// empty. Several events may stand for it, and each person may have another one of them.
func (d *delivery) progressTo(x *entry, a *audience) (Progress, error) {
	together, slots, err := d.progressAt(x, a)
	if err != nil || slots < 2 || len(a.persons) == 1 || together.State == Read {
		return together, err
	}
	least := Progress{State: Read}
	for _, p := range a.persons {
		alone := a.alone(p)
		alone.one = a.one
		now, _, err := d.progressAt(x, alone)
		if err != nil {
			return Progress{}, err
		}
		if now.State < least.State {
			least = now
		}
	}
	return least, nil
}

// progressAt returns the progress of the message x by those of its events that all of an audience
// have, and in how many slots its events stand.
func (d *delivery) progressAt(x *entry, a *audience) (best Progress, count int, err error) {
	err = d.view.eachIssue(x, func(y *entry) error {
		got := d.Get(bucketCancelled, y.Slot.Bytes())
		cancelled := len(got) == layout.SlotSize+1
		if cancelled && got[layout.SlotSize] == 0 {
			best = best.or(Progress{State: Cancelled})
			return nil
		}
		slots, err := d.slots(y)
		if err != nil {
			return err
		}
		count += len(slots)
		for _, p := range slots {
			now, err := d.progressOf(p, a)
			if err != nil {
				return err
			}
			switch {
			case now.State >= Cancelled:
			case cancelled && !a.one: // somebody has the words; readers who don't will never get them
				now = Progress{State: Delivered}
			case cancelled, y.Absent == event.Recalled: // also if this disk went back in time since
				now = Progress{State: Cancelled}
			}
			best = best.or(now)
		}
		return nil
	})
	return best, count, err
}

// or returns the one of two that has come further.
func (p Progress) or(o Progress) Progress {
	if o.State > p.State {
		return o
	}
	return p
}

// progressOf returns how far the event in a slot has come with all of an audience.
func (d *delivery) progressOf(p layout.Slot, a *audience) (Progress, error) {
	all, err := d.coverage(a, p.Log)
	switch {
	case err != nil:
		return Progress{}, err
	case all.read.Covers(p.Sequence):
		return Progress{State: Read}, nil
	case all.delivered.Covers(p.Sequence):
		return Progress{State: Delivered}, nil
	}
	l, err := d.log(p.Log)
	if err != nil {
		return Progress{}, err
	}
	return a.undelivered(l, p.Sequence), nil
}

// slots returns where an own event stands: in two slots if it was lost and came back from others,
// into the log in which it was written.
func (d *delivery) slots(x *entry) ([]layout.Slot, error) {
	if x.in.Branch != layout.BranchLost {
		return []layout.Slot{x.Slot}, nil
	}
	for _, branch := range []byte{layout.BranchFirst, layout.BranchOther} {
		l, err := d.named(x.in.Conversation, x.in.Name, branch)
		if err != nil {
			return nil, err
		}
		if l == nil {
			continue
		}
		back := l.At(x.Sequence)
		st, err := d.stored(back)
		if err != nil {
			return nil, err
		}
		if st != nil && idOf(st.HeaderBytes) == x.id {
			return []layout.Slot{x.Slot, back}, nil
		}
	}
	return []layout.Slot{x.Slot}, nil
}

// Place is a message, and where it stood when its row was read: by that it is found with less effort.
type Place struct {
	id   event.ID
	slot layout.Slot
}

// States returns how far messages of the owner's have come, in the order of their places. What is ahead counts as
// if it had been noted.
func (s *Store) States(places []Place, ahead []Delivery) ([]Progress, error) {
	states := make([]Progress, len(places))
	err := s.view(func(r *reader) error {
		if err := r.delivery.reckon(places, ahead); err != nil {
			return err
		}
		for i, p := range places {
			var err error
			if states[i], err = r.delivery.stateAt(&p); err != nil {
				return err
			}
		}
		return nil
	})
	return states, err
}

// reckon has deliveries of the logs of these messages count that are not noted.
func (d *delivery) reckon(places []Place, ahead []Delivery) error {
	if len(ahead) == 0 {
		return nil
	}
	logs := map[event.Log]bool{}
	for _, p := range places {
		l, err := d.log(p.slot.Log)
		if err != nil {
			return err
		}
		logs[l.Name] = true
	}
	d.ahead = map[had]event.Ranges{}
	for i := range ahead {
		r := &ahead[i]
		if !logs[r.Log] || r.Read || d.isOwn(r.Person) {
			continue
		}
		err := d.eachAgreed(r, func(l *layout.Log, ranges event.Ranges) error {
			of := had{l.Number, r.Person}
			d.ahead[of] = d.ahead[of].Union(ranges)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stateAt returns how far a message has come. That one is delivered is known without its event, in the usual
// case: it is for one person, and nothing was ever taken back or issued again.
func (d *delivery) stateAt(p *Place) (Progress, error) {
	l, err := d.log(p.slot.Log)
	if err != nil {
		return Progress{}, err
	}
	if d.isOwn(l.Person) && !d.anything(&d.cancelled, bucketCancelled) && !d.anything(&d.reissued, bucketReissued) {
		c, err := d.conversation(l.Name.Conversation)
		if err != nil {
			return Progress{}, err
		}
		if c.Other != (crypto.PersonID{}) && c.Own == l.Number { // what stands in another log may have moved
			if now, err := d.progressOf(p.slot, d.audience(&c, nil)); err != nil || now.State >= Delivered {
				return now, err
			}
		}
	}
	x, err := d.view.rowEntry(p.id)
	if err != nil {
		return Progress{}, err
	}
	return d.progress(x)
}

// ReaderProgress is how far an own message has come with one of its readers.
type ReaderProgress struct {
	Person crypto.PersonID
	Progress
}

// ProgressTo returns how far a message has come with each of its readers, or ErrNoEvent if the
// message is not the owner's.
func (s *Store) ProgressTo(id event.ID) ([]ReaderProgress, error) {
	var out []ReaderProgress
	err := s.view(func(r *reader) error {
		x, err := r.view.rowEntry(id)
		if err != nil {
			return err
		}
		if !r.isOwn(x.in.Person) {
			return ErrNoEvent
		}
		a, err := r.delivery.readers(x)
		if err != nil || a == nil {
			return err
		}
		for _, p := range a.persons {
			now, err := r.delivery.progressTo(x, a.alone(p))
			if err != nil {
				return err
			}
			out = append(out, ReaderProgress{p, now})
		}
		return nil
	})
	return out, err
}
