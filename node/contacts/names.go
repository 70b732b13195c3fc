// Package contacts is what the owner of the node decides about people: what a name means, who is a
// contact and under which petname, who is verified, blocked or waits to be accepted.
//
// [Names] answers whom or what a name means. Names are claims, so the answer goes by rank: the
// owner's petname, a verified person, a contact or a group that the owner has accepted, then
// everybody else. Only a tie within the best rank is an error, which lists all of them. [Contacts]
// changes what the owner has chosen. Changes that depend on a name being free are made one at a
// time, so that no two persons get one name.
//
// Nothing here is decided by what a peer says. The methods may be called by any goroutine; those
// that change something return when that is on the disk, and call Config.Changed, by which the node
// tells its sessions. Errors that the owner can do something about are in errors.go.
package contacts

import (
	"context"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/people"
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
}

// Names says whom or what a name means to the owner. Its methods may be called by any goroutine and
// commit nothing.
type Names struct {
	cfg  NamesConfig
	self crypto.PersonID
	keys keys
}

// NewNames returns Names of everybody who is known.
func NewNames(cfg NamesConfig) *Names { return &Names{cfg: cfg, self: cfg.Store.Own().Person} }

// phonebook returns who and what can be meant now.
func (n *Names) phonebook() *phonebook {
	b := &phonebook{persons: n.cfg.People.Others(), key: n.keys.key}
	for _, c := range n.cfg.Groups.All() {
		if state, err := n.cfg.Groups.State(c); err == nil {
			b.groups = append(b.groups, named{c, state.Name, func() rank { return n.groupRank(c, state) }})
		}
	}
	return b
}

// groupRank returns the rank of a group in the contest for its name. Anybody can bring the owner
// into a group with any name. So a group counts as accepted only if the owner or a contact brought
// the owner in, or if the owner has written in it since.
func (n *Names) groupRank(c event.Conversation, state *authority.State) rank {
	me, in := state.Member(n.self)
	if !in {
		return byPast
	}
	inviter, _ := n.cfg.People.Get(me.InvitedBy)
	if me.InvitedBy == n.self || inviter.Contact {
		return byContact
	}
	if wrote, err := n.cfg.Store.OwnHeads(c); err == nil && n.cfg.Groups.Covers(c, wrote, []crypto.Hash{me.Joined}) {
		return byContact
	}
	return byClaim
}

// find returns the person or group that WHO means. The error is *people.UnknownError if WHO means
// nobody and no group, *RenamedError if only contacts call themselves so, *AmbiguousError if WHO
// means several equally, and ErrSelf if only the owner.
func (n *Names) find(who string, of kind) (meant, error) {
	if m, ok := n.withID(who, of); ok {
		if m.person != nil && m.person.ID == n.self {
			return meant{}, ErrSelf
		}
		return m, nil
	}
	b := n.phonebook()
	found := b.find(who, of)
	if len(found) == 0 && of&aPerson != 0 {
		me := phonebook{persons: []*people.Person{n.owner()}, key: n.keys.key}
		if len(me.find(strings.TrimSuffix(who, " (you)"), aPerson)) > 0 {
			return meant{}, ErrSelf
		}
	}
	return n.single(b, who, of, found)
}

// withID returns the person or group that has this whole ID, or the person who has a device with
// it, without looking at anybody else.
func (n *Names) withID(who string, of kind) (meant, bool) {
	who, of = unhashed(who, of)
	if device, err := crypto.ParseDeviceID(who); err == nil && of&aPerson != 0 {
		p, ok := n.cfg.People.Of(device)
		return meant{person: &p}, ok
	}
	id, err := crypto.ParsePersonID(who) // or a group's, which looks the same
	if err != nil {
		return meant{}, false
	}
	if of&aPerson != 0 {
		if p, ok := n.cfg.People.Get(id); ok {
			return meant{person: &p}, true
		}
	}
	group := event.Conversation(id)
	return meant{group: group}, of&aGroup != 0 && n.cfg.Groups.Known(group)
}

// owner returns the owner as a person whom a name may mean.
func (n *Names) owner() *people.Person {
	return &people.Person{Person: book.Person{ID: n.self, Claimed: n.cfg.Owner.Name()}}
}

