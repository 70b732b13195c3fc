package changes

import (
	"crypto/rand"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

func open(t *testing.T) *tx.DB {
	t.Helper()
	d, err := directory.Open(directory.Config{Dir: t.TempDir(), Rand: rand.Reader})
	check(t, err)
	t.Cleanup(func() { check(t, d.Close()) })
	return tx.New(d.Engine)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// note writes notes at a number, in a batch of their own.
func note(t *testing.T, db *tx.DB, at uint64, f func(*Notes)) {
	t.Helper()
	check(t, db.Update(func(b *tx.Batch) error {
		var n Notes
		f(&n)
		n.Write(b, at)
		return nil
	}))
}

// all reads the journal from a place on.
func all(t *testing.T, db *tx.DB, from Place) (out []Entry) {
	t.Helper()
	check(t, db.View(func(r *tx.Reader) error {
		for at := from; ; {
			e, ok, err := Next(r, at)
			if err != nil || !ok {
				return err
			}
			out = append(out, e)
			at = e.After()
		}
	}))
	return out
}

// sizes returns how many keys the buckets have.
func sizes(t *testing.T, db *tx.DB) (changes, changed int) {
	t.Helper()
	check(t, db.View(func(r *tx.Reader) error {
		changes, changed = r.Count(bucketChanges, nil), r.Count(bucketChanged, nil)
		return nil
	}))
	return changes, changed
}

// What is acknowledged, a thousand messages at once or one by one, is one entry for each
// acknowledgement, and what was read of it since is one in place of all.
func TestNewerRangeTakesOlderAway(t *testing.T) {
	db := open(t)
	for at := range uint64(100) {
		note(t, db, at+1, func(n *Notes) { n.Events(Rows, 7, event.Range{First: at*1000 + 1, Last: at*1000 + 1000}) })
	}
	if n, m := sizes(t, db); n != 100 || m != 100 {
		t.Fatalf("%d and %d entries", n, m)
	}
	note(t, db, 101, func(n *Notes) { n.Events(Rows, 7, event.Range{First: 501, Last: 99_000}) })
	want := []Entry{
		{N: 1, Kind: Rows, Log: 7, Events: event.Range{First: 1, Last: 500}},
		{N: 100, Kind: Rows, Log: 7, Events: event.Range{First: 99_001, Last: 100_000}},
		{N: 101, Kind: Rows, Log: 7, Events: event.Range{First: 501, Last: 99_000}},
	}
	if got := all(t, db, At(0)); !slices.Equal(got, want) {
		t.Fatalf("%+v", got)
	}
	if n, m := sizes(t, db); n != 3 || m != 3 {
		t.Fatalf("%d and %d entries", n, m)
	}
	// In the middle of a range one goes on where one was, also if a part was taken away since.
	e := want[2]
	note(t, db, 102, func(n *Notes) { n.Events(Rows, 7, event.Range{First: 40_000, Last: 60_000}) })
	got := all(t, db, e.Behind(50_000))
	if len(got) != 2 || got[0].Events != (event.Range{First: 60_001, Last: 99_000}) || got[0].N != 101 || got[1].N != 102 {
		t.Errorf("%+v", got)
	}
	if got := all(t, db, e.Behind(70_000)); got[0].Events != (event.Range{First: 70_001, Last: 99_000}) {
		t.Errorf("%+v", got)
	}
}

// subject is one event of a log, or something else that the journal has.
type subject struct {
	Kind
	log      uint32
	sequence uint64
	id       ID
}

// The journal has each subject once, at the number at which it was noted last, whatever comes; and
// no more entries than there are pieces.
func TestJournalAsAModel(t *testing.T) {
	for seed := range uint64(8) {
		rnd := mathrand.New(mathrand.NewPCG(seed, 4))
		db, model := open(t), map[subject]uint64{}
		for at := uint64(1); at < 60; at++ {
			note(t, db, at, func(n *Notes) {
				for range 1 + rnd.IntN(3) {
					switch kind := Kind(1 + rnd.IntN(5)); kind {
					case Rows, Effects:
						log, first := uint32(1+rnd.IntN(2)), 1+rnd.Uint64N(30)
						last := first + rnd.Uint64N(10) - 1 // also of none
						n.Events(kind, log, event.Range{First: first, Last: last})
						for s := first; s <= last; s++ {
							model[subject{Kind: kind, log: log, sequence: s}] = at
						}
					case Conversation:
						id := ID{byte(rnd.IntN(3))}
						n.Conversation(event.Conversation(id))
						model[subject{Kind: kind, id: id}] = at
					case Person:
						id := ID{byte(rnd.IntN(3))}
						n.Person(id)
						model[subject{Kind: kind, id: id}] = at
					case Settings:
						n.Settings()
						model[subject{Kind: kind}] = at
					}
				}
			})
			what := fmt.Sprintf("seed %d, %d", seed, at)
			got, last, entries := map[subject]uint64{}, uint64(0), 0
			for _, e := range all(t, db, At(0)) {
				entries++
				if e.N < last {
					t.Fatalf("%s: %+v after %d", what, e, last)
				}
				last = e.N
				s := subject{Kind: e.Kind, log: e.Log, id: e.ID}
				first, end := e.Events.First, e.Events.Last
				for s.sequence = first; s.sequence <= end; s.sequence++ {
					if _, twice := got[s]; twice {
						t.Fatalf("%s: %+v stands twice", what, s)
					}
					got[s] = e.N
				}
			}
			if !maps.Equal(got, model) {
				t.Fatalf("%s:\n has  %v\n want %v", what, got, model)
			}
			if n, m := sizes(t, db); n != entries || m != entries {
				t.Fatalf("%s: %d and %d keys for %d entries", what, n, m, entries)
			}
		}
	}
}

// A batch that notes nothing, or parts of logs that are empty, has nothing to tell.
func TestNothingIsNoted(t *testing.T) {
	var n Notes
	n.Events(Rows, 1, event.Range{First: 5, Last: 4}, event.Range{})
	if !n.Empty() {
		t.Error("something was noted")
	}
	n.Settings()
	if n.Empty() {
		t.Error("nothing was noted")
	}
}

// Somebody may change any number of scattered messages in one batch, and noting each cost a copy of
// all that were noted before.
func TestNotingCostsNoMoreTheMoreIsNoted(t *testing.T) {
	const many = 10_000
	allocations := testing.AllocsPerRun(1, func() {
		var n Notes
		for i := range uint64(many) {
			n.Events(Rows, 1, event.Range{First: 2*i + 1, Last: 2*i + 1})
		}
	})
	if allocations > many/100 {
		t.Errorf("%.0f allocations for %d notes", allocations, many)
	}
}
