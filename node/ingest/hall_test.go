package ingest

import (
	"context"
	"crypto/rand"
	"log/slog"
	gosync "sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/receipts"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hall is a person with a store, and a door to it.
type hall struct {
	*Door
	t        *testing.T
	own      store.Own
	store    *store.Store
	people   *people.People
	owner    *people.Owner
	groups   *groups.Groups
	receipts *receipts.Receipts
	free     atomic.Uint64 // bytes of its disk

	// What the door has told.
	asked   int
	met     []crypto.PersonID
	changed int
	waiting []crypto.PersonID // of whom more waits
	room    []bool

	signed chan event.Record // receipts of the owner's, once they are signed
	wrote  uint64            // events by pen
}

// newHall makes somebody who knows nobody. The store ends with the test.
func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{t: t, signed: make(chan event.Record, 10)}
	h.free.Store(1 << 40)
	log := slog.New(slog.DiscardHandler)
	h.people = people.New(people.Config{Now: time.Now, Log: log})
	h.groups = groups.New(groups.Config{Authors: h.people, Changed: func(groups.Change) {}, Requested: func() { h.asked++ }})
	var err error
	h.store, err = store.Open(store.Config{Dir: t.TempDir(), Authority: h.groups,
		Space: func(string) (store.Space, bool) { return store.Space{Free: h.free.Load()}, true }})
	h.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.store.Run(ctx) }() // until the cleanup
	t.Cleanup(func() { cancel(); <-ended; _ = h.store.Close() })
	h.own = h.store.Own()
	h.check(h.people.Load(h.store, h.groups, nobodyHere{}))
	h.check(h.groups.Load(h.store))
	h.owner, err = people.NewOwner(h.store, people.OwnerConfig{Renamed: func(event.Record) {}, Accepting: func(string) {}})
	h.check(err)
	h.receipts = receipts.New(receipts.Config{Store: h.store, Records: h.store.Book(), Groups: h.groups, Self: h.own.Person, Log: log,
		Signed: func(_ event.Conversation, r event.Record) { h.signed <- r }})
	h.Door = New(Config{Store: h.store, People: h.people, Owner: h.owner, Groups: h.groups, Receipts: h.receipts, Now: time.Now, Log: log,
		Met:       func(p crypto.PersonID) { h.met = append(h.met, p) },
		Changed:   func() { h.changed++ },
		MoreWaits: func(p crypto.PersonID) { h.waiting = append(h.waiting, p) },
		Room:      func(again bool) { h.room = append(h.room, again) }})
	return h
}

// nobodyHere says that nobody is connected.
type nobodyHere struct{}

func (nobodyHere) Here(crypto.PersonID) bool   { return false }
func (nobodyHere) Online(crypto.DeviceID) bool { return false }

func (h *hall) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) id() crypto.PersonID { return h.own.Person }

// meets has somebody meet others, as strangers.
func (h *hall) meets(others ...*hall) {
	h.t.Helper()
	for _, o := range others {
		h.check(h.people.Meet(h.t.Context(), o.own.Device.ID(), o.own.Card, ""))
	}
}

// newHalls makes three people who have met each other.
func newHalls(t *testing.T) (ann, bob, dora *hall) {
	t.Helper()
	ann, bob, dora = newHall(t), newHall(t), newHall(t)
	ann.meets(bob, dora)
	bob.meets(ann, dora)
	dora.meets(ann, bob)
	return ann, bob, dora
}

// sets changes what the owner has decided about somebody.
func (h *hall) sets(who *hall, change func(*book.Person)) {
	h.t.Helper()
	h.check(h.people.Update(h.t.Context(), who.id(), func(p *book.Person) error { change(p); return nil }))
}

// keeps says whether the store has somebody, and as a member.
func (h *hall) keeps(who *hall) (kept, member bool) {
	h.t.Helper()
	persons, err := h.store.Book().Persons()
	h.check(err)
	for _, p := range persons {
		if p.ID == who.id() {
			return true, p.Member
		}
	}
	return false, false
}

