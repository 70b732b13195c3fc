// Package contacts is what the owner of the node decides about people: what a name means, who is a
// contact and under which petname, who is verified, blocked or waits to be accepted.
//
// [Names] answers whom or what a name means, by the rules of package phonebook, for everybody who is
// known now. Only a tie within the best rank is an error, which lists all of them. [Contacts]
// changes what the owner has chosen. Changes that depend on a name being free are made one at a
// time, so that no two persons get one name.
//
// Nothing here is decided by what a peer says. The methods may be called by any goroutine; those
// that change something return when that is on the disk, and call Config.Changed, by which the node
// tells its sessions. Errors that the owner can do something about are in errors.go.
package contacts

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/phonebook"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// NamesConfig is what Names are made of.
type NamesConfig struct {
	Store    *store.Store
	People   *people.People
	Owner    *people.Owner
	Groups   *groups.Groups
	Presence people.Presence
	Away     func(crypto.PersonID) bool // whether somebody who is here is away; nil: nobody is
}

// Names says whom or what a name means to the owner. Its methods may be called by any goroutine and
// commit nothing.
type Names struct {
	cfg   NamesConfig
	self  crypto.PersonID
	keys  phonebook.Keys
	alike lookAlikes
}

// NewNames returns Names of everybody who is known.
func NewNames(cfg NamesConfig) *Names { return &Names{cfg: cfg, self: cfg.Store.Own().Person} }

// phonebook returns who and what can be meant now.
func (n *Names) phonebook() *phonebook.Book {
	b := &phonebook.Book{Persons: n.cfg.People.Others(), Key: n.keys.Key}
	for _, c := range n.cfg.Groups.All() {
		if state, err := n.cfg.Groups.State(c); err == nil {
			b.Groups = append(b.Groups, phonebook.Group{ID: c, Name: n.GroupName(state.Name), Rank: func() phonebook.Rank { return n.groupRank(state) }})
		}
	}
	return b
}

// groupRank returns the rank of a group in the contest for its name. The owner is in a group only if
// they have accepted that, or a contact has brought them in.
func (n *Names) groupRank(state *authority.State) phonebook.Rank {
	if _, in := state.Member(n.self); !in {
		return phonebook.ByPast
	}
	return phonebook.ByContact
}

// find returns the person or group that WHO means. The error is *people.UnknownError if WHO means
// nobody and no group, *RenamedError if only contacts call themselves so, *AmbiguousError if WHO
// means several equally, and ErrSelf if only the owner.
func (n *Names) find(who string, of phonebook.Kind) (phonebook.Meant, error) {
	if m, ok := n.withID(who, of); ok {
		if m.Person != nil && m.Person.ID == n.self {
			return phonebook.Meant{}, ErrSelf
		}
		return m, nil
	}
	b := n.phonebook()
	found := b.Find(who, of)
	if len(found) == 0 && of&phonebook.APerson != 0 {
		me := phonebook.Book{Persons: []*people.Person{n.owner()}, Key: n.keys.Key}
		if len(me.Find(strings.TrimSuffix(who, " (you)"), phonebook.APerson)) > 0 {
			return phonebook.Meant{}, ErrSelf
		}
	}
	return n.single(b, who, of, found)
}

// withID returns the person or group that has this whole ID, or the person who has a device with
// it, without looking at anybody else.
func (n *Names) withID(who string, of phonebook.Kind) (phonebook.Meant, bool) {
	who, of = phonebook.Unhashed(who, of)
	if device, err := crypto.ParseDeviceID(who); err == nil && of&phonebook.APerson != 0 {
		p, ok := n.cfg.People.Of(device)
		return phonebook.Meant{Person: &p}, ok
	}
	id, err := crypto.ParsePersonID(who) // or a group's, which looks the same
	if err != nil {
		return phonebook.Meant{}, false
	}
	if of&phonebook.APerson != 0 {
		if p, ok := n.cfg.People.Get(id); ok {
			return phonebook.Meant{Person: &p}, true
		}
	}
	group := event.Conversation(id)
	return phonebook.Meant{Group: group}, of&phonebook.AGroup != 0 && n.cfg.Groups.Known(group)
}

