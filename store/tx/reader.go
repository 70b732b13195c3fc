package tx

import (
	"bytes"
	"iter"

	"go.etcd.io/bbolt"
)

// Bucket is the name of a bucket.
type Bucket string

// Reader looks things up in one snapshot of the database.
type Reader struct {
	db      *DB
	tx      *bbolt.Tx
	buckets map[Bucket]*bbolt.Bucket // opened before: bbolt would look each up in its root again
	looks   int
}

// fillAscending is how full pages get in buckets whose keys mostly ascend. bbolt otherwise splits a
// page in the middle, and the half that is left behind is never filled.
const fillAscending = 0.9

func (r *Reader) bucket(name Bucket) *bbolt.Bucket {
	b := r.buckets[name]
	if b == nil {
		b = r.tx.Bucket([]byte(name))
		if r.db.ascending[name] {
			b.FillPercent = fillAscending
		}
		r.buckets[name] = b
	}
	return b
}

// look is bucket, counted.
func (r *Reader) look(b Bucket) *bbolt.Bucket {
	r.looks++
	return r.bucket(b)
}

// Looks returns how often a key was looked for so far. It measures what something costs in a way
// that does not depend on the engine.
func (r *Reader) Looks() int { return r.looks }

// Has reports whether a bucket exists.
func (r *Reader) Has(b Bucket) bool { return r.tx.Bucket([]byte(b)) != nil }

// Blank reports whether there is no bucket at all, as in a database that was just made.
func (r *Reader) Blank() bool {
	name, _ := r.tx.Cursor().First()
	return name == nil
}

// Get returns the value of a key, nil if there is none. A value may be empty without being nil.
func (r *Reader) Get(b Bucket, key []byte) []byte { return r.look(b).Get(key) }

// Sequence returns the number that Batch.Next returned last, 0 if it was never called.
func (r *Reader) Sequence(b Bucket) uint64 { return r.bucket(b).Sequence() }

// Empty reports whether a bucket has no keys.
func (r *Reader) Empty(b Bucket) bool {
	k, _ := r.look(b).Cursor().First()
	return k == nil
}

// Seek returns the first key that is not below the given one, and its value; nil if there is none.
func (r *Reader) Seek(b Bucket, key []byte) (k, v []byte) { return r.look(b).Cursor().Seek(key) }

// Before returns the last key that is below the given one, and its value; nil if there is none.
func (r *Reader) Before(b Bucket, key []byte) (k, v []byte) {
	for k, v := range r.Back(b, key) {
		return k, v
	}
	return nil, nil
}

// From goes over the keys that are not below the given one, ascending.
func (r *Reader) From(b Bucket, key []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		c := r.look(b).Cursor()
		for k, v := c.Seek(key); k != nil && yield(k, v); k, v = c.Next() {
		}
	}
}

// Back goes over the keys that are below the given one, descending.
func (r *Reader) Back(b Bucket, key []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		c := r.look(b).Cursor()
		first, _ := c.First()
		if first == nil || bytes.Compare(first, key) >= 0 {
			return
		}
		first = bytes.Clone(first)
		var v []byte
		k, _ := c.Seek(key)
		if k == nil {
			k, v = c.Last()
		} else {
			k, v = previous(c)
		}
		for yield(k, v) && !bytes.Equal(k, first) {
			k, v = previous(c)
		}
	}
}

// previous moves a cursor back that is behind some key. Where a batch has deleted all keys of a page,
// bbolt says at that page that there are no more; and Cursor.Last never returns if there are none at all.
func previous(c *bbolt.Cursor) (k, v []byte) {
	for k == nil {
		k, v = c.Prev()
	}
	return k, v
}

// Prefix goes over the keys that begin with prefix, ascending: over all if that is empty.
func (r *Reader) Prefix(b Bucket, prefix []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		c := r.look(b).Cursor()
		for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && yield(k, v); k, v = c.Next() {
		}
	}
}

// Count returns how many keys begin with prefix.
func (r *Reader) Count(b Bucket, prefix []byte) (n int) {
	for range r.Prefix(b, prefix) {
		n++
	}
	return n
}

// Copy returns the keys that begin with prefix, and their values, copied, so that the caller may
// change the bucket meanwhile.
func (r *Reader) Copy(b Bucket, prefix []byte) (keys, values [][]byte) {
	for k, v := range r.Prefix(b, prefix) {
		keys, values = append(keys, bytes.Clone(k)), append(values, bytes.Clone(v))
	}
	return keys, values
}
