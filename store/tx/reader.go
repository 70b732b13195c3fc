package tx

import (
	"bytes"
	"iter"

	"github.com/earshot-im/earshot/store/engine"
)

// Bucket is the name of a bucket.
type Bucket string

// Reader looks things up in one snapshot of the database.
type Reader struct {
	snapshot *engine.Snapshot
	looks    int
}

// NewReader returns a reader of a snapshot.
func NewReader(s *engine.Snapshot) *Reader { return &Reader{snapshot: s} }

// Looks returns how often a key was looked for so far. It measures what something costs in a way
// that does not depend on the engine.
func (r *Reader) Looks() int { return r.looks }

// Blank reports whether there is nothing in any bucket, as in a database that was just made.
func (r *Reader) Blank() bool { return r.snapshot.Blank() }

// Get returns the value of a key, nil if there is none. A value may be empty without being nil.
func (r *Reader) Get(b Bucket, key []byte) []byte {
	r.looks++
	return r.snapshot.Get(string(b), key)
}

// Sequence returns the number that Batch.Next returned last, 0 if it was never called.
func (r *Reader) Sequence(b Bucket) uint64 { return r.snapshot.Sequence(string(b)) }

// Empty reports whether a bucket has no keys.
func (r *Reader) Empty(b Bucket) bool {
	k, _ := r.Seek(b, nil)
	return k == nil
}

// Seek returns the first key that is not below the given one, and its value; nil if there is none.
func (r *Reader) Seek(b Bucket, key []byte) (k, v []byte) {
	for k, v := range r.From(b, key) {
		return k, v
	}
	return nil, nil
}

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
		r.looks++
		r.snapshot.From(string(b), key)(yield)
	}
}

// Range goes over the keys that are not below one and are below another, ascending.
func (r *Reader) Range(b Bucket, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		r.looks++
		r.snapshot.Range(string(b), from, to)(yield)
	}
}

// Back goes over the keys that are below the given one, descending.
func (r *Reader) Back(b Bucket, key []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		r.looks++
		r.snapshot.Below(string(b), key)(yield)
	}
}

// Prefix goes over the keys that begin with prefix, ascending: over all if that is empty.
func (r *Reader) Prefix(b Bucket, prefix []byte) iter.Seq2[[]byte, []byte] {
	return r.Range(b, prefix, behind(prefix))
}

// behind returns the first key behind all that begin with prefix; nil if there is none.
func behind(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := bytes.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
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
