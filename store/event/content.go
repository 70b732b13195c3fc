package event

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

const (
	// MaxMentions bounds the persons that a text or an edit names: past it everybody is meant.
	MaxMentions = 64
	// MaxEmoji bounds a reaction in bytes: the longest emoji, a family with skin tones, takes 41.
	MaxEmoji = 64
)

// checkContent holds the content of an event of a known kind to its form.
func checkContent(k Kind, content []byte) error {
	var err error
	switch k {
	case KindText:
		_, err = readText(content)
	case KindRecall:
		if len(content) > 0 {
			err = malformed("recall with content")
		}
	case KindEdit:
		_, err = ParseEdit(content)
	case KindReaction:
		_, err = ParseReaction(content)
	default:
		if k >= firstControl {
			_, err = ParseControl(k, content)
		}
	}
	return err
}

// Text is the content of a KindText event.
type Text struct {
	Text     string            // at most MaxText bytes
	ReplyTo  *ID               // a message of the same conversation, or nil
	Mentions []crypto.PersonID // whom it is addressed to especially: ascending, at most MaxMentions
}

// Marshal returns the content. It refuses a text that is too long (ErrTooLarge) or not UTF-8, and
// mentions out of order (ErrMalformed).
func (t Text) Marshal() ([]byte, error) {
	if err := checkText(t.Text); err != nil {
		return nil, err
	}
	if err := checkPersons(t.Mentions, MaxMentions); err != nil {
		return nil, err
	}
	var w canon.Writer
	w.String(1, t.Text)
	if t.ReplyTo != nil {
		w.Bytes(2, t.ReplyTo[:])
	}
	writePersons(&w, 3, t.Mentions)
	return w.Out(), nil
}

func checkText(text string) error {
	if len(text) > MaxText {
		return fmt.Errorf("text of %d bytes: %w: at most %d", len(text), ErrTooLarge, MaxText)
	}
	if !utf8.ValidString(text) {
		return malformed("text: invalid UTF-8")
	}
	return nil
}

// ParseText takes the content of a KindText event.
func ParseText(content []byte) (Text, error) {
	p, err := readText(content)
	if err != nil {
		return Text{}, err
	}
	t := Text{Text: string(p.text), Mentions: p.mentions}
	if p.reply != nil {
		id := ID(p.reply)
		t.ReplyTo = &id
	}
	return t, nil
}

// textParts is a Text that was not copied.
type textParts struct {
	text, reply []byte
	mentions    []crypto.PersonID
}

func readText(content []byte) (textParts, error) {
	r := canon.NewReader(content)
	p := textParts{text: r.Bytes(1, MaxText), reply: r.Optional(2, 32)}
	mentions := r.Repeated(3, MaxMentions, 32)
	err := r.End()
	if err == nil {
		p.mentions, err = parsePersons(mentions)
	}
	if err != nil {
		return textParts{}, malformed("text: %w", err)
	}
	if !utf8.Valid(p.text) {
		return textParts{}, malformed("text: invalid UTF-8")
	}
	return p, nil
}

// Edit is the content of a KindEdit event: its target, a message of the same person in the same
// conversation, now says something else.
type Edit struct {
	Text     string
	Mentions []crypto.PersonID // in place of those of the message
}

// Marshal returns the content, with the errors of Text.Marshal.
func (c Edit) Marshal() ([]byte, error) {
	if err := checkText(c.Text); err != nil {
		return nil, err
	}
	if err := checkPersons(c.Mentions, MaxMentions); err != nil {
		return nil, err
	}
	var w canon.Writer
	w.String(1, c.Text)
	writePersons(&w, 2, c.Mentions)
	return w.Out(), nil
}

// ParseEdit takes the content of a KindEdit event.
func ParseEdit(content []byte) (Edit, error) {
	r := canon.NewReader(content)
	c := Edit{Text: r.String(1, MaxText)}
	mentions := r.Repeated(2, MaxMentions, 32)
	err := r.End()
	if err == nil {
		c.Mentions, err = parsePersons(mentions)
	}
	if err != nil {
		return Edit{}, malformed("edit: %w", err)
	}
	return c, nil
}

// Reaction is the content of a KindReaction event: a sign that its author sets to its target, a
// message of the same conversation, in place of an earlier one of theirs.
type Reaction struct {
	Emoji string // at most MaxEmoji bytes; empty takes back what there was
}

// Marshal returns the content. It refuses what is too long (ErrTooLarge) or not UTF-8
// (ErrMalformed).
func (c Reaction) Marshal() ([]byte, error) {
	if len(c.Emoji) > MaxEmoji {
		return nil, fmt.Errorf("reaction of %d bytes: %w: at most %d", len(c.Emoji), ErrTooLarge, MaxEmoji)
	}
	if !utf8.ValidString(c.Emoji) {
		return nil, malformed("reaction: invalid UTF-8")
	}
	var w canon.Writer
	w.String(1, c.Emoji)
	return w.Out(), nil
}

// ParseReaction takes the content of a KindReaction event.
func ParseReaction(content []byte) (Reaction, error) {
	r := canon.NewReader(content)
	c := Reaction{Emoji: r.String(1, MaxEmoji)}
	if err := r.End(); err != nil {
		return Reaction{}, malformed("reaction: %w", err)
	}
	return c, nil
}

func writePersons(w *canon.Writer, field int, persons []crypto.PersonID) {
	for i := range persons {
		w.Element(field, persons[i][:])
	}
}

func parsePersons(elements [][]byte) ([]crypto.PersonID, error) {
	if len(elements) == 0 {
		return nil, nil
	}
	out := make([]crypto.PersonID, len(elements))
	for i, b := range elements {
		if len(b) != len(out[i]) {
			return nil, malformed("person of %d bytes", len(b))
		}
		out[i] = crypto.PersonID(b)
	}
	return out, checkPersons(out, len(out))
}

// checkPersons refuses persons that are too many, or not ascending.
func checkPersons(persons []crypto.PersonID, most int) error {
	if len(persons) > most {
		return malformed("%d persons", len(persons))
	}
	for i := 1; i < len(persons); i++ {
		if bytes.Compare(persons[i-1][:], persons[i][:]) >= 0 {
			return malformed("persons out of order")
		}
	}
	return nil
}
