package store

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/fold"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/search"
)

const (
	// searchFile is the search cache, in the data directory.
	searchFile = "search"

	// settle is how long after a commit the cache is brought up to date, so that one look does for
	// many commits.
	settle = time.Second

	// restAfter is how often as long as the making of a block the one who makes the cache rests after
	// it, so that a machine with two processors hardly notices. Whoever searches doesn't wait for that.
	restAfter = 3

	// againAfter is how long after a failure the cache is tried again: the disk may be full.
	againAfter = time.Minute
)

// searching keeps the search cache up to date.
type searching struct {
	s     *Store
	stale chan struct{} // has one if there may be something to do

	mu    sync.Mutex    // held by who changes the cache
	cache *search.Cache // nil: it can't be opened
	rows  int           // of a block
	next  counted       // for the next block
}

// counted is how much has arrived after the last block and up to a number, as it was when it was counted. So each
// row is read once to know when there is enough for another, and not at each look.
type counted struct {
	after, upTo uint64
	rows, bytes int
}

// newSearching opens the search cache. Where that can't be, searches read the ledger.
func newSearching(s *Store) *searching {
	f := &searching{s: s, stale: make(chan struct{}, 1), rows: search.MaxRows}
	followed, mark, err := s.marks()
	var cache *search.Cache
	if err == nil {
		cache, err = search.Open(filepath.Join(s.cfg.Dir, searchFile), s.dir.Keyring, search.Of{Store: slices.Concat(s.own.Store[:], []byte(fold.Version)), Last: s.Last(), Followed: followed, Mark: mark})
	}
	if err != nil {
		s.cfg.Log.Warn("open the search cache", "err", err)
		return f
	}
	f.cache = cache
	return f
}

// run keeps the search cache up to date until ctx ends.
func (f *searching) run(ctx context.Context) {
	if f.cache == nil {
		return
	}
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
		case <-ctx.Done():
			return
		}
		pause := settle
		if err := f.catchUp(ctx, func(worked time.Duration) error { return rest(ctx, restAfter*worked) }); err != nil && ctx.Err() == nil {
			f.s.cfg.Log.Warn("make the search cache", "err", err)
			pause = againAfter
			f.wake() // words that are gone must go from the cache, also if nothing is written any more
		}
		select {
		case <-f.stale:
		case <-ctx.Done():
			return
		}
		wait.Reset(pause)
	}
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wake says that there may be something to do.
func (f *searching) wake() {
	if f == nil {
		return // the store is being opened
	}
	select {
	case f.stale <- struct{}{}:
	default:
	}
}

// catchUp takes into the cache what is not there yet, and takes out what is gone by now; what goes
// meanwhile may stay. After each step it calls then.
func (f *searching) catchUp(ctx context.Context, then func(worked time.Duration) error) error {
	_, now, err := f.s.marks()
	if err != nil {
		return err
	}
	begun := f.cache.Begun()
	err = f.catch(ctx, now, then)
	if errors.Is(err, search.ErrDamaged) {
		if err = f.beginAnew(begun, err); err == nil {
			err = f.catch(ctx, now, then)
		}
	}
	return err
}

// beginAnew begins a cache anew that was found damaged, unless that was done since.
func (f *searching) beginAnew(begun int, why error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cache.Begun() != begun {
		return nil
	}
	f.s.cfg.Log.Warn("begin the search cache anew", "err", why)
	followed, _, err := f.s.marks()
	if err != nil {
		return err
	}
	return f.cache.Reset(followed)
}

