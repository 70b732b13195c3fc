package ingest

import (
	gosync "sync"
	"time"
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
