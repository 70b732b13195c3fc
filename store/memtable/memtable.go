// Package memtable holds changes of a database in memory, sorted, until they are written into it: of each
// bucket the rows that were put and the keys that were deleted, and the sequence if that has moved.
//
// A Table has the last that was said of a key, but for one that vanished. Clone is cheap, whatever the table
// has: both share what is the same. So a table that others read is never changed: whoever has changes clones
// it, applies them, and puts the clone in its place.
//
// It wraps github.com/tidwall/btree, and keeps no locks: a table that nobody changes may be read by any
// goroutine.
package memtable

import (
	"bytes"
	"encoding/binary"
	"iter"
	"sync"

	"github.com/tidwall/btree"
)

const (
	// rowBytes is about what a row takes in memory beside its key and value.
	rowBytes = 64

	// separator ends the name of a bucket, which does not have it.
	separator = 0

	// degree bounds how many rows a node of the tree has: up to 31. A batch copies the nodes that it changes.
	degree = 16
)

// row is what was said of a key last, in one piece of memory: the collector of garbage sees one pointer for each.
//
//	1  kind: put, deleted, sequence or vanished
//	2  where in the place the key begins
//	4  length of the place
//	…  place: of a key the name of its bucket, the separator and the key; of a sequence the separator and the
//	   name of the bucket
//	…  value
type row []byte

const rowHead = 1 + 2 + 4

// vanished is the kind of a key that was deleted and is nowhere below the table. It is never written: for whoever
// reads it, the key was deleted.
const vanished = sequence + 1

// small is room for most rows without a value. The tree has what it looks for on the heap: so that Get takes no
// memory, used ones are kept.
type small [128]byte

var smalls = sync.Pool{New: func() any { return new(small) }}

// rowOf appends a row without a value to b.
func rowOf(b []byte, kind byte, bucket string, key []byte) row {
	b = binary.BigEndian.AppendUint16(append(b, kind), uint16(len(bucket)+1))
	b = binary.BigEndian.AppendUint32(b, uint32(len(bucket)+1+len(key)))
	return place(b, kind, bucket, key)
}

// place appends the place of a row to b.
func place(b []byte, kind byte, bucket string, key []byte) []byte {
	if kind == sequence {
		return append(append(b, separator), bucket...)
	}
	return append(append(append(b, bucket...), separator), key...)
}

func newRow(kind byte, bucket string, key, value []byte) row {
	return append(rowOf(make([]byte, 0, rowHead+len(bucket)+1+len(key)+len(value)), kind, bucket, key), value...)
}

func (r row) end() int         { return rowHead + int(binary.BigEndian.Uint32(r[3:])) }
func (r row) begin() int       { return rowHead + int(binary.BigEndian.Uint16(r[1:])) } // of the key
func (r row) place() []byte    { return r[rowHead:r.end():r.end()] }
func (r row) bucket() []byte   { return r[rowHead : r.begin()-1] } // not of a sequence
func (r row) key() []byte      { return r[r.begin():r.end():r.end()] }
func (r row) value() []byte    { return r[r.end():] }
func (r row) deleted() bool    { return r[0] == deleted || r[0] == vanished }
func (r row) sequence() uint64 { return binary.BigEndian.Uint64(r.value()) }

func size(r row) int { return rowBytes + len(r) }

// Table has changes.
type Table struct {
	rows  *btree.BTreeG[row]
	bytes int
}

// New returns a table with nothing in it.
func New() *Table {
	less := func(a, b row) bool { return bytes.Compare(a.place(), b.place()) < 0 }
	return &Table{rows: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: degree})}
}

// Clone returns a table of its own that has the same.
func (t *Table) Clone() *Table { return &Table{t.rows.Copy(), t.bytes} }

// Len returns how many rows, deleted keys and sequences there are.
func (t *Table) Len() int { return t.rows.Len() }

// Bytes returns about how much memory the table takes.
func (t *Table) Bytes() int { return t.bytes }

// Put notes the value of a key. Both are copied.
func (t *Table) Put(bucket string, key, value []byte) { t.set(newRow(put, bucket, key, value)) }

// Delete notes that there is no such key.
func (t *Table) Delete(bucket string, key []byte) { t.set(newRow(deleted, bucket, key, nil)) }

// Vanish notes that there is no such key, and never was but in one table: of that, when these changes are applied to
// it, nothing is left. So what comes and goes costs nothing later, and is not passed over again and again.
func (t *Table) Vanish(bucket string, key []byte) { t.set(newRow(vanished, bucket, key, nil)) }

