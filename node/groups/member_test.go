package groups

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// cards says whose card has a head. All members of a test share one.
type cards map[crypto.Hash]*member

// member is a person with a store and the groups in it.
type member struct {
	t testing.TB
	*Groups
	dir    string
	store  *store.Store
	person crypto.PersonID
	cards  cards
	stop   func()

	kept    []crypto.PersonID // whom Groups had the store know
	full    error             // what Keep returns instead
	proving func()            // what happens while an author is looked up, once; may be nil
	keeping func()            // what happens while an author is kept, once; may be nil
	takes   time.Duration     // by which the clock goes on each time that it is looked at
	clock   time.Time
	strains []string // what Config.Strained and Resumed were told
	changes []Change // as they were told
	written byte     // by writes
	heard   uint64   // the last notice that the test has looked at

	arrivals  []bool // as Config.Arriving was told
	requested int
	strangers map[crypto.PersonID]bool // who may not bring this one into groups
	ignored   map[crypto.PersonID]bool
}

// newMember makes a person whom all others know.
func newMember(t testing.TB, known cards) *member {
	m := &member{t: t, dir: t.TempDir(), cards: known}
	m.open()
	t.Cleanup(func() { m.stop() })
	own := m.store.Own()
	m.person = own.Person
	known[own.Card.Head()] = m
	return m
}

// newMembers makes several, the founder of the group first, and a group that only the founder is
// in.
func newMembers(t testing.TB, count int) (all []*member, id event.Conversation) {
	known := cards{}
	for range count {
		all = append(all, newMember(t, known))
	}
	id, err := all[0].Create(context.Background(), "lunch")
	check(t, err)
	return all, id
}

// open reads the store of a member, for the first time or again.
func (m *member) open() {
	m.Groups = New(Config{
		Authors:   m,
		Changed:   func(c Change) { m.changes = append(m.changes, c) },
		Strained:  func(id event.Conversation) { m.strains = append(m.strains, fmt.Sprintf("strained %x", id[:2])) },
		Resumed:   func(id event.Conversation) { m.strains = append(m.strains, fmt.Sprintf("resumed %x", id[:2])) },
		Arriving:  func(_ event.Conversation, more bool) { m.arrivals = append(m.arrivals, more) },
		Requested: func() { m.requested++ },
		Now:       func() time.Time { m.clock = m.clock.Add(m.takes); return m.clock },
	})
	var err error
	m.store, err = store.Open(store.Config{Dir: m.dir, Authority: m.Groups})
	check(m.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- m.store.Run(ctx) }() // until stop
	s := m.store
	m.stop = sync.OnceFunc(func() { cancel(); <-ended; check(m.t, s.Close()) })
	check(m.t, m.Load(m.store))
}

// reopen ends the program of a member and starts it again.
func (m *member) reopen() {
	m.stop()
	m.open()
}

func (m *member) Author(head crypto.Hash, device crypto.DeviceID) (crypto.PersonID, error) {
	if during := m.proving; during != nil {
		m.proving = nil
		during()
	}
	of := m.cards[head]
	switch {
	case of == nil:
		return crypto.PersonID{}, &NeedsCardError{Head: head}
	case of.store.Own().Device.ID() != device:
		return crypto.PersonID{}, authority.ErrNotPermitted
	}
	return of.person, nil
}

func (m *member) Owner(device crypto.DeviceID) (crypto.PersonID, bool) {
	for _, of := range m.cards {
		if of.store.Own().Device.ID() == device {
			return of.person, true
		}
	}
	return crypto.PersonID{}, false
}

func (m *member) Card(p crypto.PersonID) []byte {
	for _, other := range m.cards {
		if other.person == p {
			return other.store.Own().Card.Bytes()
		}
	}
	return nil
}

func (m *member) Brings(p crypto.PersonID) bool  { return !m.strangers[p] && !m.ignored[p] }
func (m *member) Ignores(p crypto.PersonID) bool { return m.ignored[p] }

func (m *member) Keep(_ context.Context, p crypto.PersonID) error {
	m.kept = append(m.kept, p)
	if during := m.keeping; during != nil {
		m.keeping = nil
		during()
	}
	return m.full
}

