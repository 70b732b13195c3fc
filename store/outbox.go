package store

import (
	"errors"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Pending is a message of the owner's that a reader does not have yet.
type Pending struct {
	ID           event.ID
	Conversation event.Conversation
	To           crypto.PersonID
	Queued       time.Time // when it was written, by the clock of that moment
}

// eachLacking calls f for each part of an own log that a person lacks for whom it is.
func (r *reader) eachLacking(f func(l *layout.Log, missing event.Range, to crypto.PersonID) error) error {
	return r.eachConversation(func(c *layout.Conversation) error { return r.eachLackingIn(c, f) })
}

// eachLackingIn is eachLacking in one conversation.
func (r *reader) eachLackingIn(c *layout.Conversation, f func(l *layout.Log, missing event.Range, to crypto.PersonID) error) error {
	return r.eachLog(c.Number, func(l *layout.Log) error {
		if !r.isOwn(l.Person) {
			return nil
		}
		return r.delivery.eachStretch(c, l, func(g event.Range, a *audience) (err error) {
			all, err := r.delivery.coverage(a, l.Number)
			if err != nil || len(event.Ranges{g}.Subtract(all.delivered)) == 0 {
				return err
			}
			for _, to := range a.persons {
				got, err := r.ranges(bucketDelivered, l.Number, to)
				if err != nil {
					return err
				}
				for _, missing := range (event.Ranges{g}).Subtract(got) {
					if err := f(l, missing, to); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
}

// stillFor returns the message for which an event stands that is one of several; nil if it is none that
// still goes to a person.
func (r *reader) stillFor(x *entry, to crypto.PersonID) (*entry, error) {
	x, err := r.view.shownFor(x)
	if err != nil {
		return nil, ignore(err, ErrNoEvent)
	}
	a, err := r.delivery.readers(x)
	if err != nil || a == nil || !slices.Contains(a.persons, to) {
		return nil, err
	}
	if now, err := r.delivery.progressTo(x, a.alone(to)); err != nil || now.State != Queued {
		return nil, err
	}
	return x, nil
}

// pendingOf is the line of a message and a person.
func pendingOf(x *entry, to crypto.PersonID) Pending {
	return Pending{ID: x.id, Conversation: x.header.Conversation, To: to, Queued: time.UnixMilli(x.header.Clock)}
}

// FirstPending returns a log that this device has written in a conversation and its first sequence
// that some reader has not acknowledged; 0 if there is none. Of several such logs it is the one
// that was begun first.
func (s *Store) FirstPending(conv event.Conversation) (log event.Log, first uint64, err error) {
	err = s.view(func(r *reader) error {
		c, err := r.conversation(conv)
		if err != nil {
			return err
		}
		var oldest uint32
		return r.eachLog(c.Number, func(l *layout.Log) error {
			if l.Name.Device != r.s.own.Device.ID() {
				return nil
			}
			seq, err := r.delivery.firstPending(&c, l)
			if seq != 0 && (first == 0 || l.Number < oldest) {
				log, first, oldest = l.Name, seq, l.Number
			}
			return err
		})
	})
	return log, first, err
}

// errFound ends a walk early.
var errFound = errors.New("found")

// firstPending returns the first sequence of an own log that some reader has not acknowledged; 0 if
// there is none.
func (d *delivery) firstPending(c *layout.Conversation, l *layout.Log) (first uint64, err error) {
	err = d.eachStretch(c, l, func(g event.Range, a *audience) error {
		all, err := d.coverage(a, l.Number)
		if err != nil {
			return err
		}
		if missing := (event.Ranges{g}).Subtract(all.delivered); len(missing) > 0 {
			first = missing[0].First
			return errFound
		}
		return nil
	})
	if err == errFound {
		err = nil
	}
	return first, err
}

// Lacking returns, for each of some messages, a line for each reader who lacks it and to whom it still
// goes: none for what is not the owner's.
func (s *Store) Lacking(messages []event.ID) ([][]Pending, error) {
	out := make([][]Pending, len(messages))
	err := s.view(func(r *reader) error {
		alone := map[*audience][]*audience{} // the persons of each
		for i, id := range messages {
			x, err := r.view.rowEntry(id)
			if err != nil {
				return err
			}
			a, err := r.delivery.readers(x)
			if err != nil {
				return err
			}
			if a == nil {
				continue
			}
			if alone[a] == nil {
				for _, p := range a.persons {
					alone[a] = append(alone[a], a.alone(p))
				}
			}
			for k, to := range a.persons {
				now, err := r.delivery.progressTo(x, alone[a][k])
				if err != nil {
					return err
				}
				if now.State == Queued || now.State == Carried {
					out[i] = append(out[i], pendingOf(x, to))
				}
			}
		}
		return nil
	})
	return out, err
}
