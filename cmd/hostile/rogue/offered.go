package rogue

import (
	"context"
	"sync"
	"time"

	"github.com/earshot-im/earshot/node/wire"
)

// offered is what the victim has offered in a session. A direct conversation has the tag "".
type offered struct {
	mu   sync.Mutex // guards both
	tags map[string]bool
	more chan struct{} // closed at the next offer
}

func (o *offered) add(f *wire.Offers) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range f.Offers {
		o.tags[string(f.Offers[i].Tag)] = true
	}
	close(o.more)
	o.more = make(chan struct{})
}

func (o *offered) has(tag []byte) (yes bool, more <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tags[string(tag)], o.more
}

// servedWithin is how long an honest node waits for an offer.
const servedWithin = 2 * time.Second

// Served says whether the victim offers the direct conversation, as it does to whom it takes
// messages from.
func (s *Session) Served(ctx context.Context) bool { return s.Offered(ctx, nil, servedWithin) }

// Offered waits until the victim has offered the conversation to which it gives a tag.
func (s *Session) Offered(ctx context.Context, tag []byte, within time.Duration) bool {
	late := time.After(within)
	for {
		yes, more := s.offered.has(tag)
		if yes {
			return true
		}
		select {
		case <-more:
		case <-late:
			return false
		case <-s.CloseChan():
			return false
		case <-ctx.Done():
			return false
		}
	}
}
