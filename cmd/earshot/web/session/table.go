// Package session has the browsers that may use the page: the codes by which they are let in, their sessions,
// what these have under way, and the file in which they are kept from one start of the node to the next.
//
// It keeps of codes, secrets and cookies nothing but hashes. What it lets in is bounded, and whatever has ended is
// written down before the next thing is done. A session that ends takes all with it that it has under way.
// It knows no request, no page and no node: package web, which serves the page, is its only caller.
//
// A Table is for many goroutines and starts none. Its errors are those here, ErrFile where the file is not as it
// is written, and those of the file system.
package session

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// MaxSessions bounds the sessions: a person has a handful of browsers, and each begins one more when its
	// owner has cleared what it had kept. The one that was not used for longest makes room.
	MaxSessions = 16

	// sessionRest is how long a session lasts that is not used.
	sessionRest = 30 * 24 * time.Hour

	// codeLife is how long the code of a link holds: a browser starts within that.
	codeLife = time.Minute
	maxCodes = 4

	// ticketLife is how long the address of a download holds until it has begun.
	ticketLife = time.Minute

	// ticketStart is how long a browser has to begin to save before a further ticket takes the place of one.
	ticketStart = 5 * time.Second

	// maxCalls is how much a session may have under way at once, and MaxLasting how much of that may last. A
	// page has three streams for all its tabs, and a few uploads and downloads.
	maxCalls   = 32
	MaxLasting = 16

	// usedApart is how exactly it is kept when a session was used last: not each call is to be written down.
	usedApart = time.Hour
)

var (
	// ErrUnknown: no such code, session or ticket holds. The page says that the owner has to open it again.
	ErrUnknown = errors.New("unknown")
	// ErrBusy: the session has as much under way as it may have.
	ErrBusy = errors.New("busy")
)

// Table has the sessions, and the codes by which new ones begin.
type Table struct {
	dir string
	now func() time.Time

	mu       sync.Mutex // guards what follows, also while it is written: that takes a moment, and is rare
	kept     Kept       // as on the disk, but for when sessions were used
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
	ticket  ticket                           // the last that was made
	saving  bool                             // the browser saves what a ticket was for
}

type code struct {
	key   [KeyBytes]byte
	until time.Time
}

// New returns the table of a directory, with nothing in it.
func New(dir string, now func() time.Time) *Table { return &Table{dir: dir, now: now} }

// Restore takes over what was kept.
func (t *Table) Restore(k Kept) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept, t.visitors, t.codes = k, nil, nil
	for _, s := range k.sessions {
		t.visitors = append(t.visitors, newVisitor(s))
	}
}

func newVisitor(s session) *visitor {
	return &visitor{session: s, name: NameOf(s.key), last: s.used, calls: make(map[*context.CancelFunc]struct{})}
}

// save writes down what there is now. The caller holds mu.
func (t *Table) save() error {
	t.kept.sessions = t.kept.sessions[:0]
	for _, v := range t.visitors {
		v.used = v.last
		t.kept.sessions = append(t.kept.sessions, v.session)
	}
	err := t.kept.save(t.dir)
	t.unsaved = err != nil
	return err
}

// Stored is what there is now, without the sessions.
func (t *Table) Stored() Kept {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Kept{Label: t.kept.Label, Port: t.kept.Port, Anybody: t.kept.Anybody}
}

// Anybody reports whether programs of other users may connect.
func (t *Table) Anybody() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.Anybody
}

// Place keeps where the page is, and who may connect to it.
func (t *Table) Place(label string, port int, anybody bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.kept
	t.kept.Label, t.kept.Port, t.kept.Anybody = label, port, anybody
	if was.Label == label && was.Port == port && was.Anybody == anybody && !t.unsaved {
		return nil
	}
	err := t.save()
	if err != nil {
		t.kept.Label, t.kept.Port, t.kept.Anybody = was.Label, was.Port, was.Anybody
	}
	return err
}

// expire ends sessions that have rested for too long. The caller holds mu.
func (t *Table) expire() {
	t.drop(func(v *visitor) bool { return t.now().Sub(time.Unix(v.last, 0)) > sessionRest })
}

// drop ends sessions and all they have under way. The caller holds mu.
func (t *Table) drop(which func(*visitor) bool) (dropped int) {
	t.visitors = slices.DeleteFunc(t.visitors, func(v *visitor) bool {
		if !which(v) {
			return false
		}
		v.rest()
		dropped++
		return true
	})
	return dropped
}

// End ends a session by its name, and reports whether there was one.
func (t *Table) End(name string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ended := t.drop(func(v *visitor) bool { return v.name == name }) > 0
	if !ended && !t.unsaved { // else the disk may have one that has ended: whoever asks again wants it gone
		return false, nil
	}
	return ended, t.save()
}

