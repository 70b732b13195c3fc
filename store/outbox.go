package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Pending is a message of one's own that a reader does not have yet.
type Pending struct {
	ID           event.ID
	Conversation event.Conversation
	To           crypto.PersonID
	Queued       time.Time // when it was written, by the clock of then
}

// Outbox returns what is still to be delivered, the oldest first. It costs what is
// pending, not what was ever written.
func (s *Store) Outbox() ([]Pending, error) {
	var out []Pending
	err := s.view(func(r *reader) error {
		return r.eachConversation(func(c *conversation) error {
			return r.eachLog(c.number, func(l *logState) error {
				if !r.isOwn(l.person) {
					return nil
				}
				return r.eachStretch(c, l, func(g event.Range, a *audience) (err error) {
					all, err := r.coverage(a, l.number)
					if err != nil || len(event.Ranges{g}.Subtract(all.delivered)) == 0 {
						return err
					}
					for _, to := range a.persons {
						got, err := r.ranges(bucketDelivered, l.number, to)
						if err != nil {
							return err
						}
						for _, missing := range (event.Ranges{g}).Subtract(got) {
							if out, err = r.pending(out, l, missing, to); err != nil {
								return err
							}
						}
					}
					return nil
				})
			})
		})
	})
	slices.SortStableFunc(out, func(x, y Pending) int { return cmp.Compare(x.Queued.UnixMilli(), y.Queued.UnixMilli()) })
	return out, err
}

// pending adds the messages of one stretch of a log.
func (r *reader) pending(out []Pending, l *logState, g event.Range, to crypto.PersonID) ([]Pending, error) {
	for seq := g.First; seq <= g.Last; seq++ {
		x, err := r.entry(pointer{l.number, seq})
		if err != nil {
			return nil, err
		}
		if x.absent != event.Present {
			continue
		}
		if !x.is(flagShown) { // people know it by the row of its key, if it has one
			x, err = r.shownFor(x)
			if err == ErrNoEvent {
				continue
			} else if err != nil {
				return nil, err
			}
			if state, err := r.state(x); err != nil {
				return nil, err
			} else if state != Queued {
				continue
			}
		}
		out = append(out, Pending{
			ID: x.id, Conversation: x.header.Conversation, To: to, Queued: time.UnixMilli(x.header.Clock),
		})
	}
	return out, nil
}

// FirstPending returns the log that this device writes in a conversation and the first sequence of it that some reader
// has not acknowledged; 0 if there is none.
func (s *Store) FirstPending(conv event.Conversation) (log event.Log, first uint64, err error) {
	err = s.view(func(r *reader) error {
		c, err := r.conversation(conv)
		if err != nil || c.own == 0 {
			return err
		}
		l, err := r.log(c.own)
		if err != nil {
			return err
		}
		log = l.log
		err = r.eachStretch(&c, l, func(g event.Range, a *audience) error {
			all, err := r.coverage(a, l.number)
			if err != nil {
				return err
			}
			if missing := (event.Ranges{g}).Subtract(all.delivered); len(missing) > 0 {
				first = missing[0].First
				return errStop
			}
			return nil
		})
		if err == errStop {
			err = nil
		}
		return err
	})
	return log, first, err
}
