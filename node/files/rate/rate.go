// Package rate measures how fast bytes come or go, as people are shown it: of the seconds just past, so that it neither
// jumps with each piece nor tells of what was long ago. It has no clock: who calls it says what time it is. A [Meter]
// belongs to one goroutine, or is guarded by its owner.
package rate

import "time"

// Meter measures how many bytes come in a second.
type Meter struct {
	rate  float64 // of the seconds before
	bytes int     // since
	since time.Time
}

// Add says that so many bytes have come.
func (m *Meter) Add(n int, now time.Time) {
	m.turn(now)
	m.bytes += n
}

// turn begins another second.
func (m *Meter) turn(now time.Time) {
	past := now.Sub(m.since)
	if past < time.Second {
		return
	}
	if m.since.IsZero() || past > 10*time.Second {
		m.rate = 0
	} else {
		m.rate = (m.rate + float64(m.bytes)/past.Seconds()) / 2
		if m.rate == 0 || past > 2*time.Second {
			m.rate = float64(m.bytes) / past.Seconds()
		}
	}
	m.bytes, m.since = 0, now
}

// Now returns bytes a second.
func (m *Meter) Now(now time.Time) uint64 {
	m.turn(now)
	if past := now.Sub(m.since); m.rate == 0 && past > 0 {
		return uint64(float64(m.bytes) / max(past.Seconds(), 0.1))
	}
	return uint64(m.rate)
}
