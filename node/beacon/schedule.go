package beacon

import "time"

const (
	// every is the time between two beacons, give or take spread of it. All together cost the network
	// what grows with the number of devices and not with its square.
	every  = 30 * time.Second
	spread = 0.25

	// aloneEvery is the same while no peer is connected and nobody is heard: a network that was cut, and
	// is whole again, is to be noticed soon. Whoever is alone disturbs nobody; many who hear each other
	// and can't connect would.
	aloneEvery = 3 * time.Second

	// atOnce is how many beacons are sent after a change, least apart. The first are the likeliest to
	// be lost: addresses are tentative, and a switch may not forward yet.
	atOnce = 3

	// least is the time between two beacons, whoever asks for one.
	least = time.Second
)

// A schedule decides when to send a beacon. It reads no clock.
type schedule struct {
	at   time.Time
	last time.Time // when the last one was sent
	more int       // how many are still sent least apart
}

// changed makes a beacon due at once.
func (s *schedule) changed(now time.Time) { s.at, s.more = now, atOnce }

// soon makes a beacon due at once, or least after the last one.
func (s *schedule) soon(now time.Time) {
	at := now
	if next := s.last.Add(least); next.After(at) {
		at = next
	}
	s.before(at)
}

// lost makes a beacon due soon, since there is no peer any more. random is from 0 up to 1.
func (s *schedule) lost(now time.Time, random float64) { s.before(now.Add(vary(aloneEvery, random))) }

func (s *schedule) before(at time.Time) {
	if at.Before(s.at) {
		s.at = at
	}
}

// sent sets when the next beacon is due.
func (s *schedule) sent(now time.Time, alone bool, random float64) {
	s.last, s.more = now, max(0, s.more-1)
	switch {
	case s.more > 0:
		s.at = now.Add(least)
	case alone:
		s.at = now.Add(vary(aloneEvery, random))
	default:
		s.at = now.Add(vary(every, random))
	}
}

func (s *schedule) due(now time.Time) bool { return !now.Before(s.at) }

// vary makes a time up to a quarter longer or shorter.
func vary(d time.Duration, random float64) time.Duration {
	return time.Duration((1 + spread*(2*random-1)) * float64(d))
}
