package store

import (
	"bytes"
	"context"
	"time"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// patience says which causes an event waits for.
type patience int

const (
	waitForAll  patience = iota
	waitForHeld          // those that are here and wait themselves
	waitForNone
)

// Release shows events that have waited since before the given time for a cause that did not come:
// in one conversation, or in all if conv is nil. waits, if it is not nil, says whether an event
// first seen here at a time still has to wait, because the log of its cause may yet bring that. It
// is called within transactions and must not call the store. Release takes as many transactions as
// it needs; others can write between them.
func (s *Store) Release(ctx context.Context, conv *event.Conversation, before time.Time, waits func(cause event.Log, since time.Time) bool) error {
	if nothing, err := s.nothingWaits(); nothing || err != nil {
		return err
	}
	// First the events are shown whose causes are all here but wait themselves, with the events
	// that wait for them. Then those are shown whose cause is not here.
	for _, wait := range []patience{waitForHeld, waitForNone} {
		f := releasing{Store: s, conv: conv, until: release{wait, before.UnixMilli(), waits}}
		if err := f.all(ctx); err != nil {
			return err
		}
	}
	return nil
}

// nothingWaits reports whether no event waits. As long as nothing is written, it is known without looking: this is
// asked every second.
func (s *Store) nothingWaits() (nothing bool, err error) {
	before := s.Batches() + 1 // what is written after this may have to wait
	if s.idleAt.Load() == before {
		return true, nil
	}
	err = s.view(func(r *reader) error {
		nothing = r.Empty(bucketWaiting)
		return nil
	})
	if nothing {
		s.idleAt.Store(before)
	}
	return nothing, err
}

// releasing is one pass over what waits.
type releasing struct {
	*Store
	conv  *event.Conversation // nil: all
	until release
}

// all releases what is due, a number of keys at a time.
func (f *releasing) all(ctx context.Context) error {
	for from := []byte{}; ; {
		keys, err := f.due(from)
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := f.place(ctx, keys); err != nil {
			return err
		}
		from = after(keys[len(keys)-1])
	}
}

// MaxWait is how long an event waits for its causes at most.
const MaxWait = time.Minute

// release says for which causes an event still waits if it was first seen before a time.
type release struct {
	wait   patience
	before int64                                       // ms
	waits  func(cause event.Log, since time.Time) bool // see Release
}

// holds reports whether an event that was first seen at a time still waits for a cause in a log.
func (r release) holds(cause event.Log, first int64) bool {
	return r.waits != nil && r.waits(cause, time.UnixMilli(first))
}

// due reports whether an event that was first seen at a time has waited for long enough. If that
// time is in the future, the clock was set back since, and it has.
func (r release) due(first, now int64) bool { return first <= r.before || first > now }

// due returns the keys of what is due, from a key on: as many as one transaction places.
func (f *releasing) due(from []byte) (keys [][]byte, err error) {
	now := f.cfg.Now().UnixMilli()
	err = f.view(func(r *reader) error {
		var prefix []byte
		if f.conv != nil && !r.Empty(bucketWaiting) {
			c, err := r.conversation(*f.conv)
			if err != nil {
				return err
			}
			prefix = layout.U32(c.Number)
		}
		if bytes.Compare(from, prefix) < 0 {
			from = prefix
		}
		for k, v := range r.From(bucketWaiting, from) {
			if !bytes.HasPrefix(k, prefix) || len(keys) == maxWoken {
				break
			}
			first := int64(layout.Number(v))
			if !f.until.due(first, now) {
				continue
			}
			if _, log, err := r.logOfCause(k); err != nil {
				return err
			} else if !f.until.holds(log, first) {
				keys = append(keys, bytes.Clone(k))
			}
		}
		return nil
	})
	return keys, err
}

// place places the events that wait under keys, and whatever waits for these, in as many
// transactions as it takes.
func (f *releasing) place(ctx context.Context, keys [][]byte) error {
	for len(keys) > 0 {
		done := 0
		if err := f.do(ctx, func(b *batch) error {
			for done = 0; done < len(keys) && b.order.woken < maxWoken; done++ {
				if err := b.order.release(keys[done], f.until); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		keys = keys[done:]
	}
	return nil
}

// release places what waits under a key, unless its cause is due as well and will wake it.
func (o *order) release(key []byte, until release) error {
	if o.Get(bucketWaiting, key) == nil {
		return nil // it was placed
	}
	first := int64(layout.Number(o.Get(bucketWaiting, key)))
	st, err := o.causeOf(key)
	if err != nil || st != nil && !st.Is(layout.FlagPlaced) && until.due(st.FirstSeen, o.now) && (!o.overdue(first) || o.overdue(st.FirstSeen)) {
		return err
	}
	if err := o.placeWaiter(key, until, until); err != nil {
		return err
	}
	return o.wakeSome()
}

// overdue reports whether an event that was first seen at a time has waited as long as anything
// does. It is then placed even if its cause still waits. Otherwise somebody who keeps bringing
// causes of causes, each in time, could hide an event for ever.
func (o *order) overdue(first int64) bool {
	return o.now-first >= MaxWait.Milliseconds() || first > o.now
}

// causeOf returns the cause for which the event under a key of bucketWaiting waits, nil if it is
// not here.
func (o *order) causeOf(key []byte) (*layout.Event, error) {
	w, log, err := o.logOfCause(key)
	if err != nil {
		return nil, err
	}
	l, err := o.named(w.Conversation, log, layout.BranchFirst)
	if err != nil || l == nil {
		return nil, err
	}
	return o.stored(l.At(w.Sequence))
}
