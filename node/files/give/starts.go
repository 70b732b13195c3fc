package give

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/earshot-im/earshot/crypto"
)

const (
	// startsBurst is how many streams a stranger's device may open at once; it may open one more each
	// second. An honest one keeps the one that it has, and waits longer before it tries again.
	startsBurst = 4
	// maxStarters bounds the devices that are remembered. Past it those that have rested are forgotten, or all.
	maxStarters = 1024
)

// starts bounds how often strangers open streams: also one that is refused takes work.
type starts struct {
	mu      sync.Mutex
	devices map[crypto.DeviceID]*rate.Limiter
}

// allow says whether a device may open a stream now, and counts it if so.
func (s *starts) allow(d crypto.DeviceID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.devices[d] == nil {
		if len(s.devices) >= maxStarters {
			s.sweep(now)
		}
		s.devices[d] = rate.NewLimiter(1, startsBurst)
	}
	return s.devices[d].AllowN(now, 1)
}

func (s *starts) sweep(now time.Time) {
	for d, bucket := range s.devices {
		if bucket.TokensAt(now) >= startsBurst {
			delete(s.devices, d)
		}
	}
	if len(s.devices) >= maxStarters {
		clear(s.devices)
	}
}