// SetSequence notes the sequence of a bucket.
func (t *Table) SetSequence(bucket string, n uint64) {
	t.set(newRow(sequence, bucket, nil, binary.BigEndian.AppendUint64(nil, n)))
}

func (t *Table) set(r row) {
	was, had := t.rows.Set(r)
	t.count(r, was, had)
}

func (t *Table) count(r, was row, had bool) {
	t.bytes += size(r)
	if had {
		t.bytes -= size(was)
	}
}

// Apply notes everything that another table says. Where a key vanishes that t has, nothing is left of it.
func (t *Table) Apply(o *Table) {
	var near btree.PathHint
	o.rows.Scan(func(r row) bool {
		if r[0] == vanished {
			if was, had := t.rows.DeleteHint(r, &near); had {
				t.bytes -= size(was)
				return true
			}
		}
		was, had := t.rows.SetHint(r, &near)
		t.count(r, was, had)
		return true
	})
}

// Get returns the value of a key. said is false if the table has nothing about it; deleted keys have none.
func (t *Table) Get(bucket string, key []byte) (value []byte, deleted, said bool) {
	if t.rows.Len() == 0 {
		return nil, false, false
	}
	b := smalls.Get().(*small)
	r, said := t.rows.Get(rowOf(b[:0], put, bucket, key))
	smalls.Put(b)
	if !said || r.deleted() {
		return nil, said, said
	}
	return r.value(), false, true
}

// Sequence returns the sequence of a bucket, if it was set.
func (t *Table) Sequence(bucket string) (n uint64, said bool) {
	if t.rows.Len() == 0 {
		return 0, false
	}
	b := smalls.Get().(*small)
	r, said := t.rows.Get(rowOf(b[:0], sequence, bucket, nil))
	smalls.Put(b)
	if !said {
		return 0, false
	}
	return r.sequence(), true
}

// Change is one row, deleted key or sequence of a table.
type Change struct {
	Bucket   string
	Key      []byte
	Value    []byte
	Deleted  bool
	Sequence uint64 // of the bucket; then there is no key
}

// All goes over everything that the table says: first the sequences, and then the rows and deleted keys, of
// each bucket in the order of their keys.
func (t *Table) All() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		bucket := ""
		t.rows.Scan(func(r row) bool {
			if r[0] == sequence {
				return yield(Change{Bucket: string(r.place()[1:]), Sequence: r.sequence()})
			}
			if name := r.bucket(); string(name) != bucket {
				bucket = string(name)
			}
			c := Change{Bucket: bucket, Key: r.key(), Deleted: r.deleted()}
			if !c.Deleted {
				c.Value = r.value()
			}
			return yield(c)
		})
	}
}

// Cursor stands at a row of one bucket, or at a key that was deleted.
type Cursor struct {
	at     btree.IterG[row]
	bucket []byte // with the separator behind it
	valid  bool
}

// From returns a cursor at the first key that is not below the given one.
func (t *Table) From(bucket string, key []byte) Cursor {
	c := t.cursor(bucket)
	var b small
	c.stand(c.at.Seek(rowOf(b[:0], put, bucket, key)))
	return c
}

// Below returns a cursor at the last key that is below the given one.
func (t *Table) Below(bucket string, key []byte) Cursor {
	c := t.cursor(bucket)
	var b small
	if c.at.Seek(rowOf(b[:0], put, bucket, key)) {
		c.stand(c.at.Prev())
	} else {
		c.stand(c.at.Last())
	}
	return c
}

func (t *Table) cursor(bucket string) Cursor {
	return Cursor{at: t.rows.Iter(), bucket: append([]byte(bucket), separator)}
}

// stand notes whether the cursor stands at a row of its bucket.
func (c *Cursor) stand(found bool) {
	c.valid = found && bytes.HasPrefix(c.at.Item().place(), c.bucket)
}

// Valid reports whether the cursor stands at a key: it has not gone past the first or the last.
func (c *Cursor) Valid() bool { return c.valid }

// Next goes to the next key.
func (c *Cursor) Next() { c.stand(c.at.Next()) }

// Previous goes to the key before.
func (c *Cursor) Previous() { c.stand(c.at.Prev()) }

// Key returns the key at which a valid cursor stands.
func (c *Cursor) Key() []byte { return c.at.Item().key() }

// Value returns its value, and whether it was deleted.
func (c *Cursor) Value() (value []byte, deleted bool) {
	r := c.at.Item()
	if r.deleted() {
		return nil, true
	}
	return r.value(), false
}
