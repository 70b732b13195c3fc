package node

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run only this fault schedule, telling what happens")
	seedsFlag = flag.Uint64("seeds", 20, "how many fault schedules to run")
)

const (
	// faultsEach and wordsEach are how much a schedule brings: faults in all, messages of each to
	// each.
	faultsEach = 12
	wordsEach  = 6

	// faultGap is the longest time between two faults, so that some meet and some are got over in
	// between.
	faultGap = 20 * time.Second

	// settling is how long it may take until all is well after the last fault: a dial's longest
	// pause, a dead connection that must be noticed first, and some.
	settling = 2 * time.Minute
)

// TestFaultSchedules has two to four persons write to each other while machines and network fail.
// Afterwards everyone must have everything, once and in order.
func TestFaultSchedules(t *testing.T) {
	first, last := uint64(1), *seedsFlag
	if testing.Short() {
		last = min(last, 8)
	}
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			inWorld(t, seed, func(t *testing.T, w *world) {
				s := newSchedule(w)
				if *seedFlag != 0 {
					s.tell = t.Logf
				}
				s.run()
			})
			if t.Failed() {
				t.Logf("again: go test ./node -run TestFaultSchedules -seed %d", seed)
			}
		})
	}
}

// schedule is one run of faults. One goroutine owns it; the users have theirs.
type schedule struct {
	w     *world
	users []*user
	undo  []undo
	over  chan struct{} // closed when no more faults come: users hurry from then on
	tell  func(string, ...any)
	began time.Time
}

// undo is what ends a fault.
type undo struct {
	at time.Time
	f  func()
}

func newSchedule(w *world) *schedule {
	s := &schedule{w: w, over: make(chan struct{}), tell: func(string, ...any) {}, began: time.Now()}
	for _, name := range []string{"Ann", "Bob", "Cleo", "Dan"}[:2+w.random.IntN(3)] {
		s.users = append(s.users, &user{machine: w.machine(name), s: s, shown: map[*user][]event.ID{}, read: map[event.ID]bool{}})
	}
	for _, u := range s.users {
		for i := range wordsEach {
			for _, to := range s.users {
				if to != u {
					u.plan = append(u.plan, letter{to, fmt.Sprintf("%s to %s %d", u.name, to.name, i)})
				}
			}
		}
	}
	return s
}

func (s *schedule) say(format string, args ...any) {
	s.tell("%8.3fs  %s", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *schedule) run() {
	defer func() {
		for _, u := range s.users {
			u.off()
		}
	}()
	for _, u := range s.users {
		u.start(s.w.addresses()...)
	}
	for _, u := range s.users {
		u.enter()
	}
	for range faultsEach {
		s.sleep(s.w.upTo(faultGap))
		s.fault()
	}
	for len(s.undo) > 0 {
		s.sleep(time.Second)
	}
	for _, u := range s.users {
		for _, o := range s.users {
			if o != u {
				s.w.net.Delay(u.addr(), o.addr(), 0)
			}
		}
		u.announce()
	}
	s.say("all faults are over")
	close(s.over)
	s.settle()
	for _, u := range s.users {
		u.off()
		u.check()
	}
}

// sleep lets time pass, and ends faults when theirs has come. Now and then everyone is announced.
func (s *schedule) sleep(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(time.Second, time.Until(end)))
		s.undo = slices.DeleteFunc(s.undo, func(u undo) bool {
			if time.Now().Before(u.at) {
				return false
			}
			u.f()
			return true
		})
		if s.w.random.IntN(30) == 0 {
			for _, u := range s.users {
				u.announce()
			}
		}
	}
}

func (s *schedule) later(most time.Duration, f func()) {
	s.undo = append(s.undo, undo{time.Now().Add(s.w.upTo(most)), f})
}

// fault has something go wrong.
func (s *schedule) fault() {
	r := s.w.random
	i := r.IntN(len(s.users))
	u, o := s.users[i], s.users[(i+1+r.IntN(len(s.users)-1))%len(s.users)]
	a, b := u.addr(), o.addr()
	switch kind := r.IntN(8); {
	case kind == 0:
		s.say("partition %s %s", u.name, o.name)
		s.w.cut(a, b)
		s.later(40*time.Second, func() {
			s.say("heal %s %s", u.name, o.name)
			s.w.heal(a, b)
		})
	case kind == 1:
		s.say("drop %s %s", u.name, o.name)
		s.w.net.Drop(a, b)
	case kind == 2:
		s.say("reset %s %s", u.name, o.name)
		s.w.net.Reset(a, b)
	case kind == 3:
		d := s.w.upTo(400 * time.Millisecond)
		s.say("delay %s %s by %s", u.name, o.name, d)
		s.w.net.Delay(a, b, d)
	case kind == 4:
		to := s.w.freshAddr()
		s.say("%s moves to %s", u.name, to)
		u.host.Move(to)
		u.announce()
	case kind == 5 && u.on():
		s.say("%s stops", u.name)
		u.off()
		u.stop()
		s.later(30*time.Second, u.comeBack)
	case u.on():
		u.awaitCommits(r.IntN(5))
		s.say("%s is killed", u.name)
		u.off()
		u.kill()
		s.later(15*time.Second, u.comeBack)
	}
}

// settle waits until everyone has said everything and everyone has read it.
func (s *schedule) settle() {
	end := time.Now().Add(settling + faultGap)
	for {
		waits := ""
		for _, u := range s.users {
			u.mu.Lock()
			if len(u.plan) > 0 {
				waits += fmt.Sprintf("%s has %d letters to write; ", u.name, len(u.plan))
			}
			u.mu.Unlock()
			for _, p := range u.lines() {
				waits += fmt.Sprintf("%s waits for %s: %s, %s; ", u.name, p.To.Name, p.WaitingFor, p.Reason)
			}
			for _, o := range s.users {
				if o == u {
					continue
				}
				for _, r := range u.rows(o.machine) {
					if r.Own && r.State != store.Read {
						waits += fmt.Sprintf("%q is %s; ", r.Text, r.State)
					}
				}
			}
		}
		if waits == "" {
			s.say("settled")
			return
		}
		if time.Now().After(end) {
			s.w.t.Fatalf("after %s: %s", settling, waits)
		}
		time.Sleep(time.Second)
	}
}
