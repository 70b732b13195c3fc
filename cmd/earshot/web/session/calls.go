package session

import (
	"context"
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

// Redeem is Begin for a ticket, which holds no more then.
func (t *Table) Redeem(text string, cookies []string, path string, cancel context.CancelFunc) (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire()
	key := KeyOf(text)
	for _, v := range t.visitors {
		if !v.has(cookies) || !same(v.ticket.key, key) || v.ticket.path != path || !t.now().Before(v.ticket.until) {
			continue
		}
		v.ticket = ticket{}
		ended, err := t.count(v, true, cancel)
		if err != nil {
			return nil, err
		}
		v.saving = true
		return func() {
			ended()
			t.mu.Lock()
			defer t.mu.Unlock()
			v.saving = false
		}, nil
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

// Ticket makes a text by which a session may have what is at a path, once. It is ErrBusy while what another one was for
// is being saved, since a browser has few connections, and what it saves keeps one as long as it likes; and for a moment
// after another one was made, until the browser begins. One with which it has not begun by then holds no more.
func (t *Table) Ticket(secret string, cookies []string, path string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.find(secret, cookies)
	switch {
	case v == nil:
		return "", ErrUnknown
	case v.saving || t.now().Before(v.ticket.begin):
		return "", ErrBusy
	}
	text, now := newTicket(), t.now()
	v.ticket = ticket{KeyOf(text), path, now.Add(ticketStart), now.Add(ticketLife)}
	return text, nil
}

type ticket struct {
	key   [KeyBytes]byte
	path  string    // what may be had
	begin time.Time // until then no other takes its place
	until time.Time
}
