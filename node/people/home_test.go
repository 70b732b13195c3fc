package people

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	gosync "sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// home is People over a store, with the groups that belong to them. The test says who is connected.
type home struct {
	*People
	t      *testing.T
	dir    string
	store  *store.Store
	groups *groups.Groups
	skew   time.Duration // of the owner's clock
	ends   func()        // has the store end
	told   func()        // is called when anybody is told of a commit; may be nil

	here   map[crypto.PersonID]bool
	online map[crypto.DeviceID]bool

	warnings atomic.Int32 // that were logged
	commits  atomic.Int32 // of which anybody was told
}

// newHome makes People who know nobody but the owner.
func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{t: t, dir: t.TempDir(), here: make(map[crypto.PersonID]bool), online: make(map[crypto.DeviceID]bool)}
	h.open()
	t.Cleanup(func() { h.ends() })
	return h
}

func (h *home) open() {
	h.t.Helper()
	h.People = New(Config{Now: h.now, Log: slog.New(counting{slog.DiscardHandler, h})})
	h.groups = groups.New(groups.Config{Authors: h.People, Changed: func(groups.Change) {}})
	var err error
	if h.store, err = store.Open(store.Config{Dir: h.dir, Now: h.now, Authority: h.groups, Changed: func(store.Change) {
		h.commits.Add(1)
		if h.told != nil {
			h.told()
		}
	}}); err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.store.Run(ctx) }() // until ends
	s := h.store
	h.ends = gosync.OnceFunc(func() {
		cancel()
		<-ended
		if err := s.Close(); err != nil {
			h.t.Error(err)
		}
	})
	h.check(h.Load(h.store, h.groups, h))
	h.check(h.groups.Load(h.store))
}

// reopen ends the program and starts it again.
func (h *home) reopen() {
	h.t.Helper()
	h.ends()
	h.open()
}

func (h *home) now() time.Time                     { return time.Now().Add(h.skew) }
func (h *home) Here(id crypto.PersonID) bool       { return h.here[id] }
func (h *home) Online(device crypto.DeviceID) bool { return h.online[device] }

// counting counts the warnings of a home.
type counting struct {
	slog.Handler
	home *home
}

func (c counting) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (c counting) Handle(context.Context, slog.Record) error {
	c.home.warnings.Add(1)
	return nil
}

func (h *home) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// kept returns what the store has of a person.
func (h *home) kept(id crypto.PersonID) (book.Person, bool) {
	h.t.Helper()
	persons, err := h.store.Book().Persons()
	h.check(err)
	i := slices.IndexFunc(persons, func(p book.Person) bool { return p.ID == id })
	if i < 0 {
		return book.Person{}, false
	}
	return persons[i], true
}

// shown returns what is known of a person.
func (h *home) shown(s *somebody) Person {
	h.t.Helper()
	a, ok := h.Get(s.id())
	if !ok {
		h.t.Fatal("nobody")
	}
	return a
}

// meets has somebody show their card and name, by their desk.
func (h *home) meets(s *somebody, name string) {
	h.t.Helper()
	h.check(h.Meet(h.t.Context(), s.desk.ID(), s.card, name))
}

// keeps has the store know somebody who was met.
func (h *home) keeps(s *somebody) {
	h.t.Helper()
	h.check(h.Keep(h.t.Context(), s.id()))
}

// accepts makes a contact of somebody who was met.
func (h *home) accepts(s *somebody) {
	h.t.Helper()
	h.check(h.Update(h.t.Context(), s.id(), func(p *book.Person) error { p.Contact = true; return nil }))
}

// unsaved returns who is known only in memory.
func (h *home) unsaved() (out []crypto.PersonID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, a := range h.known {
		if !a.saved {
			out = append(out, id)
		}
	}
	return out
}

// atHome runs a test in a bubble.
func atHome(t *testing.T, test func(t *testing.T, h *home)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newHome(t)) })
}

// somebody is a person with one device, the desk.
type somebody struct {
	t    *testing.T
	desk crypto.DeviceKey
	card crypto.Card
}

func newKey(t *testing.T) crypto.DeviceKey {
	t.Helper()
	key, err := crypto.NewDeviceKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newSomebody(t *testing.T) *somebody {
	t.Helper()
	s := &somebody{t: t, desk: newKey(t)}
	var err error
	if s.card, _, err = crypto.NewPerson(rand.Reader, s.desk); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *somebody) id() crypto.PersonID { return s.card.Person() }

// with returns the card with one more device.
func (s *somebody) with(device crypto.DeviceKey) crypto.Card {
	s.t.Helper()
	longer, err := s.card.Add(s.desk, device.ID(), device.Countersign(s.card))
	if err != nil {
		s.t.Fatal(err)
	}
	return longer
}

// without returns a card on which a device was revoked.
func (s *somebody) without(card crypto.Card, device crypto.DeviceID) crypto.Card {
	s.t.Helper()
	after, err := card.Revoke(s.desk, device, crypto.Hash{})
	if err != nil {
		s.t.Fatal(err)
	}
	return after
}

// profile returns a profile that claims a name.
func (s *somebody) profile(counter uint64, name string) event.Record {
	s.t.Helper()
	r, err := event.NewRecord(s.desk, event.Record{Card: s.card.Head(), Kind: event.KindProfile, Subject: event.ProfileSubject(s.id()),
		Counter: counter, Value: event.Profile{Name: name}.Marshal()})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}