// owner returns the owner as a person whom a name may mean.
func (n *Names) owner() *people.Person {
	return &people.Person{Person: book.Person{ID: n.self, Claimed: n.cfg.Owner.Name()}}
}

// nobody returns the error for a WHO that means nobody and no group.
func (n *Names) nobody(b *phonebook.Book, who string, of phonebook.Kind) error {
	name, of := phonebook.Unhashed(who, of)
	unknown := &people.UnknownError{Who: who}
	switch of {
	case phonebook.APerson:
		unknown.Wanted = "person"
	case phonebook.AGroup:
		unknown.Wanted = "group"
	}
	key := b.Key(name)
	if key == "" {
		return unknown
	}
	renamed := b.Renamed(key, of)
	if len(renamed) == 0 {
		unknown.Near, unknown.Claims = b.Near(key, of)
		return unknown
	}
	err := &RenamedError{Who: who}
	for _, a := range renamed {
		err.Persons = append(err.Persons, n.view(a))
	}
	return err
}

// Readers returns the persons with these IDs as those who will read a text.
func (n *Names) Readers(ids ...crypto.PersonID) phonebook.Readers {
	return phonebook.NewReaders(ids, n.cfg.People.Others, n.keys.Key)
}

// single returns the only one of those whom a phonebook finds for WHO.
func (n *Names) single(b *phonebook.Book, who string, of phonebook.Kind, found []phonebook.Meant) (phonebook.Meant, error) {
	switch len(found) {
	case 0:
		return phonebook.Meant{}, n.nobody(b, who, of)
	case 1:
		return found[0], nil
	}
	several := &AmbiguousError{Who: who}
	for _, m := range found {
		if m.Person != nil {
			several.Candidates = append(several.Candidates, n.view(m.Person))
		} else if g, err := n.Group(m.Group); err == nil {
			several.Groups = append(several.Groups, g)
		}
	}
	return phonebook.Meant{}, several
}

// Resolve finds the person whom WHO means. The error is *people.UnknownError if WHO means nobody,
// *RenamedError if only contacts call themselves so, *AmbiguousError if WHO means several equally,
// and ErrSelf if only the owner.
func (n *Names) Resolve(_ context.Context, who string) (Person, error) {
	m, err := n.find(who, phonebook.APerson)
	if err != nil {
		return Person{}, err
	}
	return n.view(m.Person), nil
}

// Like returns the contacts whose names look like what WHO calls themselves, in the order of their IDs.
// There are none if WHO is a contact. The errors are those of Resolve.
func (n *Names) Like(_ context.Context, who string) ([]Person, error) {
	m, err := n.find(who, phonebook.APerson)
	if err != nil {
		return nil, err
	}
	return n.namesakes()(m.Person), nil
}

