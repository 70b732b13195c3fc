package engine

import (
	"bytes"
	"errors"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/memtable"
)

// Snapshot is what all buckets have at one moment. Keys and values that it returns are valid until it ends,
// and must not be changed.
type Snapshot struct {
	tables  []*memtable.Table // the latest first; what one says counts, and not what stands below it
	tx      *bbolt.Tx
	buckets map[string]*bucket // that were asked for
}

// bucket is what a snapshot knows of a bucket.
type bucket struct {
	opened bool
	stored *bbolt.Bucket // nil: the database has none
	at     *bbolt.Cursor // of it, for Get: to make one takes as long as to find a key

	// What Get found last. Whoever stores many messages asks for the same key before each.
	known      bool
	key, value []byte
}

// View runs f on a snapshot. It should be short: as long as it lasts, the space of what is deleted or
// replaced meanwhile can't be used again. What f returns must be copies. f must not begin another snapshot, or a
// batch: where the map of the file has to be made larger, that waits for the first, and the first for that.
func (e *Engine) View(f func(*Snapshot) error) error {
	s, err := e.begin()
	if err != nil {
		return err
	}
	defer e.end(s)
	return e.guard(func() error { return f(s) })
}

// begin takes the tables and the transaction at one moment: else a checkpoint could end between them, and
// its rows would be in neither.
func (e *Engine) begin() (*Snapshot, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	tx, err := e.db.Begin(false)
	if err != nil {
		return nil, wrap("read database", err)
	}
	e.readers++
	return newSnapshot(tx, e.active, e.frozen), nil
}

func newSnapshot(tx *bbolt.Tx, tables ...*memtable.Table) *Snapshot {
	s := &Snapshot{tx: tx, buckets: make(map[string]*bucket)}
	for _, t := range tables {
		if t != nil && t.Len() > 0 {
			s.tables = append(s.tables, t)
		}
	}
	return s
}

// end lets go of a snapshot. It may be called again.
func (e *Engine) end(s *Snapshot) {
	if s.tx == nil {
		return
	}
	_ = s.tx.Rollback() // fails only if it has ended
	s.tx = nil
	e.mu.Lock()
	e.readers--
	e.mu.Unlock()
}

// guard is the function of that name, and notes damage: after it nothing is written.
func (e *Engine) guard(f func() error) error {
	err := guard(f)
	if errors.Is(err, disk.ErrDamaged) {
		e.fail(err)
	}
	return err
}

func (s *Snapshot) bucket(name string) *bucket {
	b := s.buckets[name]
	if b == nil {
		b = &bucket{}
		s.buckets[name] = b
	}
	return b
}

// openedBucket is bucket, with what the database has of it.
func (s *Snapshot) openedBucket(name string) *bucket {
	b := s.bucket(name)
	if !b.opened {
		b.opened = true
		if b.stored = s.tx.Bucket([]byte(name)); b.stored != nil {
			b.at = b.stored.Cursor()
		}
	}
	return b
}

// Blank reports whether there is nothing in any bucket, as in a database that was just made.
func (s *Snapshot) Blank() bool {
	for _, t := range s.tables {
		for c := range t.All() {
			if c.Bucket != ownBucket {
				return false
			}
		}
	}
	c := s.tx.Cursor()
	name, _ := c.First()
	if string(name) == ownBucket {
		name, _ = c.Next()
	}
	return name == nil
}

// Get returns the value of a key, nil if there is none. A value may be empty without being nil.
func (s *Snapshot) Get(bucket string, key []byte) []byte {
	b := s.bucket(bucket)
	if !b.known || !bytes.Equal(b.key, key) {
		b.value = s.look(s.tables, bucket, key)
		b.key, b.known = append(b.key[:0], key...), true
	}
	return b.value
}

// look is Get in some of the tables, and below them.
func (s *Snapshot) look(tables []*memtable.Table, bucket string, key []byte) []byte {
	for _, t := range tables {
		if v, deleted, said := t.Get(bucket, key); said {
			if deleted {
				return nil
			}
			return v
		}
	}
	if b := s.openedBucket(bucket); b.stored != nil {
		if k, v := b.at.Seek(key); bytes.Equal(k, key) {
			return v
		}
	}
	return nil
}

