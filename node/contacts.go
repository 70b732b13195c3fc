package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// persons is everyone but the owner, as names resolve to them.
func (n *Node) persons() []Person {
	var out []Person
	for _, a := range n.people.all() {
		if a.ID != n.me.person {
			out = append(out, a.public())
		}
	}
	return out
}

// Contacts returns those whom the owner has named, accepted, written to or blocked.
func (n *Node) Contacts(context.Context) ([]Person, error) {
	return slices.DeleteFunc(n.persons(), func(p Person) bool { return !p.Contact && !p.Blocked }), nil
}

// change commits a change to a person and tells those whom it concerns.
func (n *Node) change(ctx context.Context, id crypto.PersonID, f func(*store.Person) error) (Person, error) {
	before, _ := n.people.get(id)
	if err := n.people.update(ctx, id, f); err != nil {
		return Person{}, err
	}
	after, _ := n.people.get(id)
	if before.Blocked && !after.Blocked {
		n.revealed.Add(1)
	}
	if after.Contact != before.Contact || after.Blocked != before.Blocked {
		n.policyChanged(id)
		if after.Contact && !after.Blocked {
			n.invitationsBy(id)
		}
		n.pin(after)
	}
	n.presence.Bump()
	return after.public(), nil
}

// policyChanged has the sessions with a person look again at what they may have.
func (n *Node) policyChanged(id crypto.PersonID) {
	n.eachSession(func(s *session) {
		if them, ok := n.people.of(s.peer); ok && them.ID == id {
			s.news.policy()
		}
	})
}

// settle makes a person a contact, gives them a petname unless that is empty, and does what else is to be done. Their name
// of now is pinned, unless it means somebody or something else that the owner has settled: then they are reached by ID or
// petname.
func (n *Node) settle(ctx context.Context, p Person, petname string, also func(*store.Person)) (Person, error) {
	free := p.Name != "" && n.taken(p.Name, p.ID) == nil
	return n.change(ctx, p.ID, func(s *store.Person) error {
		if !s.Contact && free {
			s.Pinned = p.Name
		}
		s.Contact = true
		if petname != "" {
			s.Petname = petname
		}
		if also != nil {
			also(s)
		}
		return nil
	})
}

// befriend makes somebody a contact who is written to.
func (n *Node) befriend(ctx context.Context, p Person) error {
	n.naming.Lock()
	defer n.naming.Unlock()
	_, err := n.settle(ctx, p, "", nil)
	return err
}

// petnamed returns the petname that a person is to be given, or checks that they can do without one.
func (n *Node) petnamed(p Person, petname string) (string, error) {
	if petname == "" {
		if p.Petname != "" || p.Contact && p.Pinned != "" {
			return "", nil
		}
		return "", n.taken(p.Name, p.ID)
	}
	name, err := names.Parse(petname)
	if err != nil {
		return "", err
	}
	return name, n.taken(name, p.ID)
}

// NameContact gives a person a petname and makes them a contact.
func (n *Node) NameContact(ctx context.Context, who, petname string) (Person, error) {
	p, err := n.Resolve(ctx, who)
	if err != nil {
		return Person{}, err
	}
	name, err := names.Parse(petname)
	if err != nil {
		return Person{}, err
	}
	n.naming.Lock()
	defer n.naming.Unlock()
	for _, other := range n.people.others() {
		if other.ID != p.ID && n.keys.key(other.Petname) == n.keys.key(name) {
			public := other.public()
			return Person{}, &NameTakenError{Name: name, By: &public}
		}
	}
	return n.settle(ctx, p, name, nil)
}

// SafetyWords are the words that the owner and a person compare: the same at both.
func (n *Node) SafetyWords(ctx context.Context, who string) ([10]string, Person, error) {
	p, err := n.Resolve(ctx, who)
	if err != nil {
		return [10]string{}, Person{}, err
	}
	return crypto.SafetyWords(n.me.person, p.ID), p, nil
}

// Verify marks a person as the one whose words were compared. petname is needed if their name is somebody else's here.
func (n *Node) Verify(ctx context.Context, who, words, petname string) (Person, error) {
	want, p, err := n.SafetyWords(ctx, who)
	if err != nil {
		return Person{}, err
	}
	if !crypto.SafetyWordsEqual(words, want) {
		return Person{}, ErrWords
	}
	n.naming.Lock()
	defer n.naming.Unlock()
	name, err := n.petnamed(p, petname)
	if err != nil {
		return Person{}, err
	}
	return n.settle(ctx, p, name, func(s *store.Person) { s.Verified = true })
}

// Block stops the direct conversation with a person: what they send is thrown away, and they are told nothing.
func (n *Node) Block(ctx context.Context, who string) (Person, error) {
	return n.setBlocked(ctx, who, true)
}

