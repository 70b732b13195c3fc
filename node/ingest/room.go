package ingest

import (
	"context"
	"errors"
	"maps"
	"slices"
	gosync "sync"
	"sync/atomic"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// roomPause is how long after something found no room it is looked whether there is some again.
	// It is doubled, up to roomPauseMost, where writing soon fails again though there seems to be
	// room: as where this user's quota is used up, or the system doesn't say how much is free.
	roomPause     = 2 * time.Second
	roomPauseMost = time.Minute
)

// room remembers that something of others' found no room on the disk. The zero value has found none
// without.
type room struct {
	mu    gosync.Mutex
	full  bool
	look  time.Time // when to look again
	pause time.Duration
	ended time.Time // when there was room again
}

// refused takes in that something found no room. It returns false if that is known.
func (r *room) refused(now time.Time) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full {
		return false
	}
	if r.pause = min(2*r.pause, roomPauseMost); r.pause == 0 || now.Sub(r.ended) > roomPauseMost {
		r.pause = roomPause
	}
	r.full, r.look = true, now.Add(r.pause)
	return true
}

// again looks whether there is room again, if it is time to.
func (r *room) again(now time.Time, free func() error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.full || now.Before(r.look) || free() != nil {
		return false
	}
	r.full, r.ended = false, now
	return true
}

const (
	// makeEvery is the least time between two times that room is made for strangers whose budget is
	// used up, and makeBytes is how much is made: so strangers can have this disk write no more than
	// that for long.
	makeEvery = 10 * time.Minute
	makeBytes = book.StrangersBudget / 8

	// tidyEvery is how often strangers are forgotten of whom nothing is kept.
	tidyEvery = 10 * time.Minute
)

// giving is when room was made for strangers. The zero value has made none.
type giving struct {
	wanted atomic.Bool // something of a stranger's was refused since
	made   time.Time
	tidied time.Time
}

// overBudget takes in that there is no budget for something of a person's.
func (d *Door) overBudget(p crypto.PersonID) {
	d.giving.wanted.Store(true)
	d.cfg.MoreWaits(p)
}

const (
	// maxLimited bounds those of whom it is remembered that they are at their limit. Who is not is told
	// as well, and tried again in the next session.
	maxLimited = 64
	// limitPause is how often it is looked whether they have room again.
	limitPause = time.Minute
)

// Limit is somebody whom the owner has accepted, or a member of a group with them, of whom no more is
// taken in a conversation: what is kept of them has reached its limit.
type Limit struct {
	Person       crypto.PersonID
	Conversation event.Conversation
}

// limited remembers who is at their limit. The zero value knows of nobody.
type limited struct {
	mu   gosync.Mutex
	all  map[Limit]bool
	look time.Time // when to look again
}

// refused takes in that there was no budget for a run of somebody's. What of strangers' is refused has
// its own ways: it is among the requests, and room is made for it. Of a fellow member's it is among the
// requests too, but for what they write in a group: for that nobody is accepted.
func (d *Door) refused(ctx context.Context, l Limit) {
	fits, stranger, err := d.cfg.Store.Fits(l.Person, l.Conversation)
	if err != nil && ctx.Err() == nil {
		d.cfg.Log.Warn("look for whose limit is reached", "err", err)
	}
	switch {
	case stranger || err != nil:
		d.overBudget(l.Person)
		return
	case !d.cfg.Groups.Known(l.Conversation):
		d.cfg.MoreWaits(l.Person)
	}
	if !fits {
		d.limited.add(l, time.Now())
		d.cfg.Limited(l, false)
	}
}

func (r *limited) add(l Limit, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = make(map[Limit]bool)
	}
	if len(r.all) == 0 {
		r.look = now.Add(limitPause)
	}
	if len(r.all) < maxLimited {
		r.all[l] = true
	}
}

// due returns those of whom it is to be looked now whether they have room again.
func (r *limited) due(now time.Time) []Limit {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 || now.Before(r.look) {
		return nil
	}
	r.look = now.Add(limitPause)
	return slices.Collect(maps.Keys(r.all))
}

func (r *limited) remove(l Limit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, l)
}

// lookForLimits has tried again what was refused of those who have room again.
func (d *Door) lookForLimits() (err error) {
	some := false
	for _, l := range d.limited.due(time.Now()) {
		fits, _, lookErr := d.cfg.Store.Fits(l.Person, l.Conversation)
		if err = errors.Join(err, lookErr); fits {
			some = true
			d.limited.remove(l)
			d.cfg.Limited(l, true)
		}
	}
	if some {
		d.cfg.Again()
	}
	return err
}

// keepTidy makes room for strangers, if they have none, and forgets those of whom nothing is kept.
func (d *Door) keepTidy(ctx context.Context) error {
	now := time.Now()
	if now.Sub(d.giving.tidied) >= tidyEvery {
		d.giving.tidied = now
		if err := d.cfg.Store.ForgetIdle(ctx); err != nil {
			return err
		}
		if err := d.cfg.Groups.GiveUp(ctx, d.cfg.Now()); err != nil {
			return err
		}
	}
	if !d.giving.wanted.Load() || now.Sub(d.giving.made) < makeEvery {
		return nil
	}
	d.giving.wanted.Store(false)
	d.giving.made = now
	given, err := d.cfg.Store.MakeRoom(ctx, makeBytes)
	if given > 0 {
		d.cfg.Again()
	}
	return err
}

// discardBlocked gives back what is left of strangers who are blocked: the last run of the node may
// have ended on the way.
func (d *Door) discardBlocked(ctx context.Context) error {
	for _, p := range d.cfg.People.Others() {
		if p.Blocked && !p.Contact {
			if err := d.cfg.Store.Discard(ctx, p.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// noRoom takes in that something that a peer has brought found no room.
func (d *Door) noRoom() {
	if d.room.refused(time.Now()) {
		d.cfg.Room(false)
	}
}

// lookForRoom has everything tried again that found no room, when there is some.
func (d *Door) lookForRoom() {
	if d.room.again(time.Now(), d.cfg.Store.Room) {
		d.cfg.Room(true)
	}
}
