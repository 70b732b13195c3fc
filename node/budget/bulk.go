package budget

import (
	"context"

	"golang.org/x/time/rate"
)

// What contacts bring in long pieces is bounded by its bytes, all of them together: so that the owner has most of
// a core for other things while they write as much as they can. What is short never waits, as what somebody types
// beside that. Of each person one piece waits at a time, on however many sessions they bring some.
const (
	// bulkRate is in bytes a second: the words of 100,000 short messages.
	bulkRate = 32 << 20
	// bulkBurst is in bytes, after a time of rest.
	bulkBurst = 16 << 20
	// shortPiece is what never waits, in bytes.
	shortPiece = 16 << 10
)

func newBulk() *rate.Limiter { return rate.NewLimiter(bulkRate, bulkBurst) }

// Bulk waits until a piece of so many bytes may be taken of the peer. Who is no contact waits for turns alone. It goes
// by the machine's clock, whatever Config says. The error is ctx's.
func (a *Account) Bulk(ctx context.Context, bytes int) error {
	a.b.mu.Lock()
	waits, place := bytes > shortPiece && a.standing == Contact, a.holder.piece
	a.b.mu.Unlock()
	if !waits {
		return nil
	}
	select {
	case place <- struct{}{}:
		defer func() { <-place }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return a.b.bulk.WaitN(ctx, min(bytes, bulkBurst))
}
