package place

import (
	"errors"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/store/shelf"
)

const (
	// openFor is how long the places of an attachment stay open that nobody reads, and maxOpen how many do: who
	// asks for parts does so again within a second, and to open a folder takes its whole index.
	openFor = 5 * time.Second
	maxOpen = 4
)

// opened are the places of attachments that are, or were just now, read. Any goroutine may use it.
type opened struct {
	idle func() // is called when there is something to close later. It must not wait

	mu    gosync.Mutex
	by    map[shelf.ID]*openPlaces
	ended bool // nothing stays open
}

// openPlaces are where all of an attachment is, as far as it can be opened.
type openPlaces struct {
	of      []shelf.Place
	began   time.Time
	open    func()         // opens them the first time
	sources []*tree.Source // of open; set before it returns, as is the next
	failed  error          // why one of them could not be opened, though it may be there as it was

	// guarded by opened.mu
	users int
	since time.Time // when the last one went
}

// take returns the places of an attachment. Whoever takes them releases them.
func (o *opened) take(b *shelf.Blob) *openPlaces {
	info := b.Info()
	whole := slices.DeleteFunc(info.Places, func(p shelf.Place) bool { return !p.Whole })
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.by[b.ID()]
	if p == nil || !slices.Equal(p.of, whole) {
		if p != nil && p.users == 0 {
			p.close()
		}
		p = &openPlaces{of: whole, began: time.Now()}
		p.open = gosync.OnceFunc(func() {
			for _, place := range whole {
				if src, err := openPlace(b, place); err == nil {
					p.sources = append(p.sources, src)
				} else if !changed(err) && !errors.Is(err, shelf.ErrNotHeld) {
					p.failed = err
				}
			}
		})
		o.by[b.ID()] = p
	}
	p.users++
	return p
}

// release gives them back.
func (o *opened) release(id shelf.ID, p *openPlaces, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	if o.by[id] != p || len(p.sources) < len(p.of) || len(p.of) == 0 || o.ended { // what couldn't be opened is tried again
		if o.by[id] == p {
			delete(o.by, id)
		}
		p.close()
		return
	}
	p.since = now
	idle := 0
	oldest := id
	for k, other := range o.by {
		if other.users == 0 {
			idle++
			if other.since.Before(o.by[oldest].since) {
				oldest = k
			}
		}
	}
	if idle > maxOpen {
		o.by[oldest].close()
		delete(o.by, oldest)
	}
	o.idle()
}

// doubt says that something can't be read there any more. Who takes them next opens them anew: another folder may be
// there by now. That costs much where it is large, so it isn't done more often than they would be closed.
func (o *opened) doubt(id shelf.ID, p *openPlaces, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by[id] == p && now.Sub(p.began) >= openFor {
		delete(o.by, id) // release closes them
	}
}

// tidy closes what nobody has read for a while, and returns when to call it again.
func (o *opened) tidy(now time.Time) (next time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, p := range o.by {
		if p.users > 0 {
			continue
		}
		if due := p.since.Add(openFor); now.Before(due) {
			if next.IsZero() || due.Before(next) {
				next = due
			}
		} else {
			p.close()
			delete(o.by, id)
		}
	}
	return next
}

// end closes what nobody reads, and has all else closed when it is released.
func (o *opened) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	for id, p := range o.by {
		if p.users == 0 {
			p.close()
			delete(o.by, id)
		}
	}
}

func (p *openPlaces) close() {
	for _, src := range p.sources {
		_ = src.Close()
	}
}
