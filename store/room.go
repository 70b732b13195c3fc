package store

import (
	"context"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// idleStays is how long a stranger of whom nothing else is kept stays in the store. What they bring
// may be under way meanwhile.
const idleStays = 10 * time.Minute

// forgetAfter is how long at least a stranger stays of whom nothing is left but how far their logs went,
// unless the owner has discarded what they sent. Who is forgotten brings again what they have written, and
// then it is shown a second time.
const forgetAfter = 24 * time.Hour

// MakeRoom gives back, of what strangers hold, so many bytes if it can: what the owner has seen and
// what is older than 30 days, and then strangers of whom nothing is left but how far their logs went.
// It takes from addresses by which much is held and leaves alone those by which less than half of
// what is free is held. It takes its time, and as many short transactions as it needs.
func (s *Store) MakeRoom(ctx context.Context, want uint64) (given uint64, err error) {
	places, free, err := s.strangers()
	if err != nil {
		return 0, err
	}
	for _, p := range places {
		if p.Held < free/2 {
			break
		}
		for _, forget := range []bool{false, true} {
			for _, x := range p.Persons {
				if given >= want {
					return given, nil
				}
				if forget && s.cfg.Now().Sub(x.Last) < forgetAfter {
					break // and so are all others, see book.Place
				}
				n, err := s.giveSome(ctx, x.Person, forget)
				if given += n; err != nil {
					return given, err
				}
			}
		}
	}
	return given, nil
}

// giveSome gives back what of a stranger's messages may go or, with forget, the stranger, if all of
// their messages have gone.
func (s *Store) giveSome(ctx context.Context, p crypto.PersonID, forget bool) (given uint64, err error) {
	if !forget {
		if may, err := s.mayGive(p); err != nil || !may {
			return 0, err
		}
		return s.GiveBack(ctx, true, p)
	}
	before, err := s.Counted(p)
	if err != nil {
		return 0, err
	}
	if _, err := s.Forget(ctx, p); err != nil {
		return 0, err
	}
	after, err := s.Counted(p)
	return before - min(before, after), err
}

// Strangers returns the strangers of whom something is kept.
func (s *Store) Strangers() (out []crypto.PersonID, err error) {
	places, _, err := s.strangers()
	for _, p := range places {
		for _, x := range p.Persons {
			out = append(out, x.Person)
		}
	}
	return out, err
}

// strangers returns which strangers hold something, and how much of their pool is free.
func (s *Store) strangers() (places []book.Place, free uint64, err error) {
	err = s.view(func(r *reader) error {
		free = book.StrangersBudget - min(book.StrangersBudget, s.book.StrangersHold(r.Reader))
		places, err = s.book.Strangers(r.Reader)
		return err
	})
	return places, free, err
}

// Counted returns how many bytes count of somebody.
func (s *Store) Counted(p crypto.PersonID) (n uint64, err error) {
	err = s.view(func(r *reader) error {
		n, err = s.book.Held(r.Reader, p)
		return err
	})
	return n, err
}

// Fits says whether the longest run of somebody's could be stored now in a conversation, by what is
// already kept of them, and whether they are a stranger there: of strangers it is not said.
func (s *Store) Fits(p crypto.PersonID, conv event.Conversation) (fits, stranger bool, err error) {
	err = s.view(func(r *reader) error {
		by := book.Payer{Person: p}
		c, err := r.conversation(conv)
		if err == nil && r.isGroup(&c) {
			by.Group = c.Number
		} else if err = ignore(err, ErrNoConversation); err != nil {
			return err
		}
		fits, stranger, err = s.book.Fits(r.Reader, by, costOfBody(event.MaxRunSent)+2*event.MaxRunEvents*costEvent+costLog)
		return err
	})
	return fits, stranger, err
}

// mayGive reports whether GiveBack would find anything that was seen. It reads one event a log.
func (s *Store) mayGive(p crypto.PersonID) (may bool, err error) {
	err = s.view(func(r *reader) error {
		c, err := r.conversation(event.Direct(s.own.Person, p))
		if err != nil || c.Own != 0 {
			return ignore(err, ErrNoConversation)
		}
		now := s.cfg.Now().UnixMilli()
		return r.eachLogOf(c.Number, p, func(l *layout.Log) error {
			branches, err := r.branchesOf(l)
			for _, l := range branches {
				if may || err != nil {
					break
				}
				may, err = r.firstMayGo(l, now)
			}
			return err
		})
	})
	return may, err
}

// firstMayGo reports whether the first event of a log that is still here may go.
func (r *reader) firstMayGo(l *layout.Log, now int64) (bool, error) {
	k, _ := r.Seek(bucketEvents, l.At(1).Bytes())
	p, ok := layout.SlotAt(k)
	if !ok || p.Log != l.Number {
		return false, nil
	}
	x, err := r.entry(p)
	return err == nil && r.mayGo(x, now), err
}

// ForgetIdle removes strangers of whom nothing is kept but who they are, and of whom nothing has come
// for a while: what they brought was refused, or has been taken away. Requests that are older than 30
// days go first.
func (s *Store) ForgetIdle(ctx context.Context) error {
	if err := s.book.DropRequests(ctx, s.cfg.Now().Add(-keptUnseen)); err != nil {
		return err
	}
	places, _, err := s.strangers()
	if err != nil {
		return err
	}
	var idle []crypto.PersonID
	for _, p := range places {
		for _, x := range p.Persons {
			if s.cfg.Now().Sub(x.Last) < idleStays {
				continue
			}
			if silent, err := s.silent(x.Person); err != nil {
				return err
			} else if silent {
				idle = append(idle, x.Person)
			}
		}
	}
	for some := range slices.Chunk(idle, maxGiven) {
		if err := s.do(ctx, func(b *batch) error {
			for _, p := range some {
				if _, err := s.book.RemoveIdle(b.Batch, p); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// silent reports whether nothing that a person has written to the owner alone was ever stored.
func (s *Store) silent(p crypto.PersonID) (silent bool, err error) {
	err = s.view(func(r *reader) error {
		c, err := r.conversation(event.Direct(s.own.Person, p))
		if err == nil {
			silent = c.Own == 0 && r.Count(bucketAuthors, layout.AuthorKey(c.Number, p)) == 0
		}
		return ignore(err, ErrNoConversation)
	})
	return silent, err
}

// ignore returns an error unless it is a certain one.
func ignore(err, this error) error {
	if err == this {
		return nil
	}
	return err
}
