// Package people knows who is known at this node: everyone in the store, and strangers while they
// are connected and a while longer. It knows what they call themselves, which devices speak for
// them and where those are, and what the owner of the node has set.
//
// [People] is kept in memory, and the part that is to last is committed to the store. Reading takes
// a lock and never touches the disk. What the owner decides is committed first and then shown,
// before anybody is told of the commit. What a peer says of itself is shown at once and, if the
// person is in the store, committed after. Where devices are changes all day and is written down
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
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/budget"
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

const (
	// strangerStays is how long a stranger who has gone can still be written to by name. The owner
	// expects that somebody who was just seen can be named.
	strangerStays = time.Hour

	// maxGone bounds the strangers who have gone and are still known.
	maxGone = 256
)

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

	moved   notify.Signal // a device has moved, and the disk is to know soon
	fellows notify.Signal // somebody may be a fellow member of a group
}

// Person is somebody who is known, as of one moment. It is replaced, never changed, so that a copy
// stays whole.
type Person struct {
	book.Person
	Parsed crypto.Card // Card, parsed; it has no bytes where the card is not known

	profile *event.Record // the newest that was heard of since the node runs; nil: none
	saved   bool          // the store has the person, and the profile
	gone    time.Time     // when they were last connected, or somebody told of them
	places  map[crypto.DeviceID]place
}

// New returns People that know nobody.
func New(cfg Config) *People {
	return &People{
		cfg:     cfg,
		known:   make(map[crypto.PersonID]*Person),
		devices: make(map[crypto.DeviceID]crypto.PersonID),
		heads:   make(map[crypto.Hash]crypto.PersonID),
		direct:  make(map[event.Conversation]crypto.PersonID),
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

// put shows a person as they are now. The caller holds the lock, or is Load.
func (p *People) put(a *Person) {
	if old := p.known[a.ID]; old != nil {
		for _, d := range old.Parsed.Devices() {
			if !a.Parsed.Speaks(d) {
				delete(p.devices, d)
			}
		}
	}
	p.known[a.ID] = a
	for _, h := range a.Parsed.Heads() {
		p.heads[h] = a.ID
	}
	p.direct[event.Direct(p.self, a.ID)] = a.ID
	for _, d := range a.Parsed.Devices() {
		p.devices[d] = a.ID
	}
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

// forget drops strangers who have gone too long ago, or too many of them. The caller holds the
// lock.
func (p *People) forget(now time.Time) {
	var gone []*Person
	for _, a := range p.known {
		if !a.saved && !p.presence.Here(a.ID) {
			gone = append(gone, a)
		}
	}
	slices.SortFunc(gone, func(a, b *Person) int { return b.gone.Compare(a.gone) })
	for i, a := range gone {
		if i < maxGone && now.Sub(a.gone) < strangerStays {
			continue
		}
		delete(p.known, a.ID)
		delete(p.direct, event.Direct(p.self, a.ID))
		for _, d := range a.Parsed.Devices() {
			delete(p.devices, d)
		}
		// Not only those of the card: a person whose card has forked has shown others before.
		maps.DeleteFunc(p.heads, func(_ crypto.Hash, of crypto.PersonID) bool { return of == a.ID })
	}
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

// unstored returns those whom the store does not have.
func (p *People) unstored() (out []crypto.PersonID) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for id, a := range p.known {
		if !a.saved {
			out = append(out, id)
		}
	}
	return out
}

// Update commits a change to a person and shows it. A stranger who was only connected is saved by
// it, with all that was learnt of them before. The name that they claim is committed as it was when
// the commit began. A name that comes meanwhile stays shown, and has an update of its own.
func (p *People) Update(ctx context.Context, id crypto.PersonID, change func(*book.Person) error) error {
	return p.update(ctx, []crypto.PersonID{id}, func(s []*book.Person) error { return change(s[0]) })
}

// UpdateBoth is Update of two persons at once: after a crash both have changed, or neither has.
func (p *People) UpdateBoth(ctx context.Context, one, other crypto.PersonID, change func(one, other *book.Person) error) error {
	return p.update(ctx, []crypto.PersonID{one, other}, func(s []*book.Person) error { return change(s[0], s[1]) })
}

func (p *People) update(ctx context.Context, ids []crypto.PersonID, change func([]*book.Person) error) error {
	fresh, err := p.commit(ctx, ids, change)
	if err != nil {
		return err
	}
	for _, id := range fresh {
		if a, _ := p.Get(id); a.profile != nil {
			if _, err := p.store.Book().PutRecord(ctx, *a.profile); err != nil {
				return err
			}
		}
	}
	return nil
}

// commit is update without the profiles. It returns those whom the store did not have before.
func (p *People) commit(ctx context.Context, ids []crypto.PersonID, change func([]*book.Person) error) (fresh []crypto.PersonID, err error) {
	p.updating.Lock()
	defer p.updating.Unlock()
	lives := make([]Person, len(ids))
	for i, id := range ids {
		live, ok := p.Get(id)
		if !ok {
			return nil, &UnknownError{Who: id.String()}
		}
		if lives[i] = live; !live.saved {
			fresh = append(fresh, id)
		}
	}
	after := make([]book.Person, len(ids))
	show := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i, id := range ids {
			p.edit(id, func(a *Person) {
				after[i].Card, after[i].Claimed = a.Card, a.Claimed
				a.Person, a.saved = after[i], true
			})
		}
	}
	err = p.store.Book().UpdatePersons(ctx, ids, func(stored []*book.Person) error {
		for i, s := range stored {
			s.Card = lives[i].Card
			if lives[i].Claimed != "" {
				s.Claimed = lives[i].Claimed
			}
			s.Met = lives[i].Met
		}
		if err := change(stored); err != nil {
			return err
		}
		for i, s := range stored {
			after[i] = *s
		}
		return nil
	}, show)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		p.hurry(id)
	}
	return fresh, nil
}

// Keep makes sure that the store has a person whose events it is about to hold. Somebody who is or
// was in a group of the owner's or of a contact's is kept even if the strangers' budget is used up.
func (p *People) Keep(ctx context.Context, id crypto.PersonID) error {
	if a, ok := p.Get(id); ok && a.saved {
		return nil
	}
	return p.keep(ctx, id, p.amongFriends(id))
}

// KeepMember is Keep for somebody who is about to be a member of the owner's group.
func (p *People) KeepMember(ctx context.Context, id crypto.PersonID) error {
	if a, ok := p.Get(id); ok && a.saved {
		return nil
	}
	return p.keep(ctx, id, true)
}

func (p *People) keep(ctx context.Context, id crypto.PersonID, member bool) error {
	return p.Update(ctx, id, func(s *book.Person) error { s.Member = s.Member || member; return nil })
}

// amongFriends says whether a person is or was in a group that the owner or a contact has made.
func (p *People) amongFriends(id crypto.PersonID) bool {
	for _, c := range p.groups.All() {
		founder, _ := p.Get(p.groups.Founder(c))
		if (founder.ID == p.self || founder.Contact) && p.groups.Ever(c, id) {
			return true
		}
	}
	return false
}

// Standing returns what a person is to the owner, who counts as a contact. Who is not known, or was
// blocked, is no contact.
func (p *People) Standing(id crypto.PersonID) budget.Standing {
	a, _ := p.Get(id)
	switch {
	case id == p.self, a.Contact && !a.Blocked:
		return budget.Contact
	case p.amongFriends(id):
		return budget.Fellow
	}
	return budget.Stranger
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
