// Package people knows who is known at this node: everyone in the store, and strangers while they
// are connected and a while longer. It knows what they call themselves, which devices speak for
// them and where those are, and what the owner of the node has set.
//
// [People] is kept in memory, and the part that is to last is committed to the store. Reading takes
// a lock and never touches the disk. What the owner decides is committed first and then shown,
// before anybody is told of the commit. What a peer says of itself is shown at once and, if the
// person is in the store, committed after: cards at once, names of strangers for many together
// (naming.go). Strangers who have gone are forgotten so that nobody pushes others out (gone.go). Where devices are changes all day and is written down
// rarely, by the goroutine Run (places.go); KeepFellows is another, which has fellow members of
// groups remembered. [Owner] is what the owner has set.
//
// The package believes cards and profiles that were proven, by itself or by the caller who says so,
// and no others. It does not decide what a name means (package contacts), and knows no sessions:
// who is connected it asks [Presence]. Its methods may be called by any goroutine. What they commit
// is on the disk when they return; an error says that it is not, and then it is not shown either,
// except for what a peer says of itself.
package people

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Why a card that a peer shows is not believed.
var (
	// ErrOtherPerson: the device was one person's and shows another's card.
	ErrOtherPerson = errors.New("device belongs to another person")
	// ErrRevoked: by a newer card than the one that it shows, the device speaks for its person no
	// more.
	ErrRevoked = errors.New("device was revoked")
)

// UnknownError: no person or group fits Who.
type UnknownError struct {
	Who    string
	Wanted string   // "person" or "group" if Who could mean nothing else
	Near   []string // names that are almost Who, and mean somebody or a group
	Claims int      // how many of Near, the last ones, only strangers call themselves
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("no such %s: %q", cmp.Or(e.Wanted, "person or group"), e.Who)
}

// maxShownHeads bounds the heads that are remembered of one person beside those of their card: a card
// that has forked has shown others before.
const maxShownHeads = 2 * crypto.MaxLinks

// Presence says who is connected.
type Presence interface {
	Here(crypto.PersonID) bool
	Online(crypto.DeviceID) bool
}

// Config is what People are made of.
type Config struct {
	Now func() time.Time // the owner's clock, for times that are stored or shown
	Log *slog.Logger
}

// People is everyone who is known. Call Load before anything else.
type People struct {
	cfg      Config
	store    *store.Store
	groups   *groups.Groups
	presence Presence
	self     crypto.PersonID

	updating gosync.Mutex // held over a commit and the showing of it, so that both have one order; taken before mu

	mu      gosync.RWMutex
	known   map[crypto.PersonID]*Person
	devices map[crypto.DeviceID]crypto.PersonID
	heads   map[crypto.Hash]crypto.PersonID // heads of their cards; each belongs to one person
	direct  map[event.Conversation]crypto.PersonID
	gone    gone
	renamed map[crypto.PersonID]struct{} // whose name or profile is to be written down

	moved   notify.Signal                // a device has moved, or somebody was renamed, and the disk is to know soon
	fellows notify.Signal                // somebody may be a fellow member of a group
	maybe   map[crypto.PersonID]struct{} // who that may be
	anybody bool                         // it may be anyone
}

// Person is somebody who is known, as of one moment. It is replaced, never changed, so that a copy
// stays whole.
type Person struct {
	book.Person
	Parsed crypto.Card // Card, parsed; it has no bytes where the card is not known

	profile *event.Record // the newest that was heard of since the node runs; nil: none
	saved   bool          // the store has the person, and the profile
	heads   []crypto.Hash // that they have shown; People.heads has each
	via     string        // the address of the link by which they came last; empty: none
	naming  naming        // how often their name was written down
	places  map[crypto.DeviceID]place
}

// Heard returns the newest profile that was heard of since the node runs, or nil.
func (a *Person) Heard() *event.Record { return a.profile }

// New returns People that know nobody.
func New(cfg Config) *People {
	return &People{
		cfg:     cfg,
		known:   make(map[crypto.PersonID]*Person),
		devices: make(map[crypto.DeviceID]crypto.PersonID),
		heads:   make(map[crypto.Hash]crypto.PersonID),
		direct:  make(map[event.Conversation]crypto.PersonID),
		gone:    newGone(),
		renamed: make(map[crypto.PersonID]struct{}),
		maybe:   make(map[crypto.PersonID]struct{}),
		moved:   notify.NewSignal(),
		fellows: notify.NewSignal(),
	}
}

// Load reads everyone from the store.
func (p *People) Load(s *store.Store, g *groups.Groups, presence Presence) error {
	p.store, p.groups, p.presence, p.self = s, g, presence, s.Own().Person
	persons, err := s.Book().Persons()
	if err != nil {
		return fmt.Errorf("read persons: %w", err)
	}
	for _, person := range persons {
		card, err := crypto.ParseCard(person.Card)
		if err != nil {
			return fmt.Errorf("card of a person in the store: %w", err)
		}
		p.put(&Person{Person: person, Parsed: card, saved: true})
	}
	return nil
}

