package web

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// maxSessions bounds the sessions: a person has a handful of browsers, and each begins one more when its
	// owner has cleared what it had kept. The one that was not used for longest makes room.
	maxSessions = 16

	// sessionRest is how long a session lasts that is not used.
	sessionRest = 30 * 24 * time.Hour

	// codeLife is how long the code of a link holds: a browser starts within that.
	codeLife = time.Minute
	maxCodes = 4

	// ticketLife is how long the address of a download holds until it has begun.
	ticketLife = time.Minute
	maxTickets = 16

	// maxCalls is how much a session may have under way at once, and maxLasting how much of that may last. A
	// page has three streams for all its tabs, and a few uploads and downloads.
	maxCalls   = 32
	maxLasting = 16

	// usedApart is how exactly it is kept when a session was used last: not each call is to be written down.
	usedApart = time.Hour
)

// table has the sessions, and the codes by which new ones begin.
type table struct {
	dir string
	now func() time.Time

	mu       sync.Mutex // guards what follows, also while it is written: that takes a moment, and is rare
	kept     kept       // as on the disk, but for when sessions were used
	visitors []*visitor // those of kept.sessions, in the same order
	codes    []code     // the oldest first
	unsaved  bool       // something could not be written
}

// visitor is a session with what it has under way.
type visitor struct {
	session
	name    string
	last    int64                            // when it was used last; session.used is what is kept of that
	calls   map[*context.CancelFunc]struct{} // each ends one call
	lasting int                              // how many of them last
	tickets []ticket                         // the oldest first
}

type code struct {
	key   [keyBytes]byte
	until time.Time
}

type ticket struct {
	key   [keyBytes]byte
	path  string // what may be had
	until time.Time
}

// restore takes over what was kept.
func (t *table) restore(k kept) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k.sessions = k.alive(t.now())
	t.kept, t.visitors, t.codes = k, nil, nil
	for _, s := range k.sessions {
		t.visitors = append(t.visitors, newVisitor(s))
	}
}

func newVisitor(s session) *visitor {
	return &visitor{session: s, name: nameOf(s.key), last: s.used, calls: make(map[*context.CancelFunc]struct{})}
}

// save writes down what there is now. The caller holds mu.
func (t *table) save() error {
	t.kept.sessions = t.kept.sessions[:0]
	for _, v := range t.visitors {
		v.used = v.last
		t.kept.sessions = append(t.kept.sessions, v.session)
	}
	err := t.kept.save(t.dir)
	t.unsaved = err != nil
	return err
}

// stored is what there is now, without the sessions.
func (t *table) stored() kept {
	t.mu.Lock()
	defer t.mu.Unlock()
	return kept{label: t.kept.label, port: t.kept.port, anybody: t.kept.anybody}
}

// anybody reports whether programs of other users may connect.
func (t *table) anybody() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.anybody
}

// place keeps where the page is, and who may connect to it.
func (t *table) place(label string, port int, anybody bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.kept
	t.kept.label, t.kept.port, t.kept.anybody = label, port, anybody
	if was.label == label && was.port == port && was.anybody == anybody && !t.unsaved {
		return nil
	}
	err := t.save()
	if err != nil {
		t.kept.label, t.kept.port, t.kept.anybody = was.label, was.port, was.anybody
	}
	return err
}

// expire ends sessions that have rested for too long. The caller holds mu.
func (t *table) expire() {
	t.drop(func(v *visitor) bool { return t.now().Sub(time.Unix(v.last, 0)) > sessionRest })
}

// drop ends sessions and all they have under way. The caller holds mu.
func (t *table) drop(which func(*visitor) bool) (dropped int) {
	t.visitors = slices.DeleteFunc(t.visitors, func(v *visitor) bool {
		if !which(v) {
			return false
		}
		for cancel := range v.calls {
			(*cancel)()
		}
		dropped++
		return true
	})
	return dropped
}

// end ends a session by its name, and reports whether there was one.
func (t *table) end(name string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.drop(func(v *visitor) bool { return v.name == name }) == 0 {
		return false, nil
	}
	return true, t.save()
}

// endAll ends all sessions, and forgets codes and who may connect.
func (t *table) endAll() (ended int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ended = t.drop(func(*visitor) bool { return true })
	t.codes, t.kept.anybody = nil, false
	if t.kept.label == "" {
		return ended, nil
	}
	return ended, t.save()
}

// rest ends what is under way, and keeps the sessions.
func (t *table) rest() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.codes = nil
	for _, v := range t.visitors {
		for cancel := range v.calls {
			(*cancel)()
		}
	}
}

// admit makes a code by which one session can begin.
func (t *table) admit() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.codes) == maxCodes {
		t.codes = t.codes[1:]
	}
	text := newCode()
	t.codes = append(t.codes, code{keyOf(text), t.now().Add(codeLife)})
	return text
}

