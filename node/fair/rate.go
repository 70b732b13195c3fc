package fair

import (
	"net/netip"
	"time"
)

// Rate bounds how often something happens. Each time takes a place for a while, and the rule of the
// package holds for the places. So one who tries as often as possible gets half of what there is,
// and one who tries once is let through.
type Rate struct {
	size  int
	span  time.Duration
	held  map[netip.Addr]int
	taken []taken // the first first
}

type taken struct {
	holder netip.Addr
	until  time.Time
}

// NewRate returns a rate of so many times within a span.
func NewRate(size int, span time.Duration) *Rate {
	return &Rate{size: size, span: span, held: make(map[netip.Addr]int)}
}

// Allow says whether a holder may once more, and counts it if so. now must not go backwards.
func (r *Rate) Allow(holder netip.Addr, now time.Time) bool {
	for len(r.taken) > 0 && !r.taken[0].until.After(now) {
		old := r.taken[0].holder
		if r.held[old]--; r.held[old] == 0 {
			delete(r.held, old)
		}
		r.taken = r.taken[1:]
	}
	if r.held[holder]+1 > r.size-(len(r.taken)+1) {
		return false
	}
	r.held[holder]++
	r.taken = append(r.taken, taken{holder, now.Add(r.span)})
	return true
}
