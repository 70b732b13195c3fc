package phonebook

import (
	"regexp"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/crypto/names"
)

// label is what commands print to say who somebody is, as somebody may type it again: a name, and
// behind it in parentheses what tells two of one name apart, and what the person calls themselves
// now. Examples are Bob (c4b3bf631f00aa22), Bob (verified c4b3bf631f00aa22, now "Robert") and "Bob"
// (not a contact yet d2a8e6f10b1c2d3e). The quotation marks may be left out, and the name or the parentheses.
type label struct {
	key      string // of the name; "": any
	cut      bool   // the name goes on: a row of a list had no room for all of it
	id       string // the beginning of an ID; "": any
	stranger bool   // means only who is no contact
	verified bool   // means only who is verified
}

const (
	// maxLabel bounds a label in bytes: a name, and what stands around it.
	maxLabel = 4*names.MaxBytes + 64

	ellipsis = "…" // stands for the rest of a name that was cut

	wordStranger = "not a contact yet"
	wordVerified = "verified"
)

// labels takes a label apart into the name, a word and the beginning of an ID.
var labels = regexp.MustCompile(`^(?:(.*?) +)??\(?(?:(` + wordStranger + `|` + wordVerified + `)\b[ ,]*)?([0-9a-fA-F]{8,64})?\)?$`)

// nowCalled is the part of a label that says what a person calls themselves now. It decides nothing.
var nowCalled = regexp.MustCompile(`(?:, | \()now "(?:[^"\\]|\\.)*"\)$`)

// unescape takes back what is done to a name in quotation marks.
var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

// parseLabel reads a label. ok is false for a text that is none, such as a bare name.
func parseLabel(text string, key func(name string) string) (l label, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) > maxLabel {
		return l, false
	}
	said := text
	if at := nowCalled.FindStringIndex(text); at != nil && at[0] > 0 {
		text = text[:at[0]]
	}
	name := text
	if parts := labels.FindStringSubmatch(text); parts != nil && parts[2]+parts[3] != "" {
		name = strings.TrimSpace(parts[1])
		l = label{id: strings.ToLower(parts[3]), stranger: parts[2] == wordStranger, verified: parts[2] == wordVerified}
	}
	// A name with characters that mean something in a row stands in quotation marks.
	plain := name
	if len(name) > 2 && name[0] == '"' && name[len(name)-1] == '"' {
		plain = unescape.Replace(name[1 : len(name)-1])
	}
	whole, cut := strings.CutSuffix(plain, ellipsis)
	l.key, l.cut = key(whole), cut
	switch {
	case whole == said: // nothing but a name
		return label{}, false
	case name == "":
		return l, l.id != ""
	}
	return l, l.key != ""
}

// fits says whether a name with this key may be the one of the label.
func (l *label) fits(key string) bool {
	return key != "" && (key == l.key || l.cut && strings.HasPrefix(key, l.key))
}

// labelled finds all persons and groups that a label fits. The beginning of an ID decides first: a
// contact who has it is meant before any stranger who has made an ID that begins so.
func (b *Book) labelled(l label, of Kind) (found []Meant) {
	if l.id != "" {
		return slices.DeleteFunc(best(b.withPrefix(l.id, of)), func(m Meant) bool {
			return l.key != "" && !b.shown(m, &l)
		})
	}
	for name, m := range b.Names(of) {
		stranger, verified := m.Person != nil && m.Rank == ByClaim, m.Person != nil && m.Person.Verified
		if l.fits(b.Key(name)) && (stranger || !l.stranger) && (verified || !l.verified) {
			found = append(found, m)
		}
	}
	return found
}

// shown says whether a person or group has a name that fits a label, or may be shown under one.
func (b *Book) shown(m Meant, l *label) bool {
	if m.Person != nil {
		return slices.ContainsFunc(NamesOf(m.Person), func(name string) bool { return l.fits(b.Key(name)) })
	}
	return slices.ContainsFunc(b.Groups, func(g Group) bool { return g.ID == m.Group && l.fits(b.Key(g.Name)) })
}
