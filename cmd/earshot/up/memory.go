package up

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// memoryLimit is what the process takes of memory, in bytes, before the garbage collector works
	// harder to keep it there. It has room for what all that is not bounded for each peer alone may
	// hold: 24 MiB of strangers, 24 MiB of fellow members (see package budget), 32 MiB of bytes that
	// the links have received and nobody has read yet, and 20 MiB of the node itself. A node that
	// idles takes a quarter of it, and the limit changes nothing there.
	memoryLimit = 104 << 20

	// gcPercent lets the heap, which is a few MiB, grow to five times its size before it is
	// collected, up to the limit. At Go's default of 100 the collector takes a sixth of a busy node's
	// time. What is used of a larger heap, as while files are on their way, would leave as much garbage
	// several times over: so that is bounded to maxGarbage bytes. With half of it the collector, which goes through
	// the tables of the store each time, takes an eighth of the time of a node that many messages come to.
	gcPercent  = 400
	maxGarbage = 24 << 20

	// lookEvery is how often a node looks whether it has become quiet, and quiet how much it may
	// have allocated since the last look, in bytes: to dial what strangers have told of takes a MiB a
	// second for minutes. Then it gives back to the system what it took for a burst, if that is more
	// than spare bytes: by itself the collector does not run while little is allocated, for up to two
	// minutes. So it does once the store has let go of more than spareStored bytes. What goes on needs
	// that memory again at once: to give back each time took an eighth of the time of a node that 50 messages
	// a second come to. So it does that at every restLooks looks only, unless less than still bytes were allocated.
	lookEvery   = 10 * time.Second
	quiet       = 16 << 20
	restLooks   = 4
	still       = 2 << 20
	spare       = 4 << 20
	spareStored = 256 << 10
)

// limitMemory sets the limits above. Who has set others in the environment knows why.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		boundGarbage()
	}
}

// garbagePercent is how far a heap may grow of which so many bytes are used, in parts of a hundred of that.
func garbagePercent(live uint64) int {
	return min(gcPercent, int(100*maxGarbage/max(live, 1)))
}

// boundGarbage sets after each collection how far the heap may grow until the next.
func boundGarbage() {
	last := gcPercent
	var collected func(*[1]*int)
	collected = func(mark *[1]*int) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		percent := garbagePercent(live[0].Value.Uint64())
		if percent < last*9/10 || percent > last*11/10 { // to set it stops all that runs
			debug.SetGCPercent(percent)
			last = percent
		}
		runtime.SetFinalizer(mark, collected)
	}
	runtime.SetFinalizer(new([1]*int), collected)
}

// taken is what the process has taken of memory and not given back, how much it has allocated in all, and how
// much the store keeps in memory until it has written it, in bytes.
type taken struct{ now, ever, stored uint64 }

func memoryTaken(stored func() int) taken {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return taken{s[0].Value.Uint64() - s[1].Value.Uint64(), s[2].Value.Uint64(), uint64(stored())}
}

// giver decides when memory is given back.
type giver struct {
	last  taken // at the last look
	gave  taken // after it was last given back; stored is the most that was kept since
	looks int   // since then
}

// look reports whether memory is to be given back now: the process is quiet, and has had a burst, or the store has
// let go since of what it kept, which allocates next to nothing.
func (g *giver) look(t taken) bool {
	g.looks++
	allocated := t.ever - g.last.ever
	isQuiet := allocated < still || allocated < quiet && g.looks >= restLooks
	g.last, g.gave.stored = t, max(g.gave.stored, t.stored)
	burst := t.now > g.gave.now+spare || t.ever > g.gave.ever+spare
	return isQuiet && (burst || t.stored+spareStored < g.gave.stored)
}

// giveBack gives back memory after each burst, until ctx ends.
func giveBack(ctx context.Context, stored func() int) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	t := memoryTaken(stored)
	g := giver{last: t, gave: t}
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if g.look(memoryTaken(stored)) {
			runtime.GC() // pools of buffers let go of theirs only in the second collection
			debug.FreeOSMemory()
			g.gave, g.looks = memoryTaken(stored), 0
		}
	}
}
