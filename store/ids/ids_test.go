package ids

import (
	"crypto/rand"
	"encoding/binary"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// openDB opens a database that has the bucket.
func openDB(t testing.TB) *tx.DB {
	t.Helper()
	d, err := directory.Open(directory.Config{Dir: t.TempDir(), Rand: rand.Reader})
	check(t, err)
	t.Cleanup(func() { d.Close() })
	db := tx.New(d.Engine)
	return db
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// someID returns an ID that looks random, the same for the same number.
func someID(i int) event.ID {
	return crypto.Digest("test", binary.BigEndian.AppendUint64(nil, uint64(i)))
}

// slot returns one for two numbers.
func slot(a, b int) Slot {
	return Slot(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, uint32(a)), uint64(b)))
}

// fill puts IDs from first to before end.
func fill(t testing.TB, db *tx.DB, first, end int) {
	t.Helper()
	check(t, db.Update(func(b *tx.Batch) error {
		for i := first; i < end; i++ {
			Put(b, someID(i), slot(1, i))
		}
		return nil
	}))
}

// Whatever was put is found, at the place where it was put last, and nothing else is.
func TestEveryIDIsFound(t *testing.T) {
	db := openDB(t)
	rnd := mathrand.New(mathrand.NewPCG(1, 2))
	const ids = listed * (joined*joined + joined + 2)
	at := map[int]Slot{}
	put := 0
	for put < 2*ids {
		check(t, db.Update(func(b *tx.Batch) error {
			for range rnd.IntN(3 * listed) {
				put++
				i := rnd.IntN(ids)
				at[i] = slot(i, put)
				Put(b, someID(i), at[i])
			}
			return nil
		}))
		check(t, db.View(func(r *tx.Reader) error {
			for range 200 {
				i := rnd.IntN(ids)
				want, there := at[i]
				if got, ok := Find(r, someID(i)); ok != there || got != want {
					t.Fatalf("after %d: %d is at %v, %t; want %v, %t", put, i, got, ok, want, there)
				}
			}
			return nil
		}))
	}
	check(t, db.View(func(r *tx.Reader) error {
		for i, want := range at {
			if got, ok := Find(r, someID(i)); !ok || got != want {
				t.Fatalf("%d is at %v, want %v", i, got, want)
			}
		}
		return nil
	}))
}

// Whatever was put is found by the beginning of its ID too, on every level, and nothing else is.
func TestIDsAreFoundByTheirBeginning(t *testing.T) {
	db := openDB(t)
	const ids = listed*(joined*joined+joined+2) + 7
	fill(t, db, 0, ids)
	fill(t, db, 5, 6) // stands twice
	want := map[byte]map[Slot]bool{}
	for i := range ids {
		id := someID(i)
		if want[id[0]] == nil {
			want[id[0]] = map[Slot]bool{}
		}
		want[id[0]][slot(1, i)] = true
	}
	between := func(low, high event.ID) (slots map[Slot]bool) {
		slots = map[Slot]bool{}
		check(t, db.View(func(r *tx.Reader) error {
			for p := range Between(r, low, high) {
				slots[p] = true
			}
			return nil
		}))
		return slots
	}
	for first, want := range want {
		low, high := event.ID{first}, event.ID{first}
		for i := range high[1:] {
			high[i+1] = 0xff
		}
		if got := between(low, high); !maps.Equal(got, want) {
			t.Fatalf("%x: %d found, want %d", first, len(got), len(want))
		}
	}
	for i := range 200 {
		if id := someID(i * ids / 200); len(between(id, id)) != 1 {
			t.Errorf("%d is found %d times by the whole of it", i, len(between(id, id)))
		}
		if id := someID(ids + i); len(between(id, id)) != 0 {
			t.Errorf("%d was not put, and is found", ids+i)
		}
	}
}

// Whoever has enough goes no further, and finding one among many looks at few places.
func TestBetweenEndsEarly(t *testing.T) {
	db := openDB(t)
	fill(t, db, 0, listed*(joined+1)+5)
	check(t, db.View(func(r *tx.Reader) error {
		before, n := r.Looks(), 0
		for range Between(r, event.ID{}, event.ID{0xff}) {
			if n++; n == 3 {
				break
			}
		}
		if looks := r.Looks() - before; n != 3 || looks > 2 {
			t.Errorf("%d found with %d looks", n, looks)
		}
		id := someID(1)
		before = r.Looks()
		for range Between(r, id, id) {
		}
		if looks := r.Looks() - before; looks > 3 {
			t.Errorf("one of all: %d looks", looks)
		}
		return nil
	}))
}

