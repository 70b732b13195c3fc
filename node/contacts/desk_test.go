package contacts

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is the Contacts of an owner, over a store.
type desk struct {
	*Contacts
	t      *testing.T
	store  *store.Store
	people *people.People
	owner  *people.Owner
	groups *groups.Groups
	now    time.Time
	here   map[crypto.PersonID]bool // who is connected

	// What was told.
	changes  int
	asked    int
	ingested []string // the words
	fails    error    // of ingesting
}

// newDesk makes an owner called Ann who knows nobody. The store ends with the test.
func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Unix(1000, 0), here: make(map[crypto.PersonID]bool)}
	d.people = people.New(people.Config{Now: func() time.Time { return d.now }, Log: slog.New(slog.DiscardHandler)})
	d.groups = groups.New(groups.Config{Authors: d.people, Changed: func(groups.Change) {
		if d.Contacts != nil {
			d.GroupChanged()
		}
	}, Requested: func() { d.asked++ }})
	var err error
	d.store, err = store.Open(store.Config{Dir: t.TempDir(), Authority: d.groups})
	d.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.store.Run(ctx) }() // until the cleanup
	t.Cleanup(func() { cancel(); <-ended; _ = d.store.Close() })
	d.check(d.people.Load(d.store, d.groups, d))
	d.check(d.groups.Load(d.store))
	d.owner, err = people.NewOwner(d.store, people.OwnerConfig{Renamed: func(event.Record) {}, Accepting: func(string) {}})
	d.check(err)
	d.check(d.owner.SetName(t.Context(), "Ann"))
	d.Contacts = New(Config{Store: d.store, Now: func() time.Time { return d.now },
		Names: NewNames(NamesConfig{Store: d.store, People: d.people, Owner: d.owner, Groups: d.groups, Presence: d}),
		Changed: func(before, after people.Person) {
			if before.ID != after.ID {
				t.Error("a change of another person")
			}
			d.changes++
		},
		Requested: func() { d.asked++ },
		Ingest: func(_ context.Context, run event.Run, from crypto.PersonID) error {
			text, _ := firstText(run)
			d.ingested = append(d.ingested, text)
			return d.fails
		}})
	return d
}

func (d *desk) Here(id crypto.PersonID) bool { return d.here[id] }

func (d *desk) Online(device crypto.DeviceID) bool {
	p, _ := d.people.Of(device)
	return d.here[p.ID]
}

// leaves ends the last session with somebody.
func (d *desk) leaves(s *somebody) { d.people.Parted(s.id(), s.key.ID()) }

func (d *desk) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// somebody is a person with one device.
type somebody struct {
	key  crypto.DeviceKey
	card crypto.Card
}

func (s *somebody) id() crypto.PersonID { return s.card.Person() }

func newKey(t *testing.T) crypto.DeviceKey {
	t.Helper()
	key, err := crypto.NewDeviceKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// meets has a stranger come who claims a name.
func (d *desk) meets(name string) *somebody {
	d.t.Helper()
	key := newKey(d.t)
	card, _, err := crypto.NewPerson(rand.Reader, key)
	d.check(err)
	d.check(d.people.Meet(d.t.Context(), key.ID(), card, name))
	return &somebody{key, card}
}

// befriends makes somebody a contact.
func (d *desk) befriends(s *somebody) Person {
	d.t.Helper()
	d.check(d.Befriend(d.t.Context(), d.Person(s.id())))
	return d.Person(s.id())
}

// asks keeps a request of somebody who is not served.
func (d *desk) asks(s *somebody, texts ...string) {
	d.t.Helper()
	var run event.Run
	for i, text := range texts {
		content, err := event.Text{Text: text}.Marshal()
		d.check(err)
		h := event.Header{Conversation: event.Direct(d.self, s.id()), Device: s.key.ID(), Sequence: uint64(i + 1), Card: s.card.Head(), Kind: event.KindText}
		if i > 0 {
			h.Previous = run.Events[i-1].ID
		}
		e, err := event.New(h, event.Body{Content: content})
		d.check(err)
		run.Events = append(run.Events, e)
	}
	run.Events[len(texts)-1].Sign(s.key)
	d.check(d.people.Keep(d.t.Context(), s.id()))
	d.check(d.store.Book().PutRequest(d.t.Context(), book.Request{Person: s.id(), Run: run.Marshal()}, ""))
}

// invites has somebody bring the owner into a group of their own, and returns which.
func (d *desk) invites(s *somebody, name string) event.Conversation {
	d.t.Helper()
	control := func(h event.Header, act event.Control) event.Event {
		content, err := act.Marshal()
		d.check(err)
		h.Device, h.Card, h.Kind, h.Flags = s.key.ID(), s.card.Head(), act.Kind(), event.FlagCritical
		e, err := event.New(h, event.Body{Content: content})
		d.check(err)
		e.Sign(s.key)
		return e
	}
	create := event.Create{Person: s.id(), Name: name, History: event.History{Policy: event.HistoryAll}}
	_, _ = rand.Read(create.Secret[:])
	w := &wire.Welcome{Create: control(event.Header{Sequence: 1}, create), Card: s.card.Bytes(), Members: 3}
	h := event.Header{Conversation: w.Group(), Sequence: 2, Previous: w.Create.ID, Control: []crypto.Hash{crypto.Hash(w.Create.ID)}}
	w.Join = control(h, event.Invite{Persons: []crypto.PersonID{d.self}})
	_, err := d.groups.Welcome(d.t.Context(), w, "")
	d.check(err)
	return w.Group()
}

// arrives says whether a group is arriving.
func (d *desk) arrives(c event.Conversation) bool {
	return slices.ContainsFunc(d.groups.Arriving(), func(s groups.Shared) bool { return s.ID == c })
}

// requests are the texts of those that wait, and the groups of invitations.
func (d *desk) requests() (texts []string) {
	d.t.Helper()
	all, err := d.Requests(d.t.Context())
	d.check(err)
	for _, r := range all {
		if r.Group != nil {
			r.Text += "#" + r.Group.Name
		}
		texts = append(texts, r.Text)
	}
	return texts
}

// makes makes a group, with others in it.
func (d *desk) makes(name string, others ...*somebody) event.Conversation {
	d.t.Helper()
	c, err := d.groups.Create(d.t.Context(), name)
	d.check(err)
	for _, o := range others {
		d.check(d.groups.Do(d.t.Context(), c, func(*authority.State) (event.Control, error) {
			return event.Invite{Persons: []crypto.PersonID{o.id()}}, nil
		}))
	}
	return c
}
