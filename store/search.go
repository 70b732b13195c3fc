package store

import (
	"context"
	"errors"
	"math"
	"os"
	"sync"
	"time"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/fold"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/search"
)

// WantedRows says which rows Search looks for.
type WantedRows struct {
	fold.Query
	Keep   Keep
	Since  time.Time // the earliest T; zero: any
	Before time.Time // rows are earlier than that; zero: any
	After  *event.ID // only what comes after this one in the order of what is found: it goes on there
}

// Found is some of the rows that match, the latest first by (T, Arrival).
type Found struct {
	Rows []Row
	// Back is how far it was looked: what matches and is not older was told. Zero: all was told.
	Back time.Time
	// Made and Of are set as long as the search cache is made and nothing was looked for: how far it
	// is, of how far it has to come.
	Made, Of uint64
}

// Search tells the rows that match, the latest first. It ends when found wants no more, when all was
// told, and with ctx. Errors: ErrNoEvent (After), those of found, of the store and of ctx.
func (s *Store) Search(ctx context.Context, w WantedRows, found func(Found) (more bool, err error)) error {
	return s.searching.search(ctx, w, func(f Found) (more bool, err error) {
		if more, err = found(f); more && err == nil {
			err = ctx.Err() // also where nothing else is left to look at
		}
		return more, err
	})
}

func (f *searching) search(ctx context.Context, w WantedRows, found func(Found) (more bool, err error)) error {
	wanted, err := f.s.wantedPlaces(w)
	if err != nil {
		return err
	}
	var told time.Time
	for cache, again := f.cache, false; ; again = true {
		if more, err := f.make(ctx, cache, found); err != nil || !more {
			return err
		}
		wanted.Begun = cache.Begun() // before Last, so that nothing is missed if it is begun anew between the two
		wanted.Last = cache.Last()   // what arrives in it from now on is among the others
		others, err := f.tail(ctx, wanted.Last, wanted)
		if err != nil {
			return err
		}
		err = cache.Find(ctx, wanted, others, func(places []search.Place, done int64) (bool, error) {
			back := time.Time{}
			if done > wanted.From {
				back = time.UnixMilli(done)
				if !told.IsZero() && told.Before(back) { // the cache was begun anew meanwhile
					back = told
				}
				told = back
			}
			if len(places) > 0 {
				wanted.Before = places[len(places)-1]
			}
			return f.s.tellFound(places, w, back, found)
		})
		switch {
		case errors.Is(err, os.ErrClosed):
			return ErrClosed
		case cache == nil, !errors.Is(err, search.ErrDamaged):
			return err
		}
		if err := f.beginAnew(wanted.Begun, err); again || err != nil {
			f.s.cfg.Log.Warn("search without the cache", "err", err)
			cache = nil
		}
	}
}

// make brings the cache up to date for a search, and tells how far it is if that takes long. Where it
// can't be, the search reads the ledger instead.
func (f *searching) make(ctx context.Context, cache *search.Cache, found func(Found) (more bool, err error)) (more bool, err error) {
	if cache == nil {
		return true, nil
	}
	told, more := time.Now(), true
	var stopped error // by found
	err = f.catchUp(ctx, func(time.Duration) error {
		if time.Since(told) < settle {
			return nil
		}
		told = time.Now()
		if more, stopped = found(Found{Made: cache.Last(), Of: f.s.Last()}); !more {
			return context.Canceled
		}
		return stopped
	})
	switch {
	case stopped != nil || !more:
		return false, stopped
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		f.s.cfg.Log.Warn("make the search cache", "err", err)
	}
	return true, nil
}

// wantedPlaces returns what is looked for in the cache.
func (s *Store) wantedPlaces(w WantedRows) (search.Wanted, error) {
	wanted := search.Wanted{Matcher: w.Query, Log: s.logs(w.Keep), From: math.MinInt64, Before: search.End}
	if !w.Since.IsZero() {
		wanted.From = milliFrom(w.Since)
	}
	if !w.Before.IsZero() {
		wanted.Before = search.Place{T: milliFrom(w.Before)}
	}
	if w.After == nil {
		return wanted, nil
	}
	err := s.view(func(r *reader) error {
		x, err := r.view.rowEntry(*w.After)
		switch {
		case err != nil:
			return err
		case !x.Is(layout.FlagShown):
			return ErrNoEvent
		}
		if at := (search.Place{T: x.T, N: x.Arrival}); at.Compare(wanted.Before) < 0 {
			wanted.Before = at
		}
		return nil
	})
	return wanted, err
}

// milliFrom returns the first millisecond that is not before a time: rows have whole ones.
func milliFrom(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

// logs returns a function that tells whether rows of a log, by its number, may be wanted.
func (s *Store) logs(keep Keep) func(uint32) bool {
	var mu sync.Mutex // two look at once
	known := map[uint32]bool{}
	return func(n uint32) bool {
		mu.Lock()
		defer mu.Unlock()
		wanted, ok := known[n]
		if !ok {
			err := s.view(func(r *reader) error {
				l, err := r.log(n)
				if err == nil {
					wanted = keep == nil || keep(Source{Conversation: l.Name.Conversation, Author: l.Person})
				}
				return err
			})
			known[n] = err != nil || wanted // what can't be read is told when it is found
		}
		return known[n]
	}
}

// tail returns the places of what matches and has arrived after what is in the cache.
func (f *searching) tail(ctx context.Context, after uint64, w search.Wanted) (places []search.Place, err error) {
	upTo := f.s.Last()
	for ctx.Err() == nil {
		b, err := f.arrived(after, upTo)
		if err != nil || len(b.Rows) == 0 {
			return places, err
		}
		for i := range b.Rows {
			r := &b.Rows[i]
			after = r.N
			if r.T >= w.From && w.Log(r.Log) && w.In(r.Text) {
				places = append(places, search.Place{T: r.T, N: r.N})
			}
		}
	}
	return nil, ctx.Err()
}

// maxFound is how many rows are told at once: a row has up to 64 KiB.
const maxFound = 16

// tellFound tells the rows at some places, as they are now. back is how far it was looked.
func (s *Store) tellFound(places []search.Place, w WantedRows, back time.Time, found func(Found) (more bool, err error)) (more bool, err error) {
	for {
		some := places[:min(len(places), maxFound)]
		places = places[len(some):]
		out := Found{Back: back}
		if len(places) > 0 {
			out.Back = time.UnixMilli(some[len(some)-1].T + 1)
		}
		if err := s.view(func(r *reader) error {
			for _, p := range some {
				row, ok, err := r.view.matching(p.N, w)
				if err != nil {
					return err
				}
				if ok {
					out.Rows = append(out.Rows, row)
				}
			}
			return nil
		}); err != nil {
			return false, err
		}
		if more, err = found(out); err != nil || !more || len(places) == 0 {
			return more, err
		}
	}
}

// matching returns the row that arrived at a number, if it is there, may be shown and matches.
func (v *view) matching(n uint64, w WantedRows) (row Row, ok bool, err error) {
	at, ok, err := v.arrivedAt(n)
	if err != nil || !ok {
		return row, false, err
	}
	p, want, err := v.wanted(at.Bytes(), w.Keep)
	if err != nil || !want {
		return row, false, err
	}
	row, err = v.rowAt(p)
	return row, err == nil && w.In(row.folded(nil)), err
}
