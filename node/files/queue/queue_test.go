package queue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

const plenty = 1 << 50

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func somebody(n byte) crypto.PersonID { return crypto.PersonID{n} }

// world drives a queue, and checks what must hold.
type world struct {
	*testing.T
	*Queue[string]
	now     time.Time
	running []string
	of      map[string]byte
	wake    time.Time
}

func newWorld(t *testing.T, room uint64) *world {
	w := &world{T: t, Queue: New[string](), now: start, of: map[string]byte{}}
	w.Room(room)
	return w
}

func (w *world) add(k string, of byte, need uint64) {
	w.of[k] = of
	w.Add(k, somebody(of), need)
}

// next calls Next and returns what runs.
func (w *world) next() []string {
	w.Helper()
	stop, start, wake := w.Next(w.now)
	for _, k := range stop {
		i := slices.Index(w.running, k)
		if i < 0 {
			w.Fatalf("%s stops and does not run", k)
		}
		w.running = slices.Delete(w.running, i, i+1)
	}
	for _, k := range start {
		if slices.Contains(w.running, k) || w.State(k) != Running || slices.Contains(stop, k) {
			w.Fatalf("%s starts, %d", k, w.State(k))
		}
		w.running = append(w.running, k)
	}
	if !wake.IsZero() && !wake.After(w.now) {
		w.Fatalf("to be woken %v ago", w.now.Sub(wake))
	}
	w.wake = wake
	of := map[byte]int{}
	for _, k := range w.running {
		if of[w.of[k]]++; of[w.of[k]] > MaxOfPerson {
			w.Fatalf("%v run", w.running)
		}
	}
	if len(w.running) > MaxRunning || w.reserved() > w.room {
		w.Fatalf("%v run", w.running)
	}
	return w.running
}

func (w *world) want(keys ...string) {
	w.Helper()
	if got := w.next(); !slices.Equal(got, keys) {
		w.Fatalf("after %v: %v run, want %v", w.now.Sub(start), got, keys)
	}
}

// done has an attachment end.
func (w *world) done(k string) {
	w.Remove(k)
	w.running = slices.DeleteFunc(w.running, func(o string) bool { return o == k })
}

func TestTurns(t *testing.T) {
	w := newWorld(t, plenty)
	w.want()
	w.add("film", 1, 1000)
	w.add("song", 1, 10)
	w.add("photo", 1, 5)
	w.add("note", 1, 1)
	w.want("note", "film") // the smallest, then the one that has waited longest
	w.add("map", 2, 100)
	w.add("plan", 3, 100)
	w.add("list", 4, 1)
	w.want("note", "film", "map", "plan")
	w.done("note")
	w.want("film", "map", "plan", "list") // of whom nothing runs
	w.done("map")
	w.want("film", "plan", "list", "photo")
	w.Add("photo", somebody(9), 7) // is there already
	w.done("list")
	w.want("film", "plan", "photo")
	w.done("photo")
	w.want("film", "plan", "song")
	if w.State("song") != Running || w.State("photo") != Unknown || !w.wake.IsZero() {
		t.Error("states")
	}
}

// What is large makes room for others' after a while, and takes turns with them.
func TestSlices(t *testing.T) {
	w := newWorld(t, plenty)
	for _, k := range []string{"a1", "a2", "b1", "b2"} {
		w.add(k, k[0], 1<<40)
	}
	w.want("a1", "b1", "a2", "b2")
	w.now = w.now.Add(time.Second)
	w.add("c1", 'c', 1<<40)
	w.want("a1", "b1", "a2", "b2")
	if want := start.Add(Brief); w.wake != want {
		t.Errorf("woken at %v, want %v", w.wake, want)
	}
	w.now = w.wake
	w.want("b1", "a2", "b2", "c1")
	if want := w.now.Add(time.Second); w.wake != want { // what was stopped might go on instead of another
		t.Errorf("woken after %v", w.wake.Sub(w.now))
	}
	w.add("c2", 'c', 1)
	w.now = w.now.Add(Slice)
	w.want("b1", "a2", "b2", "c2") // smaller, of the same person
	w.now = w.now.Add(time.Second)
	w.done("c2")
	w.want("b1", "a2", "b2", "c1") // of whom nothing runs

	// One of each person runs for a whole slice.
	w = newWorld(t, plenty)
	for _, k := range []string{"a", "b", "c", "d"} {
		w.add(k, k[0], 1<<40)
	}
	w.want("a", "b", "c", "d")
	w.add("e", 'e', 1)
	w.want("a", "b", "c", "d")
	if want := start.Add(Slice); w.wake != want {
		t.Errorf("woken at %v, want %v", w.wake, want)
	}

	// Between persons who have as much, of more than there are places: each gets as much time.
	w = newWorld(t, plenty)
	ran := map[string]int{}
	for i := range 7 {
		w.add(fmt.Sprint(i), byte(i), 1<<40)
	}
	for range 700 {
		for _, k := range w.next() {
			ran[k]++
		}
		w.now = w.now.Add(Slice)
	}
	for k, n := range ran {
		if n < 350 || n > 450 {
			t.Errorf("%s ran for %d of 700 slices, want 400", k, n)
		}
	}
	if len(ran) != 7 {
		t.Errorf("%d ran", len(ran))
	}
}

