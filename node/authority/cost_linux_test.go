package authority

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
)

// cpu is how long this thread has run, which doesn't depend on what else the machine does.
func cpu() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_THREAD, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// benchmarkEach takes events one by one, each in a copy as node/groups does, and reports what the
// whole and the dearest have cost of a core.
func benchmarkEach(b *testing.B, events []Event) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for b.Loop() {
		g := group(b, events[0])
		begin := cpu()
		costs := make([]time.Duration, 0, len(events))
		refused, steps := 0, 0
		for _, e := range events[1:] {
			start := cpu()
			next := g.Clone()
			if err := next.Add(e); err != nil {
				refused++
			} else {
				next.State()
				g = next
			}
			costs = append(costs, cpu()-start)
			steps = max(steps, next.steps)
		}
		slices.Sort(costs)
		b.ReportMetric(float64(costs[len(costs)*99/100].Microseconds())/1000, "ms/p99")
		b.ReportMetric(float64(costs[len(costs)-1].Microseconds())/1000, "ms/worst")
		b.ReportMetric(float64((cpu() - begin).Milliseconds()), "ms/all")
		b.ReportMetric(float64(refused), "refused")
		b.ReportMetric(float64(steps)/1e6, "Msteps/worst")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkHonest takes an honest history.
func BenchmarkHonest(b *testing.B) { benchmarkEach(b, honest()) }

// BenchmarkRestore makes a group from what was taken before.
func BenchmarkRestore(b *testing.B) {
	for name, events := range map[string][]Event{"honest": honest(), "bomb": bombs["seen"](event.MaxControls)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Restore(events); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBomb takes what is made to be dear.
func BenchmarkBomb(b *testing.B) {
	for name, make := range bombs {
		b.Run(name, func(b *testing.B) { benchmarkEach(b, make(size())) })
	}
}

func size() int {
	if n, err := strconv.Atoi(os.Getenv("BOMB")); err == nil {
		return n
	}
	return event.MaxControls
}
