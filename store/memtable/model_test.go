package memtable_test

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/earshot-im/earshot/store/memtable"
)

// said is what a model says of a key.
type said struct {
	value             string
	deleted, vanished bool
}

// model is a table as simple as can be.
type model struct {
	rows      map[string]map[string]said // by bucket and key
	sequences map[string]uint64
}

func newModel() *model {
	return &model{rows: map[string]map[string]said{}, sequences: map[string]uint64{}}
}

func (m *model) set(bucket, key string, s said) {
	if m.rows[bucket] == nil {
		m.rows[bucket] = map[string]said{}
	}
	m.rows[bucket][key] = s
}

func (m *model) clone() *model {
	c := newModel()
	c.apply(m)
	return c
}

func (m *model) apply(o *model) {
	for bucket, rows := range o.rows {
		for key, s := range rows {
			if _, had := m.rows[bucket][key]; had && s.vanished {
				delete(m.rows[bucket], key)
			} else {
				m.set(bucket, key, s)
			}
		}
	}
	maps.Copy(m.sequences, o.sequences)
}

// all returns what the model says in the order of All.
func (m *model) all() (out []memtable.Change) {
	for _, bucket := range slices.Sorted(maps.Keys(m.sequences)) {
		out = append(out, memtable.Change{Bucket: bucket, Sequence: m.sequences[bucket]})
	}
	for _, bucket := range slices.Sorted(maps.Keys(m.rows)) {
		for _, key := range slices.Sorted(maps.Keys(m.rows[bucket])) {
			s := m.rows[bucket][key]
			out = append(out, memtable.Change{Bucket: bucket, Key: []byte(key), Value: []byte(s.value), Deleted: s.deleted})
		}
	}
	return out
}

func same(a, b memtable.Change) bool {
	return a.Bucket == b.Bucket && (a.Key == nil) == (b.Key == nil) && bytes.Equal(a.Key, b.Key) &&
		bytes.Equal(a.Value, b.Value) && a.Deleted == b.Deleted && a.Sequence == b.Sequence
}

// Names that begin with each other, and keys with the bytes that end names.
var (
	buckets = []string{"a", "ab", "abc", "a\x01", "b"}

	bucketNames = rapid.SampledFrom(buckets)
	keys        = rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 'b', 0xff}), 1, 3),
		func(b []byte) string { return string(b) })
	values = rapid.OneOf(rapid.Just(""), rapid.StringN(0, 8, -1), rapid.Just(strings.Repeat("v", 200)))
)

// pair is a table and what it should have.
type pair struct {
	table *memtable.Table
	model *model
}

func (p pair) check(t *rapid.T) {
	want := p.model.all()
	if got := slices.Collect(p.table.All()); !slices.EqualFunc(got, want, same) {
		t.Fatalf("has %v, want %v", got, want)
	}
	if p.table.Len() != len(want) {
		t.Fatalf("Len is %d of %d", p.table.Len(), len(want))
	}
	if b := p.table.Bytes(); b < 0 || (b == 0) != (p.table.Len() == 0) {
		t.Fatalf("%d bytes of %d rows", b, p.table.Len())
	}
	for _, bucket := range buckets {
		n, is := p.table.Sequence(bucket)
		if want, wanted := p.model.sequences[bucket]; n != want || is != wanted {
			t.Fatalf("sequence of %q: %d %v, want %d %v", bucket, n, is, want, wanted)
		}
	}
}

func (p pair) get(t *rapid.T, bucket, key string) {
	value, deleted, is := p.table.Get(bucket, []byte(key))
	want, wanted := p.model.rows[bucket][key]
	if is != wanted || deleted != want.deleted || string(value) != want.value {
		t.Fatalf("%q %q: %q %v %v, want %v %v", bucket, key, value, deleted, is, want, wanted)
	}
}