func TestRoom(t *testing.T) {
	w := newWorld(t, 100)
	w.add("large", 1, 101)
	w.add("half", 1, 60)
	w.add("other", 2, 50)
	w.want("half")
	for k, s := range map[string]State{"large": NoRoom, "other": NoRoom, "half": Running, "none": Unknown} {
		if w.State(k) != s {
			t.Errorf("%s: %d", k, w.State(k))
		}
	}
	w.Need("half", 20)
	w.Room(60) // 40 were written
	w.want("half")
	w.Room(70)
	w.want("half", "other")
	w.Room(69) // somebody else has written
	w.want("half")
	if w.State("other") != NoRoom {
		t.Error("what was stopped for lack of room does not say so")
	}
	w.Room(10)
	w.want()
	w.Room(1000)
	w.want("large", "other", "half")
}

// What rests is tried again in the order of the times until which it does.
func TestRestInOrder(t *testing.T) {
	w := newWorld(t, plenty)
	for i, minutes := range []time.Duration{3, 1, 2} {
		k := fmt.Sprint(int(minutes))
		w.add(k, byte(i), 1)
		w.Rest(k, w.now.Add(minutes*time.Minute))
	}
	if w.Len() != 3 || w.Of(crypto.PersonID{1}) != 1 || w.Of(crypto.PersonID{9}) != 0 {
		t.Errorf("%d are wanted, %d and %d of two persons", w.Len(), w.Of(crypto.PersonID{1}), w.Of(crypto.PersonID{9}))
	}
	for _, k := range []string{"1", "2", "3"} {
		_, start, wake := w.Next(w.now)
		if len(start) > 0 || !wake.Equal(w.now.Add(time.Minute)) {
			t.Errorf("before %s: %v, woken at %v", k, start, wake)
		}
		w.now = w.now.Add(time.Minute)
		if _, start, _ = w.Next(w.now); len(start) != 1 || start[0] != k {
			t.Errorf("%v begin, want %s", start, k)
		}
		w.Remove(k)
	}
}

func TestRest(t *testing.T) {
	w := newWorld(t, plenty)
	w.add("absent", 1, 1)
	w.add("later", 1, 1)
	w.want("absent", "later")
	rest := func(k string, until time.Time) {
		w.Rest(k, until)
		w.running = slices.DeleteFunc(w.running, func(o string) bool { return o == k })
	}
	rest("absent", time.Time{})
	rest("later", w.now.Add(time.Minute))
	w.want()
	if w.State("absent") != Resting || w.wake != w.now.Add(time.Minute) {
		t.Errorf("woken at %v", w.wake)
	}
	w.now = w.wake
	// What is only tried goes behind everything else, though it is smaller and has waited longer.
	for i := range 4 {
		w.add(fmt.Sprint(i), byte(1+i/2), 1<<30)
	}
	w.want("2", "0", "3", "1")
	w.now = w.now.Add(time.Hour)
	w.want("2", "0", "3", "1")
	w.Wake("absent")
	w.next()
	if w.State("absent") != Running || w.State("later") != Waiting {
		t.Errorf("%v run", w.running)
	}
	w.done("0")
	w.done("1")
	w.next()
	if w.State("later") != Running {
		t.Errorf("%v run", w.running)
	}
	w.Rest("none", w.now)
	w.Wake("none")
	w.Need("none", 1)
	w.Remove("none")
}

// Whatever is added and ends, everything ends sometime, and nobody with little waits for those with
// much.
func TestEverythingEnds(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, plenty)
		left, since := map[string]int{}, map[string]time.Time{}
		for n := 0; n < 3000 || len(left) > 0; n++ {
			if n > 200_000 {
				t.Fatalf("seed %d: %v never end", seed, left)
			}
			if n < 3000 && random.IntN(8) == 0 {
				k, size := fmt.Sprint(n), 1<<random.IntN(12)
				w.add(k, byte(min(random.IntN(20), 5)), uint64(size))
				left[k], since[k] = size, w.now
			}
			for _, k := range slices.Clone(w.next()) {
				if left[k] -= 10; left[k] <= 0 {
					if w.of[k] < 5 && w.now.Sub(since[k]) > 2*time.Hour {
						t.Errorf("seed %d: %s of %d took %v", seed, k, w.of[k], w.now.Sub(since[k]))
					}
					w.done(k)
					delete(left, k)
				} else {
					w.Need(k, uint64(left[k]))
				}
			}
			w.now = w.now.Add(10 * time.Second)
		}
		if len(w.items)+len(w.people)+len(w.run) > 0 {
			t.Errorf("seed %d: %d are left", seed, len(w.items))
		}
	}
}

// Ten thousand pictures of five persons, one after the other.
func BenchmarkMany(b *testing.B) {
	q := New[int]()
	q.Room(plenty)
	const many = 10_000
	for i := range many {
		q.Add(i, somebody(byte(i%5)), uint64(i*7919%1000))
	}
	now, n := start, many
	for b.Loop() {
		_, run, _ := q.Next(now)
		for _, k := range run {
			q.Remove(k)
			q.Add(n, somebody(byte(n%5)), uint64(n*7919%1000))
			n++
		}
		now = now.Add(time.Second)
	}
}

// What is written to another disk needs no room on this one.
func TestApart(t *testing.T) {
	w := newWorld(t, 10)
	w.add("film", 1, 1000)
	w.add("song", 2, 10)
	w.want("song")
	w.Apart("film", true)
	w.Apart("none", true)
	w.want("song", "film")
	w.Apart("film", false)
	w.want("song")
	if w.State("film") != NoRoom {
		t.Error(w.State("film"))
	}
}
