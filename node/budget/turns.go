package budget

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"
)

// turns gives the time of the processor to those who wait for it. Each holder's used counts what
// they have used, and the one who has used least is next; so it is among the accounts of a holder,
// since many honest strangers may share an address with one who is not. Who has used nothing for a
// while begins where the others are, so that a rest can't be saved up.
type turns struct {
	left    time.Duration // in the bucket; below 0 if the last turn took more than there was
	at      time.Time     // when left was right
	running int
	given   time.Duration // used of the holder that was last given a turn: where newcomers begin, but for headStart
	waiting byUsed        // holders with turns that wait
	wake    *time.Timer   // nil if nobody waits for the bucket
}

// longWait is how long somebody must wait for a turn for the pool to be short of time. A burst may
// keep the others waiting for less.
const longWait = 2 * time.Second

// headStart is how much less than the others somebody may have used who comes, or comes again: what it takes
// to greet, and to bring a first message. They do not wait in between until each of the others had a turn.
const headStart = 50 * time.Millisecond

// turn is one call of Turn.
type turn struct {
	account *Account
	asked   time.Time
	begun   chan struct{} // closed when err, pool and holder are set
	err     error
	pool    *pool   // it is charged to these, also if the account has moved
	holder  *holder //
	since   time.Time
}

func (t *turn) end(err error) {
	t.err = err
	close(t.begun)
}

// byUsed is a heap of holders. The one that has used least is first.
type byUsed []*holder

func (w byUsed) Len() int           { return len(w) }
func (w byUsed) Less(i, j int) bool { return w[i].used < w[j].used }
func (w byUsed) Swap(i, j int)      { w[i], w[j] = w[j], w[i]; w[i].at, w[j].at = i, j }
func (w *byUsed) Push(h any) {
	h.(*holder).at = len(*w)
	*w = append(*w, h.(*holder))
}
func (w *byUsed) Pop() any {
	last := len(*w) - 1
	h := (*w)[last]
	h.at = -1
	(*w)[last] = nil
	*w = (*w)[:last]
	return h
}

// put has a turn wait.
func (s *turns) put(h *holder, t *turn) {
	h.turns = append(h.turns, t)
	t.account.used = max(t.account.used, h.given)
	if h.at < 0 {
		h.used = max(h.used, s.given-headStart)
		heap.Push(&s.waiting, h)
	}
}

// take takes out the turns that an account waits for.
func (s *turns) take(a *Account) (taken []*turn) {
	h := a.holder
	h.turns = slices.DeleteFunc(h.turns, func(t *turn) bool {
		if t.account == a {
			taken = append(taken, t)
		}
		return t.account == a
	})
	s.tidy(h)
	return taken
}

// tidy takes a holder out of the heap if no turn of theirs waits.
func (s *turns) tidy(h *holder) {
	if len(h.turns) == 0 && h.at >= 0 {
		heap.Remove(&s.waiting, h.at)
	}
}

// next takes out the turn that is next of a holder's.
func (h *holder) next() *turn {
	at := 0
	for i, t := range h.turns { // in order, of equals the first
		if t.account.used < h.turns[at].account.used {
			at = i
		}
	}
	t := h.turns[at]
	h.turns = slices.Delete(h.turns, at, at+1)
	h.given = max(h.given, t.account.used)
	return t
}

// refill adds to the bucket what has come since.
func (p *pool) refill(now time.Time) {
	s := &p.turns
	if passed := now.Sub(s.at); passed > 0 {
		s.left = min(p.Burst, s.left+time.Duration(passed.Seconds()*float64(p.Rate)))
	}
	s.at = now
}

// limited says that the bucket is empty.
func (p *pool) limited() bool { return p.Rate > 0 && p.turns.left <= 0 }

// give gives turns to those who wait, as many as may begin now.
func (p *pool) give(now time.Time) {
	p.refill(now)
	s := &p.turns
	for s.running < p.Turns && !p.limited() && len(s.waiting) > 0 {
		h := s.waiting[0]
		t := h.next()
		s.tidy(h)
		s.given = max(s.given, h.used)
		s.running++
		if now.Sub(t.asked) >= longWait {
			p.short(now)
		}
		t.pool, t.holder, t.since = p, h, now
		t.end(nil)
	}
}

// untilMore returns after which time the bucket has something again; 0 if nobody waits for that.
func (p *pool) untilMore() time.Duration {
	if len(p.turns.waiting) == 0 || p.turns.running >= p.Turns || !p.limited() {
		return 0
	}
	return time.Duration(float64(-p.turns.left)/float64(p.Rate)*float64(time.Second)) + time.Millisecond
}

// charge counts time that a holder has used.
func (p *pool) charge(h *holder, d time.Duration) {
	p.used.Time += d
	h.used += d
	p.turns.left -= d
	if h.at >= 0 {
		heap.Fix(&p.turns.waiting, h.at)
	}
}

// run gives turns, now and when the bucket has something again.
func (b *Budgets) run(p *pool) {
	p.give(b.now())
	if wait := p.untilMore(); wait > 0 && p.turns.wake == nil {
		p.turns.wake = time.AfterFunc(wait, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			p.turns.wake = nil
			b.run(p)
		})
	}
}

// Turn waits until the peer's pool has time for it. What passes until done is called is charged.
// done may be called more than once. The error is ctx's or ErrClosed. A turn must not wait for
// another one, nor for memory.
func (a *Account) Turn(ctx context.Context) (done func(), err error) {
	b := a.b
	b.mu.Lock()
	if a.closed {
		b.mu.Unlock()
		return nil, ErrClosed
	}
	t := &turn{account: a, asked: b.now(), begun: make(chan struct{})}
	p := a.pool()
	p.turns.put(a.holder, t)
	b.run(p)
	b.mu.Unlock()
	select {
	case <-t.begun:
	case <-ctx.Done():
		if !b.abandon(t) {
			return nil, context.Cause(ctx)
		}
	}
	if t.err != nil {
		return nil, t.err
	}
	return sync.OnceFunc(func() { b.done(t) }), nil
}

// abandon takes out a turn that nobody waits for any more. It returns true if the turn has begun, or
// was ended, meanwhile.
func (b *Budgets) abandon(t *turn) (begun bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-t.begun:
		return true
	default:
	}
	h := t.account.holder
	h.turns = slices.DeleteFunc(h.turns, func(other *turn) bool { return other == t })
	t.account.pool().turns.tidy(h)
	return false
}

// done ends a turn.
func (b *Budgets) done(t *turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	t.pool.turns.running--
	t.account.used += now.Sub(t.since)
	t.pool.charge(t.holder, now.Sub(t.since))
	b.run(t.pool)
}

// What the link takes of a core each time it reads or writes, besides what the bytes take: system calls,
// records, and waking who waits. It is charged where a peer can have it done often for few bytes.
const (
	PerRead  = 10 * time.Microsecond
	PerWrite = 20 * time.Microsecond
)

// Spend charges time that was used without a turn.
func (a *Account) Spend(d time.Duration) {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.closed {
		return
	}
	p := a.pool()
	p.refill(a.b.now())
	a.used += d
	p.charge(a.holder, d)
}
