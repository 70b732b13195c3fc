package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Reaction is what somebody has set to a message.
type Reaction struct {
	Person crypto.PersonID
	Emoji  string
}

// isEdit reports whether events of a kind change the row of another one: edits and reactions. They
// stand in bucketActs as long as their bodies are here.
func isEdit(kind event.Kind) bool { return kind == event.KindEdit || kind == event.KindReaction }

// index notes an edit or a reaction, whether its target is here or not, or forgets it.
func (b *batch) index(x *entry, there bool) {
	target := x.header.Target
	key := x.Slot.Append(layout.EditKeys(x.in.Conversation, target, x.header.Kind))
	if there {
		b.Put(bucketActs, key, []byte{})
		b.view.edits = something
	} else {
		b.Delete(bucketActs, key)
	}
	if row, err := b.view.rowEntry(target); err == nil {
		b.noteEvent(row.Slot)
		if x.header.Kind == event.KindEdit {
			b.reword(row)
		}
	}
}

// aim returns the ID that an edit or a reaction names as its target. Several events may stand for
// the message (see reissue.go); it is the ID of the one that others know. ErrNoEvent if there is no
// message that the draft could be for.
func (b *batch) aim(c *layout.Conversation, d *Draft) (event.ID, error) {
	x, err := b.view.rowEntry(d.Target)
	if err != nil {
		return event.ID{}, err
	}
	if x.in.Conversation != c.Number || x.Absent != event.Present || b.hidden(x) ||
		d.Kind == event.KindEdit && (x.header.Kind != event.KindText || !b.isOwn(x.in.Person)) {
		return event.ID{}, ErrNoEvent
	}
	err = b.view.eachIssue(x, func(y *entry) error {
		x = y
		return nil
	})
	return x.id, err
}

// editsOn returns the edits of a row, or the reactions to it, that count: at most one of each
// person, in the order of persons. Of several in one log the one with the highest sequence counts,
// of several logs the one with the greater (clock, ID). So the result depends on which events are
// here, not on the order in which they came.
func (v *view) editsOn(x *entry, kind event.Kind) ([]*entry, error) {
	if !v.anything(&v.edits, bucketActs) {
		return nil, nil
	}
	logs := map[event.Log]*entry{}
	err := v.eachIssue(x, func(y *entry) error {
		return v.latestEdits(layout.EditKeys(x.in.Conversation, y.id, kind), func(p layout.Slot) error {
			z, err := v.entry(p)
			if err != nil {
				return err
			}
			if kind == event.KindEdit && z.in.Person != x.in.Person {
				return nil
			}
			// The branches of a fork are one log, so two may have one sequence.
			if old := logs[z.in.Name]; old == nil || cmp.Or(cmp.Compare(old.Sequence, z.Sequence), compareTime(old, z)) < 0 {
				logs[z.in.Name] = z
			}
			return nil
		})
	})
	if err != nil || len(logs) == 0 {
		return nil, err
	}
	persons := map[crypto.PersonID]*entry{}
	for _, z := range logs {
		if old := persons[z.in.Person]; old == nil || compareTime(old, z) < 0 {
			persons[z.in.Person] = z
		}
	}
	return slices.SortedFunc(maps.Values(persons), func(y, z *entry) int {
		return bytes.Compare(y.in.Person[:], z.in.Person[:])
	}), nil
}

// compareTime orders events by (clock, ID).
func compareTime(x, y *entry) int {
	return cmp.Or(cmp.Compare(x.header.Clock, y.header.Clock), bytes.Compare(x.id[:], y.id[:]))
}

// latestEdits calls f for the last one that is shown of each log, among those whose key in
// bucketActs begins with prefix. Its cost grows with the number of logs, not of edits.
func (v *view) latestEdits(prefix []byte, f func(layout.Slot) error) error {
	for k, _ := v.Seek(bucketActs, prefix); bytes.HasPrefix(k, prefix); {
		p, ok := layout.SlotAt(k)
		if !ok {
			return damaged("act of %d bytes", len(k))
		}
		l, err := v.log(p.Log)
		if err != nil {
			return err
		}
		next := layout.Slot{Log: p.Log + 1}
		end := next
		if last := v.visibleTo(l); last != layout.NoLimit {
			end = layout.Slot{Log: p.Log, Sequence: last + 1}
		}
		if k, _ := v.Before(bucketActs, end.Append(bytes.Clone(prefix))); bytes.HasPrefix(k, prefix) {
			if at, _ := layout.SlotAt(k); at.Log == p.Log {
				if err := f(at); err != nil {
					return err
				}
			}
		}
		k, _ = v.Seek(bucketActs, next.Append(bytes.Clone(prefix)))
	}
	return nil
}

// addEdits puts into a row what edits make of it.
func (v *view) addEdits(row *Row, x *entry) error {
	if x.header.Kind != event.KindText {
		return nil
	}
	edits, err := v.editsOn(x, event.KindEdit)
	if err != nil {
		return err
	}
	for _, y := range edits {
		body, err := v.content(y)
		if err != nil {
			return err
		}
		edit, err := event.ParseEdit(body.Content)
		if err != nil {
			return damaged("edit: %w", err)
		}
		row.Text, row.Mentions, row.Edited = edit.Text, edit.Mentions, true
	}
	return nil
}

// addReactions puts into a row what was set to it.
func (v *view) addReactions(row *Row, x *entry) error {
	reactions, err := v.editsOn(x, event.KindReaction)
	if err != nil {
		return err
	}
	for _, y := range reactions {
		body, err := v.content(y)
		if err != nil {
			return err
		}
		reaction, err := event.ParseReaction(body.Content)
		if err != nil {
			return damaged("reaction: %w", err)
		}
		if reaction.Emoji != "" {
			row.Reactions = append(row.Reactions, Reaction{Person: y.in.Person, Emoji: reaction.Emoji})
		}
	}
	return nil
}

// edits returns the edits of a message by a person.
func (k *recalls) edits(conversation uint32, target event.ID, person crypto.PersonID) ([]*entry, error) {
	keys, _ := k.Copy(bucketActs, layout.EditKeys(conversation, target, event.KindEdit))
	var out []*entry
	for _, key := range keys {
		p, _ := layout.SlotAt(key)
		x, err := k.entry(p)
		if err != nil {
			return nil, err
		}
		if x.in.Person == person {
			out = append(out, x)
		}
	}
	return out, nil
}

// dropEdits takes the words of all edits of a message that was recalled.
func (k *recalls) dropEdits(conversation uint32, target event.ID, person crypto.PersonID) error {
	edits, err := k.edits(conversation, target, person)
	if err != nil {
		return err
	}
	for _, x := range edits {
		k.index(x, false)
		if err := k.refundWords(x); err != nil {
			return err
		}
		x.Absent, x.Sealed = event.Recalled, nil
		k.save(x)
		k.Erase()
	}
	return nil
}
