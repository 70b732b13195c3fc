package files

import (
	"errors"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/shelf"
)

// keepFor is how long a copy of what the owner has sent is kept, if somebody still lacks it.
const keepFor = 30 * 24 * time.Hour

// dueEvery is how often it is looked for copies that are to go, and pageOfDue how many go at once.
const (
	dueEvery  = time.Minute
	pageOfDue = 64
)

// keep has a copy of what the owner has sent stay, now that a message has it, and then says what has become of
// it: the other way round a crash would have the copy go as if nobody had sent it.
func (r *Room) keep(f store.FileRef, to store.FileStatus) {
	of, due := f.Of(), r.cfg.Now().Add(keepFor)
	r.keeping[keyOf(&f)] = true
	r.do(func() func(time.Time) {
		b, err := r.cfg.Store.Shelf().Open(of)
		if err == nil {
			err = b.Commit(r.ctx, func(i *shelf.Info) {
				if i.Due = due; !i.Whole() {
					i.Due = time.Time{} // it is sent in place: nothing is kept but its index
				}
			})
			b.Close()
		}
		return func(now time.Time) {
			if err == nil {
				delete(r.keeping, keyOf(&f))
				r.set(&f, to, now, nil)
				r.judgeNew(now)
				return
			}
			r.cfg.Log.Warn("keep what is sent", "event", f.Message, "err", err)
			r.after(noteAgain, func(now time.Time) {
				delete(r.keeping, keyOf(&f))
				r.look(now)
			})
		}
	})
}

// dropDue drops the copies that are to go by time.
func (r *Room) dropDue(now time.Time) {
	r.do(func() func(time.Time) {
		due, err := r.cfg.Store.Shelf().Due(pageOfDue)
		for _, one := range due {
			err = errors.Join(err, r.dropOne(one))
		}
		if err != nil && r.ctx.Err() == nil {
			r.cfg.Log.Warn("drop copies of files", "err", err)
		}
		again := dueEvery
		if err == nil && len(due) == pageOfDue {
			again = 0
		}
		return func(time.Time) { r.after(again, r.dropDue) }
	})
}

// dropOne drops a copy. What no message has taken is forgotten.
func (r *Room) dropOne(one shelf.Listed) error {
	of := store.BlobID(one.ID)
	some, err := r.cfg.Store.FilesWith(of, 1, nil)
	if err != nil {
		return err
	}
	undecided, err := r.cfg.Store.FilesWith(of, 1, func(f *store.FileRef) bool { return f.State == store.FileNew })
	if err != nil || len(undecided) > 0 { // that says how long it stays
		return err
	}
	needed, err := r.cfg.Store.FilesWith(of, 1, func(f *store.FileRef) bool { return !f.Own && needs(f.State) }) // by a message of somebody else's
	if err != nil {
		return err
	}
	b, err := r.cfg.Store.Shelf().Open(one.Of)
	if err != nil {
		return err
	}
	defer b.Close()
	if len(some) == 0 {
		return b.Delete(r.ctx)
	}
	notDue := func(i *shelf.Info) { i.Due = time.Time{} }
	if len(needed) > 0 {
		return b.Commit(r.ctx, notDue)
	}
	for {
		kept, err := r.cfg.Store.FilesWith(of, pageOfRefs, func(f *store.FileRef) bool { return f.Own && f.State == store.FileKept })
		if err != nil {
			return err
		}
		if len(kept) == 0 {
			return b.Empty(r.ctx, notDue)
		}
		sets := make([]store.FileSet, len(kept))
		for i, f := range kept {
			sets[i] = store.FileSet{Message: f.Message, N: f.N, FileStatus: store.FileStatus{State: store.FileGone}}
		}
		if err := r.cfg.Store.SetFiles(r.ctx, sets...); err != nil {
			return err
		}
	}
}

// needs reports whether what is here of an attachment in a state is needed: also of the owner's about which nothing
// is decided yet, since it is decided by what is here.
func needs(s store.FileState) bool {
	switch s {
	case store.FileNew, store.FileHeld, store.FileKept, store.FileInPlace, store.FileFetching, store.FilePaused:
		return true
	}
	return false
}

// maxSettled bounds the messages that are remembered as perhaps settled. Of more all are looked at.
const maxSettled = 1024

// settled is which own messages everybody may have by now whom they are for. Any goroutine may use it.
type settled struct {
	mu   gosync.Mutex
	some []event.ID
	all  bool
}

// Taken says that somebody holds or has declined more of own messages than before; with more, of others,
// too. It doesn't wait.
func (r *Room) Taken(messages []event.ID, more bool) {
	s := &r.settled
	s.mu.Lock()
	if s.all = s.all || more || len(s.some)+len(messages) > maxSettled; !s.all {
		s.some = append(s.some, messages...)
	}
	s.mu.Unlock()
	r.wake.Give()
}

// Dropped says that what is attached to messages is needed no more, since their words have gone.
func (r *Room) Dropped() {
	r.dropped.Store(true)
	r.wake.Give()
}

// take returns what may be settled.
func (s *settled) take() (some []event.ID, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	some, all = s.some, s.all
	s.some, s.all = nil, false
	return some, all
}

// dropSettled drops the copies of what everybody has or has declined.
func (r *Room) dropSettled(now time.Time) {
	some, all := r.settled.take()
	if all {
		r.each(store.FileKept, func(f *store.FileRef) { r.drop(f, now) })
		return
	}
	var early []event.ID // what is not said to be kept yet
	for _, id := range some {
		refs, err := r.refs(id, 0)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(refs, func(f store.FileRef) bool { return f.State == store.FileNew }) {
			early = append(early, id)
			continue
		}
		for i := range refs {
			if refs[i].State == store.FileKept {
				r.drop(&refs[i], now)
			}
		}
	}
	if len(early) > 0 {
		r.after(noteAgain, func(time.Time) { r.Taken(early, false) })
	}
}

// drop drops the copy of an own attachment if everybody has it or has declined it.
func (r *Room) drop(f *store.FileRef, now time.Time) {
	done, err := r.cfg.Store.Settled([]event.ID{f.Message})
	if err != nil || !done[0] {
		return
	}
	one := *f
	r.set(f, store.FileStatus{State: store.FileGone}, now, func(err error) {
		if err != nil {
			return
		}
		r.do(func() func(time.Time) {
			if err := r.empty(r.ctx, &one); err != nil && r.ctx.Err() == nil {
				r.cfg.Log.Warn("drop a copy", "event", one.Message, "err", err)
			}
			return nil
		})
	})
}

// noteAltered takes in which originals have changed.
func (r *Room) noteAltered(now time.Time) {
	for _, id := range r.gifts.Changed() {
		refs, err := r.cfg.Store.FilesWith(id, pageOfRefs, func(f *store.FileRef) bool {
			_, noted := r.notes.status(keyOf(f))
			return f.Own && f.State == store.FileInPlace && !noted
		})
		if err != nil {
			r.cfg.Log.Warn("read which files have changed", "err", err)
		}
		for i := range refs {
			r.set(&refs[i], store.FileStatus{State: store.FileChanged}, now, nil)
		}
	}
}
