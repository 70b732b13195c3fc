//go:build lab && linux

package lab

import (
	"context"
	"math/rand/v2"
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

// TestKillsUnderTraffic kills either node or both again and again while both write.
func TestKillsUnderTraffic(t *testing.T) {
	const kills = 12
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	random := l.chance()
	a, b := &writer{node: ann, to: bob, lines: 2000, keys: 40}, &writer{node: bob, to: ann, lines: 2000, keys: 40}
	writers := []*writer{a, b}

	began := time.Now()
	var writing, following sync.WaitGroup
	var failed atomic.Bool
	try := func(f func() error) func() {
		return func() {
			if err := f(); err != nil {
				failed.Store(true)
				t.Error(err)
			}
		}
	}
	ctx, unfollow := context.WithCancel(context.Background())
	seen := make([]map[string]bool, len(writers))
	for i, w := range writers {
		writing.Go(try(w.write))
		writing.Go(try(w.keyed))
		following.Go(func() { seen[i] = w.follow(ctx) })
	}
	finish := func() {
		a.stop.Store(true)
		b.stop.Store(true)
		writing.Wait()
		unfollow()
		following.Wait()
	}
	defer finish()
	for i := range kills {
		reported := func() int { return int(a.acked.Load() + b.acked.Load()) }
		want := reported() + 1 + random.IntN(30)<<random.IntN(5) // often soon after the last, or far into the traffic
		if !poll(crashWithin, func() bool { return failed.Load() || reported() >= want }) {
			t.Errorf("before kill %d: no more lines reported within %v", i+1, crashWithin)
		}
		if t.Failed() {
			return
		}
		killSome(random, a, b)
	}
	finish()
	if t.Failed() {
		return
	}
	killSome(random, a, b)
	ann.until(crashWithin, "both outboxes are empty", func() bool { return ann.waiting()+bob.waiting() == 0 })
	for i, w := range writers {
		if err := w.lookUp(); err != nil {
			t.Error(err)
		}
		t.Logf("%s: %d lines in %d runs of send, %d kills, in %v", w.name, w.stored, w.runs, w.lives.Load()/2, since(began))
		w.followed(seen[i])
		w.arrived("recv", "--as", "lab")
		w.arrived("recv")
		if again := w.to.must("recv"); len(again) != 0 {
			t.Errorf("%s reads %d messages again", w.to.name, len(again))
		}
	}
}

// TestKillsDuringCatchUp kills either node or both while one catches up with a long queue.
func TestKillsDuringCatchUp(t *testing.T) {
	const (
		lines = 12000
		kills = 8
		// moment is the most between a start and the next kill: about as long as it takes the two to meet again and
		// hand over a part of the queue.
		moment = 250 * time.Millisecond
	)
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].up("Bob")
	meet(promised, ann, bob)
	ann.must("contacts", "name", bob.person, "Bob") // strangers who are off can't be written to
	bob.must("accept", ann.person)                  // and may not send so many
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
