//go:build lab && linux

package lab

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crashWithin bounds every wait; with restarts on two slow processors a second may be half one.
const crashWithin = time.Minute

// chance logs its seed.
func (l *lab) chance() *rand.Rand {
	l.Helper()
	seed := uint64(time.Now().UnixNano())
	l.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// killSome kills the one, the other or both at once, and starts them again.
func killSome(random *rand.Rand, ann, bob interface {
	kill()
	start()
}) {
	var dead []interface{ start() }
	which := 1 + random.IntN(3)
	if which&1 != 0 {
		ann.kill()
		dead = append(dead, ann)
	}
	if which&2 != 0 {
		bob.kill()
		dead = append(dead, bob)
	}
	for _, n := range dead {
		n.start()
	}
}

// traffic has two nodes write to each other, and two programs read what comes by cursors of their
// own.
type traffic struct {
	*lab
	writers            [2]*writer
	seen               [2]map[string]bool // by the program at the writer's reader
	failed             atomic.Bool
	writing, following sync.WaitGroup
	unfollow           func()
	began              time.Time
}

// traffic begins. It stops when it has come to finish, and has written so many lines and keyed
// messages each way. A line has about so many bytes more than its number.
func (l *lab) traffic(ann, bob *node, every time.Duration, lines, keys, size int) *traffic {
	ctx, unfollow := context.WithCancel(context.Background())
	tr := &traffic{lab: l, unfollow: unfollow, began: time.Now(), writers: [2]*writer{
		{node: ann, to: bob, every: every, lines: lines, keys: keys, size: size},
		{node: bob, to: ann, every: every, lines: lines, keys: keys, size: size},
	}}
	begin := func(write func() error) {
		tr.writing.Go(func() {
			if err := write(); err != nil {
				tr.failed.Store(true)
				l.Error(err)
			}
		})
	}
	for i, w := range tr.writers {
		begin(w.write)
		if keys > 0 {
			begin(w.keyed)
		}
		tr.following.Go(func() { tr.seen[i] = w.follow(ctx) })
	}
	return tr
}

// reported is how many lines are known to be on their writer's disk.
func (tr *traffic) reported() int {
	return int(tr.writers[0].acked.Load() + tr.writers[1].acked.Load())
}

// finish lets the writers come to their end.
func (tr *traffic) finish() {
	for _, w := range tr.writers {
		w.stop.Store(true)
	}
	tr.writing.Wait()
	tr.unfollow()
	tr.following.Wait()
}

// arrive waits until everything has arrived, and expects each line once and in order.
func (tr *traffic) arrive() {
	tr.Helper()
	ann, bob := tr.writers[0], tr.writers[1]
	ann.until(crashWithin, "both outboxes are empty", func() bool { return ann.waiting()+bob.waiting() == 0 })
	for i, w := range tr.writers {
		if err := w.lookUp(); err != nil {
			tr.Error(err)
		}
		tr.Logf("%s: %d lines in %d runs of send, %d kills, in %v", w.name, w.stored, w.runs, w.lives.Load()/2, since(tr.began))
		w.followed(tr.seen[i])
		w.arrived("recv", "--as", "lab")
		w.arrived("recv")
		if again := w.to.must("recv"); len(again) != 0 {
			tr.Errorf("%s reads %d messages again", w.to.name, len(again))
		}
	}
}

// TestKillsUnderTraffic kills either node or both again and again while both write.
func TestKillsUnderTraffic(t *testing.T) {
	const kills = 12
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	random := l.chance()
	tr := l.traffic(ann, bob, 10*time.Millisecond, 2000, 40, 0) // kills fall among lines at 500 a second
	defer tr.finish()
	for i := range kills {
		want := tr.reported() + 1 + random.IntN(30)<<random.IntN(5) // often soon after the last, or far into the traffic
		if !poll(crashWithin, func() bool { return tr.failed.Load() || tr.reported() >= want }) {
			t.Errorf("before kill %d: no more lines reported within %v", i+1, crashWithin)
		}
		if t.Failed() {
			return
		}
		killSome(random, tr.writers[0], tr.writers[1])
	}
	tr.finish()
	if t.Failed() {
		return
	}
	killSome(random, ann, bob)
	tr.arrive()
}

// TestKillsDuringCheckpoints kills a node each time while it writes its database: with lines so long that the
// journal is full again and again.
func TestKillsDuringCheckpoints(t *testing.T) {
	const (
		kills = 4
		size  = 8 << 10
		each  = 8 << 20 / size // lines between two kills at least: both files of the journal are full then
	)
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	random := l.chance()
	tr := l.traffic(ann, bob, 20*time.Millisecond, 100, 10, size)
	defer tr.finish()
	for i := range kills {
		want := tr.reported() + each + random.IntN(each)
		if !poll(crashWithin, func() bool { return tr.failed.Load() || tr.reported() >= want }) {
			t.Errorf("before kill %d: no more lines reported within %v", i+1, crashWithin)
		}
		w := tr.writers[random.IntN(2)]
		if !t.Failed() && !w.writesDatabase(random.IntN(8)) {
			t.Errorf("before kill %d: the database isn't written", i+1)
		}
		if t.Failed() {
			return
		}
		w.kill()
		w.start()
	}
	tr.finish()
	if !t.Failed() {
		tr.arrive()
	}
}

// writesDatabase waits for the moment at which the database has been written so many more times.
func (n *node) writesDatabase(times int) bool {
	written := func() time.Time {
		info, err := os.Stat(filepath.Join(n.dir, "store.db"))
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	for last, deadline := written(), time.Now().Add(crashWithin); time.Now().Before(deadline); {
		if now := written(); now != last {
			if times--; times < 0 {
				return true
			}
			last = now
		}
	}
	return false
}

// TestCutsUnderTraffic cuts the network for less and for more time than either end takes to notice,
// while both write.
func TestCutsUnderTraffic(t *testing.T) {
	l := newLab(t)
	hosts, cables := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	random := l.chance()
	tr := l.traffic(ann, bob, 50*time.Millisecond, 1, 0, 0)
	defer tr.finish()
	for _, around := range []time.Duration{time.Second, 7 * time.Second, 10 * time.Second} {
		away := around + time.Duration(random.Int64N(int64(3*time.Second)))
		cables[0].cut()
		ann.stays(away, "lines are taken", func() bool { return !tr.failed.Load() })
		cables[0].mend()
		back := time.Now()
		ann.sees(promised, bob)
		bob.sees(promised, ann)
		for _, w := range tr.writers {
			w.keys++
			w.send(time.Until(back.Add(promised)), w.to, w.keyedText(w.keys))
		}
	}
	tr.finish()
	if !t.Failed() {
		tr.arrive()
	}
}

// TestKillsDuringCatchUp kills either node or both while one catches up with a long queue.
func TestKillsDuringCatchUp(t *testing.T) {
	const (
		lines = 12000
		kills = 8
		// moment is the most between a start and the next kill: about as long as it takes the two
		// to meet again and hand over a part of the queue.
		moment = 250 * time.Millisecond
	)
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	bob.must("accept", ann.person) // a stranger may not send so many
	bob.down()
	w := &writer{node: ann, to: bob}
	w.queue(lines)
	random := l.chance()
	began := time.Now()
	bob.start()
	killed := 0
	for killed < kills && ann.waiting() > 0 {
		<-time.After(time.Duration(random.Int64N(int64(moment)))) // not to wait for anything, but to strike anywhere
		killSome(random, ann, bob)
		killed++
	}
	ann.until(crashWithin, "the outbox is empty", func() bool { return ann.waiting() == 0 })
	t.Logf("%d lines, killed %d times on the way, in %v", lines, killed, since(began))
	if killed == 0 {
		t.Error("no kill came in time")
	}
	if err := w.lookUp(); err != nil || w.stored != lines {
		t.Errorf("%d lines stored: %v", w.stored, err)
	}
	w.arrived("recv", "--as", "lab")
	w.arrived("recv")
}
