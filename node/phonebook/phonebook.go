// Package phonebook says whom or what a text means: a name, an ID or the beginning of one, or what is
// printed of a person or group, as "Bob (c4b3bf631f00aa22)". It also says whom a message mentions, and which
// names are near one that means nobody.
//
// Names are claims, so the answer goes by [Rank]: the owner's petname, a verified person, a contact
// or a group that the owner has accepted, then everybody else. A [Book] has the persons and groups
// of one moment; it is made for each question. [Keys] remembers what names look like, and is made
// once.
//
// The package is pure: it reads no store and no clock, and changes nothing. A text that means nobody,
// or several equally, is no error here. Package contacts fills the book with who is known now, knows
// who the owner is, and makes errors of such answers. A Book is for one goroutine, Keys for any.
package phonebook

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

// maxKeys bounds the names whose keys are remembered: more than anybody meets in a while, and 6 MiB
// at their longest.
const maxKeys = 1 << 14

// Rank says by what right somebody has a name; of all who have it, those with the lowest rank are
// meant. What the owner has chosen comes before what others claim.
type Rank int

const (
	ByPetname Rank = iota
	ByVerified
	ByContact // a contact, or a group that the owner is in
	ByPast    // a group that the owner was in
	ByClaim   // a stranger
	noRank
)

// Kind says whether a name may mean a person, a group or either.
type Kind int

const (
	APerson Kind = 1 << iota
	AGroup
	Anyone = APerson | AGroup
)

// Meant is a person or a group that a text may mean.
type Meant struct {
	Rank   Rank
	Person *people.Person // nil: the group
	Group  event.Conversation
}

// Book has the persons and groups that a text can mean at one moment.
type Book struct {
	Persons []*people.Person // all but the owner
	Groups  []Group
	Key     func(name string) string // as Keys.Key
}

// Group is what a Book has of a group.
type Group struct {
	ID   event.Conversation
	Name string
	Rank func() Rank
}

// holds returns the rank by which p has the name with this key. It is the one rule for what
// somebody is called. Contacts and verified persons have the names that the owner has chosen, the
// petname or the pinned name, and never what they call themselves since.
func holds(p *book.Person, key string, of func(name string) string) Rank {
	is := func(name string) bool { return name != "" && of(name) == key }
	switch {
	case is(p.Petname):
		return ByPetname
	case p.Verified && is(p.Pinned):
		return ByVerified
	case p.Contact && is(p.Pinned):
		return ByContact
	case !p.Contact && !p.Verified && is(p.Claimed):
		return ByClaim
	}
	return noRank
}

// Find returns the persons and groups that WHO may mean, by the beginning of an ID, by a name or by
// a label. They all have the best rank that it finds.
func (b *Book) Find(who string, of Kind) (found []Meant) {
	who, of = Unhashed(who, of)
	if isID(who) {
		return best(b.withPrefix(strings.ToLower(who), of))
	}
	if name, err := names.Parse(who); err == nil {
		found = b.Answering(names.Skeleton(name), of)
	}
	if l, ok := parseLabel(who, b.Key); ok {
		found = decide(found, b.labelled(l, of), &l)
	}
	return best(found)
}

// decide returns who may be meant of those who have a text as their name, and of those whom it fits as
// a label. Somebody may have taken a name that looks like another's label, and keep it as a contact.
// What is printed of a contact still means that one, by the ID; and a name that was cut may be meant
// only if it is one that the owner gave. A nickname that looks like a label stands as it was given.
func decide(named, labelled []Meant, l *label) []Meant {
	settled := func(m Meant) bool { return m.Rank < ByClaim }
	given := func(m Meant) bool { return m.Rank == ByPetname }
	switch {
	case l.id != "" && slices.ContainsFunc(labelled, settled):
		named = slices.DeleteFunc(named, func(m Meant) bool { return !given(m) })
	case l.cut && slices.ContainsFunc(named, settled):
		labelled = slices.DeleteFunc(labelled, func(m Meant) bool { return !given(m) })
	}
	return append(named, labelled...)
}

// Unhashed takes away the # before a name. A name that had one can mean only a group.
func Unhashed(who string, of Kind) (string, Kind) {
	who, isGroup := strings.CutPrefix(who, "#")
	if isGroup {
		of &= AGroup
	}
	return who, of
}

