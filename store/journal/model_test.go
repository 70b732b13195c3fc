package journal

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/earshot-im/earshot/store/disk"
)

// world is a journal, and what a test knows of it and of the database.
type world struct {
	t     *rapid.T
	files disk.Files
	size  int64
	j     *Journal

	all    map[uint64]Link // every batch there was, also those that were skipped
	in     [2][]batch      // what the files have
	active int
	begun  bool   // there is a record in the active file, of this filling
	last   uint64 // the last batch
	floor  uint64 // the database has the batches up to here at least
	forgot bool   // it says of none that it is journaled
}

// most returns the number of the last batch that the files have, and in which it is.
func (w *world) most() (number uint64, file int) {
	for i, in := range w.in {
		if n := len(in); n > 0 && in[n-1].Number > number {
			number, file = in[n-1].Number, i
		}
	}
	return number, file
}

// want returns what is to be replayed after a batch, and whether that is all of it.
func (w *world) want(has Last) (want []Replay, ok bool) {
	most, newer := w.most()
	previous := map[uint64]Sum{}
	for _, i := range []int{1 - newer, newer} {
		for _, b := range w.in[i] {
			previous[b.Number] = b.previous
			if b.Number == has.Number && b.Sum != has.Sum {
				return nil, false
			}
			if b.Number > has.Number {
				want = append(want, Replay{b.Link, []byte(b.body), i != newer})
			}
		}
	}
	for n := has.Number + 1; n <= most; n++ { // nothing is missing
		if p, is := previous[n]; !is || n == has.Number+1 && p != has.Sum {
			return nil, false
		}
	}
	return want, most >= has.Journaled
}

// open opens the journal anew, with a database that has this, and goes on with it if that is right.
func (w *world) open(has Last, legal bool) {
	check(w.t, w.j.Close())
	flag := os.O_RDWR
	if !legal {
		flag = os.O_RDONLY
	}
	var got []Replay
	j, err := Open(w.files, flag, testKey, has, func(r Replay) error {
		got = append(got, Replay{r.Link, slices.Clone(r.Body), r.Old})
		return nil
	})
	want, ok := w.want(has)
	if legal && !ok {
		w.t.Fatalf("the test takes %v for what a database has", has)
	}
	if ok != (err == nil) || err != nil && !errors.Is(err, disk.ErrDamaged) {
		w.t.Fatalf("has %v: %v, want whole %v", has, err, ok)
	}
	if !ok {
		want = nil
	}
	if !slices.EqualFunc(got, want, func(a, b Replay) bool {
		return a.Link == b.Link && string(a.Body) == string(b.Body) && a.Old == b.Old
	}) {
		w.t.Fatalf("has %v: replays %v, want %v", has, numbers(got), numbers(want))
	}
	if !legal {
		if err == nil {
			check(w.t, j.Close())
		}
		if w.j, err = Open(w.files, os.O_RDWR, testKey, w.has(), func(Replay) error { return nil }); err != nil {
			w.t.Fatal(err)
		}
		has = w.has()
	} else {
		w.j = j
	}
	most, newer := w.most()
	w.floor = max(w.floor, has.Number)
	w.active, w.begun = newer, len(w.in[newer]) > 0
	if most < has.Number {
		w.active, w.begun = 1-newer, false
	}
}

// has is what the database may have that has least.
func (w *world) has() Last { return Last{Link: w.all[w.floor]} }

// check compares what the journal says with what the test knows.
func (w *world) check() {
	most, _ := w.most()
	room := w.size - HeaderSize
	if in := w.in[w.active]; w.begun {
		room = max(0, w.size-in[len(in)-1].end-HeaderSize)
	}
	j := w.j
	if j.Written() != most || j.Last() != w.all[w.last] || j.Room() != room || j.Most() != w.size-HeaderSize || j.Active() != w.active {
		w.t.Fatalf("written %d, last %v, room %d, most %d, active %d; want %d %v %d %d %d", j.Written(), j.Last(), j.Room(), j.Most(), j.Active(),
			most, w.all[w.last], room, w.size-HeaderSize, w.active)
	}
}

