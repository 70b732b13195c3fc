package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// fillAscending is how full pages get whose keys mostly ascend: the halves that a
// split in the middle leaves would never be filled.
const fillAscending = 0.9

// batch is one transaction of the writer. Whoever changes a log that it looked up
// calls touch. Reading may fail and leave things as they are; a failure to write is
// kept in err and takes the whole transaction down.
type batch struct {
	reader
	now    int64
	writes int
	err    error

	dirty   map[uint32]bool  // logs to be written
	grown   map[uint32]bool  // logs to be announced
	tails   map[uint32]*tail // by log: own events since the last signature
	shown   bool             // the change counter has moved
	visible bool             // it has to
	waiting int              // of anything
	waking  waking           // Store.waking after this transaction
	woken   int              // see maxWoken
	recalls int              // of anything
	strange int64            // the latest clock of an event of this device that came from others; 0: none did
}

// tail is the end of an own log that no signature proves yet.
type tail struct {
	last    pointer
	card    crypto.Hash
	control []crypto.Hash
	events  int
	size    int
}

func (s *Store) newBatch(tx *bbolt.Tx) *batch {
	return &batch{
		reader: s.newReader(tx),
		now:    s.cfg.Now().UnixMilli(),
		waking: s.waking,
		dirty:  map[uint32]bool{},
		grown:  map[uint32]bool{},
		tails:  map[uint32]*tail{},
	}
}

func (b *batch) put(bucket, key, value []byte) {
	b.writes++
	if err := b.bucket(bucket).Put(key, value); err != nil && b.err == nil {
		b.err = err
	}
}

func (b *batch) delete(bucket, key []byte) {
	b.writes++
	if err := b.bucket(bucket).Delete(key); err != nil && b.err == nil {
		b.err = err
	}
}

// next takes the next number of a bucket's sequence.
func (b *batch) next(bucket []byte) uint64 {
	b.writes++
	n, err := b.bucket(bucket).NextSequence()
	if err != nil && b.err == nil {
		b.err = err
	}
	return n
}

func (b *batch) touch(l *logState) {
	b.writes++
	b.dirty[l.number] = true
}

func (b *batch) save(x *entry) { b.put(bucketEvents, x.pointer.bytes(), x.stored.bytes()) }

func (b *batch) saveConversation(c *conversation) { b.put(bucketConversations, c.id[:], c.bytes()) }

// addConversation returns a conversation, made if it is not there yet: with another
// person, or with none.
func (b *batch) addConversation(id event.Conversation, other crypto.PersonID) (conversation, error) {
	if c, err := b.conversation(id); err != ErrNoConversation {
		return c, err
	}
	c := conversation{id: id, number: uint32(b.next(bucketConversations)), other: other}
	b.saveConversation(&c)
	return c, nil
}

// addLog makes a log that is not there yet.
func (b *batch) addLog(conversation uint32, log event.Log, person crypto.PersonID, branch byte) *logState {
	l := &logState{
		number:       uint32(b.next(bucketLogs)),
		conversation: conversation,
		log:          log,
		person:       person,
		branch:       branch,
		limit:        noLimit,
	}
	if branch != branchLost {
		b.put(bucketLogNames, logName(conversation, log, branch), u32(l.number))
	}
	if branch == branchFirst {
		b.put(bucketAuthors, append(authorKey(conversation, person), u32(l.number)...), []byte{})
	}
	b.logs[l.number] = l
	b.touch(l)
	return l
}

// sign signs the end of an own log.
func (b *batch) sign(log uint32) {
	t := b.tails[log]
	if t == nil {
		return
	}
	delete(b.tails, log)
	b.signAt(t.last)
}

// signAt signs an event of this device, which is stored.
func (b *batch) signAt(p pointer) {
	st, err := b.stored(p)
	if err != nil || st == nil {
		b.err = cmp.Or(b.err, err, ErrNoEvent)
		return
	}
	if st.signature == nil {
		st.sign(b.s.own.Device)
		b.put(bucketEvents, p.bytes(), st.bytes())
	}
}

// sign signs an event of this device.
func (e *stored) sign(key crypto.DeviceKey) {
	whole := event.Event{Header: event.Header{Device: key.ID()}, Head: e.head}
	whole.Sign(key)
	e.signature = whole.Signature
}

// finish writes what was put off to the end of the transaction.
func (b *batch) finish() error {
	for _, n := range slices.Sorted(maps.Keys(b.tails)) {
		b.sign(n)
	}
	for _, n := range slices.Sorted(maps.Keys(b.dirty)) {
		b.put(bucketLogs, u32(n), b.logs[n].bytes())
	}
	if b.visible && !b.shown {
		b.next(bucketArrivals)
	}
	return b.err
}

// changed describes the transaction, once finished.
func (b *batch) changed() (Change, error) {
	c := Change{N: b.bucket(bucketArrivals).Sequence()}
	if b.strange != 0 {
		c.Strange = time.UnixMilli(b.strange)
	}
	for n := range b.grown {
		l := b.logs[n]
		segments, err := b.counted(l)
		if err != nil {
			return c, err
		}
		c.Logs = append(c.Logs, LogChange{Log: l.log, Segments: slices.Clone(segments)})
	}
	slices.SortFunc(c.Logs, func(x, y LogChange) int { return x.Log.Compare(y.Log) })
	return c, nil
}

// lastKey returns the greatest key of a bucket that begins with prefix, nil if none does.
func (b *batch) lastKey(bucket []byte, prefix uint32) []byte {
	k := before(b.bucket(bucket).Cursor(), u32(prefix+1))
	if len(k) < 4 || binary.BigEndian.Uint32(k) != prefix {
		return nil
	}
	return k
}

// before moves a cursor to the greatest key below one, and returns that, nil if there
// is none.
func before(c *bbolt.Cursor, key []byte) []byte {
	var k []byte
	if next, _ := c.Seek(key); next == nil {
		k, _ = c.Last()
	} else {
		k, _ = c.Prev()
	}
	return k
}

// drain returns the keys and values that begin with prefix, copied, so that the
// bucket may be changed.
func (b *batch) drain(bucket, prefix []byte) (keys, values [][]byte) {
	b.each(bucket, prefix, func(k, v []byte) error {
		keys = append(keys, bytes.Clone(k))
		values = append(values, bytes.Clone(v))
		return nil
	})
	return keys, values
}