// isID says whether WHO is an ID or the beginning of one. No name looks like that.
func isID(who string) bool {
	return len(who) >= minPrefix && strings.Trim(who, "0123456789abcdefABCDEF") == ""
}

// withPrefix finds persons and groups by the beginning of an ID. Anyone can make an ID that begins
// as another's does, so strangers have the last rank, as they have with a name.
func (b *Book) withPrefix(id string, of Kind) (found []Meant) {
	for _, a := range b.Persons {
		if of&APerson == 0 || !strings.HasPrefix(a.ID.String(), id) {
			continue
		}
		m := Meant{Rank: ByClaim, Person: a}
		if a.Contact || a.Verified {
			m.Rank = ByContact
		}
		found = append(found, m)
	}
	for _, g := range b.Groups {
		if of&AGroup != 0 && strings.HasPrefix(g.ID.String(), id) {
			found = append(found, Meant{Rank: g.Rank(), Group: g.ID})
		}
	}
	return found
}

// Answering finds all persons and groups that have the name with this key.
func (b *Book) Answering(key string, of Kind) (found []Meant) {
	for _, a := range b.Persons {
		if of&APerson == 0 {
			break
		}
		if r := holds(&a.Person, key, b.Key); r != noRank {
			found = append(found, Meant{Rank: r, Person: a})
		}
	}
	for _, g := range b.Groups {
		if of&AGroup != 0 && b.Key(g.Name) == key {
			found = append(found, Meant{Rank: g.Rank(), Group: g.ID})
		}
	}
	return found
}

// Names returns every name that means somebody or a group, with what it means.
func (b *Book) Names(of Kind) iter.Seq2[string, Meant] {
	return func(yield func(string, Meant) bool) {
		for _, a := range b.Persons {
			if of&APerson == 0 {
				break
			}
			for _, name := range NamesOf(a) {
				if r := holds(&a.Person, b.Key(name), b.Key); r != noRank && !yield(name, Meant{Rank: r, Person: a}) {
					return
				}
			}
		}
		for _, g := range b.Groups {
			if of&AGroup != 0 && !yield(g.Name, Meant{Rank: g.Rank(), Group: g.ID}) {
				return
			}
		}
	}
}

// NamesOf returns the names of a person: those that the owner knows them by, and what they call
// themselves.
func NamesOf(a *people.Person) []string {
	return slices.DeleteFunc([]string{a.Petname, a.Pinned, a.Claimed}, func(name string) bool { return name == "" })
}

// best keeps the persons and groups of the best rank, each once, in the order of their IDs.
func best(found []Meant) []Meant {
	top := noRank
	for _, m := range found {
		top = min(top, m.Rank)
	}
	found = slices.DeleteFunc(found, func(m Meant) bool { return m.Rank != top })
	id := func(m Meant) []byte {
		if m.Person != nil {
			return m.Person.ID[:]
		}
		return m.Group[:]
	}
	slices.SortFunc(found, func(x, y Meant) int { return bytes.Compare(id(x), id(y)) })
	return slices.CompactFunc(found, func(x, y Meant) bool { return bytes.Equal(id(x), id(y)) })
}

// Keys remembers the keys of names: names that look alike have the same key. Each takes some
// microseconds to make, and every name that is looked up is compared with all that are known.
type Keys struct {
	mu gosync.Mutex
	of map[string]entry
}

// entry is what Keys remember of a text.
type entry struct{ key, claim string }

// Key returns the key of a name, or "" for a text that can't be a name.
func (k *Keys) Key(name string) string { return k.get(name).key }

// Claim returns the name that somebody has given themselves or a group, or "" for a text that can't
// be such a name.
func (k *Keys) Claim(given string) string { return k.get(given).claim }

func (k *Keys) get(text string) entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.of[text]
	if ok {
		return e
	}
	if name, err := names.Parse(text); err == nil {
		e.key = names.Skeleton(name)
	}
	if name, err := names.Claim(text); err == nil {
		e.claim = name
	}
	if k.of == nil || len(k.of) == maxKeys {
		k.of = make(map[string]entry)
	}
	k.of[text] = e
	return e
}
