package store

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/changes"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

// batch is the ledger's part of one transaction of the writer. Code that changes a log calls touch,
// and code that changes what people see names what it has changed (noting.go).
// An error of reading may be ignored where that leaves things as they are; a failure to write
// undoes the whole transaction.
type batch struct {
	*tx.Reader // the Reader that the Batch and the reader below contain too
	*tx.Batch
	*reader
	now int64 // when it began, by the wall clock in ms

	own      *ownLogs
	order    *order
	recalls  *recalls
	voices   *voices
	files    *files
	arriving arriving

	dirty   map[uint32]bool   // logs to be written at the end
	last    map[uint32][]byte // by conversation: the last key in bucketView, see lastRow
	grown   map[uint32]bool   // logs to be announced
	notes   changes.Notes     // what of what people see was changed, but for what has arrived
	arrived bool              // a row or a notice has taken a number from the change counter
	strange int64             // for Change.Strange; 0: nothing strange came
	change  Change            // what the transaction changed, once finished

	listings  map[layout.Slot]layout.Listing  // of own events that were changed
	settles   map[event.Conversation]struct{} // for pendings
	forgotten []crypto.PersonID               // for Change.Forgotten
	gaps      presence                        // in bucketGaps
	turned    map[uint64]bool                 // the parts of bucketUnread that were changed
}

// newBatch returns the ledger's part of a transaction that begins. waking is what the last one
// left.
func newBatch(s *Store, t *tx.Batch, waking waking) *batch {
	b := &batch{
		Reader: &t.Reader,
		Batch:  t,
		reader: newReader(s, &t.Reader),
		now:    s.cfg.Now().UnixMilli(),
		dirty:  map[uint32]bool{},
		last:   map[uint32][]byte{},
		grown:  map[uint32]bool{},

		listings: map[layout.Slot]layout.Listing{},
		turned:   map[uint64]bool{},
	}
	b.own = &ownLogs{batch: b, tails: map[uint32]*tail{}}
	b.order = &order{batch: b, waking: waking}
	b.recalls = &recalls{batch: b}
	b.voices = &voices{batch: b}
	b.files = &files{batch: b}
	b.arriving = arriving{batch: b}
	return b
}

// touch has a log that was changed written at the end of the batch.
func (b *batch) touch(l *layout.Log) {
	b.Defer()
	b.dirty[l.Number] = true
}

// save writes an event that was changed.
func (b *batch) save(x *entry) {
	b.Put(bucketEvents, x.Slot.Bytes(), x.Event.Bytes())
	if b.isOwn(x.in.Person) && x.in.Branch == layout.BranchFirst {
		b.list(x.Slot, b.listingOf(x))
	}
}

func (b *batch) saveConversation(c *layout.Conversation) {
	b.Put(bucketConversations, c.ID[:], c.Bytes())
}

// addConversation returns a conversation, which is made if it is not there yet. other is the other
// person of a direct one, and zero for any other.
func (b *batch) addConversation(id event.Conversation, other crypto.PersonID) (layout.Conversation, error) {
	if c, err := b.conversation(id); err != ErrNoConversation {
		return c, err
	}
	c := layout.Conversation{ID: id, Number: uint32(b.Next(bucketConversations)), Other: other}
	b.saveConversation(&c)
	return c, nil
}

// meet makes the conversation with a person if it is not there yet. If the person is the owner, it
// is the conversation of their own devices.
func (b *batch) meet(p crypto.PersonID) (err error) {
	if b.isOwn(p) {
		_, err = b.addConversation(event.Self(p), crypto.PersonID{})
	} else {
		_, err = b.addConversation(event.Direct(b.s.own.Person, p), p)
	}
	return err
}