// EndAll ends all sessions, and forgets codes, where the page was and who may connect. Sessions must not begin at
// an address that was left: a page that is open there may be of another program meanwhile, and could read them.
func (t *Table) EndAll() (ended int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ended = t.drop(func(*visitor) bool { return true })
	if t.kept.Label == "" && !t.unsaved {
		return ended, nil
	}
	t.kept, t.codes = Kept{}, nil
	return ended, t.save()
}

// Rest ends what is under way, and keeps the sessions.
func (t *Table) Rest() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.codes = nil
	for _, v := range t.visitors {
		v.rest()
	}
}

// Admit makes a code by which one session can begin.
func (t *Table) Admit() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.codes) == maxCodes {
		t.codes = t.codes[1:]
	}
	text := newCode()
	t.codes = append(t.codes, code{KeyOf(text), t.now().Add(codeLife)})
	return text
}

// expireCodes forgets codes that hold no more. The caller holds mu.
func (t *Table) expireCodes() {
	t.codes = slices.DeleteFunc(t.codes, func(c code) bool { return !t.now().Before(c.until) })
}

// Key returns the key of a code or session by its name.
func (t *Table) Key(name string) (key [KeyBytes]byte, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expireCodes()
	t.expire()
	for _, c := range t.codes {
		if NameOf(c.key) == name {
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

// Enter begins a session by a code, which holds no more then. agent is what the browser says of itself. The session
// that it had before, by its secret and one of the cookies, ends if there is one.
func (t *Table) Enter(text, agent, old string, cookies []string) (name, secret, cookie string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expireCodes()
	key := KeyOf(text)
	at := slices.IndexFunc(t.codes, func(c code) bool { return same(c.key, key) })
	if at < 0 {
		return "", "", "", ErrUnknown
	}
	t.codes = slices.Delete(t.codes, at, at+1)
	leaves := t.find(old, cookies) // nil: none
	if leaves == nil && len(t.visitors) >= MaxSessions {
		leaves = slices.MinFunc(t.visitors, (*visitor).compare)
	}
	secret, cookie = newSecret(), newSecret()
	now := t.now().Unix()
	v := newVisitor(session{key: KeyOf(secret), cookie: KeyOf(cookie), begun: now, used: now, browser: browserOf(agent)})
	was := slices.Clone(t.visitors)
	t.visitors = append(slices.DeleteFunc(t.visitors, func(other *visitor) bool { return other == leaves }), v)
	if err := t.save(); err != nil {
		t.visitors = was
		return "", "", "", err
	}
	if leaves != nil {
		leaves.rest()
	}
	return v.name, secret, cookie, nil
}

// compare is less than 0 if v is to make room for another rather than b.
func (v *visitor) compare(b *visitor) int {
	return cmp.Or(cmp.Compare(min(len(v.calls), 1), min(len(b.calls), 1)), cmp.Compare(v.last, b.last))
}

// rest ends what a session has under way.
func (v *visitor) rest() {
	for cancel := range v.calls {
		(*cancel)()
	}
}

// Who returns the session of a secret and of one of some cookies.
func (t *Table) Who(secret string, cookies []string) (name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.find(secret, cookies)
	if v == nil {
		return "", ErrUnknown
	}
	return v.name, nil
}

// find returns the session of a secret and of one of some cookies; nil: there is none. The caller holds mu.
func (t *Table) find(secret string, cookies []string) *visitor {
	t.expire()
	key := KeyOf(secret)
	for _, v := range t.visitors {
		if same(v.key, key) && v.has(cookies) {
			return v
		}
	}
	return nil
}

// has reports whether one of some cookies is the session's.
func (v *visitor) has(cookies []string) bool {
	return slices.ContainsFunc(cookies, func(c string) bool { return same(v.cookie, KeyOf(c)) })
}

// Shown is a session as its owner sees it.
type Shown struct {
	ID, Browser string
	Begun, Used int64 // Unix time in seconds
	Calls       int   // under way
}

// List returns the sessions, those that were used last first.
func (t *Table) List() (all []Shown) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire()
	for _, v := range t.visitors {
		all = append(all, Shown{v.name, v.browser, v.begun, v.last, len(v.calls)})
	}
	slices.SortStableFunc(all, func(a, b Shown) int { return int(min(max(b.Used-a.Used, -1), 1)) })
	return all
}

// Used reports whether there is a session that can be gone on with.
func (t *Table) Used() bool { return len(t.List()) > 0 }

// Flush writes down when sessions were used, and what could not be written before.
func (t *Table) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.unsaved || slices.ContainsFunc(t.visitors, func(v *visitor) bool { return v.last != v.used }) {
		return t.save()
	}
	return nil
}
