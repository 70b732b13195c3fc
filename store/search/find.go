package search

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"
	"sync"
)

// Place is where a row stands: rows that are found are ordered by T, and by N where that is the
// same.
type Place struct {
	T int64
	N uint64
}

// Compare orders places, the earlier first.
func (p Place) Compare(o Place) int { return cmp.Or(cmp.Compare(p.T, o.T), cmp.Compare(p.N, o.N)) }

// End is behind every place.
var End = Place{T: math.MaxInt64, N: math.MaxUint64}

// Wanted says which rows are looked for.
type Wanted struct {
	Matcher
	Log    func(number uint32) bool // may rows of a log be meant?
	Begun  int                      // Cache.Begun before Last was read: ErrDamaged if it is another by now
	Last   uint64                   // no row is meant that has arrived later; those are the caller's
	From   int64                    // the earliest T
	Before Place
}

// maxStep is how many blocks are looked through before those that were found are told. The first
// step has one, so that the latest rows are told at once.
const maxStep = 32

// maxLooking is how many searches take a step at a time, each on two processors. The others take turns
// with them, so that a node with many searches still has time for what else it does.
const maxLooking = 2

// maxPending is how many rows are remembered that were found and can't be told yet. Mostly they are
// few, since rows arrive in the order of their times, or nearly. Past it the earliest are looked for
// once more when the others were told.
var maxPending = 1 << 16 // smaller in tests

// Each gives the folded text of each block, for tests of what there is in a cache.
func (c *Cache) Each(f func(text []byte)) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var o opened
	for i := range c.records {
		if err := c.open(&c.records[i], &o); err != nil {
			return err
		}
		f(o.text)
	}
	return nil
}

// Find tells the places of the rows that match, the latest first, among those that were in the cache
// when it began and some others of the caller's. done is the T from which on all that matches was
// told. It ends when tell says that there is enough, when all was told, and with ctx.
func (c *Cache) Find(ctx context.Context, w Wanted, others []Place, tell func(found []Place, done int64) (more bool, err error)) error {
	for {
		f := finding{c: c, w: w, longest: []byte(w.Pieces()[0]), tell: tell}
		if err := f.begin(); err != nil {
			return err
		}
		for _, p := range others {
			if p.Compare(w.Before) < 0 {
				f.pending = append(f.pending, p)
			}
		}
		f.sort()
		more, err := f.run(ctx)
		if err != nil || !more || !f.left() {
			return err
		}
		w.Before = f.floor
	}
}

// finding is one pass through the blocks.
type finding struct {
	c       *Cache
	w       Wanted
	longest []byte // piece
	tell    func(found []Place, done int64) (more bool, err error)
	order   []turn  // the blocks to look through, those with the latest row first
	at      int     // how many were looked through
	pending []Place // what was found and not told yet, the latest first
	floor   Place   // what is before it is left for another pass; zero: nothing is
	halves  [2]half
}

// turn is a block to look through: where it stands in the cache, and the latest T of its rows.
type turn struct {
	index int32
	later int64
}

// begin notes which blocks to look through.
func (f *finding) begin() error {
	if f.c == nil {
		return nil
	}
	f.c.mu.RLock()
	defer f.c.mu.RUnlock()
	if f.c.begun != f.w.Begun {
		return ErrDamaged
	}
	f.order = make([]turn, 0, len(f.c.records))
	for i := range f.c.records {
		r := &f.c.records[i]
		if r.last <= f.w.Last && r.later >= f.w.From && r.early <= f.w.Before.T && f.w.From <= f.w.Before.T {
			f.order = append(f.order, turn{int32(i), r.later})
		}
	}
	slices.SortFunc(f.order, func(a, b turn) int { return cmp.Or(cmp.Compare(b.later, a.later), cmp.Compare(b.index, a.index)) })
	return nil
}

// left reports whether something is left for another pass.
func (f *finding) left() bool { return f.floor != (Place{}) }

// run looks through all blocks. It reports whether more is wanted.
func (f *finding) run(ctx context.Context) (more bool, err error) {
	for step := 1; ; step = min(2*step, maxStep) {
		ended := f.at == len(f.order) || f.left() && f.order[f.at].later < f.floor.T
		done := f.w.From
		if f.left() {
			done = max(done, f.floor.T+1)
		}
		told := len(f.pending)
		if !ended {
			done = max(done, min(f.order[f.at].later, f.w.Before.T)+1)
			told = sort.Search(told, func(i int) bool { return f.pending[i].T < done })
		}
		if more, err = f.tell(f.pending[:told], done); err != nil || !more || ended {
			return more, err
		}
		f.pending = slices.Clone(f.pending[told:])
		if err := f.look(ctx, min(step, len(f.order)-f.at)); err != nil {
			return false, err
		}
	}
}

func (f *finding) sort() { slices.SortFunc(f.pending, func(a, b Place) int { return b.Compare(a) }) }

// look looks through the next blocks, on two processors.
func (f *finding) look(ctx context.Context, blocks int) error {
	select {
	case f.c.looking <- struct{}{}:
		defer func() { <-f.c.looking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	f.c.mu.RLock() // nothing is moved in the file meanwhile
	defer f.c.mu.RUnlock()
	if f.c.begun != f.w.Begun {
		return ErrDamaged
	}
	todo := f.order[f.at : f.at+blocks]
	f.at += blocks
	var both sync.WaitGroup
	for i := range f.halves {
		h := &f.halves[i]
		h.found = h.found[:0]
		both.Go(func() { // until it has looked through its half
			for j := i; j < len(todo) && h.err == nil; j += len(f.halves) {
				h.err = h.look(f, todo[j])
			}
		})
	}
	both.Wait()
	for i := range f.halves {
		if err := f.halves[i].err; err != nil {
			return err
		}
		f.pending = append(f.pending, f.halves[i].found...)
	}
	f.sort()
	if len(f.pending) > maxPending {
		f.pending = f.pending[:maxPending]
		f.floor = f.pending[maxPending-1]
	}
	return nil
}

// half is what one of two goroutines works with, and what it has found.
type half struct {
	o     opened
	found []Place
	err   error
}

func (h *half) look(f *finding, t turn) error {
	if err := f.c.open(&f.c.records[t.index], &h.o); err != nil {
		return err
	}
	rows, err := h.o.in(f.w.Matcher, f.longest)
	if err != nil {
		return err
	}
	for _, i := range rows {
		row := &h.o.rows[i]
		place := Place{T: row.T, N: row.N}
		if row.T >= f.w.From && place.Compare(f.w.Before) < 0 && place.Compare(f.floor) >= 0 && f.w.Log(row.Log) {
			h.found = append(h.found, place)
		}
	}
	return nil
}
