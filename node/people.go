package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// errOtherPerson: a device that was one person's shows another's card.
var errOtherPerson = errors.New("device belongs to another person")

// errRevoked: the device speaks for its person no more, by a newer card than the one it shows.
var errRevoked = errors.New("device was revoked")

const (
	// strangerStays is how long a stranger who has gone can still be written to by name: whoever was just seen is
	// expected to be there.
	strangerStays = time.Hour

	// maxGone bounds the strangers who have gone and are still known.
	maxGone = 256
)

// people is who this node knows of: everyone in the store, and strangers while they are connected and a while longer.
// Reading takes the lock alone. What the owner decides is committed first and then shown; what a peer says of itself is
// shown at once and, if the person is in the store, committed after. Where devices are is written down rarely (places.go).
type people struct {
	store *store.Store
	self  crypto.PersonID

	updating gosync.Mutex // held over a commit and the showing of it, so that both have one order; taken before mu

	mu      gosync.RWMutex
	known   map[crypto.PersonID]*acquaintance
	devices map[crypto.DeviceID]crypto.PersonID
	heads   map[crypto.Hash]crypto.PersonID // of their cards: one belongs to one person
	direct  map[event.Conversation]crypto.PersonID

	wake notify.Signal // a device has moved, and the disk is to know soon; room for one
}

// acquaintance is one person. It is replaced, never changed, so that a copy taken under the lock stays whole.
type acquaintance struct {
	store.Person
	card    crypto.Card
	profile *event.Record // the newest that was heard of since the node runs; nil: none
	saved   bool          // the store has it, and the profile
	online  map[crypto.DeviceID]*session
	gone    time.Time // when the last session ended
	places  map[crypto.DeviceID]place
}

func newPeople(s *store.Store) (*people, error) {
	p := &people{
		store:   s,
		self:    s.Own().Person,
		known:   make(map[crypto.PersonID]*acquaintance),
		devices: make(map[crypto.DeviceID]crypto.PersonID),
		heads:   make(map[crypto.Hash]crypto.PersonID),
		direct:  make(map[event.Conversation]crypto.PersonID),
		wake:    notify.NewSignal(),
	}
	persons, err := s.Persons()
	if err != nil {
		return nil, fmt.Errorf("read persons: %w", err)
	}
	for _, person := range persons {
		card, err := crypto.ParseCard(person.Card)
		if err != nil {
			return nil, fmt.Errorf("card of a person in the store: %w", err)
		}
		p.put(&acquaintance{Person: person, card: card, saved: true})
	}
	return p, nil
}

// put shows a person as it is now. The caller holds the lock, or has just made p.
func (p *people) put(a *acquaintance) {
	if old := p.known[a.ID]; old != nil {
		for _, d := range old.card.Devices() {
			if !a.card.Speaks(d) {
				delete(p.devices, d)
			}
		}
	}
	p.known[a.ID] = a
	for _, h := range a.card.Heads() {
		p.heads[h] = a.ID
	}
	p.direct[event.Direct(p.self, a.ID)] = a.ID
	for _, d := range a.card.Devices() {
		p.devices[d] = a.ID
	}
}

// edit shows a changed copy of a person, made from nothing if need be. The caller holds the lock.
func (p *people) edit(id crypto.PersonID, change func(*acquaintance)) {
	a := &acquaintance{Person: store.Person{ID: id}}
	if old := p.known[id]; old != nil {
		*a = *old
		a.online = make(map[crypto.DeviceID]*session, len(old.online))
		for d, s := range old.online {
			a.online[d] = s
		}
	}
	change(a)
	p.put(a)
}

// forget drops strangers who have gone too long ago, or too many of them. The caller holds the lock.
func (p *people) forget(now time.Time) {
	var gone []*acquaintance
	for _, a := range p.known {
		if !a.saved && len(a.online) == 0 {
			gone = append(gone, a)
		}
	}
	slices.SortFunc(gone, func(a, b *acquaintance) int { return b.gone.Compare(a.gone) })
	for i, a := range gone {
		if i < maxGone && now.Sub(a.gone) < strangerStays {
			continue
		}
		delete(p.known, a.ID)
		delete(p.direct, event.Direct(p.self, a.ID))
		for _, d := range a.card.Devices() {
			delete(p.devices, d)
		}
		for _, h := range a.card.Heads() {
			delete(p.heads, h)
		}
	}
}

func (p *people) get(id crypto.PersonID) (acquaintance, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if a := p.known[id]; a != nil {
		return *a, true
	}
	return acquaintance{}, false
}

// of finds whose device this is.
func (p *people) of(d crypto.DeviceID) (acquaintance, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if a := p.known[p.devices[d]]; a != nil {
		return *a, true
	}
	return acquaintance{}, false
}

// withHead finds whose card has a head.
func (p *people) withHead(head crypto.Hash) (acquaintance, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if a := p.known[p.heads[head]]; a != nil {
		return *a, true
	}
	return acquaintance{}, false
}