// does has a member act in a group.
func (m *member) does(id event.Conversation, act event.Control) {
	m.t.Helper()
	check(m.t, m.Do(context.Background(), id, func(*authority.State) (event.Control, error) { return act, nil }))
}

// invites takes others into a group, who are told.
func (m *member) invites(id event.Conversation, others ...*member) {
	m.t.Helper()
	for _, other := range others {
		m.does(id, event.Invite{Persons: []crypto.PersonID{other.person}})
		m.tells(id, other)
	}
}

// removes takes another out of a group, who is not told.
func (m *member) removes(id event.Conversation, other *member) {
	m.t.Helper()
	check(m.t, m.TakeOut(context.Background(), id, func(*authority.State) (crypto.PersonID, error) { return other.person, nil }))
}

// tells gives another what they lack of a control set, and welcomes them if they don't know the group.
func (m *member) tells(id event.Conversation, other *member) {
	m.t.Helper()
	if !other.Known(id) {
		m.welcomes(id, other)
	}
	check(m.t, other.admits(id, m.lacks(id, other)...))
}

// welcome is what tells another that they were brought into a group, whoever has done that.
func (m *member) welcome(id event.Conversation, other *member) *wire.Welcome {
	m.t.Helper()
	state := m.state(id)
	them, in := state.Member(other.person)
	if !in {
		m.t.Fatal("they are not in")
	}
	w, err := m.welcomeBy(id, them.Joined, m.Card(them.InvitedBy), len(state.Members))
	check(m.t, err)
	return w
}

// welcomes gives another a welcome.
func (m *member) welcomes(id event.Conversation, other *member) {
	m.t.Helper()
	_, err := other.Welcome(context.Background(), m.welcome(id, other), "")
	check(m.t, err)
}

// lacks is what another lacks of a control set, and may have.
func (m *member) lacks(id event.Conversation, other *member) []event.Event {
	m.t.Helper()
	events, more, err := m.Missing(id, other.person, other.Locator(id), 1000, 1<<20)
	check(m.t, err)
	if more {
		m.t.Fatal("more than was asked for")
	}
	return events
}

// admits takes control events in.
func (m *member) admits(id event.Conversation, events ...event.Event) error {
	return m.Admit(context.Background(), id, events)
}

// writes makes a control event whatever its author may, as a program would that knows no rules.
func (m *member) writes(id event.Conversation, heads []crypto.Hash, act event.Control) event.Event {
	m.t.Helper()
	content, err := act.Marshal()
	check(m.t, err)
	return m.signs(event.Header{Conversation: id, Control: heads, Kind: act.Kind(), Flags: event.FlagCritical}, content)
}

// says makes a message that a member writes under control heads at a time; it is in no store.
func (m *member) says(id event.Conversation, heads []crypto.Hash, clock int64) event.Event {
	m.t.Helper()
	content, err := event.Text{Text: "hello"}.Marshal()
	check(m.t, err)
	return m.signs(event.Header{Conversation: id, Control: heads, Kind: event.KindText, Clock: clock}, content)
}

// signs makes an event in a log of its own.
func (m *member) signs(h event.Header, content []byte) event.Event {
	m.t.Helper()
	m.written++
	own := m.store.Own()
	h.Device, h.Instance, h.Sequence, h.Card = own.Device.ID(), event.Instance{0xff, m.written}, 1, own.Card.Head()
	h.Key[0] = m.written
	e, err := event.New(h, event.Body{Content: content})
	check(m.t, err)
	e.Sign(own.Device)
	return e
}

// state is what a group is to a member.
func (m *member) state(id event.Conversation) *authority.State {
	m.t.Helper()
	s, err := m.State(id)
	check(m.t, err)
	return s
}

// in says whether a member is in a group, by what another knows.
func (m *member) in(id event.Conversation, other *member) bool {
	m.t.Helper()
	_, in := m.state(id).Member(other.person)
	return in
}

// wants is an error unless err matches.
func wants(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}