// expireCodes forgets codes that hold no more. The caller holds mu.
func (t *table) expireCodes() {
	t.codes = slices.DeleteFunc(t.codes, func(c code) bool { return !t.now().Before(c.until) })
}

// key returns the key of a code or session by its name.
func (t *table) key(name string) (key [keyBytes]byte, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expireCodes()
	t.expire()
	for _, c := range t.codes {
		if nameOf(c.key) == name {
			return c.key, true
		}
	}
	for _, v := range t.visitors {
		if v.name == name {
			return v.key, true
		}
	}
	return key, false
}

// enter begins a session by a code, which holds no more then.
func (t *table) enter(text, browser string) (name, secret, cookie string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expireCodes()
	key := keyOf(text)
	at := slices.IndexFunc(t.codes, func(c code) bool { return same(c.key, key) })
	if at < 0 {
		return "", "", "", errUnknown
	}
	t.codes = slices.Delete(t.codes, at, at+1)
	t.expire()
	for len(t.visitors) >= maxSessions {
		oldest := slices.MinFunc(t.visitors, func(a, b *visitor) int { return int(min(max(a.last-b.last, -1), 1)) })
		t.drop(func(v *visitor) bool { return v == oldest })
	}
	secret, cookie = newSecret(), newSecret()
	now := t.now().Unix()
	v := newVisitor(session{key: keyOf(secret), cookie: keyOf(cookie), begun: now, used: now, browser: plainBrowser(browser)})
	t.visitors = append(t.visitors, v)
	if err := t.save(); err != nil {
		t.drop(func(other *visitor) bool { return other == v })
		return "", "", "", err
	}
	return v.name, secret, cookie, nil
}

// who returns the session of a secret and a cookie.
func (t *table) who(secret, cookie string) (name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.find(secret, cookie)
	if v == nil {
		return "", errUnknown
	}
	return v.name, nil
}

// find returns the session of a secret and a cookie; nil: there is none. The caller holds mu.
func (t *table) find(secret, cookie string) *visitor {
	t.expire()
	ofSecret, ofCookie := keyOf(secret), keyOf(cookie)
	for _, v := range t.visitors {
		if same(v.key, ofSecret) && same(v.cookie, ofCookie) {
			return v
		}
	}
	return nil
}

// begin counts a call of a session until done is called. cancel is called if the session ends before.
func (t *table) begin(secret, cookie string, lasts bool, cancel context.CancelFunc) (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.find(secret, cookie)
	if v == nil {
		return nil, errUnknown
	}
	return t.count(v, lasts, cancel)
}

// redeem is begin for a ticket, which holds no more then.
func (t *table) redeem(text, cookie, path string, cancel context.CancelFunc) (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire()
	key, ofCookie := keyOf(text), keyOf(cookie)
	for _, v := range t.visitors {
		if !same(v.cookie, ofCookie) {
			continue
		}
		at := slices.IndexFunc(v.tickets, func(k ticket) bool { return same(k.key, key) })
		if at < 0 || v.tickets[at].path != path || !t.now().Before(v.tickets[at].until) {
			return nil, errUnknown
		}
		v.tickets = slices.Delete(v.tickets, at, at+1)
		return t.count(v, true, cancel)
	}
	return nil, errUnknown
}

// count is begin for a session that was found. The caller holds mu.
func (t *table) count(v *visitor, lasts bool, cancel context.CancelFunc) (done func(), err error) {
	if len(v.calls) >= maxCalls || lasts && v.lasting >= maxLasting {
		return nil, errBusy
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

// ticket makes a text by which a session may have what is at a path, once.
func (t *table) ticket(secret, cookie, path string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.find(secret, cookie)
	if v == nil {
		return "", errUnknown
	}
	if len(v.tickets) == maxTickets {
		v.tickets = v.tickets[1:]
	}
	text := newTicket()
	v.tickets = append(v.tickets, ticket{keyOf(text), path, t.now().Add(ticketLife)})
	return text, nil
}

// shown is a session as its owner sees it.
type shown struct {
	name, browser string
	begun, used   int64
	calls         int
}

// list returns the sessions, those that were used last first.
func (t *table) list() (all []shown) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire()
	for _, v := range t.visitors {
		all = append(all, shown{v.name, v.browser, v.begun, v.last, len(v.calls)})
	}
	slices.SortStableFunc(all, func(a, b shown) int { return int(min(max(b.used-a.used, -1), 1)) })
	return all
}

// used reports whether there is a session that can be gone on with.
func (t *table) used() bool { return len(t.list()) > 0 }

// flush writes down when sessions were used, and what could not be written before.
func (t *table) flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.unsaved || slices.ContainsFunc(t.visitors, func(v *visitor) bool { return v.last != v.used }) {
		return t.save()
	}
	return nil
}
