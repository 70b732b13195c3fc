package desk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// Draft is what the owner has begun to write in a conversation: a message or, with Edits, another text
// for one. A conversation has one of each at most.
type Draft struct {
	Text     string
	ReplyTo  *event.ID
	Edits    *event.ID
	Revision uint64 // names this text: no other draft ever had it
	Set      time.Time
}

// Empty reports whether there is nothing to keep.
func (d *Draft) Empty() bool { return d.Text == "" && d.ReplyTo == nil }

// Which of the two drafts of a conversation a key is about.
const (
	aMessage = 0
	anEdit   = 1
)

func draftKey(c event.Conversation, which byte) []byte { return append(bytes.Clone(c[:]), which) }

// draftAAD is what a sealed draft is bound to: its key and its revision.
func draftAAD(key, revision []byte) []byte {
	return append(append([]byte("draft"), key...), revision...)
}

// SetDraft keeps a draft in place of the last one, or takes that away if it is empty, and returns it
// with its revision. Errors: event.ErrTooLarge, event.ErrMalformed.
func (d Desk) SetDraft(b *tx.Batch, c event.Conversation, to Draft) (Draft, error) {
	if len(to.Text) > event.MaxText {
		return to, fmt.Errorf("draft: %w", event.ErrTooLarge)
	}
	if !utf8.ValidString(to.Text) {
		return to, fmt.Errorf("draft: %w", event.ErrMalformed)
	}
	which := byte(aMessage)
	if to.Edits != nil {
		which = anEdit
	}
	key := draftKey(c, which)
	to.Revision = b.Next(bucketDrafts)
	if to.Empty() {
		b.Delete(bucketDrafts, key)
		return to, nil
	}
	var w canon.Writer
	w.String(1, to.Text)
	if to.ReplyTo != nil {
		w.Bytes(2, to.ReplyTo[:])
	}
	if to.Edits != nil {
		w.Bytes(3, to.Edits[:])
	}
	w.Uint(4, uint64(max(to.Set.UnixMilli(), 0)))
	revision := binary.BigEndian.AppendUint64(nil, to.Revision)
	b.Put(bucketDrafts, key, append(bytes.Clone(revision), d.Keyring.Seal(w.Out(), draftAAD(key, revision))...))
	return to, nil
}

// Sent takes the draft of a message away that has this revision, and reports whether there was one.
func (d Desk) Sent(b *tx.Batch, c event.Conversation, revision uint64) bool {
	key := draftKey(c, aMessage)
	v := b.Get(bucketDrafts, key)
	if len(v) < 8 || binary.BigEndian.Uint64(v) != revision {
		return false
	}
	b.Delete(bucketDrafts, key)
	return true
}

// Drafts returns the draft of a message and that of an edit in a conversation; nil where there is none.
func (d Desk) Drafts(r *tx.Reader, c event.Conversation) (message, edit *Draft, err error) {
	for k, v := range r.Prefix(bucketDrafts, c[:]) {
		draft, err := d.parseDraft(k, v)
		if err != nil {
			return nil, nil, err
		}
		if k[len(k)-1] == anEdit {
			edit = &draft
		} else {
			message = &draft
		}
	}
	return message, edit, nil
}

// Has reports whether there is a draft in a conversation.
func (d Desk) Has(r *tx.Reader, c event.Conversation) bool {
	k, _ := r.Seek(bucketDrafts, c[:])
	return bytes.HasPrefix(k, c[:])
}

// Forget takes away all that is kept for a conversation.
func (d Desk) Forget(b *tx.Batch, c event.Conversation) {
	b.Delete(bucketChosen, c[:])
	b.Delete(bucketDrafts, draftKey(c, aMessage))
	b.Delete(bucketDrafts, draftKey(c, anEdit))
}

func (d Desk) parseDraft(key, value []byte) (out Draft, err error) {
	if len(key) != len(event.Conversation{})+1 || len(value) < 8 {
		return out, disk.Damaged("draft of %d bytes", len(value))
	}
	plain, err := d.Keyring.Open(value[8:], draftAAD(key, value[:8]))
	if err != nil {
		return out, disk.Damaged("draft: %w", err)
	}
	r := canon.NewReader(plain)
	out.Text = r.String(1, event.MaxText)
	out.ReplyTo, out.Edits = optional(r.Optional(2, 32)), optional(r.Optional(3, 32))
	out.Set, out.Revision = time.UnixMilli(int64(r.Uint(4))), binary.BigEndian.Uint64(value)
	if err := r.End(); err != nil || (out.Edits != nil) != (key[len(key)-1] == anEdit) {
		return Draft{}, disk.Damaged("draft: %w", err)
	}
	return out, nil
}

// optional reads an ID that may be absent.
func optional(b []byte) *event.ID {
	if len(b) != len(event.ID{}) {
		return nil
	}
	id := event.ID(b)
	return &id
}