// Unblock takes a Block back.
func (n *Node) Unblock(ctx context.Context, who string) (Person, error) {
	return n.setBlocked(ctx, who, false)
}

func (n *Node) setBlocked(ctx context.Context, who string, blocked bool) (Person, error) {
	p, err := n.Resolve(ctx, who)
	if err != nil {
		return Person{}, err
	}
	if blocked {
		if _, err := n.store.TakeRequest(ctx, p.ID); err != nil && !errors.Is(err, store.ErrNoEvent) {
			return Person{}, err
		}
		n.forgetInvitations(p.ID)
	}
	changed, err := n.change(ctx, p.ID, func(s *store.Person) error { s.Blocked = blocked; return nil })
	if err == nil && blocked {
		// The next session is like that with any blocked peer from its beginning.
		n.eachSession(func(s *session) {
			if them, ok := n.people.of(s.peer); ok && them.ID == p.ID {
				s.cancel(errBlocked)
			}
		})
	}
	return changed, err
}

// request keeps the opening run of somebody who is not served, unproven events excepted.
func (n *Node) request(ctx context.Context, from crypto.PersonID, run event.Run) error {
	if err := run.Prove(); err != nil {
		return fmt.Errorf("%w: %w", errUnproven, err)
	}
	if author, err := n.mayWrite(&run, Road{From: from}); err != nil || author != from {
		return errStranger
	}
	if err := n.keep(ctx, from); err != nil {
		return err
	}
	if err := n.store.PutRequest(ctx, from, run.Marshal()); err != nil {
		return err
	}
	n.presence.Bump()
	return nil
}

// Requests lists who has written and waits to be accepted, the newest last.
func (n *Node) Requests(context.Context) ([]Request, error) {
	kept, err := n.store.Requests()
	if err != nil {
		return nil, err
	}
	var out []Request
	for _, k := range kept {
		run, err := event.ParseRun(k.Run)
		if err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		p, _ := n.people.get(k.Person)
		out = append(out, Request{Person: k.Person, Name: p.Claimed, Device: run.Log().Device,
			Received: k.Received, Text: firstText(run)})
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range n.invitations {
		p, _ := n.people.get(i.by)
		r := Request{Person: i.by, Name: p.Claimed, Received: i.at, Text: "invites you to #" + i.name}
		if devices := p.card.Devices(); len(devices) > 0 {
			r.Device = devices[0]
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Request) int { return a.Received.Compare(b.Received) })
	return out, nil
}

func firstText(run event.Run) string {
	for i := range run.Events {
		if e := &run.Events[i]; e.Header.Kind == event.KindText && e.Absent == event.Present {
			if body, err := e.ParseBody(); err == nil {
				if text, err := event.ParseText(body.Content); err == nil {
					return text.Text
				}
			}
		}
	}
	return ""
}

// Accept makes a person a contact, and lets in what they wrote. petname is needed if their name is somebody else's here.
func (n *Node) Accept(ctx context.Context, who, petname string) (Person, error) {
	p, err := n.Resolve(ctx, who)
	if err != nil {
		return Person{}, err
	}
	if p.Blocked {
		return Person{}, ErrBlocked
	}
	accepted, err := n.accepted(ctx, p, petname)
	if err != nil {
		return Person{}, err
	}
	kept, err := n.store.TakeRequest(ctx, p.ID)
	if errors.Is(err, store.ErrNoEvent) {
		return accepted, nil
	}
	if err != nil {
		return accepted, err
	}
	run, err := event.ParseRun(kept.Run)
	if err != nil {
		return accepted, fmt.Errorf("read request: %w", err)
	}
	return accepted, n.Ingest(ctx, run, Road{From: p.ID}).Err
}

func (n *Node) accepted(ctx context.Context, p Person, petname string) (Person, error) {
	n.naming.Lock()
	defer n.naming.Unlock()
	name, err := n.petnamed(p, petname)
	if err != nil {
		return Person{}, err
	}
	return n.settle(ctx, p, name, nil)
}

// isContact tells discovery whose sightings always count.
func (n *Node) isContact(id peer.ID) bool {
	device, err := crypto.DeviceFromPeer(id)
	if err != nil {
		return false
	}
	them, ok := n.people.of(device)
	return ok && them.Contact
}

// pin tells the dial planner whether a person's devices are to be reached whoever else is there.
func (n *Node) pin(a acquaintance) {
	n.hub.pin(a.card.Devices(), a.Contact && !a.Blocked || n.groups.Fellows(n.me.person, a.ID))
}

func (n *Node) pinContacts() {
	for _, a := range n.people.all() {
		if a.ID != n.me.person && (a.Contact || n.groups.Fellows(n.me.person, a.ID)) {
			n.pin(a)
		}
	}
}