// catch is catchUp up to a mark, in a cache that is whole.
func (f *searching) catch(ctx context.Context, mark uint64, then func(worked time.Duration) error) error {
	for ctx.Err() == nil {
		began := time.Now()
		f.mu.Lock()
		more, err := f.step(ctx, mark)
		f.mu.Unlock()
		if err == nil && more {
			err = then(time.Since(began))
		}
		if err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// step makes a block, or takes in some of what has other words. It reports whether there may be more to
// do, up to a mark.
func (f *searching) step(ctx context.Context, mark uint64) (more bool, err error) {
	w, err := f.s.reworded()
	if err != nil {
		return false, err
	}
	if w.first() <= mark {
		for rest := w.rows; len(rest) > 0; {
			if rest, err = f.cache.Change(rest, f.s.wordsAt); err != nil {
				return false, err
			}
		}
		if err := f.cache.Follow(w.last()); err != nil {
			return false, err
		}
		if err := f.cache.Compact(); err != nil { // as on a full disk: it goes on as it is
			f.s.cfg.Log.Warn("make the search cache smaller", "err", err)
		}
		return true, f.s.followed(ctx, w)
	}
	if f.s.dir.Room() != nil { // what is left is for what the owner writes; searches read the ledger
		return false, nil
	}
	if enough, err := f.enough(); err != nil || !enough {
		return false, err
	}
	b, err := f.arrived(f.cache.Last(), math.MaxUint64)
	if err != nil {
		return false, err
	}
	return true, f.cache.Append(&b)
}

// enough reports whether so much has arrived since the last block that another is worth making.
func (f *searching) enough() (enough bool, err error) {
	c := f.next
	if last := f.cache.Last(); c.after != last {
		c = counted{after: last, upTo: last}
	}
	err = f.s.view(func(r *reader) error {
		rows := c.rows
		for range r.arrivals(c.upTo + 1) {
			if rows++; rows >= f.rows {
				enough = true
				return nil
			}
		}
		for k, slot := range r.arrivals(c.upTo + 1) {
			c.upTo = layout.Number(k)
			c.rows++
			c.bytes += len(r.Get(bucketEvents, slot))
		}
		f.next, enough = c, c.bytes >= search.MaxText
		return nil
	})
	return enough, err
}

// arrived returns the folded words of rows that arrived after one number and up to another: as many as
// a block has.
func (f *searching) arrived(after, upTo uint64) (b search.Block, err error) {
	var texts []byte // of all rows, one after the other
	err = f.s.view(func(r *reader) error {
		for k, v := range r.arrivals(after + 1) {
			n := layout.Number(k)
			if b.Full(f.rows) || n > upTo {
				break
			}
			p, ok := layout.SlotAt(v)
			if !ok {
				return damaged("slot of %d bytes", len(v))
			}
			x, err := r.entry(p)
			if err != nil {
				return err
			}
			start := len(texts)
			if texts, err = r.view.appendFolded(texts, x); err != nil {
				return err
			}
			b.Add(search.Row{N: n, Log: p.Log, T: x.T, Text: texts[start:]})
		}
		return nil
	})
	return b, err
}

// wordsAt returns the folded words of the row that arrived at a number; nil if there are none.
func (s *Store) wordsAt(n uint64) (text []byte, err error) {
	err = s.view(func(r *reader) error {
		p, ok, err := r.arrivedAt(n)
		if err != nil || !ok {
			return err
		}
		x, err := r.entry(p)
		if err == nil {
			text, err = r.view.appendFolded(nil, x)
		}
		return err
	})
	return text, err
}

// appendFolded appends the words of a row as they are searched.
func (v *view) appendFolded(to []byte, x *entry) ([]byte, error) {
	if x.Absent != event.Present {
		return to, nil
	}
	row := Row{Kind: x.header.Kind}
	err := v.addWords(&row, x)
	return row.folded(to), err
}

// folded appends what a row is found by: its text, and the names of its files. Before each name is a new
// line, which no word that is looked for can have: so none is found that begins in one and ends in another.
func (row *Row) folded(to []byte) []byte {
	to = folded(to, row.Text)
	for i := range row.Files {
		to = folded(append(to, '\n'), row.Files[i].Name)
	}
	return to
}

// folded appends a text as it is searched. Where that would be more than twice as long as the text it is
// cut: only texts grow so that are made for it, and what is kept of others is to cost no more than they.
func folded(to []byte, text string) []byte {
	start := len(to)
	to = fold.AppendFold(to, text)
	for end := start + 2*len(text); len(to) > end; {
		_, size := utf8.DecodeLastRune(to)
		to = to[:len(to)-size]
	}
	return to
}
