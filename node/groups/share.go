package groups

import (
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// judgeBurst bounds what judging may have taken of the processor lately, for all groups together,
	// and judgeRate is how much of that is forgiven each second: a tenth of a core. No group may have
	// taken more than is left to all: so one alone comes to half of it, the next to half of the rest,
	// and there is always some for a group that took nothing. To prove and judge a whole honest control set of 4,096 events takes
	// less than half.
	judgeBurst = 8 * time.Second
	judgeRate  = 100 * time.Millisecond

	// judgeAgain is how much must be left to a suspended group until it goes on, so that it doesn't
	// begin again for every event.
	judgeAgain = time.Second

	// maxRefused bounds the events of which it is remembered that they were refused.
	maxRefused = 4096
)

// shares measures what judging takes of the processor, group by group, so that one whose events are
// dear delays nobody but itself.
type shares struct {
	now func() time.Time // monotonic

	mu        gosync.Mutex
	all       spent
	of        map[event.Conversation]spent // of groups that have taken something lately
	suspended map[event.Conversation]bool
}

// spent is what was taken lately, as of a time.
type spent struct {
	much time.Duration
	at   time.Time
}

func (s spent) later(now time.Time) spent {
	return spent{max(0, s.much-time.Duration(now.Sub(s.at).Seconds()*float64(judgeRate))), now}
}

func newShares(now func() time.Time) *shares {
	return &shares{now: now, of: make(map[event.Conversation]spent), suspended: make(map[event.Conversation]bool)}
}

// left returns how much more a group may take. The caller holds mu.
func (s *shares) left(id event.Conversation) time.Duration {
	now := s.now()
	return judgeBurst - s.all.later(now).much - s.of[id].later(now).much
}

// may says whether a group may take more now. If not, it is suspended. With news that was not known.
func (s *shares) may(id event.Conversation) (may, news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	least := time.Duration(0)
	if s.suspended[id] {
		least = judgeAgain
	}
	if s.left(id) > least {
		delete(s.suspended, id)
		return true, false
	}
	news = !s.suspended[id]
	s.suspended[id] = true
	return false, news
}

// spend takes in what judging has taken for a group.
func (s *shares) spend(id event.Conversation, much time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for other, of := range s.of {
		if of.later(now).much == 0 {
			delete(s.of, other)
		}
	}
	s.all, s.of[id] = s.all.later(now), s.of[id].later(now)
	mine := s.of[id]
	mine.much, s.all.much = mine.much+much, s.all.much+much
	s.of[id] = mine
}

// resumed returns the suspended groups that may go on. They aren't suspended any more.
func (s *shares) resumed() (out []event.Conversation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.suspended {
		if s.left(id) > judgeAgain {
			delete(s.suspended, id)
			out = append(out, id)
		}
	}
	return out
}

// refused remembers events that were refused for good, so that none is judged again and again.
type refused struct {
	mu   gosync.Mutex
	ids  map[crypto.Hash]bool
	ring [maxRefused]crypto.Hash // the last of them, in order
	next int
}

func (r *refused) has(id event.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[crypto.Hash(id)]
}

func (r *refused) add(id event.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids == nil {
		r.ids = make(map[crypto.Hash]bool)
	}
	delete(r.ids, r.ring[r.next])
	r.ids[crypto.Hash(id)] = true
	r.ring[r.next] = crypto.Hash(id)
	r.next = (r.next + 1) % maxRefused
}