// walk moves a cursor both ways, for as long as it is valid.
func (p pair) walk(t *rapid.T, bucket, key string, below bool) {
	sorted := slices.Sorted(maps.Keys(p.model.rows[bucket]))
	at, _ := slices.BinarySearch(sorted, key)
	c := p.table.From(bucket, []byte(key))
	if below {
		c = p.table.Below(bucket, []byte(key))
		at--
	}
	turns := rapid.IntRange(0, 9) // mostly the same way
	for {
		if valid := at >= 0 && at < len(sorted); c.Valid() != valid {
			t.Fatalf("%q %q: valid is %v at %d of %d", bucket, key, c.Valid(), at, len(sorted))
		} else if !valid {
			return
		}
		want := p.model.rows[bucket][sorted[at]]
		if v, deleted := c.Value(); string(c.Key()) != sorted[at] || string(v) != want.value || deleted != want.deleted {
			t.Fatalf("%q %q: at %q %q %v, want %q %v", bucket, key, c.Key(), v, deleted, sorted[at], want)
		}
		if below != (turns.Draw(t, "turns") == 9) {
			c.Previous()
			at--
		} else {
			c.Next()
			at++
		}
	}
}

// TestModel does the same with tables and with models, and compares all of them after each step: so a
// change of one table shows in no other.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []pair{{memtable.New(), newModel()}}
		one := func(t *rapid.T) pair { return rapid.SampledFrom(all).Draw(t, "table") }
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				p := one(t)
				bucket, key, value := bucketNames.Draw(t, "bucket"), []byte(keys.Draw(t, "key")), []byte(values.Draw(t, "value"))
				p.model.set(bucket, string(key), said{value: string(value)})
				p.table.Put(bucket, key, value)
				clear(key) // it was copied
				clear(value)
			},
			"put many": func(t *rapid.T) { // a node of the tree has up to 63
				p, bucket := one(t), bucketNames.Draw(t, "bucket")
				first, step := rapid.Byte().Draw(t, "first"), rapid.SampledFrom([]byte{1, 7, 255}).Draw(t, "step")
				for n := range rapid.IntRange(1, 200).Draw(t, "rows") {
					key, value := string([]byte{first + step*byte(n)}), strconv.Itoa(n)
					p.model.set(bucket, key, said{value: value})
					p.table.Put(bucket, []byte(key), []byte(value))
				}
			},
			"delete": func(t *rapid.T) {
				p, bucket, key := one(t), bucketNames.Draw(t, "bucket"), []byte(keys.Draw(t, "key"))
				p.model.set(bucket, string(key), said{deleted: true})
				p.table.Delete(bucket, key)
				clear(key)
			},
			"vanish": func(t *rapid.T) {
				p, bucket, key := one(t), bucketNames.Draw(t, "bucket"), []byte(keys.Draw(t, "key"))
				p.model.set(bucket, string(key), said{deleted: true, vanished: true})
				p.table.Vanish(bucket, key)
				clear(key)
			},
			"unsay": func(t *rapid.T) {
				p, bucket, key := one(t), bucketNames.Draw(t, "bucket"), []byte(keys.Draw(t, "key"))
				delete(p.model.rows[bucket], string(key))
				p.table.Unsay(bucket, key)
				clear(key)
			},
			"sequence": func(t *rapid.T) {
				p, bucket, n := one(t), bucketNames.Draw(t, "bucket"), rapid.Uint64().Draw(t, "sequence")
				p.model.sequences[bucket] = n
				p.table.SetSequence(bucket, n)
			},
			"clone": func(t *rapid.T) {
				p := one(t)
				if len(all) < 3 {
					all = append(all, pair{p.table.Clone(), p.model.clone()})
				}
			},
			"apply": func(t *rapid.T) {
				p, o := one(t), one(t)
				if p != o {
					p.table.Apply(o.table)
					p.model.apply(o.model)
				}
			},
			"read": func(t *rapid.T) {
				p, bucket := one(t), bucketNames.Draw(t, "bucket")
				key := rapid.OneOf(rapid.Just(""), keys).Draw(t, "key")
				if key != "" {
					p.get(t, bucket, key)
				}
				p.walk(t, bucket, key, rapid.Bool().Draw(t, "below"))
			},
			"encode": func(t *rapid.T) {
				p := one(t)
				decoded := memtable.New()
				for c, err := range memtable.Decode(p.table.Append(nil)) {
					if err != nil {
						t.Fatal(err)
					}
					decoded.Note(c)
				}
				pair{decoded, p.model}.check(t)
				if got, want := p.table.Bytes(), decoded.Bytes(); got != want {
					t.Fatalf("Bytes is %d, of the same content made at once %d", got, want)
				}
			},
			"": func(t *rapid.T) {
				for _, p := range all {
					p.check(t)
				}
			},
		})
	})
}