// namesakes returns what finds the contacts whose names look like what somebody calls themselves, in the order of
// their IDs. It reads the contacts once, for as many as it is asked about.
func (n *Names) namesakes() func(*people.Person) []Person {
	contacts := slices.DeleteFunc(n.cfg.People.Others(), func(p *people.Person) bool { return !p.Contact })
	slices.SortFunc(contacts, func(x, y *people.Person) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	b := phonebook.Book{Persons: contacts, Key: n.keys.Key}
	holders := make(map[string][]*people.Person)
	for name, m := range b.Names(phonebook.APerson) {
		if key := n.keys.Key(name); !slices.Contains(holders[key], m.Person) {
			holders[key] = append(holders[key], m.Person)
		}
	}
	return func(p *people.Person) (found []Person) {
		key := n.keys.Key(p.Claimed)
		if p.Contact || key == "" {
			return nil
		}
		for _, q := range holders[key] {
			found = append(found, n.view(q))
		}
		return found
	}
}

// Conversation finds the conversation that WHO means. The person is nil where it is a group. The
// errors are those of Resolve.
func (n *Names) Conversation(who string) (event.Conversation, *Person, error) {
	m, err := n.find(who, phonebook.Anyone)
	if err != nil || m.Person == nil {
		return m.Group, nil, err
	}
	p := n.view(m.Person)
	return event.Direct(n.self, p.ID), &p, nil
}

// ConversationOf is Conversation for a caller who only reads. A person or group given by the whole
// ID need not be known here: otherwise a program that goes on reading by ID would fail once a
// stranger is forgotten.
func (n *Names) ConversationOf(who string) (event.Conversation, error) {
	text, of := phonebook.Unhashed(who, phonebook.Anyone)
	id, err := crypto.ParsePersonID(text) // or a group's, which looks the same
	if err != nil {
		c, _, err := n.Conversation(who)
		return c, err
	}
	c := event.Conversation(id)
	if of&phonebook.APerson != 0 && !n.cfg.Groups.Known(c) {
		c = event.Direct(n.self, id)
	}
	return c, nil
}

// PersonOf is Resolve for a caller who only reads. A person given by the whole ID need not be known
// here, as in ConversationOf.
func (n *Names) PersonOf(who string) (crypto.PersonID, error) {
	if id, err := crypto.ParsePersonID(who); err == nil {
		return id, nil
	}
	m, err := n.find(who, phonebook.APerson)
	if err != nil {
		return crypto.PersonID{}, err
	}
	return m.Person.ID, nil
}

// ResolveGroup finds the group that WHO means. The errors are those of Resolve.
func (n *Names) ResolveGroup(who string) (event.Conversation, error) {
	m, err := n.find(who, phonebook.AGroup)
	return m.Group, err
}

// Member finds the member of a group whom WHO means. A name means the same person as everywhere
// else. Where it means several persons equally, only the members among them count. The error is
// ErrNotMember if WHO means nobody in the group.
func (n *Names) Member(state *authority.State, who string) (crypto.PersonID, error) {
	id, err := crypto.ParsePersonID(who) // nothing else may be known of them
	if m, ok := n.withID(who, phonebook.APerson); ok {
		id, err = m.Person.ID, nil
	}
	if err == nil {
		if _, in := state.Member(id); !in {
			return id, ErrNotMember
		}
		return id, nil
	}
	b := n.phonebook()
	b.Persons = append(b.Persons, n.owner())
	for _, member := range state.Members {
		if _, known := n.cfg.People.Get(member.Person); !known {
			b.Persons = append(b.Persons, &people.Person{Person: book.Person{ID: member.Person}})
		}
	}
	found := b.Find(who, phonebook.APerson)
	members := slices.DeleteFunc(slices.Clone(found), func(m phonebook.Meant) bool {
		_, in := state.Member(m.Person.ID)
		return !in
	})
	if len(found) > 0 && len(members) == 0 {
		return crypto.PersonID{}, ErrNotMember
	}
	m, err := n.single(b, who, phonebook.APerson, members)
	if err != nil {
		return crypto.PersonID{}, err
	}
	return m.Person.ID, nil
}

// taken returns a *NameTakenError if the owner's choices already give a name to a group or to a
// person other than p.
func (n *Names) taken(name string, p crypto.PersonID) error {
	return n.takenBy(name, p, phonebook.ByContact)
}

// takenBy is taken by those who have the name with at least this rank.
func (n *Names) takenBy(name string, p crypto.PersonID, worst phonebook.Rank) error {
	return n.takenBut(name, worst, func(m phonebook.Meant) bool { return m.Person != nil && m.Person.ID == p })
}

// takenBut returns a *NameTakenError if a person or a group has a name with at least this rank,
// except for one for whom but holds.
func (n *Names) takenBut(name string, worst phonebook.Rank, but func(phonebook.Meant) bool) error {
	b := n.phonebook()
	for _, m := range b.Answering(b.Key(name), phonebook.Anyone) {
		switch {
		case m.Rank > worst || but(m):
		case m.Person == nil:
			g, err := n.Group(m.Group)
			if err != nil {
				return err
			}
			return &NameTakenError{Name: name, Group: &g}
		default:
			by := n.view(m.Person)
			return &NameTakenError{Name: name, By: &by}
		}
	}
	return nil
}
