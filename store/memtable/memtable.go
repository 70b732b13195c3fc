// Package memtable holds changes of a database in memory, sorted, until they are written into it: of each
// bucket the rows that were put and the keys that were deleted, and the sequence if that has moved.
//
// A Table has the last that was said of a key, but for one that vanished. Clone is cheap, whatever the table
// has: both share what is the same. So a table is not changed while others read it: whoever has changes clones
// it, applies them, and puts the clone in its place.
//
// It wraps github.com/tidwall/btree, and keeps no locks: a table that nobody changes may be read by any
// goroutine. To clone one and to change it, or a clone of it, is for one goroutine at a time.
package memtable

import (
	"bytes"
	"encoding/binary"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/tidwall/btree"
)

const (
	// rowBytes is about what a row takes in memory beside its key and value.
	rowBytes = 64

	// degree bounds how many rows a node of the tree has: up to 31. A batch copies the nodes that it changes.
	degree = 16
)

// row is what was said of a key last, in one piece of memory: the collector of garbage sees one pointer for each.
//
//	1  kind: put, deleted or vanished
//	4  length of the key
//	…  key
//	…  value
type row []byte

const rowHead = 1 + 4

// vanished is the kind of a key that was deleted and is nowhere below the table. It is never written: for whoever
// reads it, the key was deleted.
const vanished = sequence + 1

// small is room for most rows without a value. The tree has what it looks for on the heap: so that Get takes no
// memory, used ones are kept.
type small [128]byte

var smalls = sync.Pool{New: func() any { return new(small) }}

// rowOf appends a row without a value to b.
func rowOf(b []byte, kind byte, key []byte) row {
	return append(binary.LittleEndian.AppendUint32(append(b, kind), uint32(len(key))), key...)
}

func newRow(kind byte, key, value []byte) row {
	return append(rowOf(make([]byte, 0, rowHead+len(key)+len(value)), kind, key), value...)
}

func (r row) end() int      { return rowHead + int(binary.LittleEndian.Uint32(r[1:])) } // of the key
func (r row) key() []byte   { e := r.end(); return r[rowHead:e:e] }
func (r row) value() []byte { return r[r.end():] }
func (r row) deleted() bool { return r[0] != put }

func size(r row) int { return rowBytes + len(r) }

func less(a, b row) bool { return bytes.Compare(a.key(), b.key()) < 0 }

// Table has changes.
type Table struct {
	buckets map[string]*rows
	bytes   int
}

// rows is what a table says of one bucket.
type rows struct {
	of   *Table // the only table that has it, which may change it; nil: others may have it
	tree *btree.BTreeG[row]
	near btree.PathHint // where it was changed last

	sequence uint64
	moved    bool // sequence was set
}

// New returns a table with nothing in it.
func New() *Table { return &Table{buckets: make(map[string]*rows)} }

// Clone returns a table of its own that has the same.
func (t *Table) Clone() *Table {
	for _, r := range t.buckets {
		r.of = nil
	}
	return &Table{maps.Clone(t.buckets), t.bytes}
}

// own returns what the table says of a bucket, to be changed.
func (t *Table) own(bucket string) *rows {
	r := t.buckets[bucket]
	switch {
	case r == nil:
		r = &rows{of: t, tree: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: degree})}
	case r.of != t:
		r = &rows{of: t, tree: r.tree.Copy(), sequence: r.sequence, moved: r.moved}
	default:
		return r
	}
	t.buckets[bucket] = r
	return r
}

// Len returns how many rows, deleted keys and sequences there are.
func (t *Table) Len() (n int) {
	for _, r := range t.buckets {
		if n += r.tree.Len(); r.moved {
			n++
		}
	}
	return n
}

// Bytes returns about how much memory the table takes.
func (t *Table) Bytes() int { return t.bytes }

// Put notes the value of a key. Both are copied.
func (t *Table) Put(bucket string, key, value []byte) { t.set(t.own(bucket), newRow(put, key, value)) }

// Delete notes that there is no such key.
func (t *Table) Delete(bucket string, key []byte) { t.set(t.own(bucket), newRow(deleted, key, nil)) }