// put shows a person as they are now, whom nobody else has seen yet. The caller holds the lock, or is
// Load.
func (p *People) put(a *Person) {
	old := p.known[a.ID]
	p.known[a.ID] = a
	if a.saved {
		p.gone.drop(a.ID)
	}
	if old != nil && bytes.Equal(old.Parsed.Bytes(), a.Parsed.Bytes()) {
		return
	}
	if old == nil {
		p.direct[event.Direct(p.self, a.ID)] = a.ID
	} else {
		for _, d := range old.Parsed.Devices() {
			if !a.Parsed.Speaks(d) {
				delete(p.devices, d)
			}
		}
	}
	for _, d := range a.Parsed.Devices() {
		p.devices[d] = a.ID
	}
	p.showHeads(a)
}

// showHeads notes the heads of a person's card, beside those that they have shown before.
func (p *People) showHeads(a *Person) {
	fresh := a.Parsed.Heads()
	if len(a.heads) > maxShownHeads {
		for _, h := range a.heads {
			delete(p.heads, h)
		}
		a.heads = nil
	}
	all := slices.Clone(a.heads)
	for _, h := range fresh {
		if p.heads[h] != a.ID {
			all = append(all, h)
		}
		p.heads[h] = a.ID
	}
	a.heads = all
}

// edit replaces a person by a changed copy. Somebody who was not known begins empty. The caller
// holds the lock.
func (p *People) edit(id crypto.PersonID, change func(*Person)) {
	a := &Person{Person: book.Person{ID: id, Met: p.cfg.Now()}}
	if old := p.known[id]; old != nil {
		*a = *old
	}
	change(a)
	p.put(a)
}

// Get returns a person.
func (p *People) Get(id crypto.PersonID) (Person, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.copy(id, true)
}

// Of returns the person whose device this is.
func (p *People) Of(d crypto.DeviceID) (Person, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	id, ok := p.devices[d]
	return p.copy(id, ok)
}

// Keeps says that a device is one of somebody's in the store.
func (p *People) Keeps(d crypto.DeviceID) bool {
	a, ok := p.Of(d)
	return ok && a.saved
}

// WithHead returns the person whose card has this head.
func (p *People) WithHead(head crypto.Hash) (Person, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	id, ok := p.heads[head]
	return p.copy(id, ok)
}

// In returns the other person of a direct conversation.
func (p *People) In(c event.Conversation) (Person, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	id, ok := p.direct[c]
	return p.copy(id, ok)
}

// copy returns a person as they are now. The caller holds the lock.
func (p *People) copy(id crypto.PersonID, known bool) (Person, bool) {
	if a := p.known[id]; known && a != nil {
		return *a, true
	}
	return Person{}, false
}

// All returns everyone, the owner included, by ID.
func (p *People) All() []Person {
	p.mu.RLock()
	defer p.mu.RUnlock()
	out := make([]Person, 0, len(p.known))
	for _, a := range p.known {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b Person) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

// Others returns everyone but the owner, in no order. The persons must not be changed.
func (p *People) Others() []*Person {
	p.mu.RLock()
	defer p.mu.RUnlock()
	out := make([]*Person, 0, len(p.known))
	for id, a := range p.known {
		if id != p.self {
			out = append(out, a)
		}
	}
	return out
}

// Brings says whether a person may bring the owner into groups: a contact who is not blocked may, and
// the owner. See groups.Authors.
func (p *People) Brings(id crypto.PersonID) bool {
	a, _ := p.Get(id)
	return id == p.self || a.Contact && !a.Blocked
}

// Ignores says whether the owner has blocked a person. See groups.Authors.
func (p *People) Ignores(id crypto.PersonID) bool {
	a, _ := p.Get(id)
	return a.Blocked
}

// Card returns a person's card, nil if it is not known. See groups.Authors.
func (p *People) Card(id crypto.PersonID) []byte {
	a, _ := p.Get(id)
	return a.Card
}

// Author returns the person whose card has a head, if the device speaks for them at that head. See
// groups.Authors.
func (p *People) Author(head crypto.Hash, device crypto.DeviceID) (crypto.PersonID, error) {
	a, ok := p.WithHead(head)
	switch {
	case !ok || !a.Parsed.Includes(head):
		return crypto.PersonID{}, &groups.NeedsCardError{Head: head}
	case !a.Parsed.SpeaksAt(head, device):
		return a.ID, authority.ErrNotPermitted
	}
	return a.ID, nil
}

// Owner returns the person for whom a device speaks now. See groups.Authors.
func (p *People) Owner(device crypto.DeviceID) (crypto.PersonID, bool) {
	a, ok := p.Of(device)
	return a.ID, ok
}
