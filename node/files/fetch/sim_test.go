package fetch

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

const (
	kiB = 1 << 10
	miB = 1 << 20
	giB = 1 << 30
	ms  = time.Millisecond
)

// One link: everything comes once, and the link never idles.
func TestOneSource(t *testing.T) {
	for _, c := range []struct {
		size    uint64
		up      float64
		latency time.Duration
	}{
		{0, 1e6, ms}, {1, 1e6, ms}, {miB, 1e6, ms}, {miB + 1, 1e6, ms}, {40 * miB, 125_000, 5 * ms},
		{giB, 4e8, ms / 5}, {giB, 1e9, ms / 5}, {2*giB + 7, 12.5e6, 2 * ms}, {giB, 1e8, 20 * ms},
	} {
		w := newWorld(t, 1, c.size)
		source, reader := w.add(c.up).full(), w.add(1e9)
		reader.starts()
		reader.write = ms
		w.connect(source, reader, c.latency)
		took := w.run(24*time.Hour, reader.done)
		reader.same()
		least := time.Duration(float64(c.size) / c.up * 1e9)
		t.Logf("%d bytes at %.0f: %v, %.2f of the link", c.size, c.up, took, float64(least)/float64(took))
		if took > least*105/100+20*c.latency+100*ms {
			t.Errorf("%d bytes at %.0f: %v, and the link would take %v", c.size, c.up, took, least)
		}
		if most := c.size + uint64(reader.fetch.size(Part{Kind: Manifest})+w.shape.Chunks()*32); reader.came > most {
			t.Errorf("%d bytes came for %d", reader.came, c.size)
		}
	}
}

// group is ten members, one of whom has something. It returns how long it takes until the last one has
// it, by how long it takes the source to give it once, and a digest of all that was done.
func group(t *testing.T, seed uint64, size uint64, up float64) (float64, uint64) {
	w := newWorld(t, seed, size)
	source := w.add(12.5e6).full()
	var readers []*node
	digest := fnv.New64()
	for range 9 {
		n := w.add(up)
		n.starts()
		n.asks = func(a Ask) { fmt.Fprintln(digest, w.now, n.id[0], a) }
		readers = append(readers, n)
	}
	for i, a := range w.nodes {
		for _, b := range w.nodes[:i] {
			w.connect(a, b, ms)
		}
	}
	took := w.run(5*time.Minute, all(readers))
	for _, n := range readers {
		n.same()
		if n.came > size*105/100 {
			t.Errorf("seed %d: %.2f times the stream came", seed, float64(n.came)/float64(size))
		}
	}
	return took.Seconds() / (float64(size) / source.up), digest.Sum64()
}

func TestGroup(t *testing.T) {
	for _, up := range []float64{1e8, 12.5e6} {
		worst := 0.0
		for seed := range seeds(t, 6) {
			ratio, _ := group(t, seed, 64*miB, up)
			worst = max(worst, ratio)
			if ratio > 2.5 {
				t.Errorf("seed %d: the last one took %.2f of a single transfer", seed, ratio)
			}
		}
		t.Logf("members with %.0f MB/s: the last one took %.2f of a single transfer at worst", up/1e6, worst)
	}
	_, a := group(t, 1, 16*miB, 1e8)
	_, b := group(t, 1, 16*miB, 1e8)
	_, c := group(t, 2, 16*miB, 1e8)
	if a != b || a == c {
		t.Error("the same seed does not lead to the same, or another does")
	}
}

func all(nodes []*node) func() bool {
	return func() bool {
		for _, n := range nodes {
			if !n.done() {
				return false
			}
		}
		return true
	}
}

func seeds(t *testing.T, many uint64) uint64 {
	if testing.Short() {
		return max(many/10, 1)
	}
	return many
}

