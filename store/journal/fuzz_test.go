package journal

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/disk"
)

// FuzzOpen opens files with any bytes in them. It never panics; it replays nothing that was not sealed, and
// what it replays is complete, in order, and comes after what the database has; it changes no byte; and all
// of its refusals are damage.
func FuzzOpen(f *testing.F) {
	sealed := map[Link]batch{}
	all := histories(f)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		h := all[name]
		for _, b := range h.all {
			sealed[b.Link] = b
		}
		h.databases(func(has Last) {
			f.Add(h.m.content[Names[0]], h.m.content[Names[1]], has.Number, has.Sum[:], has.Journaled)
		})
	}
	f.Add([]byte(nil), []byte(nil), uint64(0), []byte(nil), uint64(0))
	f.Add([]byte(nil), []byte(nil), uint64(0), []byte("a sum of"), uint64(0))
	f.Fuzz(func(t *testing.T, first, second []byte, number uint64, sum []byte, journaled uint64) {
		has := Last{Link: Link{Number: number}, Journaled: journaled}
		copy(has.Sum[:], sum)
		files := newMemory(first, second)
		last := has.Link
		j, err := Open(files, os.O_RDWR, testKey, has, func(r Replay) error {
			b, is := sealed[r.Link]
			if !is || b.body != string(r.Body) {
				t.Fatalf("replays a batch %d that was not sealed", r.Number)
			}
			if r.Number != last.Number+1 || b.previous != last.Sum {
				t.Fatalf("replays batch %d after %d", r.Number, last.Number)
			}
			last = r.Link
			return nil
		})
		if !bytes.Equal(files.content[Names[0]], first) || !bytes.Equal(files.content[Names[1]], second) {
			t.Fatal("Open has changed a file")
		}
		if err != nil {
			if j != nil || !errors.Is(err, disk.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if j.Last() != last || j.Written() < journaled {
			t.Fatalf("ends with %v of %d, replays up to %v", j.Last(), j.Written(), last)
		}
		if j.Room() == 0 {
			j.Turn()
		}
		if last.Number > 1<<60 || j.Room() == 0 {
			return
		}
		replays(t, files, Last{Link: has.Link}, append(replayed(sealed, has.Link, last), add(t, j, "n"))...)
	})
}

// replayed returns the batches that follow one, up to another.
func replayed(sealed map[Link]batch, after, last Link) (out []batch) {
	for l := last; l != after; {
		b := sealed[l]
		out = append([]batch{b}, out...)
		l = Link{b.Number - 1, b.previous}
	}
	return out
}
