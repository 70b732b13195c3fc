package discovery

import "time"

const (
	// announceEvery is the time between two announcements, give or take announceSpread of it. With
	// a new name each time it heals what was lost and lets every listener report this device again,
	// at a cost that grows with the number of devices (30 packets/s for 50 of them, each 20 s).
	announceEvery  = time.Minute
	announceSpread = 0.25

	// announceFirst is the time between the first two announcements after a change; it then doubles
	// up to announceEvery. The first ones are the likeliest to be lost: IPv6 addresses are still
	// tentative, and a switch may not forward for its first 30 s.
	announceFirst = 4 * time.Second

	// browseFloor is the least time between two queries, unless the network has changed. Every
	// device answers every query, so if all ask often, the cost is the square of their number.
	browseFloor = 10 * time.Second
)

// A schedule decides when to announce and when to query. It reads no clock.
type schedule struct {
	announceAt time.Time
	interval   time.Duration // from the next announcement to the one after
	browseAt   time.Time     // zero: the running query goes on
	browsedAt  time.Time
}

// changed makes an announcement and a query due at once.
func (s *schedule) changed(now time.Time) {
	s.announceAt, s.interval, s.browseAt = now, announceFirst, now
}

// announced sets the next announcement. spread is random, from 0 up to 1.
func (s *schedule) announced(now time.Time, spread float64) {
	factor := 1 + announceSpread*(2*spread-1)
	s.announceAt = now.Add(time.Duration(factor * float64(s.interval)))
	s.interval = min(2*s.interval, announceEvery)
}

// wantBrowse makes a query due as soon as browseFloor allows.
func (s *schedule) wantBrowse(now time.Time) {
	if !s.browseAt.IsZero() {
		return
	}
	s.browseAt = s.browsedAt.Add(browseFloor)
	if s.browseAt.Before(now) {
		s.browseAt = now
	}
}

func (s *schedule) browsed(now time.Time) { s.browseAt, s.browsedAt = time.Time{}, now }

func (s *schedule) announceDue(now time.Time) bool { return !now.Before(s.announceAt) }

func (s *schedule) browseDue(now time.Time) bool {
	return !s.browseAt.IsZero() && !now.Before(s.browseAt)
}

// next is when something is due.
func (s *schedule) next() time.Time {
	if !s.browseAt.IsZero() && s.browseAt.Before(s.announceAt) {
		return s.browseAt
	}
	return s.announceAt
}
