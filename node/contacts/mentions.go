package contacts

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

// maxTried bounds after how many @ of a text a name is looked for. Each takes time, whether or not
// anybody has the name.
const maxTried = 1024

// roll is whom a text may mention, by the keys of their names: the readers of the text, and whoever
// the owner knows, so that no reader is taken for them.
type roll struct{ holders map[string][]holder }

type holder struct {
	person crypto.PersonID
	rank   rank
	reads  bool
}

func newRoll(persons []*people.Person, readers map[crypto.PersonID]bool, key func(string) string) *roll {
	r := &roll{holders: make(map[string][]holder)}
	for _, a := range persons {
		for _, name := range [...]string{a.Petname, a.Pinned, a.Claimed} {
			if name == "" {
				continue
			}
			k := key(name)
			rank := holds(&a.Person, k, key)
			if rank == noRank || rank == byClaim && !readers[a.ID] {
				continue
			}
			if h := (holder{a.ID, rank, readers[a.ID]}); !slices.Contains(r.holders[k], h) {
				r.holders[k] = append(r.holders[k], h)
			}
		}
	}
	return r
}

// find returns which reader a name means: none if it means somebody who does not read, or several.
// It says whether the name means anybody, and by a claim only.
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
	return reader, top != noRank, top == byClaim
}

// Readers are those who will read a text, whom it may mention.
type Readers struct{ roll func() *roll }

// Readers returns those with IDs. Nothing is looked up before a text with an @ is.
func (n *Names) Readers(ids ...crypto.PersonID) Readers {
	return Readers{gosync.OnceValue(func() *roll {
		here := make(map[crypto.PersonID]bool, len(ids))
		for _, id := range ids {
			here[id] = true
		}
		return newRoll(n.cfg.People.Others(), here, n.keys.key)
	})}
}

// Mentioned returns the readers whom a text names with @ in front, by ID.
func (r Readers) Mentioned(text string) []crypto.PersonID { return mentions(text, r.roll) }

// mentions finds the persons whom a text names with @ in front. A name ends where no longer one
// fits, so that "@Ann Lee" is her if there is one, and Ann if there is not.
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

// wordByte says that an @ behind it belongs to a word, as in an address of mail.
func wordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80 || b == '.' || b == '_' || b == '-'
}

// mentioned finds the one with whose name the text begins: the longest name that the owner has
// chosen, or else the longest that anybody claims. So nobody takes a mention from a contact by
// claiming a longer name.
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

// wordEnds are the places where a name at the beginning of a text may end: at most four words on.
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
