package contacts

import (
	"bytes"
	"iter"
	"slices"
	"strings"
	gosync "sync"

	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// minPrefix is how many characters of an ID, at least, stand for all of it. With 32 bits a clash
// among one owner's contacts and groups is unlikely; if there is one, both are listed.
const minPrefix = 8

// maxKeys bounds the names whose keys are remembered: more than anybody meets in a while, and 8 MiB
// at their longest.
const maxKeys = 1 << 15

// rank says by what right somebody has a name; of all who have it, those with the lowest rank are
// meant. What the owner has chosen comes before what others claim.
type rank int

const (
	byPetname rank = iota
	byVerified
	byContact // a contact, or a group that the owner is in and has accepted
	byPast    // a group that the owner was in
	byClaim   // a stranger, or a group into which a stranger has brought the owner
	noRank
)

// kind says whether a name may mean a person, a group or either.
type kind int

const (
	aPerson kind = 1 << iota
	aGroup
	anyone = aPerson | aGroup
)

// kinds are the kinds that Names.Target takes.
var kinds = map[string]kind{"": anyone, "person": aPerson, "group": aGroup}

// meant is a person or a group that a name may mean.
type meant struct {
	rank   rank
	person *people.Person // nil: the group
	group  event.Conversation
}

// phonebook has the persons and groups that a name can mean at one moment.
type phonebook struct {
	persons []*people.Person // all but the owner
	groups  []named
	key     func(name string) string
}

// named is what the phonebook has of a group.
type named struct {
	id   event.Conversation
	name string
	rank func() rank
}

// holds returns the rank by which p has the name with this key. It is the one rule for what
// somebody is called. Contacts and verified persons have the names that the owner has chosen, the
// petname or the pinned name, and never what they call themselves since.
func holds(p *book.Person, key string, of func(name string) string) rank {
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

// find returns the persons and groups that WHO may mean, by the beginning of an ID, by a name or by
// a label. They all have the best rank that it finds.
func (b *phonebook) find(who string, of kind) (found []meant) {
	who, of = unhashed(who, of)
	if isID(who) {
		return best(b.withPrefix(strings.ToLower(who), of))
	}
	if name, err := names.Parse(who); err == nil {
		found = b.answering(names.Skeleton(name), of)
	}
	// Somebody may have a name that looks like a label.
	settled := slices.ContainsFunc(found, func(m meant) bool { return m.rank < byClaim })
	if l, ok := parseLabel(who, b.key); ok && !(settled && l.cut) {
		found = append(found, b.labelled(l, of)...)
	}
	return best(found)
}

// unhashed takes away the # before a name. A name that had one can mean only a group.
func unhashed(who string, of kind) (string, kind) {
	who, isGroup := strings.CutPrefix(who, "#")
	if isGroup {
		of &= aGroup
	}
	return who, of
}

// isID says whether WHO is an ID or the beginning of one. No name looks like that.
func isID(who string) bool {
	return len(who) >= minPrefix && strings.Trim(who, "0123456789abcdefABCDEF") == ""
}

// withPrefix finds persons and groups by the beginning of an ID. Anyone can make an ID that begins
// as another's does, so strangers and their groups have the last rank, as they have with a name.
func (b *phonebook) withPrefix(id string, of kind) (found []meant) {
	for _, a := range b.persons {
		if of&aPerson == 0 || !strings.HasPrefix(a.ID.String(), id) {
			continue
		}
		m := meant{rank: byClaim, person: a}
		if a.Contact || a.Verified {
			m.rank = byContact
		}
		found = append(found, m)
	}
	for _, g := range b.groups {
		if of&aGroup != 0 && strings.HasPrefix(g.id.String(), id) {
			found = append(found, meant{rank: g.rank(), group: g.id})
		}
	}
	return found
}

// answering finds all persons and groups that have the name with this key.
func (b *phonebook) answering(key string, of kind) (found []meant) {
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

// names returns every name that means somebody or a group, with what it means.
func (b *phonebook) names(of kind) iter.Seq2[string, meant] {
	return func(yield func(string, meant) bool) {
		for _, a := range b.persons {
			if of&aPerson == 0 {
				break
			}
			for _, name := range namesOf(a) {
				if r := holds(&a.Person, b.key(name), b.key); r != noRank && !yield(name, meant{rank: r, person: a}) {
					return
				}
			}
		}
		for _, g := range b.groups {
			if of&aGroup != 0 && !yield(g.name, meant{rank: g.rank(), group: g.id}) {
				return
			}
		}
	}
}

// namesOf returns the names of a person: those that the owner knows them by, and what they call
// themselves.
func namesOf(a *people.Person) []string {
	return slices.DeleteFunc([]string{a.Petname, a.Pinned, a.Claimed}, func(name string) bool { return name == "" })
}

// best keeps the persons and groups of the best rank, each once, in the order of their IDs.
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
	return slices.CompactFunc(found, func(x, y meant) bool { return bytes.Equal(id(x), id(y)) })
}

// keys remembers the keys of names: names that look alike have the same key. Each takes some
// microseconds to make, and every name that is looked up is compared with all that are known.
type keys struct {
	mu gosync.Mutex
	of map[string]string
}

// key returns the key of a name, or "" for a text that can't be a name.
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
