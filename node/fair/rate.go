package fair

import (
	"slices"
	"time"
)

// Rate bounds how often something happens. Each time takes a place for a while, and the rule of the
// package holds for the places. So one who tries as often as possible gets half of what there is,
// and one who tries once is let through.
type Rate[K comparable] struct {
	size  int
	span  time.Duration
	held  map[K]int
	taken []taken[K] // the first first
}

type taken[K comparable] struct {
	holder K
	until  time.Time
}

// NewRate returns a rate of so many times within a span.
func NewRate[K comparable](size int, span time.Duration) *Rate[K] {
	return &Rate[K]{size: size, span: span, held: make(map[K]int)}
}

// Allow says whether a holder may once more, and counts it if so. now must not go backwards.
func (r *Rate[K]) Allow(holder K, now time.Time) bool {
	if !r.Room(holder, now) {
		return false
	}
	r.held[holder]++
	r.taken = append(r.taken, taken[K]{holder, now.Add(r.span)})
	return true
}

// Room says whether a holder may once more, and counts nothing.
func (r *Rate[K]) Room(holder K, now time.Time) bool {
	return r.Held(holder, now)+1 <= r.size-(len(r.taken)+1)
}

// Held returns how many times of a holder count now.
func (r *Rate[K]) Held(holder K, now time.Time) int {
	for len(r.taken) > 0 && !r.taken[0].until.After(now) {
		old := r.taken[0].holder
		if r.held[old]--; r.held[old] == 0 {
			delete(r.held, old)
		}
		r.taken = r.taken[1:]
	}
	return r.held[holder]
}

// Return takes back the last time that was counted for a holder, if there is any.
func (r *Rate[K]) Return(holder K) {
	for i := len(r.taken) - 1; i >= 0; i-- {
		if r.taken[i].holder == holder {
			r.taken = slices.Delete(r.taken, i, i+1)
			if r.held[holder]--; r.held[holder] == 0 {
				delete(r.held, holder)
			}
			return
		}
	}
}
