package mesh

import (
	"net/netip"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/fair"
)

const (
	// startsBurst is how many sessions a device may begin at once; it may begin one more each
	// second. An honest one that has lost its session waits about as long.
	startsBurst = 8
	// startsPause is for how long a device may begin none after it has begun too many.
	startsPause = 10 * time.Second
	// leastStarts is how many devices are remembered before those that have rested are looked for.
	leastStarts = 1024

	// strangersStarts is how many sessions strangers may begin within strangersSpan, of all who
	// share them: 50 a second. A session takes a proof, and may take a commit. The span is short,
	// since whoever begins them without end takes theirs at its beginning.
	strangersStarts = 100
	strangersSpan   = 2 * time.Second
)

// starts bounds how often peers begin sessions.
type starts struct {
	mu        gosync.Mutex
	devices   map[peer.ID]*starter
	sweepAt   int // length of devices at which to look for those that have rested
	strangers *fair.Rate[netip.AddrPort]
}

// starter is a device that has begun sessions lately.
type starter struct {
	bucket *rate.Limiter
	paused time.Time
}

func newStarts() *starts {
	return &starts{devices: make(map[peer.ID]*starter), sweepAt: leastStarts,
		strangers: fair.NewRate[netip.AddrPort](strangersStarts, strangersSpan)}
}

// allow says whether a device may begin a session now, and counts it if so. What is refused because
// other strangers begin too many does not count as the device's.
func (s *starts) allow(id peer.ID, as budget.Standing, holder netip.AddrPort, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[id]
	if d == nil {
		if len(s.devices) >= s.sweepAt {
			s.sweep(now)
		}
		d = &starter{bucket: rate.NewLimiter(1, startsBurst)}
		s.devices[id] = d
	}
	switch {
	case now.Before(d.paused):
		return false
	case d.bucket.TokensAt(now) < 1:
		d.paused = now.Add(startsPause)
		return false
	case as == budget.Stranger && !s.strangers.Allow(holder, now):
		return false
	}
	return d.bucket.AllowN(now, 1)
}

// sweep forgets the devices that have rested.
func (s *starts) sweep(now time.Time) {
	for id, d := range s.devices {
		if !now.Before(d.paused) && d.bucket.TokensAt(now) >= startsBurst {
			delete(s.devices, id)
		}
	}
	s.sweepAt = max(leastStarts, 2*len(s.devices))
}

// mayBegin says whether the peer of a connection may begin a session. If not, the connection is of
// no use.
func (m *Mesh) mayBegin(c network.Conn) bool {
	as, holder := m.comes(c)
	return m.starts.allow(c.RemotePeer(), as, holder, time.Now())
}
