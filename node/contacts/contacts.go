package contacts

import (
	"context"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Config is what Contacts are made of.
type Config struct {
	Names *Names
	Store *store.Store
	Now   func() time.Time // the owner's clock
	// Changed is told of each change to a person, after the commit.
	Changed func(before, after people.Person)
	// Requested is told when more waits of somebody than is kept here.
	Requested func()
	// Ingest lets in a run that a person has brought.
	Ingest func(ctx context.Context, run event.Run, from crypto.PersonID) error
}

// Contacts changes what the owner has chosen about persons.
type Contacts struct {
	*Names
	cfg    Config
	people *people.People
	naming gosync.Mutex // held from finding that a name is free until it is given

	mu      gosync.Mutex
	waiting map[crypto.PersonID]waiting // of whom more waits than there is budget for
}

// New returns Contacts as the store has them.
func New(cfg Config) *Contacts {
	return &Contacts{Names: cfg.Names, cfg: cfg, people: cfg.Names.cfg.People, waiting: make(map[crypto.PersonID]waiting)}
}

// Contacts returns the persons whom the owner has named, accepted, written to or blocked.
func (c *Contacts) Contacts(context.Context) ([]Person, error) {
	return slices.DeleteFunc(c.others(), func(p Person) bool { return !p.Contact && !p.Blocked }), nil
}

// change commits a change to a person and calls Config.Changed.
func (c *Contacts) change(ctx context.Context, id crypto.PersonID, f func(*book.Person) error) (Person, error) {
	before, _ := c.people.Get(id)
	if err := c.people.Update(ctx, id, f); err != nil {
		return Person{}, err
	}
	return c.changed(ctx, before)
}

// changed tells what has changed about a person since before, and returns them as they are now. The
// groups into which a new contact had brought the owner are accepted with them.
func (c *Contacts) changed(ctx context.Context, before people.Person) (Person, error) {
	after, _ := c.people.Get(before.ID)
	c.cfg.Changed(before, after)
	if after.Contact || after.Blocked {
		c.forgetWaiting(after.ID)
	}
	var err error
	if after.Contact && !after.Blocked && (!before.Contact || before.Blocked) {
		err = c.cfg.Names.cfg.Groups.AcceptDue(ctx)
	}
	return c.view(&after), err
}

// add makes a person a contact, gives them a petname unless that is empty, and has also, if there
// is one, change them further. It pins the name that they have now, unless the owner's choices give
// that name to another person or a group: then this person is reached by ID or petname only. The
// caller holds naming.
func (c *Contacts) add(ctx context.Context, p Person, petname string, also func(*book.Person)) (Person, error) {
	free := p.Name != "" && c.taken(p.Name, p.ID) == nil
	return c.change(ctx, p.ID, func(s *book.Person) error {
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

// Befriend makes a person a contact because the owner writes to them.
func (c *Contacts) Befriend(ctx context.Context, p Person) error {
	c.naming.Lock()
	defer c.naming.Unlock()
	_, err := c.add(ctx, p, "", nil)
	return err
}

// petnamed returns the petname to give to a person; "" if none is asked for and they need none. The
// error is *NameTakenError if their name, or the petname, means somebody else.
func (c *Contacts) petnamed(p Person, petname string) (string, error) {
	if petname == "" {
		if p.Petname != "" || p.Contact && p.Pinned != "" {
			return "", nil
		}
		return "", c.taken(p.Name, p.ID)
	}
	name, err := names.Parse(petname)
	if err != nil {
		return "", err
	}
	return name, c.taken(name, p.ID)
}

// NameContact gives a person a petname and makes them a contact. The error is *NameTakenError if the
// name already means somebody else or a group here. With anyway only another's petname is taken,
// and of all others who have the name the person comes first.
func (c *Contacts) NameContact(ctx context.Context, who, petname string, anyway bool) (Person, error) {
	p, err := c.Resolve(ctx, who)
	if err != nil {
		return Person{}, err
	}
	name, err := names.Parse(petname)
	if err != nil {
		return Person{}, err
	}
	c.naming.Lock()
	defer c.naming.Unlock()
	worst := phonebook.ByContact
	if anyway {
		worst = phonebook.ByPetname
	}
	if err := c.takenBy(name, p.ID, worst); err != nil {
		return Person{}, err
	}
	return c.add(ctx, p, name, nil)
}

// SafetyWords returns the words that the owner and a person compare: the same at both.
func (c *Contacts) SafetyWords(ctx context.Context, who string) ([10]string, Person, error) {
	p, err := c.Resolve(ctx, who)
	if err != nil {
		return [10]string{}, Person{}, err
	}
	return crypto.SafetyWords(c.self, p.ID), p, nil
}

// Verify marks a person as the one whose words were compared. petname is needed if their name is
// somebody else's here.
func (c *Contacts) Verify(ctx context.Context, who, words, petname string) (Person, error) {
	want, p, err := c.SafetyWords(ctx, who)
	if err != nil {
		return Person{}, err
	}
	if !crypto.SafetyWordsEqual(words, want) {
		return Person{}, ErrWords
	}
	return c.accept(ctx, p, petname, func(s *book.Person) { s.Verified = true })
}

// accept makes a person a contact under a petname, which is needed if their name is somebody else's
// here.
func (c *Contacts) accept(ctx context.Context, p Person, petname string, also func(*book.Person)) (Person, error) {
	c.naming.Lock()
	defer c.naming.Unlock()
	name, err := c.petnamed(p, petname)
	if err != nil {
		return Person{}, err
	}
	return c.add(ctx, p, name, also)
}

// Block stops the direct conversation with a person: what they send is thrown away, and they are
// told nothing. Of a stranger, what they have sent before goes too.
func (c *Contacts) Block(ctx context.Context, who string) (Person, error) {
	p, err := c.Resolve(ctx, who)
	if err != nil {
		return Person{}, err
	}
	blocked, err := c.change(ctx, p.ID, func(s *book.Person) error { s.Blocked = true; return nil })
	if err != nil || p.Contact {
		return blocked, err
	}
	return blocked, c.cfg.Store.Discard(ctx, p.ID)
}

// Unblock takes a Block back.
func (c *Contacts) Unblock(ctx context.Context, who string) (Person, error) {
	p, err := c.Resolve(ctx, who)
	if err != nil {
		return Person{}, err
	}
	return c.change(ctx, p.ID, func(s *book.Person) error { s.Blocked = false; return nil })
}