// Sequence returns the sequence of a bucket.
func (s *Snapshot) Sequence(bucket string) uint64 {
	for _, t := range s.tables {
		if n, said := t.Sequence(bucket); said {
			return n
		}
	}
	if b := s.openedBucket(bucket); b.stored != nil {
		return b.stored.Sequence()
	}
	return 0
}

// From goes over the keys that are not below the given one, ascending.
func (s *Snapshot) From(bucket string, key []byte) iter.Seq2[[]byte, []byte] {
	return s.walk(bucket, key, nil, 1)
}

// Range goes over the keys that are not below one and are below another, ascending. What was deleted behind them is
// not passed over.
func (s *Snapshot) Range(bucket string, from, to []byte) iter.Seq2[[]byte, []byte] {
	return s.walk(bucket, from, to, 1)
}

// Below goes over the keys that are below the given one, descending.
func (s *Snapshot) Below(bucket string, key []byte) iter.Seq2[[]byte, []byte] {
	return s.walk(bucket, key, nil, -1)
}

// cursor is a cursor of a table or of the database. It moves in one direction.
type cursor interface {
	Valid() bool
	Key() []byte
	Value() (v []byte, deleted bool)
	step()
}

// walk goes over the keys of all cursors, ascending up to one that is not below end; nil: all. Where two stand at one
// key, the first counts.
func (s *Snapshot) walk(bucket string, key, end []byte, direction int) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		all := s.cursors(bucket, key, direction)
		for at := first(all, direction); at != nil; at = first(all, direction) {
			k := at.Key()
			if end != nil && bytes.Compare(k, end) >= 0 {
				return
			}
			if v, deleted := at.Value(); !deleted && !yield(k, v) {
				return
			}
			stepFrom(all, k)
		}
	}
}

// first returns the cursor that stands at the key that comes first, and of several at one key the first; nil if all have
// gone past the last.
func first(all []cursor, direction int) (at cursor) {
	for _, c := range all {
		if c.Valid() && (at == nil || direction*bytes.Compare(c.Key(), at.Key()) < 0) {
			at = c
		}
	}
	return at
}

// stepFrom has all cursors go on that stand at a key.
func stepFrom(all []cursor, key []byte) {
	for _, c := range all {
		if stands(c, key) {
			c.step()
		}
	}
}

func stands(c cursor, key []byte) bool { return c.Valid() && bytes.Equal(c.Key(), key) }

func (s *Snapshot) cursors(bucket string, key []byte, direction int) []cursor {
	all := make([]cursor, 0, len(s.tables)+1)
	for _, t := range s.tables {
		if direction > 0 {
			all = append(all, &ascending{t.From(bucket, key)})
		} else {
			all = append(all, &descending{t.Below(bucket, key)})
		}
	}
	if b := s.openedBucket(bucket); b.stored != nil {
		all = append(all, newStored(b.stored.Cursor(), key, direction))
	}
	return all
}

type ascending struct{ memtable.Cursor }

func (c *ascending) step() { c.Next() }

type descending struct{ memtable.Cursor }

func (c *descending) step() { c.Previous() }

// stored is a cursor of the database.
type stored struct {
	at         *bbolt.Cursor
	key, value []byte // key is nil past the last
	down       bool
}

func newStored(at *bbolt.Cursor, key []byte, direction int) *stored {
	c := &stored{at: at, down: direction < 0}
	c.key, c.value = at.Seek(key)
	if !c.down {
		return c
	}
	if c.key != nil {
		c.step()
	} else if first, _ := at.First(); first != nil { // Last doesn't end in a bucket with no keys
		c.key, c.value = at.Last()
	}
	return c
}

func (c *stored) Valid() bool           { return c.key != nil }
func (c *stored) Key() []byte           { return c.key }
func (c *stored) Value() ([]byte, bool) { return c.value, false }
func (c *stored) step() {
	if c.down {
		c.key, c.value = c.at.Prev()
	} else {
		c.key, c.value = c.at.Next()
	}
}