// unmeet takes away the direct conversation with a person if it has no log, and reports whether it
// did.
func (b *batch) unmeet(p crypto.PersonID) (bool, error) {
	id := event.Direct(b.s.own.Person, p)
	c, err := b.conversation(id)
	if err != nil {
		return err == ErrNoConversation, ignore(err, ErrNoConversation)
	}
	if k, _ := b.Seek(bucketLogNames, layout.U32(c.Number)); c.Own != 0 || bytes.HasPrefix(k, layout.U32(c.Number)) {
		return false, nil
	}
	if b.s.desk.Has(&b.Batch.Reader, id) { // the owner means to write to them
		return false, nil
	}
	b.s.desk.Forget(b.Batch, id)
	b.Delete(bucketConversations, id[:])
	for _, of := range []tx.Bucket{bucketUnsigned, bucketUnsaid} {
		b.Delete(of, (&Subject{id, p}).key())
	}
	b.notes.Forget(b.Batch, changes.Conversation, changes.ID(id))
	b.notes.Forget(b.Batch, changes.Person, changes.ID(p))
	b.forgotten = append(b.forgotten, p)
	return true, nil
}

// addLog makes a log that is not there yet.
func (b *batch) addLog(conversation uint32, log event.Log, person crypto.PersonID, branch byte) *layout.Log {
	l := &layout.Log{
		Number:       uint32(b.Next(bucketLogs)),
		Conversation: conversation,
		Name:         log,
		Person:       person,
		Branch:       branch,
		Limit:        layout.NoLimit,
	}
	if branch != layout.BranchLost {
		b.Put(bucketLogNames, layout.LogName(conversation, log, branch), layout.U32(l.Number))
	}
	if branch == layout.BranchFirst {
		b.Put(bucketAuthors, append(layout.AuthorKey(conversation, person), layout.U32(l.Number)...), []byte{})
	}
	b.known[l.Number] = l
	b.touch(l)
	return l
}

// finish writes what was put off to the end of the batch, and notes what the batch has changed.
func (b *batch) finish() (err error) {
	for _, n := range slices.Sorted(maps.Keys(b.own.tails)) {
		b.own.sign(n)
	}
	for _, n := range slices.Sorted(maps.Keys(b.dirty)) {
		b.Put(bucketLogs, layout.U32(n), b.known[n].Bytes())
	}
	if err := b.voices.finish(); err != nil {
		return err
	}
	if err := b.writeListings(); err != nil {
		return err
	}
	b.arriving.finish()
	b.writeUnread()
	b.writeNotes()
	b.settles = b.delivering()
	b.change, err = b.changed()
	return err
}

// changed describes the batch.
func (b *batch) changed() (Change, error) {
	c := Change{N: b.Sequence(bucketArrivals)}
	if b.strange != 0 {
		c.Strange = time.UnixMilli(b.strange)
	}
	for n := range b.grown {
		l := b.known[n]
		segments, err := b.counted(l)
		if err != nil {
			return c, err
		}
		c.Logs = append(c.Logs, LogChange{Log: l.Name, Segments: slices.Clone(segments)})
	}
	c.Forgotten = b.forgotten
	b.files.describe(&c)
	slices.SortFunc(c.Logs, func(x, y LogChange) int { return x.Log.Compare(y.Log) })
	return c, nil
}

// lastRow returns the key of the row that a conversation shows last, nil if it shows none.
func (b *batch) lastRow(conversation uint32) []byte {
	last, known := b.last[conversation]
	if !known {
		last = b.lastKey(bucketView, conversation)
		b.last[conversation] = last
	}
	return last
}

// putRow puts a row into its place in a conversation.
func (b *batch) putRow(conversation uint32, key, slot []byte) {
	if bytes.Compare(key, b.lastRow(conversation)) > 0 {
		b.last[conversation] = key
	}
	b.Put(bucketView, key, slot)
}

// deleteRow takes a row out of its conversation.
func (b *batch) deleteRow(conversation uint32, key []byte) {
	delete(b.last, conversation)
	b.Delete(bucketView, key)
}

// lastKey returns the greatest key of a bucket that begins with prefix, nil if none does.
func (b *batch) lastKey(bucket tx.Bucket, prefix uint32) []byte {
	k, _ := b.Before(bucket, layout.U32(prefix+1))
	if len(k) < 4 || binary.BigEndian.Uint32(k) != prefix {
		return nil
	}
	return k
}
