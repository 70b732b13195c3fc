package memtable

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
)

// ErrMalformed: the bytes are not those of a table.
var ErrMalformed = errors.New("memtable: malformed")

// Kinds of what follows the name of a bucket.
const (
	endOfBucket = iota
	put
	deleted
	sequence
)

// separator ends the name of a bucket, which does not have it.
const separator = 0

// Append appends what the table says to b, as store/FORMAT.md has it in its section "Journal".
func (t *Table) Append(b []byte) []byte {
	bucket := ""
	for c := range t.All() {
		if c.Bucket != bucket {
			if bucket != "" {
				b = append(b, endOfBucket)
			}
			bucket = c.Bucket
			b = text(b, []byte(bucket))
		}
		switch {
		case c.Key == nil:
			b = binary.AppendUvarint(append(b, sequence), c.Sequence)
		case c.Deleted:
			b = text(append(b, deleted), c.Key)
		default:
			b = text(text(append(b, put), c.Key), c.Value)
		}
	}
	return b
}

func text(b, s []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }

// Decode goes over what Append wrote. What it yields is part of b. It ends with an error where b is anything
// else: each table has one form.
func Decode(b []byte) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		d, bucket := decoder{b: b}, ""
		for more := len(b) > 0; more; {
			name, ok := d.text()
			if !ok || len(name) == 0 || string(name) == bucket || bytes.IndexByte(name, separator) >= 0 {
				yield(Change{}, ErrMalformed)
				return
			}
			bucket = string(name)
			for ended := false; !ended; {
				c, ok := d.change(bucket)
				if !ok {
					yield(Change{}, ErrMalformed)
					return
				}
				if !yield(c, nil) {
					return
				}
				ended, more = d.end()
			}
		}
	}
}

// decoder reads from the beginning of b.
type decoder struct {
	b           []byte
	last, spare []byte // the place of what was read last, and memory for the next one
}

// place appends to b what sorts changes: of a key the name of its bucket, the separator and the key; of a sequence
// the separator and the name of the bucket.
func place(b []byte, kind byte, bucket string, key []byte) []byte {
	if kind == sequence {
		return append(append(b, separator), bucket...)
	}
	return append(append(append(b, bucket...), separator), key...)
}

// change reads a change, which must stand behind the last one.
func (d *decoder) change(bucket string) (c Change, ok bool) {
	if len(d.b) == 0 {
		return c, false
	}
	kind, at := d.b[0], d.spare[:0]
	d.b = d.b[1:]
	c.Bucket = bucket
	switch kind {
	case put:
		if c.Key, ok = d.text(); ok {
			c.Value, ok = d.text()
		}
	case deleted:
		c.Deleted = true
		c.Key, ok = d.text()
	case sequence:
		c.Sequence, ok = d.number()
	}
	at = place(at, kind, bucket, c.Key)
	ok = ok && (kind == sequence || len(c.Key) > 0)
	ok = ok && bytes.Compare(d.last, at) < 0
	d.last, d.spare = at, d.last
	return c, ok
}

// end reads the end of a bucket, if it is there, and reports whether another one follows.
func (d *decoder) end() (ended, more bool) {
	if len(d.b) == 0 {
		return true, false
	}
	if ended = d.b[0] == endOfBucket; ended {
		d.b = d.b[1:]
	}
	return ended, ended
}

func (d *decoder) number() (n uint64, ok bool) {
	n, size := binary.Uvarint(d.b)
	if size <= 0 || size > 1 && d.b[size-1] == 0 { // there is a shorter form
		return 0, false
	}
	d.b = d.b[size:]
	return n, true
}

func (d *decoder) text() (s []byte, ok bool) {
	n, ok := d.number()
	if !ok || n > uint64(len(d.b)) {
		return nil, false
	}
	s, d.b = d.b[:n], d.b[n:]
	return s, true
}

// Note notes a change in the table. Its bytes are copied.
func (t *Table) Note(c Change) {
	switch {
	case c.Key == nil:
		t.SetSequence(c.Bucket, c.Sequence)
	case c.Deleted:
		t.Delete(c.Bucket, c.Key)
	default:
		t.Put(c.Bucket, c.Key, c.Value)
	}
}
