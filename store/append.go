package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"slices"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// Draft is a message to be written, or an edit of one, or a reaction to one.
type Draft struct {
	Conversation event.Conversation
	Kind         event.Kind // KindText, KindEdit, KindReaction, or one that has a fallback text
	Content      []byte     // of the kind
	Target       event.ID   // of an edit or a reaction: the message that it is about
	Fallback     string
	Attachments  []event.Attachment // of a text
	Key          *[16]byte          // nil: a random one
	Lifetime     uint64             // seconds; 0: for ever
	Revision     uint64             // of the kept draft that it was, which goes with the commit; 0: none
}

// Entry is a message that was written. Of an edit or a reaction it has only what the header says;
// the row that it changed has to be looked up.
type Entry struct {
	Row
	Existing bool // it was there already, under the same key
}

// Append writes a message into this device's log and returns it when it is on the disk. A key that
// was used before gives the earlier message if that has the same content, else ErrKeyUsed. Other
// errors: ErrNoConversation, ErrKind, ErrNoEvent (the target of an edit is no text of the owner's,
// or that of a reaction no message), event.ErrTooLarge, event.ErrMalformed.
func (s *Store) Append(ctx context.Context, d Draft) (Entry, error) {
	entries, err := s.AppendAll(ctx, []Draft{d})
	if err != nil {
		return Entry{}, err
	}
	return entries[0], nil
}

// AppendAll appends messages in order, in one transaction. It stops at the first that can't be
// written, and returns its error with those before it, which are on the disk. If it returns an
// error and no message, there may have been none before it, or the transaction itself has failed;
// in either case nothing was written.
func (s *Store) AppendAll(ctx context.Context, drafts []Draft) ([]Entry, error) {
	letters := make([]letter, 0, len(drafts))
	var stopped error
	for i := range drafts {
		var l letter
		if l, stopped = newLetter(&s.cfg, &drafts[i]); stopped != nil {
			break
		}
		letters = append(letters, l)
	}
	for len(letters) > 0 {
		var out []Entry
		var refused error // why the letter after those in out can't be written
		var undo bool     // it had changed something by then
		err := s.do(ctx, func(b *batch) error {
			out, refused, undo = b.appendAll(letters)
			if undo {
				return refused
			}
			return nil
		})
		switch {
		case refused == nil && err == nil:
			return out, stopped
		case err == nil:
			return out, refused
		case !undo:
			return nil, err
		}
		letters, stopped = letters[:len(out)], refused // these are written without it
	}
	return nil, stopped
}

// appendAll writes messages up to the first that can't be written, and returns why. undo says that
// the one that failed had changed something by then, so that the whole transaction has to be undone.
func (b *batch) appendAll(letters []letter) (out []Entry, refused error, undo bool) {
	out = make([]Entry, 0, len(letters))
	for i := range letters {
		before := b.Changes()
		e, err := b.append(&letters[i])
		if err != nil {
			return out, err, b.Changes() != before
		}
		if d := letters[i].draft; d.Revision != 0 {
			b.s.desk.Sent(b.Batch, d.Conversation, d.Revision)
		}
		out = append(out, e)
	}
	return out, nil, false
}

// letter is a draft with the random parts of its event: the salt, and the key if it has none.
type letter struct {
	draft *Draft
	body  event.Body
	key   [16]byte
}

// newLetter checks the kind of a draft, and draws what is random.
func newLetter(cfg *Config, d *Draft) (letter, error) {
	shown := d.Kind.Class() == event.ClassMessage || d.Kind.Class() == event.ClassOther && d.Fallback != ""
	if !shown && !isEdit(d.Kind) {
		return letter{}, ErrKind
	}
	if len(d.Attachments) > 0 && d.Kind != event.KindText {
		return letter{}, ErrKind
	}
	l := letter{draft: d, body: event.Body{Content: d.Content, Fallback: d.Fallback, Attachments: slices.Clone(d.Attachments)}}
	l.body.Fit()
	if _, err := io.ReadFull(cfg.Rand, l.body.Salt[:]); err != nil {
		return letter{}, err
	}
	if d.Key != nil {
		l.key = *d.Key
		return l, nil
	}
	// Random keys begin with the time, so that the index of keys grows at its end.
	binary.BigEndian.PutUint64(l.key[:], uint64(cfg.Now().UnixMilli())<<16)
	_, err := io.ReadFull(cfg.Rand, l.key[6:])
	return l, err
}

// append writes one message, unless its key was used before.
func (b *batch) append(l *letter) (Entry, error) {
	d := l.draft
	c, err := b.conversation(d.Conversation)
	if err != nil {
		return Entry{}, err
	}
	if p, used := layout.SlotAt(b.Get(bucketKeys, layout.LocalKey(c.Number, b.s.own.Person, l.key))); used {
		return b.existing(p, l)
	}
	h := event.Header{Kind: d.Kind, Lifetime: d.Lifetime, Key: l.key, Clock: b.clock()}
	if isEdit(d.Kind) {
		if h.Target, err = b.aim(&c, d); err != nil {
			return Entry{}, err
		}
	}
	x, err := b.own.write(&c, h, l.body)
	if err != nil {
		return Entry{}, err
	}
	out := Entry{Row: b.view.bareRow(x)} // not read back: this is what senders wait for
	if isEdit(d.Kind) {
		return out, nil
	}
	if a := b.delivery.audience(&c, x.header.Control); len(a.persons) > 0 {
		out.Progress = a.undelivered(x.in, x.Sequence)
	}
	if err := out.setWords(d.Content, d.Fallback); err != nil {
		return Entry{}, err
	}
	return out, b.view.addFiles(&out.Row, x, l.body.Attachments)
}

// clock returns the wall clock within the bounds of a header.
func (b *batch) clock() int64 { return min(max(b.now, 0), event.MaxClock) }

// existing returns the message that has the key of a draft, or ErrKeyUsed if it is another one.
func (b *batch) existing(p layout.Slot, l *letter) (Entry, error) {
	d := l.draft
	x, err := b.entry(p)
	if err != nil {
		return Entry{}, err
	}
	if x.Absent != event.Present {
		return Entry{}, ErrKeyUsed
	}
	body, err := b.content(x)
	if err != nil {
		return Entry{}, err
	}
	if x.header.Kind != d.Kind || !bytes.Equal(body.Content, d.Content) || body.Fallback != d.Fallback {
		return Entry{}, ErrKeyUsed
	}
	if !slices.EqualFunc(body.Attachments, d.Attachments, sameFile) {
		return Entry{}, ErrKeyUsed
	}
	row, err := b.view.row(x)
	return Entry{Row: row, Existing: true}, err
}

// sameFile reports whether two attachments are the same file by the same name. Whoever sends it again has
// taken it in again: then it has another key, and nobody needs that.
func sameFile(x, y event.Attachment) bool {
	return x.Manifest == y.Manifest && x.Size == y.Size && x.Name == y.Name && x.Type == y.Type && x.Flags == y.Flags
}
