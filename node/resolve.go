package node

import (
	"bytes"
	"context"
	"encoding/hex"
	"slices"
	"strings"
	gosync "sync"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// minPrefix is how many characters of an ID stand for all of it: 32 bits, beyond which a clash among what one owner has
// settled is unlikely and still answered by listing both.
const minPrefix = 8

// maxKeys bounds the names whose keys are remembered: more than anybody meets in a while, and 8 MiB at their longest.
const maxKeys = 1 << 15

// rank says how much a hold on a name is worth; the lowest that fits decides. What the owner has settled comes before
// what others claim.
type rank int

const (
	byPetname rank = iota
	byVerified
	byContact // a contact, or a group that the owner is in and has accepted
	byPast    // a group that the owner was in
	byClaim   // a stranger, or a group into which one has brought the owner
	noRank
)

// kind says what may be meant.
type kind int

const (
	aPerson kind = 1 << iota
	aGroup
	anyone = aPerson | aGroup
)

// kinds are those of Target.
var kinds = map[string]kind{"": anyone, "person": aPerson, "group": aGroup}

// meant is a person or a group that may be meant.
type meant struct {
	rank   rank
	person *acquaintance // nil: the group
	group  event.Conversation
}

// book is who and what there is to be meant, at one moment.
type book struct {
	persons []*acquaintance // all but the owner
	groups  []named
	key     func(name string) string
}

// named is a group as names resolve to it.
type named struct {
	id   event.Conversation
	name string
	rank func() rank
}

// holds is the rank by which p answers to the name with this key. Whom the owner knows answers to what the owner settled,
// never to what they call themselves since.
func holds(p *store.Person, key string, of func(name string) string) rank {
	is := func(name string) bool { return name != "" && of(name) == key }
	switch {
	case is(p.Petname):
		return byPetname
	case p.Verified && is(p.Pinned):
		return byVerified
	case p.Contact && is(p.Pinned):
		return byContact
	case !p.Contact && !p.Verified && is(p.Claimed):
		return byClaim
	}
	return noRank
}

// find returns whom or what WHO may mean, by the beginning of an ID or by a name: those of the best rank.
func (b *book) find(who string, of kind) []meant {
	who, of = unhashed(who, of)
	if isID(who) {
		return best(b.withPrefix(strings.ToLower(who), of))
	}
	name, err := names.Parse(who)
	if err != nil {
		return nil
	}
	return best(b.answering(names.Skeleton(name), of))
}

// unhashed takes the # away that is before groups only.
func unhashed(who string, of kind) (string, kind) {
	who, isGroup := strings.CutPrefix(who, "#")
	if isGroup {
		of &= aGroup
	}
	return who, of
}

// isID says whether WHO is an ID or the beginning of one: no name is like that.
func isID(who string) bool {
	return len(who) >= minPrefix && strings.Trim(who, "0123456789abcdefABCDEF") == ""
}

// withPrefix finds contacts, and groups that the owner has or had accepted. Anyone can make an ID that begins as another's
// does, so what is only claimed is left out.
func (b *book) withPrefix(id string, of kind) (found []meant) {
	for _, a := range b.persons {
		if of&aPerson != 0 && a.Contact && strings.HasPrefix(a.ID.String(), id) {
			found = append(found, meant{rank: byContact, person: a})
		}
	}
	for _, g := range b.groups {
		if of&aGroup == 0 || !strings.HasPrefix(g.id.String(), id) {
			continue
		}
		if r := g.rank(); r < byClaim {
			found = append(found, meant{rank: r, group: g.id})
		}
	}
	return found
}

// answering finds everybody and everything that answers to a name with this key.
func (b *book) answering(key string, of kind) (found []meant) {
	for _, a := range b.persons {
		if of&aPerson == 0 {
			break
		}
		if r := holds(&a.Person, key, b.key); r != noRank {
			found = append(found, meant{rank: r, person: a})
		}
	}
	for _, g := range b.groups {
		if of&aGroup != 0 && b.key(g.name) == key {
			found = append(found, meant{rank: g.rank(), group: g.id})
		}
	}
	return found
}

// best keeps those of the best rank, in the order of their IDs.
func best(found []meant) []meant {
	top := noRank
	for _, m := range found {
		top = min(top, m.rank)
	}
	found = slices.DeleteFunc(found, func(m meant) bool { return m.rank != top })
	id := func(m meant) []byte {
		if m.person != nil {
			return m.person.ID[:]
		}
		return m.group[:]
	}
	slices.SortFunc(found, func(x, y meant) int { return bytes.Compare(id(x), id(y)) })
	return found
}

// keys remembers the keys of names, each of which takes some microseconds: with every name that is looked up all that are
// known are compared.
type keys struct {
	mu gosync.Mutex
	of map[string]string
}

// key is that of a name, "" of what can't be one.
func (k *keys) key(name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.of[name]
	if ok {
		return key
	}
	if parsed, err := names.Parse(name); err == nil {
		key = names.Skeleton(parsed)
	}
	if k.of == nil || len(k.of) == maxKeys {
		k.of = make(map[string]string)
	}
	k.of[name] = key
	return key
}

// book opens the book.
func (n *Node) book() *book {
	b := &book{persons: n.people.others(), key: n.keys.key}
	for _, c := range n.groups.All() {
		if state, err := n.groups.State(c); err == nil {
			b.groups = append(b.groups, named{c, state.Name, func() rank { return n.groupRank(c, state) }})
		}
	}
	return b
}

// groupRank is what a group's hold on its name is worth. Anybody can bring the owner into a group that is called as they
// like; it is accepted if a contact has, or the owner has done something in it since.
func (n *Node) groupRank(c event.Conversation, state *authority.State) rank {
	me, in := state.Member(n.me.person)
	if !in {
		return byPast
	}
	inviter, _ := n.people.get(me.InvitedBy)
	if me.InvitedBy == n.me.person || inviter.Contact {
		return byContact
	}
	if wrote, err := n.store.OwnHeads(c); err == nil && n.groups.Covers(c, wrote, []crypto.Hash{me.Joined}) {
		return byContact
	}
	return byClaim
}

// find returns the one that WHO means: *UnknownError if nobody and nothing, *AmbiguousError if several equally, ErrSelf if
// the owner and nobody else.
func (n *Node) find(who string, of kind) (meant, error) {
	if m, ok := n.withID(who, of); ok {
		if m.person != nil && m.person.ID == n.me.person {
			return meant{}, ErrSelf
		}
		return m, nil
	}
	found := n.book().find(who, of)
	if len(found) == 0 && of&aPerson != 0 {
		me := book{persons: []*acquaintance{n.self()}, key: n.keys.key}
		if len(me.find(who, aPerson)) > 0 {
			return meant{}, ErrSelf
		}
	}
	return n.single(who, found)
}

// withID finds whose whole ID this is, without looking at anybody else.
func (n *Node) withID(who string, of kind) (meant, bool) {
	who, of = unhashed(who, of)
	id, err := hex.DecodeString(who)
	if err != nil || len(id) != len(crypto.PersonID{}) {
		return meant{}, false
	}
	if of&aPerson != 0 {
		if a, ok := n.people.get(crypto.PersonID(id)); ok {
			return meant{person: &a}, true
		}
	}
	group := event.Conversation(id)
	return meant{group: group}, of&aGroup != 0 && n.groups.Known(group)
}

// self is the owner as somebody to be meant.
func (n *Node) self() *acquaintance {
	return &acquaintance{Person: store.Person{ID: n.me.person, Claimed: profileName(n.ownProfile())}}
}

func (n *Node) single(who string, found []meant) (meant, error) {
	switch len(found) {
	case 0:
		return meant{}, &UnknownError{Who: who}
	case 1:
		return found[0], nil
	}
	several := &AmbiguousError{Who: who}
	for _, m := range found {
		if m.person != nil {
			several.Candidates = append(several.Candidates, m.person.public())
		} else if g, err := n.group(m.group); err == nil {
			several.Groups = append(several.Groups, g)
		}
	}
	return meant{}, several
}

// Resolve finds the person whom WHO means. See find.
func (n *Node) Resolve(_ context.Context, who string) (Person, error) {
	m, err := n.find(who, aPerson)
	if err != nil {
		return Person{}, err
	}
	return m.person.public(), nil
}

// conversation resolves WHO to a conversation; the person is nil where it is a group.
func (n *Node) conversation(who string) (event.Conversation, *Person, error) {
	m, err := n.find(who, anyone)
	if err != nil || m.person == nil {
		return m.group, nil, err
	}
	p := m.person.public()
	return event.Direct(n.me.person, p.ID), &p, nil
}

// resolveGroup finds which group is meant.
func (n *Node) resolveGroup(who string) (event.Conversation, error) {
	m, err := n.find(who, aGroup)
	return m.group, err
}

// taken is a *NameTakenError if a name means somebody or something else that the owner has settled.
func (n *Node) taken(name string, by crypto.PersonID) error {
	b := n.book()
	for _, m := range b.answering(b.key(name), anyone) {
		switch {
		case m.rank > byContact:
		case m.person == nil:
			g, err := n.group(m.group)
			if err != nil {
				return err
			}
			return &NameTakenError{Name: name, Group: &g}
		case m.person.ID != by:
			p := m.person.public()
			return &NameTakenError{Name: name, By: &p}
		}
	}
	return nil
}
