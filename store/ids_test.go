package store

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// someID returns an ID that looks random, the same for the same number.
func someID(i int) event.ID {
	return crypto.Digest("test", binary.BigEndian.AppendUint64(nil, uint64(i)))
}

// fillIDs puts IDs that belong to no events, from first to before end.
func (n *node) fillIDs(first, end int) {
	n.t.Helper()
	check(n.t, n.do(ctx, func(b *batch) error {
		for i := first; i < end; i++ {
			b.putID(someID(i), slot{1, uint64(i)})
		}
		return nil
	}))
}

// looks counts how often f looks into the database.
func (n *node) looks(f func(r *reader) error) (count int) {
	n.t.Helper()
	check(n.t, n.view(func(r *reader) error {
		before := r.Looks()
		err := f(r)
		count = r.Looks() - before
		return err
	}))
	return count
}

// Whatever was put is found, at the place where it was put last, and nothing else is.
func TestEveryIDIsFound(t *testing.T) {
	n := newNode(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	const ids = listed * (joined*joined + joined + 2)
	at := map[int]slot{}
	put := 0
	for put < 2*ids {
		check(t, n.do(ctx, func(b *batch) error {
			for range rnd.IntN(3 * listed) {
				put++
				i := rnd.IntN(ids)
				at[i] = slot{uint32(i), uint64(put)}
				b.putID(someID(i), at[i])
			}
			return nil
		}))
		check(t, n.view(func(r *reader) error {
			for range 200 {
				i := rnd.IntN(ids)
				want, there := at[i]
				if got, ok := r.find(someID(i)); ok != there || got != want {
					t.Fatalf("after %d: %d is at %v, %t; want %v, %t", put, i, got, ok, want, there)
				}
			}
			return nil
		}))
	}
	n.reopen()
	check(t, n.view(func(r *reader) error {
		for i, want := range at {
			if got, ok := r.find(someID(i)); !ok || got != want {
				t.Fatalf("%d is at %v, want %v", i, got, want)
			}
		}
		return nil
	}))
}

// Of any number of lists of level 1 that were made, each is part of exactly one list that there is, and those are few.
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
	n := newNode(t)
	n.fillIDs(0, joined*listed-1)
	n.fillIDs(0, 1) // in the first and the last of the lists that are joined
	n.fillIDs(joined*listed, joined*listed+listed+3)
	counts := map[byte]int{}
	check(t, n.view(func(r *reader) error {
		return r.each(bucketIDs, nil, func(k, v []byte) error {
			if k[0] == alone {
				counts[alone]++
			} else {
				counts[k[0]] += len(v) / len(listedID{})
			}
			return nil
		})
	}))
	if want := (map[byte]int{alone: 3, 1: listed, 2: joined*listed - 1}); !maps.Equal(counts, want) {
		t.Errorf("IDs by level: %v, want %v", counts, want)
	}
}

// To find that nothing has an ID does not take longer the more there is.
func TestAbsentIDIsLookedForInFewPlaces(t *testing.T) {
	n := newNode(t)
	n.fillIDs(0, 64*listed-1)
	looks := n.looks(func(r *reader) error {
		if _, err := r.byID(someID(-1)); err != ErrNoEvent {
			t.Error(err)
		}
		return nil
	})
	if most := 1 + (joined-1)*(topLevel-1); looks > most {
		t.Errorf("%d looks, want at most %d", looks, most)
	}
}

// A page of one's own messages costs the same whatever came after them.
func TestOwnRowsAreNotLookedFor(t *testing.T) {
	a, _, c := pair(t)
	for range 20 {
		a.say(c, "words")
	}
	page := func(r *reader) error {
		k, err := r.conversation(c)
		check(t, err)
		var rows []Row
		err = r.each(bucketView, u32(k.number), func(_, v []byte) (err error) {
			p, _ := slotAt(v)
			row, err := r.rowAt(p)
			rows = append(rows, row)
			return err
		})
		if len(rows) != 20 {
			t.Errorf("%d rows", len(rows))
		}
		return err
	}
	before := a.looks(page)
	a.fillIDs(0, 20*listed)
	if after := a.looks(page); after != before {
		t.Errorf("%d looks, and %d after other messages", before, after)
	}
}

// Of a store that is old enough to have lists of every level, each list is searched.
func TestIDsAreFoundInListsOfEveryLevel(t *testing.T) {
	n := newNode(t)
	const made = 2<<(2*(topLevel-1)) + 2<<(2*3) + 3<<(2*2) + 1<<2 + 3 // lists of level 1
	at := map[int]slot{}
	check(t, n.do(ctx, func(b *batch) error {
		for level := 1; level <= topLevel; level++ {
			first, end := lists(level, made)
			if first == end {
				t.Fatalf("no list of level %d", level)
			}
			for i := first; i < end; i++ {
				k := len(at)
				at[k] = slot{uint32(level), i + 1}
				id := someID(k)
				b.putList(level, i, []listedID{listedID(append(id[:shortID:shortID], at[k].bytes()...))})
			}
		}
		for range made * listed {
			b.Next(bucketIDs)
		}
		return nil
	}))
	check(t, n.view(func(r *reader) error {
		for k, want := range at {
			if got, ok := r.find(someID(k)); !ok || got != want {
				t.Errorf("list %d of level %d is not searched", want.sequence-1, want.log)
			}
		}
		return nil
	}))
}
