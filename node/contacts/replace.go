package contacts

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store/book"
)

// maxNewcomers bounds the newcomers that are told: anybody can come under any name, many times.
const maxNewcomers = 3

// Newcomer is a stranger who calls themselves as a contact does, and has come since that contact
// was last here. It may be the same human, who has lost their directory, or somebody else.
type Newcomer struct {
	Person
	// Since is when they were first known here, as far as is known: of who was not stored nothing is
	// known from before this program was started.
	Since time.Time
}

// Newcomers are those who may have come in place of a contact.
type Newcomers struct {
	Contact Person
	First   []Newcomer // at most maxNewcomers
	More    int        // how many others there are
}

// Newcomers returns those who may have come in place of the contact whom WHO means. There are none
// while the contact is here, or if WHO means no contact. Those who are connected come first, then
// who came first.
func (n *Names) Newcomers(_ context.Context, who string) (Newcomers, error) {
	m, err := n.find(who, phonebook.Anyone)
	if err != nil || m.Person == nil || !m.Person.Contact || n.cfg.Presence.Here(m.Person.ID) {
		return Newcomers{}, err
	}
	last := m.Person.Met
	for _, d := range m.Person.Parsed.Devices() {
		if seen := n.cfg.People.LastSeen(m.Person, d); seen.After(last) {
			last = seen
		}
	}
	var keys []string
	for _, name := range phonebook.NamesOf(m.Person) {
		keys = append(keys, n.keys.Key(name))
	}
	var found []Newcomer
	for _, a := range n.cfg.People.Others() {
		if !a.Contact && !a.Verified && !a.Blocked && a.Met.After(last) && a.Claimed != "" && slices.Contains(keys, n.keys.Key(a.Claimed)) {
			found = append(found, Newcomer{n.view(a), a.Met})
		}
	}
	slices.SortFunc(found, func(x, y Newcomer) int {
		if x.Online != y.Online {
			if x.Online {
				return -1
			}
			return 1
		}
		return cmp.Or(x.Since.Compare(y.Since), cmp.Compare(x.ID.String(), y.ID.String()))
	})
	first := found[:min(maxNewcomers, len(found))]
	return Newcomers{Contact: n.view(m.Person), First: first, More: len(found) - len(first)}, nil
}

// Successor finds the contact whom one WHO means, and the person whom another means, who is to take
// their place. words are the safety words of the new person; with unverified they are not compared.
// verified says that they were and are right. The error is ErrWords if they are wrong.
func (c *Contacts) Successor(ctx context.Context, old, new, words string, unverified bool) (from, to Person, verified bool, err error) {
	if from, err = c.contact(ctx, old); err != nil {
		return from, to, false, err
	}
	want, to, err := c.SafetyWords(ctx, new)
	switch {
	case err != nil:
		return from, to, false, err
	case to.ID == from.ID:
		return from, to, false, ErrSamePerson
	case to.Blocked:
		return from, to, false, ErrBlocked
	case unverified:
		return from, to, false, nil
	case !crypto.SafetyWordsEqual(words, want):
		return from, to, false, ErrWords
	}
	return from, to, true, nil
}

// Succeed makes to a contact in place of from. The names by which the owner knows from mean to from
// then on, and from is no contact any more. What to has written is let in.
func (c *Contacts) Succeed(ctx context.Context, from, to Person, verified bool) (Person, error) {
	after, err := c.succeed(ctx, from, to, verified)
	if err != nil {
		return Person{}, err
	}
	return after, c.admit(ctx, to.ID)
}

func (c *Contacts) succeed(ctx context.Context, from, to Person, verified bool) (Person, error) {
	c.naming.Lock()
	defer c.naming.Unlock()
	old, _ := c.people.Get(from.ID)
	new, _ := c.people.Get(to.ID)
	free := to.Name != "" && c.taken(to.Name, to.ID) == nil
	err := c.people.UpdateBoth(ctx, from.ID, to.ID, func(old, new *book.Person) error {
		switch {
		case old.Petname != "" || old.Pinned != "":
			new.Petname, new.Pinned = old.Petname, old.Pinned
		case !new.Contact && free:
			new.Pinned = to.Name
		}
		new.Contact = true
		new.Verified = new.Verified || verified
		release(old)
		return nil
	})
	if err != nil {
		return Person{}, err
	}
	if _, err := c.changed(ctx, old); err != nil {
		return Person{}, err
	}
	return c.changed(ctx, new)
}

// Unfriend makes a contact a stranger again, who has no name here but what they call themselves.
func (c *Contacts) Unfriend(ctx context.Context, who string) (Person, error) {
	p, err := c.contact(ctx, who)
	if err != nil {
		return Person{}, err
	}
	c.naming.Lock()
	defer c.naming.Unlock()
	return c.change(ctx, p.ID, func(s *book.Person) error { release(s); return nil })
}

// release takes away what makes a person a contact.
func release(p *book.Person) {
	p.Contact, p.Verified = false, false
	p.Petname, p.Pinned = "", ""
}

// contact is Resolve for contacts only.
func (c *Contacts) contact(ctx context.Context, who string) (Person, error) {
	p, err := c.Resolve(ctx, who)
	if err == nil && !p.Contact {
		err = ErrNotContact
	}
	return p, err
}