// writes writes in a conversation, and returns the run of that.
func (h *hall) writes(c event.Conversation, text string) event.Run {
	h.t.Helper()
	content, err := event.Text{Text: text}.Marshal()
	h.check(err)
	e, err := h.store.Append(h.t.Context(), store.Draft{Conversation: c, Kind: event.KindText, Content: content})
	h.check(err)
	logs, err := h.store.Logs(c)
	h.check(err)
	for log, segments := range logs {
		if log.Device == h.own.Device.ID() {
			run, err := h.store.LoadRun(log, segments.Last(), 1, 1<<20)
			h.check(err)
			if run.Events[0].ID != e.ID {
				h.t.Fatal("another event")
			}
			return run
		}
	}
	h.t.Fatal("no log")
	return event.Run{}
}

// writesTo is writes in the direct conversation with somebody.
func (h *hall) writesTo(other *hall, text string) event.Run {
	h.t.Helper()
	h.check(h.people.Keep(h.t.Context(), other.id()))
	return h.writes(event.Direct(h.id(), other.id()), text)
}

// pen makes a run of one message in a log of its own. It is in no store, and nothing says that it
// is permitted.
func (h *hall) pen(c event.Conversation, change ...func(*event.Header)) event.Run {
	h.t.Helper()
	content, err := event.Text{Text: "by hand"}.Marshal()
	h.check(err)
	h.wrote++
	head := event.Header{Conversation: c, Device: h.own.Device.ID(), Instance: event.Instance{0xff, byte(h.wrote)}, Sequence: 1,
		Card: h.own.Card.Head(), Clock: time.Now().UnixMilli(), Kind: event.KindText, Control: h.groups.Heads(c)}
	_, _ = rand.Read(head.Key[:])
	for _, c := range change {
		c(&head)
	}
	e, err := event.New(head, event.Body{Content: content})
	h.check(err)
	e.Sign(h.own.Device)
	return event.Run{Events: []event.Event{e}}
}

// reads are the words that are shown of a conversation.
func (h *hall) reads(c event.Conversation) (words []string) {
	h.t.Helper()
	rows, err := h.store.Rows(c, store.Page{Limit: 1000})
	h.check(err)
	for _, r := range rows {
		words = append(words, r.Text)
	}
	return words
}

// makes makes a group, with others in it, who are not told.
func (h *hall) makes(name string, others ...*hall) event.Conversation {
	h.t.Helper()
	c, err := h.groups.Create(h.t.Context(), name)
	h.check(err)
	for _, o := range others {
		h.invites(c, o)
	}
	return c
}

func (h *hall) invites(c event.Conversation, other *hall) {
	h.t.Helper()
	h.check(h.groups.Do(h.t.Context(), c, func(*authority.State) (event.Control, error) {
		return event.Invite{Persons: []crypto.PersonID{other.id()}}, nil
	}))
}

// lacks are the control events of a group that another may have, parents first.
func (h *hall) lacks(c event.Conversation, other *hall) []event.Event {
	h.t.Helper()
	events, more, err := h.groups.Missing(c, other.id(), nil, 1000, 1<<20)
	h.check(err)
	if more {
		h.t.Fatal("more than was asked for")
	}
	return events
}

// tells gives another all control events of a group, who accepts it whoever has invited them.
func (h *hall) tells(c event.Conversation, other *hall) {
	h.t.Helper()
	if w := h.welcome(c, other); w != nil && !other.groups.Known(c) {
		before, _ := other.people.Get(h.id())
		other.sets(h, func(p *book.Person) { p.Contact = true })
		_, err := other.groups.Welcome(h.t.Context(), w, "")
		h.check(err)
		other.sets(h, func(p *book.Person) { p.Contact = before.Contact })
	}
	h.check(other.groups.Admit(h.t.Context(), c, h.lacks(c, other)))
}

// welcome tells another that they were brought into a group; nil if the owner has not done that.
func (h *hall) welcome(c event.Conversation, other *hall) *wire.Welcome {
	h.t.Helper()
	w, err := h.groups.WelcomeOf(c, other.id())
	h.check(err)
	return w
}

// from returns the door for what another brings, in a session whose peer has just said something.
func (h *hall) from(other *hall) (*From, *visitor) {
	v := &visitor{}
	v.talks()
	return h.From(v, other.id(), func(_ event.Log, all event.Segments) event.Segments { return all }), v
}

// visitor is a session that any goroutine may use.
type visitor struct {
	peer
	mu    gosync.Mutex
	heard time.Time
	why   error // why it is to end
}

// talks has the peer say something.
func (v *visitor) talks() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.heard = time.Now()
}

func (v *visitor) Silence() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return time.Since(v.heard)
}

func (v *visitor) End(reason error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.why = reason
}