// One honest source among any that are not, all of which come and go: everything comes, and those that
// give wrong bytes are dropped, once.
func TestHostile(t *testing.T) {
	wrongs, drops := 0, 0
	for seed := range seeds(t, 200) {
		w := newWorld(t, seed, uint64(1+rand.New(rand.NewPCG(seed, 5)).IntN(60*miB)))
		honest, reader := w.add(5e6).full(), w.add(1e8)
		if w.random.IntN(2) == 0 {
			honest.id, reader.id = crypto.DeviceID{77}, crypto.DeviceID{1}
			w.nodes[0], w.nodes[1] = reader, honest
		}
		reader.starts()
		for range w.random.IntN(14) {
			n := w.add([]float64{1e5, 1e6, 1e7, 1e8}[w.random.IntN(4)]).full()
			switch w.random.IntN(10) {
			case 0:
				n.wrong = 1
			case 1:
				n.wrong = 0.3
			case 2:
				n.boasts, n.disk = true, map[Part]bool{}
			case 3:
				n.lies = true
			case 4:
				n.stalls = 1
			case 5:
				n.stalls = 0.1
			case 6:
				n.trickle = true
			case 7:
				n.busy = 0.5
			case 8:
				n.changed = true
			case 9:
				n.busy = 1
			}
		}
		for _, n := range w.nodes {
			if n == reader {
				continue
			}
			latency := time.Duration(w.random.IntN(20)) * ms
			w.after(time.Duration(w.random.IntN(3000))*ms, func() { w.connect(n, reader, latency) })
			if n == honest || w.random.IntN(2) == 0 {
				continue
			}
			var churn func()
			churn = func() {
				if n.peer(reader).up {
					w.disconnect(n, reader)
				} else {
					w.connect(n, reader, latency)
				}
				w.after(time.Duration(w.random.IntN(20_000))*ms, churn)
			}
			w.after(5*time.Second, churn)
		}
		took := w.run(time.Hour, reader.done)
		reader.same()
		if took > 5*time.Minute {
			w.fatalf("took %v", took)
		}
		for _, n := range w.nodes {
			if n.wrong == 1 {
				wrongs++
				drops += reader.dropped[n.id]
			}
			if d := reader.dropped[n.id]; d > 1 || d > 0 && n.wrong == 0 && !n.lies {
				w.fatalf("%v was dropped %d times", n.id[0], d)
			}
		}
	}
	if drops < wrongs/2 {
		t.Errorf("of %d liars %d were dropped", wrongs, drops)
	}
}

// A crash at any moment costs what was not synced, and no more.
func TestRestart(t *testing.T) {
	run := func(seed uint64, crash int) int {
		w := newWorld(t, seed, 5*miB+5)
		a, b, reader := w.add(2e6).full(), w.add(5e5).full(), w.add(1e8)
		reader.starts()
		reader.crash = crash
		w.connect(a, reader, ms)
		w.connect(b, reader, ms)
		w.run(time.Hour, reader.done)
		reader.same()
		return reader.effects
	}
	effects := run(1, 0)
	for crash := 1; crash <= effects; crash++ {
		if crash > 50 && testing.Short() {
			break
		}
		run(uint64(crash), crash)
	}

	share := 0.0
	for i := range 6 {
		w := newWorld(t, uint64(i), giB)
		source, reader := w.add(12.5e6).full(), w.add(1e8)
		reader.starts()
		w.connect(source, reader, ms)
		reader.crash = 50 + i*700
		w.run(time.Hour, reader.done)
		reader.same()
		again := float64(reader.came)/giB - 1
		share = max(share, again)
	}
	t.Logf("%.2f %% of 1 GiB at 100 Mbit/s came again", share*100)
	if share > 0.05 {
		t.Errorf("%.2f %% came again after a crash", share*100)
	}
}

// Many crashes, of all, in a group whose members come and go.
func TestGroupWithFaults(t *testing.T) {
	for seed := range seeds(t, 10) {
		w := newWorld(t, seed, 48*miB)
		source := w.add(6e6).full()
		var readers []*node
		for range 6 {
			n := w.add(2e7)
			n.starts()
			n.stalls, n.busy = 0.01, 0.05
			readers = append(readers, n)
		}
		w.add(1e7).full().wrong = 1
		for i, a := range w.nodes {
			for _, b := range w.nodes[:i] {
				w.connect(a, b, ms)
			}
		}
		var fault func()
		fault = func() {
			n := readers[w.random.IntN(len(readers))]
			if o := w.nodes[w.random.IntN(len(w.nodes))]; o == n {
				n.restart()
			} else if n.peer(o).up {
				w.disconnect(n, o)
			} else {
				w.connect(n, o, ms)
			}
			w.after(time.Duration(w.random.IntN(1500))*ms, fault)
		}
		w.after(time.Second, fault)
		w.run(30*time.Minute, all(readers))
		for _, n := range readers {
			n.same()
		}
		_ = source
	}
}