// single returns the only one of those whom a phonebook finds for WHO.
func (n *Names) single(b *phonebook, who string, of kind, found []meant) (meant, error) {
	switch len(found) {
	case 0:
		return meant{}, n.nobody(b, who, of)
	case 1:
		return found[0], nil
	}
	several := &AmbiguousError{Who: who}
	for _, m := range found {
		if m.person != nil {
			several.Candidates = append(several.Candidates, n.view(m.person))
		} else if g, err := n.Group(m.group); err == nil {
			several.Groups = append(several.Groups, g)
		}
	}
	return meant{}, several
}

// Resolve finds the person whom WHO means. The error is *people.UnknownError if WHO means nobody,
// *RenamedError if only contacts call themselves so, *AmbiguousError if WHO means several equally,
// and ErrSelf if only the owner.
func (n *Names) Resolve(_ context.Context, who string) (Person, error) {
	m, err := n.find(who, aPerson)
	if err != nil {
		return Person{}, err
	}
	return n.view(m.person), nil
}

// Conversation finds the conversation that WHO means. The person is nil where it is a group. The
// errors are those of Resolve.
func (n *Names) Conversation(who string) (event.Conversation, *Person, error) {
	m, err := n.find(who, anyone)
	if err != nil || m.person == nil {
		return m.group, nil, err
	}
	p := n.view(m.person)
	return event.Direct(n.self, p.ID), &p, nil
}

// ConversationOf is Conversation for a caller who only reads. A person or group given by the whole
// ID need not be known here: otherwise a program that goes on reading by ID would fail once a
// stranger is forgotten.
func (n *Names) ConversationOf(who string) (event.Conversation, error) {
	text, of := unhashed(who, anyone)
	id, err := crypto.ParsePersonID(text) // or a group's, which looks the same
	if err != nil {
		c, _, err := n.Conversation(who)
		return c, err
	}
	c := event.Conversation(id)
	if of&aPerson != 0 && !n.cfg.Groups.Known(c) {
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
	m, err := n.find(who, aPerson)
	if err != nil {
		return crypto.PersonID{}, err
	}
	return m.person.ID, nil
}

// ResolveGroup finds the group that WHO means. The errors are those of Resolve.
func (n *Names) ResolveGroup(who string) (event.Conversation, error) {
	m, err := n.find(who, aGroup)
	return m.group, err
}

// Member finds the member of a group whom WHO means. A name means the same person as everywhere
// else. Where it means several persons equally, only the members among them count. The error is
// ErrNotMember if WHO means nobody in the group.
func (n *Names) Member(state *authority.State, who string) (crypto.PersonID, error) {
	id, err := crypto.ParsePersonID(who) // nothing else may be known of them
	if m, ok := n.withID(who, aPerson); ok {
		id, err = m.person.ID, nil
	}
	if err == nil {
		if _, in := state.Member(id); !in {
			return id, ErrNotMember
		}
		return id, nil
	}
	b := n.phonebook()
	b.persons = append(b.persons, n.owner())
	for _, member := range state.Members {
		if _, known := n.cfg.People.Get(member.Person); !known {
			b.persons = append(b.persons, &people.Person{Person: book.Person{ID: member.Person}})
		}
	}
	found := b.find(who, aPerson)
	members := slices.DeleteFunc(slices.Clone(found), func(m meant) bool {
		_, in := state.Member(m.person.ID)
		return !in
	})
	if len(found) > 0 && len(members) == 0 {
		return crypto.PersonID{}, ErrNotMember
	}
	m, err := n.single(b, who, aPerson, members)
	if err != nil {
		return crypto.PersonID{}, err
	}
	return m.person.ID, nil
}

// taken returns a *NameTakenError if the owner's choices already give a name to a group or to a
// person other than p.
func (n *Names) taken(name string, p crypto.PersonID) error { return n.takenBy(name, p, byContact) }

// takenBy is taken by those who have the name with at least this rank.
func (n *Names) takenBy(name string, p crypto.PersonID, worst rank) error {
	return n.takenBut(name, worst, func(m meant) bool { return m.person != nil && m.person.ID == p })
}

// takenBut returns a *NameTakenError if a person or a group has a name with at least this rank,
// except for one for whom but holds.
func (n *Names) takenBut(name string, worst rank, but func(meant) bool) error {
	b := n.phonebook()
	for _, m := range b.answering(b.key(name), anyone) {
		switch {
		case m.rank > worst || but(m):
		case m.person == nil:
			g, err := n.Group(m.group)
			if err != nil {
				return err
			}
			return &NameTakenError{Name: name, Group: &g}
		default:
			by := n.view(m.person)
			return &NameTakenError{Name: name, By: &by}
		}
	}
	return nil
}
