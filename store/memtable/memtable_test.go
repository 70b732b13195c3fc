package memtable_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/earshot-im/earshot/store/memtable"
)

// TestAllOrder: sequences come first, rows in the order of the names of their buckets and of their keys.
func TestAllOrder(t *testing.T) {
	table := memtable.New()
	table.Put("ab", []byte("1"), nil)
	table.SetSequence("b", 7)
	table.Put("a", []byte("b2"), []byte("v"))
	table.Delete("a", []byte("\x00"))
	table.Put("a", []byte("b"), []byte("w"))
	table.SetSequence("a", 1<<40)
	var got []string
	for c := range table.All() {
		got = append(got, fmt.Sprintf("%s %q %q %v %d", c.Bucket, c.Key, c.Value, c.Deleted, c.Sequence))
	}
	want := []string{
		`a "" "" false 1099511627776`, `b "" "" false 7`,
		`a "\x00" "" true 0`, `a "b" "w" false 0`, `a "b2" "v" false 0`,
		`ab "1" "" false 0`,
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%s, want\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for range table.All() { // whoever has enough may end it
		break
	}
}

// TestBytesCounts: what is longer counts for more, and what replaces something for no more than itself.
func TestBytesCounts(t *testing.T) {
	table := memtable.New()
	if table.Bytes() != 0 {
		t.Fatalf("%d bytes of nothing", table.Bytes())
	}
	table.Put("a", []byte("key"), make([]byte, 1000))
	one := table.Bytes()
	if one < 1000 || one > 1000+300 {
		t.Fatalf("%d bytes of a row of 1000", one)
	}
	table.Put("a", []byte("key"), make([]byte, 1000))
	if table.Bytes() != one {
		t.Fatalf("%d bytes, and %d after the same row again", one, table.Bytes())
	}
	table.Put("a", []byte("key"), make([]byte, 100))
	if table.Bytes() != one-900 {
		t.Fatalf("%d bytes, and %d with 900 less", one, table.Bytes())
	}
	table.Delete("a", []byte("key"))
	if b := table.Bytes(); b != one-1000 {
		t.Fatalf("%d bytes of a deleted key", b)
	}
}

// TestLongPlaces: places longer than what most are found with.
func TestLongPlaces(t *testing.T) {
	table := memtable.New()
	bucket, key := strings.Repeat("b", 300), []byte(strings.Repeat("k", 400))
	table.Put(bucket, key, []byte("v"))
	table.SetSequence(bucket, 3)
	if v, deleted, said := table.Get(bucket, key); !said || deleted || string(v) != "v" {
		t.Fatalf("%q %v %v", v, deleted, said)
	}
	if n, said := table.Sequence(bucket); !said || n != 3 {
		t.Fatalf("sequence %d %v", n, said)
	}
	from, below := table.From(bucket, key), table.Below(bucket, append(key, 0))
	if !from.Valid() || !below.Valid() || string(from.Key()) != string(key) || string(below.Key()) != string(key) {
		t.Fatal("no cursor finds it")
	}
}

// TestReadWhileClonesAreWritten: readers of a table see it as it was, while its clones are written.
func TestReadWhileClonesAreWritten(t *testing.T) {
	const rows, readers, versions = 200, 4, 60
	number := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	var current atomic.Pointer[memtable.Table]
	current.Store(memtable.New())
	var done atomic.Bool
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for last := uint64(0); !done.Load(); {
				table := current.Load()
				version, said := table.Sequence("a")
				if !said {
					continue
				}
				if version < last {
					t.Errorf("version %d after %d", version, last)
				}
				last = version
				n, d := 0, 0
				for c := table.From("a", nil); c.Valid(); c.Next() {
					v, deleted := c.Value()
					if !deleted && binary.BigEndian.Uint64(v) != version {
						t.Errorf("a row of version %d in %d", binary.BigEndian.Uint64(v), version)
						return
					}
					n++
					if deleted {
						d++
					}
				}
				if n != rows || d != 1 {
					t.Errorf("%d rows, %d deleted", n, d)
					return
				}
				if _, deleted, _ := table.Get("a", number(version%rows)); !deleted {
					t.Errorf("version %d has what it has deleted", version)
					return
				}
			}
		})
	}
	for version := uint64(1); version <= versions; version++ {
		changes := memtable.New()
		for n := range uint64(rows) {
			changes.Put("a", number(n), number(version))
		}
		changes.Delete("a", number(version%rows))
		changes.SetSequence("a", version)
		next := current.Load().Clone()
		next.Apply(changes)
		current.Store(next)
	}
	done.Store(true)
	wg.Wait()
}
