package budget

import (
	"context"
	"slices"
	"time"
)

// memory is what is held of a pool's memory, and who waits for more of it.
type memory struct {
	held  int64
	waits []*wait  // in order; each account has a few at most
	asked *Account // to give back, and has given nothing back yet; nil: nobody
	since time.Time
}

// askedFor is how long somebody who was asked to give back may take. Then others are asked.
const askedFor = 5 * time.Second

// gave notes that an account has given something back.
func (m *memory) gave(a *Account) {
	if m.asked == a {
		m.asked = nil
	}
}

// wait is one call of Wait.
type wait struct {
	account *Account
	bytes   int64
	done    chan struct{} // closed when err is set
	err     error
}

func (w *wait) end(err error) {
	w.err = err
	close(w.done)
}

// take takes out what an account waits for.
func (m *memory) take(a *Account) (taken []*wait) {
	m.waits = slices.DeleteFunc(m.waits, func(w *wait) bool {
		if w.account == a {
			taken = append(taken, w)
		}
		return w.account == a
	})
	return taken
}

// fits says whether a holder may take n bytes: nobody may hold more than they leave free.
func (p *pool) fits(h *holder, n int64) bool {
	return h.held+n <= p.Memory-p.memory.held-n
}

// hold takes n bytes for an account.
func (p *pool) hold(a *Account, n int64) {
	a.held += n
	a.holder.held += n
	p.memory.held += n
}

// fill gives memory to those who wait for it, in order, as far as there is any. Who waits for much
// does not stop those behind who wait for little.
func (p *pool) fill(now time.Time) {
	p.memory.waits = slices.DeleteFunc(p.memory.waits, func(w *wait) bool {
		if !p.fits(w.account.holder, w.bytes) {
			return false
		}
		p.hold(w.account, w.bytes)
		w.end(nil)
		return true
	})
	if len(p.memory.waits) > 0 {
		p.ask(p.memory.waits[0].account, p.memory.waits[0].bytes, now)
	}
}

// ask asks somebody to give back, so that an account may hold n bytes more: of the holder with most,
// if that is more than the account's own would have, the account that holds most; else of the own
// holder the account that holds most, if that is more than this one would. While somebody was asked
// and has given nothing back yet, nobody else is.
func (p *pool) ask(by *Account, n int64, now time.Time) {
	if p.memory.asked != nil && now.Sub(p.memory.since) < askedFor {
		return
	}
	most, atLeast := by.holder, by.held+n
	for _, h := range p.holders {
		if h != by.holder && h.held > max(most.held, by.holder.held+n) {
			most, atLeast = h, 0
		}
	}
	var whom *Account
	for a := range most.accounts {
		if a.short != nil && a.held > atLeast && (whom == nil || a.held > whom.held) {
			whom = a
		}
	}
	if whom == nil {
		return
	}
	p.memory.asked, p.memory.since = whom, now
	p.used.Asked++
	p.short(now)
	whom.short()
}

// WhenShort has short called when others need memory of which this account holds most. Something is
// to be given back then, or the account closed, in a short time: until then nobody else is asked.
// short must not wait, nor call the budget.
func (a *Account) WhenShort(short func()) {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	a.short = short
}

// Hold takes n bytes of memory, or returns false if there is no room for them.
func (a *Account) Hold(n int64) bool {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	p := a.pool()
	switch {
	case a.closed:
		return false
	case p.fits(a.holder, n):
		p.hold(a, n)
		return true
	}
	now := a.b.now()
	p.used.Refused++
	p.short(now)
	p.ask(a, n, now)
	return false
}

// Wait takes n bytes of memory, and waits until there is room for them. The error is ctx's,
// ErrClosed, or ErrTooMuch.
func (a *Account) Wait(ctx context.Context, n int64) error {
	w, err := a.wait(n)
	if w == nil {
		return err
	}
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
	}
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	select {
	case <-w.done: // meanwhile
		return w.err
	default:
	}
	m := &a.pool().memory
	m.waits = slices.DeleteFunc(m.waits, func(other *wait) bool { return other == w })
	return context.Cause(ctx)
}

// wait takes n bytes, or else returns what is to be waited for, or an error.
func (a *Account) wait(n int64) (*wait, error) {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	p := a.pool()
	switch {
	case a.closed:
		return nil, ErrClosed
	case 2*n > p.Memory:
		return nil, ErrTooMuch
	case p.fits(a.holder, n):
		p.hold(a, n)
		return nil, nil
	}
	w := &wait{account: a, bytes: n, done: make(chan struct{})}
	p.memory.waits = append(p.memory.waits, w)
	p.ask(a, n, a.b.now())
	return w, nil
}

// Release gives n bytes back, which were held.
func (a *Account) Release(n int64) {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.closed || n <= 0 {
		return
	}
	p := a.pool()
	p.hold(a, -min(n, a.held))
	p.memory.gave(a)
	p.fill(a.b.now())
}

// Held returns how many bytes the account holds.
func (a *Account) Held() int64 {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	return a.held
}