// unsaved returns those whom the store does not have.
func (p *people) unsaved() (out []crypto.PersonID) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for id, a := range p.known {
		if !a.saved {
			out = append(out, id)
		}
	}
	return out
}

// with finds the other person of a direct conversation.
func (p *people) with(c event.Conversation) (acquaintance, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if a := p.known[p.direct[c]]; a != nil {
		return *a, true
	}
	return acquaintance{}, false
}

// all returns everyone, by ID.
func (p *people) all() []acquaintance {
	p.mu.RLock()
	defer p.mu.RUnlock()
	out := make([]acquaintance, 0, len(p.known))
	for _, a := range p.known {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b acquaintance) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

// others returns everyone but the owner, in no order.
func (p *people) others() []*acquaintance {
	p.mu.RLock()
	defer p.mu.RUnlock()
	out := make([]*acquaintance, 0, len(p.known))
	for id, a := range p.known {
		if id != p.self {
			out = append(out, a)
		}
	}
	return out
}

// public is the person as the local API names it.
func (a *acquaintance) public() Person {
	devices := a.card.Devices()
	return Person{ID: a.ID, Name: a.Claimed, Petname: a.Petname, Pinned: a.Pinned, Contact: a.Contact,
		Verified: a.Verified, Blocked: a.Blocked, Online: len(a.online) > 0, Devices: devices}
}

// met takes in the proven card of a session's peer, and the name that came with it. ctx is the session's: one that was
// replaced must not take the place of the newer, which may be here already.
func (p *people) met(ctx context.Context, s *session, card crypto.Card, name string) error {
	device := s.peer
	if owner, ok := p.of(device); ok && owner.ID != card.Person() {
		return errOtherPerson
	}
	p.mu.Lock()
	if ctx.Err() != nil {
		p.mu.Unlock()
		return context.Cause(ctx)
	}
	old := p.known[card.Person()]
	saved := old != nil && old.saved
	if old != nil {
		if card, _ = crypto.Choose(old.card, card); !card.Speaks(device) {
			p.mu.Unlock()
			return errRevoked
		}
	}
	changed := old == nil || name != "" && name != old.Claimed || !bytes.Equal(old.card.Bytes(), card.Bytes())
	p.edit(card.Person(), func(a *acquaintance) {
		a.card = card
		a.Card = card.Bytes()
		if name != "" {
			a.Claimed = name
		}
		if a.online == nil {
			a.online = make(map[crypto.DeviceID]*session)
		}
		a.online[device] = s
	})
	p.mu.Unlock()
	if saved && changed {
		return p.update(ctx, card.Person(), func(*store.Person) error { return nil })
	}
	return nil
}

// parted takes an ended session out, unless a newer one has its place. now is the owner's clock.
func (p *people) parted(id crypto.PersonID, s *session, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.known[id]; a != nil && a.online[s.peer] == s {
		p.edit(id, func(a *acquaintance) {
			delete(a.online, s.peer)
			a.gone = time.Now()
			at := a.places[s.peer]
			at.seen = now
			a.setPlace(s.peer, at)
		})
		p.forget(time.Now())
	}
}

// update commits a change to a person and shows it. A stranger who was only connected is saved by it, with all that was
// learnt of them before. What they say of themselves is committed as it was when the commit began; what comes meanwhile
// stays shown, and has an update of its own.
func (p *people) update(ctx context.Context, id crypto.PersonID, change func(*store.Person) error) error {
	fresh, err := p.commit(ctx, id, change)
	if err != nil || !fresh {
		return err
	}
	if a, _ := p.get(id); a.profile != nil {
		_, err = p.store.PutRecord(ctx, *a.profile)
	}
	return err
}

// commit is update, without what else was learnt. It says whether the store has not had the person before.
func (p *people) commit(ctx context.Context, id crypto.PersonID, change func(*store.Person) error) (fresh bool, err error) {
	p.updating.Lock()
	defer p.updating.Unlock()
	live, ok := p.get(id)
	if !ok {
		return false, &UnknownError{Who: id.String()}
	}
	var after store.Person
	err = p.store.UpdatePerson(ctx, id, func(s *store.Person) error {
		s.Card = live.Card
		if live.Claimed != "" {
			s.Claimed = live.Claimed
		}
		if err := change(s); err != nil {
			return err
		}
		after = *s
		return nil
	})
	if err != nil {
		return false, err
	}
	p.mu.Lock()
	p.edit(id, func(a *acquaintance) {
		after.Card, after.Claimed = a.Card, a.Claimed
		a.Person, a.saved = after, true
	})
	p.mu.Unlock()
	p.hurry(id)
	return !live.saved, nil
}

// keep makes sure that the store has a person whose events it is about to hold. A member of a group of people whom the
// owner knows is kept whatever strangers have used up.
func (p *people) keep(ctx context.Context, id crypto.PersonID, member bool) error {
	if a, ok := p.get(id); ok && a.saved {
		return nil
	}
	return p.update(ctx, id, func(s *store.Person) error { s.Member = s.Member || member; return nil })
}