// Of any number of lists of level 1 that were made, each is part of exactly one list that there is,
// and those are few.
func TestEveryIDIsInOneList(t *testing.T) {
	for made := range uint64(1200) {
		in := make([]int, made)
		looks := uint64(0)
		for level, size := 1, uint64(1); level <= topLevel; level, size = level+1, size*joined {
			first, end := lists(level, made)
			for i := first * size; i < end*size; i++ {
				in[i]++
			}
			looks += end - first
		}
		if slices.ContainsFunc(in, func(n int) bool { return n != 1 }) {
			t.Fatalf("of %d: %v", made, in)
		}
		if most := (joined-1)*(topLevel-1) + made/256; looks > most {
			t.Fatalf("of %d: %d lists, want at most %d", made, looks, most)
		}
	}
}

// An ID stands in one place: alone, or once in one list.
func TestIDsStandOnce(t *testing.T) {
	db := openDB(t)
	fill(t, db, 0, joined*listed-1)
	fill(t, db, 0, 1) // in the first and the last of the lists that are joined
	fill(t, db, joined*listed, joined*listed+listed+3)
	counts := map[byte]int{}
	check(t, db.View(func(r *tx.Reader) error {
		for k, v := range r.Prefix(Bucket, nil) {
			if k[0] == alone {
				counts[alone]++
			} else {
				counts[k[0]] += len(v) / len(entry{})
			}
		}
		return nil
	}))
	if want := (map[byte]int{alone: 3, 1: listed, 2: joined*listed - 1}); !maps.Equal(counts, want) {
		t.Errorf("IDs by level: %v, want %v", counts, want)
	}
}

// To find that nothing has an ID does not take longer the more there is.
func TestAbsentIDIsLookedForInFewPlaces(t *testing.T) {
	db := openDB(t)
	lists := 64
	if testing.Short() {
		lists = 16
	}
	fill(t, db, 0, lists*listed-1)
	looks := 0
	check(t, db.View(func(r *tx.Reader) error {
		if _, ok := Find(r, someID(-1)); ok {
			t.Error("found")
		}
		looks = r.Looks()
		return nil
	}))
	if most := 1 + (joined-1)*(topLevel-1); looks > most {
		t.Errorf("%d looks, want at most %d", looks, most)
	}
}

// Of a store that is old enough to have lists of every level, each list is searched.
func TestIDsAreFoundInListsOfEveryLevel(t *testing.T) {
	db := openDB(t)
	const made = 2<<(2*(topLevel-1)) + 2<<(2*3) + 3<<(2*2) + 1<<2 + 3 // lists of level 1
	at := map[int]Slot{}
	check(t, db.Update(func(b *tx.Batch) error {
		for level := 1; level <= topLevel; level++ {
			first, end := lists(level, made)
			if first == end {
				t.Fatalf("no list of level %d", level)
			}
			for i := first; i < end; i++ {
				k := len(at)
				at[k] = slot(level, int(i))
				id, p := someID(k), at[k]
				putList(b, level, i, []entry{entry(slices.Concat(id[:shortID], p[:]))})
			}
		}
		for range made * listed {
			b.Next(Bucket)
		}
		return nil
	}))
	check(t, db.View(func(r *tx.Reader) error {
		for k, want := range at {
			if got, ok := Find(r, someID(k)); !ok || got != want {
				t.Errorf("a list is not searched: %v, want %v", got, want)
			}
		}
		return nil
	}))
}

// What it costs to find that no event has an ID, where a million have one.
func BenchmarkAbsentID(b *testing.B) {
	db := openDB(b)
	for i := range 1 << 10 {
		fill(b, db, i<<10, (i+1)<<10)
	}
	for i := -1; b.Loop(); i-- {
		check(b, db.View(func(r *tx.Reader) error {
			if _, ok := Find(r, someID(i)); ok {
				b.Fatal("found")
			}
			return nil
		}))
	}
}
