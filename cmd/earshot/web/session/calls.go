package session

import (
	"context"
	"slices"
	"time"
)

// Begin counts a call of a session until done is called. cancel is called if the session ends before.
func (t *Table) Begin(secret string, cookies []string, lasts bool, cancel context.CancelFunc) (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.find(secret, cookies)
	if v == nil {
		return nil, ErrUnknown
	}
	return t.count(v, lasts, cancel)
}

// Redeem is begin for a ticket, which holds no more then.
func (t *Table) Redeem(text string, cookies []string, path string, cancel context.CancelFunc) (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire()
	key := KeyOf(text)
	for _, v := range t.visitors {
		if !v.has(cookies) {
			continue
		}
		at := slices.IndexFunc(v.tickets, func(k ticket) bool { return same(k.key, key) })
		if at < 0 || v.tickets[at].path != path || !t.now().Before(v.tickets[at].until) {
			continue
		}
		v.tickets = slices.Delete(v.tickets, at, at+1)
		return t.count(v, true, cancel)
	}
	return nil, ErrUnknown
}

// count is begin for a session that was found. The caller holds mu.
func (t *Table) count(v *visitor, lasts bool, cancel context.CancelFunc) (done func(), err error) {
	if len(v.calls) >= maxCalls || lasts && v.lasting >= MaxLasting {
		return nil, ErrBusy
	}
	v.last = t.now().Unix()
	if v.last-v.used >= int64(usedApart/time.Second) {
		if err := t.save(); err != nil {
			return nil, err
		}
	}
	v.calls[&cancel] = struct{}{}
	if lasts {
		v.lasting++
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(v.calls, &cancel)
		if lasts {
			v.lasting--
		}
	}, nil
}

// Ticket makes a text by which a session may have what is at a path, once.
func (t *Table) Ticket(secret string, cookies []string, path string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.find(secret, cookies)
	if v == nil {
		return "", ErrUnknown
	}
	if len(v.tickets) == maxTickets {
		v.tickets = v.tickets[1:]
	}
	text := newTicket()
	v.tickets = append(v.tickets, ticket{KeyOf(text), path, t.now().Add(ticketLife)})
	return text, nil
}

type ticket struct {
	key   [KeyBytes]byte
	path  string // what may be had
	until time.Time
}