// A source that is edited gives no more. What others have comes from them; then the Fetch says why it
// doesn't go on, and goes on when somebody has the rest.
func TestEdited(t *testing.T) {
	w := newWorld(t, 1, 64*miB)
	source, some, reader := w.add(1e7).full(), w.add(1e7), w.add(1e7)
	for p := range w.parts() {
		some.disk[p] = p.Kind != Chunk || p.Index%3 == 0 || p.Index == 1
		if !some.disk[p] {
			delete(some.disk, p)
		}
	}
	reader.starts()
	w.connect(source, reader, ms)
	w.after(time.Second, func() { source.changed = true; w.connect(some, reader, ms) })
	in := func(s State) func() bool {
		return func() bool { state, _ := reader.fetch.State(); return state == s }
	}
	w.run(time.Minute, in(AllChanged))
	if took := w.now.Sub(start); took > 10*time.Second {
		t.Errorf("after %v", took)
	}
	for p := range some.disk {
		if !reader.disk[p] {
			t.Errorf("%v is at another's and does not come", p)
		}
	}
	w.disconnect(source, reader)
	if !in(AllChanged)() {
		t.Error("that it has changed is forgotten")
	}
	w.connect(w.add(1e7).full(), reader, ms)
	if !in(Fetching)() {
		t.Error("it does not go on")
	}
	w.run(20*time.Second, reader.done)
	reader.same()
}

// Of many sources so many are asked at once, and the author's is one of them.
func TestManySources(t *testing.T) {
	w := newWorld(t, 1, 200*miB)
	author, reader := w.add(1e6).full(), w.add(1e9)
	reader.starts()
	from := map[crypto.DeviceID]bool{}
	reader.asks = func(a Ask) { from[a.Source] = from[a.Source] || a.Kind == Chunk }
	most := 0
	for range 30 {
		w.connect(w.add(1e6).full(), reader, ms)
	}
	w.connect(author, reader, ms)
	took := w.run(time.Hour, func() bool {
		_, n := reader.fetch.State()
		most = max(most, n)
		return reader.done()
	})
	reader.same()
	if most != MaxSources || !from[author.id] || took > 30*time.Second {
		t.Errorf("%d sources at once, the author's %v, took %v", most, from[author.id], took)
	}
}

// What comes faster than the disk takes it waits at the source, which is not to blame for that.
func TestSlowDisk(t *testing.T) {
	w := newWorld(t, 1, 100*miB)
	source, reader := w.add(1e9).full(), w.add(1e9)
	reader.starts()
	reader.write = 400 * ms
	reader.asks = func(a Ask) {
		if n := len(reader.buffers) + reader.checking; n > MaxOpen {
			w.fatalf("%d chunks are open", n)
		}
	}
	w.connect(source, reader, ms)
	w.run(time.Hour, reader.done)
	reader.same()
	if reader.resets > 0 || reader.came > 101*miB {
		t.Errorf("%d resets, %d bytes came", reader.resets, reader.came)
	}
}

// A link that never lasts as long as a chunk takes.
func TestFlappingLink(t *testing.T) {
	w := newWorld(t, 1, 4*miB)
	source, reader := w.add(125_000).full(), w.add(1e7)
	reader.starts()
	var flap func()
	flap = func() {
		if source.peer(reader).up {
			w.disconnect(source, reader)
		} else {
			w.connect(source, reader, ms)
		}
		w.after(3*time.Second, flap)
	}
	flap()
	if took := w.run(3*time.Minute, reader.done); took > 90*time.Second {
		t.Errorf("took %v", took)
	}
	reader.same()
}
