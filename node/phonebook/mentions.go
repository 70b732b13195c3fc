package phonebook

import (
	"bytes"
	"slices"
	"strings"
	gosync "sync"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// maxTried bounds how many @ of a text are followed by a look-up of a name. Each look-up takes
// time, whether or not anybody has the name.
const maxTried = 1024

// roll has the persons whom a name in a text may mean, by the keys of their names. These are the
// readers of the text, and everybody else to whom the owner has given a name. So a reader who takes
// the name of such a person is not mentioned in their place.
type roll struct{ holders map[string][]holder }

type holder struct {
	person crypto.PersonID
	rank   Rank
	reads  bool
}

func newRoll(persons []*people.Person, readers map[crypto.PersonID]bool, key func(string) string) *roll {
	r := &roll{holders: make(map[string][]holder)}
	for _, a := range persons {
		for _, name := range NamesOf(a) {
			k := key(name)
			rank := holds(&a.Person, k, key)
			if rank == noRank || rank == ByClaim && !readers[a.ID] {
				continue
			}
			if h := (holder{a.ID, rank, readers[a.ID]}); !slices.Contains(r.holders[k], h) {
				r.holders[k] = append(r.holders[k], h)
			}
		}
	}
	return r
}

// find returns the reader whom a name means; nil if it means somebody who is no reader, or several
// readers. means says whether the name means anybody, and claim whether that is only because a
// stranger claims it.
func (r *roll) find(name string) (reader *crypto.PersonID, means, claim bool) {
	parsed, err := names.Parse(name)
	if err != nil {
		return nil, false, false
	}
	top, found := noRank, 0
	for _, h := range r.holders[names.Skeleton(parsed)] {
		if h.rank < top {
			top, found, reader = h.rank, 0, nil
		}
		if h.rank == top && h.reads {
			found++
			reader = &h.person
		}
	}
	if found > 1 {
		reader = nil
	}
	return reader, top != noRank, top == ByClaim
}

// Readers are the persons who will read a text, and whom it may mention.
type Readers struct{ roll func() *roll }

// NewReaders returns the persons with these IDs as Readers. all are the persons whom a name may mean,
// and key is as Keys.Key. Nobody is looked up until a text has an @.
func NewReaders(ids []crypto.PersonID, all func() []*people.Person, key func(name string) string) Readers {
	return Readers{gosync.OnceValue(func() *roll {
		here := make(map[crypto.PersonID]bool, len(ids))
		for _, id := range ids {
			here[id] = true
		}
		return newRoll(all(), here, key)
	})}
}

// Mentioned returns the readers whom a text names with @ in front, by ID.
func (r Readers) Mentioned(text string) []crypto.PersonID { return mentions(text, r.roll) }

// mentions finds the persons whom a text names with @ in front. A name ends where no longer one
// fits, so that "@Ann Lee" means Ann Lee if there is such a person, and Ann if there is not.
func mentions(text string, among func() *roll) []crypto.PersonID {
	var found []crypto.PersonID
	for i, tried := 0, 0; i < len(text) && tried < maxTried && len(found) < event.MaxMentions; i++ {
		if text[i] != '@' || i > 0 && wordByte(text[i-1]) {
			continue
		}
		tried++
		if id := among().mentioned(text[i+1:]); id != nil && !slices.Contains(found, *id) {
			found = append(found, *id)
		}
	}
	slices.SortFunc(found, func(a, b crypto.PersonID) int { return bytes.Compare(a[:], b[:]) })
	return found
}

// wordByte says that an @ after this byte belongs to a word, as in an e-mail address.
func wordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80 || b == '.' || b == '_' || b == '-'
}

// mentioned returns the reader with whose name the text begins. The longest name that the owner has
// chosen decides, or else the longest that anybody claims. So nobody takes a mention from a contact
// by claiming a longer name.
func (r *roll) mentioned(text string) (claimed *crypto.PersonID) {
	any := false
	for _, end := range slices.Backward(wordEnds(text)) {
		reader, means, claim := r.find(text[:end])
		switch {
		case means && !claim:
			return reader
		case means && !any:
			claimed, any = reader, true
		}
	}
	return claimed
}

// wordEnds returns where a name at the beginning of a text may end. A name has at most four words.
func wordEnds(text string) []int {
	const words = 4
	var ends []int
	in := false
	for i, r := range text {
		boundary := strings.ContainsRune(" \t\n\r,;:!?()[]{}\"'<>/@.", r)
		if in && boundary {
			ends = append(ends, i)
		}
		if i > names.MaxBytes || len(ends) == words || r == '\n' {
			return ends
		}
		in = !boundary
	}
	if in {
		ends = append(ends, len(text))
	}
	return ends
}