// Vanish notes that there is no such key, and never was but in one table: of that, when these changes are applied to
// it, nothing is left. So what comes and goes costs nothing later, and is not passed over again and again.
func (t *Table) Vanish(bucket string, key []byte) { t.set(t.own(bucket), newRow(vanished, key, nil)) }

// Unsay leaves nothing of what was said of a key.
func (t *Table) Unsay(bucket string, key []byte) {
	in := t.own(bucket)
	if was, had := in.tree.DeleteHint(rowOf(nil, put, key), &in.near); had {
		t.bytes -= size(was)
	}
}

// SetSequence notes the sequence of a bucket.
func (t *Table) SetSequence(bucket string, n uint64) {
	r := t.own(bucket)
	if !r.moved {
		r.moved = true
		t.bytes += rowBytes + len(bucket)
	}
	r.sequence = n
}

func (t *Table) set(in *rows, r row) {
	t.bytes += size(r)
	if was, had := in.tree.SetHint(r, &in.near); had {
		t.bytes -= size(was)
	}
}

// Apply notes everything that another table says. Where a key vanishes that t has, nothing is left of it.
func (t *Table) Apply(o *Table) {
	for bucket, changes := range o.buckets {
		if changes.moved {
			t.SetSequence(bucket, changes.sequence)
		}
		if changes.tree.Len() == 0 {
			continue
		}
		in := t.own(bucket)
		changes.tree.Scan(func(r row) bool {
			if r[0] == vanished {
				if was, had := in.tree.DeleteHint(r, &in.near); had {
					t.bytes -= size(was)
					return true
				}
			}
			t.set(in, r)
			return true
		})
	}
}

// Get returns the value of a key. said is false if the table has nothing about it; deleted keys have none.
func (t *Table) Get(bucket string, key []byte) (value []byte, deleted, said bool) {
	in := t.buckets[bucket]
	if in == nil || in.tree.Len() == 0 {
		return nil, false, false
	}
	b := smalls.Get().(*small)
	r, said := in.tree.Get(rowOf(b[:0], put, key))
	smalls.Put(b)
	if !said || r.deleted() {
		return nil, said, said
	}
	return r.value(), false, true
}

// Sequence returns the sequence of a bucket, if it was set.
func (t *Table) Sequence(bucket string) (n uint64, said bool) {
	r := t.buckets[bucket]
	if r == nil || !r.moved {
		return 0, false
	}
	return r.sequence, true
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
		names := slices.Sorted(maps.Keys(t.buckets))
		for _, name := range names {
			if r := t.buckets[name]; r.moved && !yield(Change{Bucket: name, Sequence: r.sequence}) {
				return
			}
		}
		more := true
		for _, name := range names {
			t.buckets[name].tree.Scan(func(r row) bool {
				c := Change{Bucket: name, Key: r.key(), Deleted: r.deleted()}
				if !c.Deleted {
					c.Value = r.value()
				}
				more = yield(c)
				return more
			})
			if !more {
				return
			}
		}
	}
}

// Cursor stands at a row of one bucket, or at a key that was deleted.
type Cursor struct {
	at    btree.IterG[row]
	valid bool
}

// From returns a cursor at the first key that is not below the given one.
func (t *Table) From(bucket string, key []byte) (c Cursor) {
	if in := t.buckets[bucket]; in != nil {
		c.at = in.tree.Iter()
		var b small
		c.valid = c.at.Seek(rowOf(b[:0], put, key))
	}
	return c
}

// Below returns a cursor at the last key that is below the given one.
func (t *Table) Below(bucket string, key []byte) (c Cursor) {
	in := t.buckets[bucket]
	if in == nil {
		return c
	}
	c.at = in.tree.Iter()
	var b small
	if c.at.Seek(rowOf(b[:0], put, key)) {
		c.valid = c.at.Prev()
	} else {
		c.valid = c.at.Last()
	}
	return c
}

// Valid reports whether the cursor stands at a key: it has not gone past the first or the last.
func (c *Cursor) Valid() bool { return c.valid }

// Next goes to the next key.
func (c *Cursor) Next() { c.valid = c.at.Next() }

// Previous goes to the key before.
func (c *Cursor) Previous() { c.valid = c.at.Prev() }

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
