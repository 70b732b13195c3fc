package node

import (
	"bytes"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/store/event"
)

// mentions finds the persons whom a text names with @ in front: by what the owner calls them, else by what they call
// themselves. A name ends where no longer one fits, so that "@Ann Lee" is her if there is one, and Ann if there is not.
func mentions(text string, among []Person) []crypto.PersonID {
	var found []crypto.PersonID
	tried := 0
	for i := 0; i < len(text) && tried < event.MaxMentions; i++ {
		if text[i] != '@' || i > 0 && wordByte(text[i-1]) {
			continue
		}
		tried++ // names that nobody has cost as much
		if id, ok := mentioned(text[i+1:], among); ok && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	slices.SortFunc(found, func(a, b crypto.PersonID) int { return bytes.Compare(a[:], b[:]) })
	return found
}

// wordByte says that an @ behind it belongs to a word, as in an address of mail.
func wordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80 || b == '.' || b == '_' || b == '-'
}

// mentioned finds the one whose name the text begins with: the longest that fits, of the best rank. If that is more than
// one person's, it is nobody's.
func mentioned(text string, among []Person) (id crypto.PersonID, ok bool) {
	for _, end := range slices.Backward(wordEnds(text)) {
		name, err := names.Parse(text[:end])
		if err != nil {
			continue
		}
		switch found := named(name, among); len(found) {
		case 0:
		case 1:
			return found[0].ID, true
		default:
			return id, false
		}
	}
	return id, false
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