// drain has the database have everything that the other file has, as whoever turns knows of it.
func (w *world) drain() {
	if in := w.in[1-w.active]; len(in) > 0 {
		w.floor = max(w.floor, in[len(in)-1].Number)
	}
}

// TestModel appends, turns, skips and wipes, and opens what is there with everything that the database may
// have then, and with what it can't have: exactly what is missing is replayed, or it is refused.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(os.TempDir(), "journal")
		check(t, err)
		defer os.RemoveAll(dir)
		w := &world{t: t, files: disk.Dir(dir), size: rapid.SampledFrom([]int64{HeaderSize, 300, 1024, 4096}).Draw(t, "size"), all: map[uint64]Link{0: {}}}
		check(t, Create(w.files, w.size))
		w.j, err = Open(w.files, os.O_RDWR, testKey, Last{}, func(Replay) error { return nil })
		check(t, err)
		defer func() { check(t, w.j.Close()) }()
		t.Repeat(map[string]func(*rapid.T){
			"append":      w.append,
			"append more": w.append,
			"turn": func(t *rapid.T) {
				w.drain()
				if w.forgot = w.forgot || !w.begun; w.forgot { // as while the files are overwritten
					t.Log("the database says of no batch that it is journaled")
				}
				w.active, w.begun = 1-w.active, false
				w.j.Turn()
			},
			"skip": func(t *rapid.T) {
				w.last++
				w.floor = w.last
				l := Link{Number: w.last, Sum: Sum{byte(rapid.IntRange(1, 255).Draw(t, "sum")), 1}}
				w.all[w.last] = l
				if w.begun {
					w.active, w.begun = 1-w.active, false
				}
				w.j.Skip(l)
			},
			"wipe": func(t *rapid.T) {
				w.drain()
				w.forgot = true
				check(t, w.j.Wipe(w.active))
				w.in[1-w.active] = nil
				w.j.written, _ = w.most() // the engine forgets it by itself
			},
			"open": func(t *rapid.T) {
				most, _ := w.most()
				n := rapid.Uint64Range(w.floor, max(w.floor, w.last)).Draw(t, "has")
				has := Last{w.all[n], rapid.Uint64Range(0, most).Draw(t, "journaled")}
				if w.forgot {
					has.Journaled = 0
				}
				w.open(has, true)
			},
			"open with another database": func(t *rapid.T) {
				n := rapid.SampledFrom(slices.Sorted(maps.Keys(w.all))).Draw(t, "has")
				has := Last{w.all[n], rapid.Uint64Range(0, w.last+1).Draw(t, "journaled")}
				if rapid.Bool().Draw(t, "another sum") {
					has.Sum[7]++
				}
				w.open(has, false)
			},
			"": func(*rapid.T) { w.check() },
		})
	})
}

func (w *world) append(t *rapid.T) {
	room := w.j.Room()
	if w.begun && room == 0 { // there may be none for the header
		t.Skip("no room")
	}
	n := rapid.OneOf(rapid.Int64Range(0, min(room, 60)), rapid.Int64Range(0, room)).Draw(t, "bytes")
	at := int64(0)
	if in := w.in[w.active]; w.begun {
		at = in[len(in)-1].end
	} else { // it is overwritten
		w.in[w.active], w.begun = nil, true
		w.forgot = false
	}
	b := batch{previous: w.all[w.last].Sum, body: strings.Repeat(string(rune('a'+w.last%26)), int(n)), at: at, end: at + HeaderSize + n}
	check(t, w.j.Append(record(b.body)))
	w.last++
	b.Link = w.j.Last()
	if b.Number != w.last {
		t.Fatalf("batch %d, want %d", b.Number, w.last)
	}
	w.all[w.last] = b.Link
	w.in[w.active] = append(w.in[w.active], b)
}
