package contacts

import (
	"regexp"
	"slices"
	"strings"

	"github.com/earshot-im/earshot/crypto/names"
)

// label is what commands print to say who somebody is, as somebody may type it again: a name, and
// behind it in parentheses what tells two of one name apart. Examples are "Bob (c4b3bf63)" and "Bob
// (not a contact yet c4b3bf63)". The name and the parentheses may be left out.
type label struct {
	key      string // of the name; "": any
	id       string // the beginning of an ID; "": any
	stranger bool   // means only who is no contact
	verified bool   // means only who is verified
}

const (
	// maxLabel bounds a label in bytes: a name, and what stands around it.
	maxLabel = 4*names.MaxBytes + 64

	wordStranger = "not a contact yet"
	wordVerified = "verified"
)

// labels takes a label apart into the name, a word and the beginning of an ID.
var labels = regexp.MustCompile(`^(?:(.*?) +)??\(?(?:(` + wordStranger + `|` + wordVerified + `)\b[ ,]*)?([0-9a-fA-F]{8,64})?\)?$`)

// parseLabel reads a label. ok is false for a text that is none, such as a bare name.
func parseLabel(text string, key func(name string) string) (l label, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) > maxLabel {
		return l, false
	}
	name := text
	if parts := labels.FindStringSubmatch(text); parts != nil && parts[2]+parts[3] != "" {
		name = strings.TrimSpace(parts[1])
		l = label{id: strings.ToLower(parts[3]), stranger: parts[2] == wordStranger, verified: parts[2] == wordVerified}
	}
	// A name with characters that mean something in a row stands in quotation marks.
	plain := name
	if len(name) > 2 && name[0] == '"' && name[len(name)-1] == '"' {
		plain = strings.ReplaceAll(name[1:len(name)-1], `\"`, `"`)
	}
	l.key = key(plain)
	switch {
	case plain == text: // nothing but a name
		return label{}, false
	case name == "":
		return l, l.id != ""
	}
	return l, l.key != ""
}

// labelled finds all persons and groups that a label fits. The beginning of an ID decides first: a
// contact who has it is meant before any stranger who has made an ID that begins so.
func (b *phonebook) labelled(l label, of kind) (found []meant) {
	if l.id != "" {
		return slices.DeleteFunc(best(b.withPrefix(l.id, of)), func(m meant) bool {
			return l.key != "" && !b.called(m, l.key)
		})
	}
	return slices.DeleteFunc(b.answering(l.key, of), func(m meant) bool {
		return l.stranger && (m.person == nil || m.rank != byClaim) || l.verified && (m.person == nil || !m.person.Verified)
	})
}

// called says whether a person or group has a name with this key, or may be shown under it.
func (b *phonebook) called(m meant, key string) bool {
	if m.person != nil {
		return slices.ContainsFunc([]string{m.person.Petname, m.person.Pinned, m.person.Claimed}, func(name string) bool {
			return name != "" && b.key(name) == key
		})
	}
	return slices.ContainsFunc(b.groups, func(g named) bool { return g.id == m.group && b.key(g.name) == key })
}
