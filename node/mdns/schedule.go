package mdns

import "time"

const (
	// announceEvery is the time between two announcements, give or take announceSpread of it. It
	// heals what was lost, at a cost that grows with the number of devices and not with its square.
	announceEvery  = time.Minute
	announceSpread = 0.25

	// announceFirst is the time between the first two announcements after a change; it then doubles
	// up to announceEvery. The first ones are the likeliest to be lost: IPv6 addresses are still
	// tentative, and a switch may not forward for its first 30 s.
	announceFirst = 4 * time.Second

	// announceLeast is the time between an announcement and the next one that somebody asks for. More
	// often nothing may be said over a link, see answerEvery.
	announceLeast = answerEvery
)

// A schedule decides when to announce. It reads no clock.
type schedule struct {
	at       time.Time
	last     time.Time     // when it was announced last
	interval time.Duration // from the next announcement to the one after
}

// changed makes an announcement due at once.
func (s *schedule) changed(now time.Time) { s.at, s.interval = now, announceFirst }

// announced sets the next announcement. spread is random, from 0 up to 1.
func (s *schedule) announced(now time.Time, spread float64) {
	factor := 1 + announceSpread*(2*spread-1)
	s.last, s.at = now, now.Add(time.Duration(factor*float64(s.interval)))
	s.interval = min(2*s.interval, announceEvery)
}

// soon makes an announcement due at once, or announceLeast after the last one.
func (s *schedule) soon(now time.Time) {
	at := now
	if next := s.last.Add(announceLeast); next.After(at) {
		at = next
	}
	if at.Before(s.at) {
		s.at = at
	}
}

func (s *schedule) due(now time.Time) bool { return !now.Before(s.at) }
