package node

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
)

// minPrefix is how many characters of a contact's ID stand for all of it: 32 bits, beyond which a clash in one
// address book is unlikely and still answered by listing both.
const minPrefix = 8

// rank says how much a person's hold on a name is worth; the lowest rank that fits a name decides.
type rank int

const (
	byPetname rank = iota
	byVerified
	byContact
	byClaim
	noRank
)

// holds is the rank by which p answers to the name with this skeleton. Whom the owner knows answers to what the
// owner settled, never to what they call themselves since.
func holds(p *Person, skeleton string) rank {
	is := func(name string) bool { return name != "" && names.Skeleton(name) == skeleton }
	switch {
	case is(p.Petname):
		return byPetname
	case p.Verified && is(p.Pinned):
		return byVerified
	case p.Contact && is(p.Pinned):
		return byContact
	case !p.Contact && !p.Verified && is(p.Name):
		return byClaim
	}
	return noRank
}

// resolve finds whom WHO means among the persons this node knows of.
func resolve(who string, persons []Person) (Person, error) {
	if id, err := crypto.ParsePersonID(who); err == nil {
		for _, p := range persons {
			if p.ID == id {
				return p, nil
			}
		}
		return Person{}, &UnknownError{Who: who}
	}
	if found := byPrefix(who, persons); found != nil {
		return single(who, found)
	}
	return single(who, named(who, persons))
}

// byPrefix finds the contacts whose ID begins with who. Anyone can make an ID that begins as another's does, so
// strangers are left out.
func byPrefix(who string, persons []Person) (found []Person) {
	who = strings.ToLower(who)
	if len(who) < minPrefix || strings.Trim(who, "0123456789abcdef") != "" {
		return nil
	}
	for _, p := range persons {
		if p.Contact && strings.HasPrefix(hex.EncodeToString(p.ID[:]), who) {
			found = append(found, p)
		}
	}
	return found
}

// named finds everyone of the best rank who answers to a name.
func named(name string, persons []Person) (found []Person) {
	name, err := names.Parse(name)
	if err != nil {
		return nil
	}
	skeleton, best := names.Skeleton(name), noRank
	for _, p := range persons {
		switch r := holds(&p, skeleton); {
		case r == noRank || r > best:
		case r < best:
			best, found = r, []Person{p}
		default:
			found = append(found, p)
		}
	}
	return found
}

func single(who string, found []Person) (Person, error) {
	switch len(found) {
	case 0:
		return Person{}, &UnknownError{Who: who}
	case 1:
		return found[0], nil
	}
	slices.SortFunc(found, func(a, b Person) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return Person{}, &AmbiguousError{Who: who, Candidates: found}
}

// taken finds somebody other than id whom the owner knows and who answers to name.
func taken(name string, id crypto.PersonID, persons []Person) (Person, bool) {
	skeleton := names.Skeleton(name)
	for _, p := range persons {
		if p.ID != id && holds(&p, skeleton) < byClaim {
			return p, true
		}
	}
	return Person{}, false
}
