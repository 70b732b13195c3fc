package store

import (
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// State is how far a message of one's own has come.
type State uint8

const (
	NoState   State = iota // not a message of one's own, or for nobody
	Queued                 // not with every reader yet
	Carried                // with a carrier
	Delivered              // with every reader
	Read                   // read by every reader
	Cancelled              // taken back before any reader had it
)

func (s State) String() string {
	return [...]string{"", "queued", "carried", "delivered", "read", "cancelled"}[s]
}

// audience is whom own messages are for: in a direct conversation the other person, in
// a group its readers by the control heads that the messages were written under.
type audience struct {
	persons []crypto.PersonID
	logs    map[uint32]coverage // looked up before
}

// coverage is what of a log every one of an audience has.
type coverage struct{ delivered, read event.Ranges }

// audience returns the same for the same heads within a transaction, since a page of a
// large group would ask for the same hundreds of readers for each message.
func (r *reader) audience(c *conversation, control []crypto.Hash) *audience {
	if c.other != (crypto.PersonID{}) {
		control = nil
	}
	key := u32(c.number)
	for i := range control {
		key = append(key, control[i][:]...)
	}
	a := r.audiences[string(key)]
	if a != nil {
		return a
	}
	a = &audience{logs: map[uint32]coverage{}}
	switch {
	case c.other != (crypto.PersonID{}):
		a.persons = []crypto.PersonID{c.other}
	case r.isGroup(c) && r.s.cfg.Authority != nil:
		a.persons = r.s.cfg.Authority.Readers(c.id, control)
	}
	if r.audiences == nil {
		r.audiences = map[string]*audience{}
	}
	r.audiences[string(key)] = a
	return a
}

// coverage returns what all of an audience, which is not empty, have of a log.
func (r *reader) coverage(a *audience, log uint32) (coverage, error) {
	if all, ok := a.logs[log]; ok {
		return all, nil
	}
	var all coverage
	for i, p := range a.persons {
		read, err := r.ranges(bucketRead, log, p)
		if err != nil {
			return all, err
		}
		delivered, err := r.ranges(bucketDelivered, log, p)
		if err != nil {
			return all, err
		}
		delivered = delivered.Union(read)
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

// eachStretch calls f for the stretches of an own log, as far as it counts, whose
// messages are for the same persons.
func (r *reader) eachStretch(c *conversation, l *logState, f func(event.Range, *audience) error) error {
	segments, err := r.counted(l)
	if err != nil {
		return err
	}
	for _, g := range segments {
		for first, last := g.First, uint64(0); first <= g.Last; first = last + 1 {
			var control []crypto.Hash
			if last = g.Last; r.isGroup(c) {
				if control, last, err = r.sameControl(l, first, g.Last); err != nil {
					return err
				}
			}
			a := r.audience(c, control)
			if len(a.persons) == 0 {
				continue
			}
			if err := f(event.Range{First: first, Last: last}, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameControl returns the control heads at a place of an own log, and the last place up
// to which they are the same. Since they ascend, none come back; changes are far
// between.
func (r *reader) sameControl(l *logState, first, last uint64) ([]crypto.Hash, uint64, error) {
	x, err := r.entry(pointer{l.number, first})
	if err != nil {
		return nil, 0, err
	}
	control := headsOf(&x.header)
	changed := func(seq uint64) (bool, error) {
		y, err := r.entry(pointer{l.number, seq})
		return err == nil && !slices.Equal(headsOf(&y.header), control), err
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
	next, err := search(from, last, changed)
	return control, next - 1, err
}

// places returns where an own message is: in two places if it was lost and came back
// from others. Only what was lost has to be looked for.
func (r *reader) places(x *entry) []pointer {
	if x.in.branch == branchLost {
		if p, _ := r.find(x.id); p != x.pointer {
			return []pointer{x.pointer, p}
		}
	}
	return []pointer{x.pointer}
}

// state returns the state of x, or of what took its place if that has come further.
func (r *reader) state(x *entry) (State, error) {
	if !r.isOwn(x.in.person) {
		return NoState, nil
	}
	c, err := r.conversation(x.header.Conversation)
	if err != nil {
		return NoState, err
	}
	if len(r.audience(&c, headsOf(&x.header)).persons) == 0 {
		return NoState, nil
	}
	state := Queued
	err = r.eachIssue(x, func(y *entry) error {
		got := r.get(bucketCancelled, y.pointer.bytes())
		switch {
		case len(got) != pointerSize+1: // not cancelled
			a := r.audience(&c, headsOf(&y.header))
			for _, p := range r.places(y) {
				s, err := r.reached(a, p)
				if err != nil {
					return err
				}
				state = max(state, s)
			}
		case got[pointerSize] == 0:
			if state == Queued {
				state = Cancelled
			}
		case state == Queued || state == Cancelled:
			state = Delivered
		}
		return nil
	})
	return state, err
}

// reached returns how far all of an audience have come.
func (r *reader) reached(a *audience, p pointer) (State, error) {
	if len(a.persons) == 0 {
		return Queued, nil
	}
	all, err := r.coverage(a, p.log)
	switch {
	case err != nil:
		return NoState, err
	case all.read.Covers(p.sequence):
		return Read, nil
	case all.delivered.Covers(p.sequence):
		return Delivered, nil
	}
	return Queued, nil
}

// Reached is how far an own message has come to one of its readers.
type Reached struct {
	Person crypto.PersonID
	State  State // Queued, Delivered or Read
}

// Reached returns it for every reader of a message, or ErrNoEvent if that is not one's
// own.
func (s *Store) Reached(id event.ID) ([]Reached, error) {
	var out []Reached
	err := s.view(func(r *reader) error {
		x, err := r.rowEntry(id)
		if err != nil {
			return err
		}
		if !r.isOwn(x.in.person) {
			return ErrNoEvent
		}
		c, err := r.conversation(x.header.Conversation)
		if err != nil {
			return err
		}
		var places []pointer
		if err := r.eachIssue(x, func(y *entry) error {
			places = append(places, r.places(y)...)
			return nil
		}); err != nil {
			return err
		}
		for _, p := range r.audience(&c, headsOf(&x.header)).persons {
			alone := &audience{persons: []crypto.PersonID{p}, logs: map[uint32]coverage{}}
			reached := Reached{Person: p, State: Queued}
			for _, at := range places {
				state, err := r.reached(alone, at)
				if err != nil {
					return err
				}
				reached.State = max(reached.State, state)
			}
			out = append(out, reached)
		}
		return nil
	})
	return out, err
}
