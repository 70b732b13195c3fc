package phonebook

import (
	"cmp"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/node/people"
)

const (
	// maxNear is how many names are suggested for one that means nobody.
	maxNear = 3

	// maxEdits is how many letters may differ in a name that is suggested: a slip or two of the keys.
	maxEdits = 2
)

// Renamed returns the persons who call themselves by the name with this key. Where that name means
// nobody, the owner knows them by another.
func (b *Book) Renamed(key string, of Kind) (out []*people.Person) {
	for _, a := range b.Persons {
		if of&APerson != 0 && a.Claimed != "" && b.Key(a.Claimed) == key {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(x, y *people.Person) int { return strings.Compare(x.ID.String(), y.ID.String()) })
	return out
}

// Near returns names that mean somebody or a group and are almost the name with this key: at most
// maxNear, those that the owner has chosen first, then the most similar. The last so many of them are
// claims: only strangers are called so.
func (b *Book) Near(key string, of Kind) (out []string, claims int) {
	type candidate struct {
		name  string
		claim bool
		edits int
	}
	var found []candidate
	for name, m := range b.Names(of) {
		n := edits(key, b.Key(name))
		if n > maxEdits || 2*n >= len([]rune(key)) {
			continue
		}
		if m.Person == nil {
			name = "#" + name
		}
		found = append(found, candidate{name, m.Rank >= ByClaim, n})
	}
	slices.SortFunc(found, func(x, y candidate) int {
		if x.claim != y.claim {
			if x.claim {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(x.edits, y.edits), strings.Compare(x.name, y.name))
	})
	for _, c := range found {
		if !slices.Contains(out, c.name) && len(out) < maxNear {
			out = append(out, c.name)
			if c.claim {
				claims++
			}
		}
	}
	return out, claims
}

// edits returns how many letters have to be added, taken away, replaced or swapped with the next to
// make one text of another, or a number past maxEdits where it is more than that.
func edits(from, to string) int {
	a, b := []rune(from), []rune(to)
	if len(a)-len(b) > maxEdits || len(b)-len(a) > maxEdits {
		return maxEdits + 1
	}
	// row[j]: edits from the first letters of a to the first j of b. The rows of one and two letters
	// less stand behind it.
	row, less, least := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		least, less, row = less, row, least
		row[0] = i + 1
		for j := range b {
			change := less[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, less[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], least[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
