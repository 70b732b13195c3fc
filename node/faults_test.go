package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	gosync "sync"
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
	// faultsEach and wordsEach are how much a schedule brings: faults in all, messages of each to each.
	faultsEach = 12
	wordsEach  = 6

	// faultGap is the longest time between two faults, so that some meet and some are got over in between.
	faultGap = 20 * time.Second

	// settling is how long it may take until all is well after the last fault: a dial's longest pause, a dead
	// connection that must be noticed first, and some.
	settling = 2 * time.Minute
)

// TestFaultSchedules has two to four persons write to each other while machines and network fail. Afterwards everyone
// must have everything, once and in order.
func TestFaultSchedules(t *testing.T) {
	first, last := uint64(1), *seedsFlag
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

// user writes and reads at a machine for as long as that is on, and remembers what they saw there.
type user struct {
	*machine
	s      *schedule
	leave  context.CancelFunc
	active gosync.WaitGroup

	mu    gosync.Mutex
	plan  []letter // not on this disk, as far as the user knows
	kept  []letter // Send has returned
	shown map[*user][]event.ID
	read  map[event.ID]bool // MarkRead has returned
}

type letter struct {
	to   *user
	text string
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

// awaitCommits waits for something to happen on the machine, so that a kill may fall in the middle of it.
func (u *user) awaitCommits(n int) {
	timeout := time.After(5 * time.Second)
	for range n {
		_, more := u.events.now()
		select {
		case <-more:
		case <-timeout:
			return
		}
	}
}

func (u *user) comeBack() {
	u.s.say("%s starts", u.name)
	u.start()
	u.enter()
	u.announce()
}

// enter has the user sit down at the machine.
func (u *user) enter() {
	ctx, leave := context.WithCancel(context.Background())
	u.leave = leave
	seed := u.s.w.random.Uint64()
	pause := func(most time.Duration) bool {
		seed = seed*6364136223846793005 + 1442695040888963407
		select {
		case <-time.After(time.Duration(seed>>1) % most):
			return true
		case <-ctx.Done():
			return false
		case <-u.s.over:
		}
		select {
		case <-time.After(time.Second):
			return true
		case <-ctx.Done():
			return false
		}
	}
	n := u.Node
	writing := faultsEach * faultGap / time.Duration(wordsEach*(len(u.s.users)-1)) // on average done when the faults are
	u.active.Go(func() {
		for pause(writing) && u.write(ctx, n) {
		}
	})
	u.active.Go(func() {
		for pause(3 * time.Second) {
			u.look(ctx, n)
		}
	})
}

// off has the user leave: what they learn after that does not count.
func (u *user) off() {
	u.mu.Lock()
	if u.leave != nil {
		u.leave()
	}
	u.mu.Unlock()
	u.active.Wait()
}

// write sends the next letter; it stays in the plan until the node has said that it is safe. It reports whether there is more.
func (u *user) write(ctx context.Context, n *Node) (more bool) {
	u.mu.Lock()
	if len(u.plan) == 0 {
		u.mu.Unlock()
		return false
	}
	l := u.plan[0]
	u.mu.Unlock()
	_, err := n.Send(ctx, Outgoing{To: l.to.name, Text: l.text, Key: l.text})
	u.mu.Lock()
	defer u.mu.Unlock()
	var unknown *UnknownError
	switch {
	case ctx.Err() != nil:
	case err == nil:
		u.s.say("%s writes: %s", u.name, l.text)
		u.kept, u.plan = append(u.kept, l), u.plan[1:]
	case !errors.As(err, &unknown): // they have not met
		u.w.t.Errorf("%s sends to %s: %v", u.name, l.to.name, err)
	}
	return true
}

// look reads what is new and checks what was there before.
func (u *user) look(ctx context.Context, n *Node) {
	u.mu.Lock()
	for _, o := range u.s.users {
		if o == u || ctx.Err() != nil {
			continue
		}
		rows, err := n.store.Rows(event.Direct(u.who.person, o.who.person), store.Page{Limit: 1000})
		if err != nil && !errors.Is(err, store.ErrNoConversation) {
			u.w.t.Errorf("%s: history with %s: %v", u.name, o.name, err)
		}
		u.shows(o, rows)
	}
	u.mu.Unlock()
	unread, err := n.Unread(ctx, 0, Filter{}, 1000)
	if err != nil {
		u.w.t.Errorf("%s: unread: %v", u.name, err)
	}
	for _, m := range unread {
		u.mu.Lock()
		if u.read[m.ID] && ctx.Err() == nil {
			u.w.t.Errorf("%s: %q is unread again", u.name, m.Text)
		}
		u.mu.Unlock()
		err := n.MarkRead(ctx, m.ID)
		u.mu.Lock()
		switch {
		case ctx.Err() != nil:
		case err != nil:
			u.w.t.Errorf("%s: mark read: %v", u.name, err)
		default:
			u.read[m.ID] = true
		}
		u.mu.Unlock()
	}
}

// shows checks that rows once shown are there still, in the same order, and remembers those of now. The caller holds mu.
func (u *user) shows(with *user, rows []store.Row) {
	ids := make([]event.ID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	rest := ids
	for _, id := range u.shown[with] {
		i := slices.Index(rest, id)
		if i < 0 {
			u.w.t.Errorf("%s: a row shown with %s has gone or changed places", u.name, with.name)
			return
		}
		rest = rest[i+1:]
	}
	u.shown[with] = ids
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
				waits += fmt.Sprintf("%s waits for %s: %s, %s; ", u.name, p.To.Name, p.WaitingFor, p.Detail)
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

func (u *user) lines() []Pending {
	out, err := u.Outbox(u.w.t.Context())
	if err != nil {
		u.w.t.Fatal(err)
	}
	return out
}

// check compares what the user has in the end with what was written.
func (u *user) check() {
	t := u.w.t
	for _, o := range u.s.users {
		if o == u {
			continue
		}
		rows := u.rows(o.machine)
		u.shows(o, rows)
		for _, by := range []*user{u, o} {
			to := u
			if by == u {
				to = o
			}
			var want, have []string
			for _, l := range by.kept {
				if l.to == to {
					want = append(want, l.text)
				}
			}
			for _, r := range rows {
				if r.Author == by.who.person {
					have = append(have, r.Text)
				}
			}
			if !slices.Equal(have, want) {
				t.Errorf("%s shows of %s: %q, want %q", u.name, by.name, have, want)
			}
		}
		for _, r := range rows {
			if r.Gap || r.Forked {
				t.Errorf("%s: %q has gap: %t, forked: %t", u.name, r.Text, r.Gap, r.Forked)
			}
		}
		if theirs := o.rows(u.machine); !slices.EqualFunc(rows, theirs, func(a, b store.Row) bool { return a.ID == b.ID }) {
			t.Errorf("%s and %s show their conversation in different orders", u.name, o.name)
		}
		// Nothing that a node had promised was lost, so no log had to begin anew.
		logs, err := u.store.Logs(event.Direct(u.who.person, o.who.person))
		if err != nil || len(logs) != 2 {
			t.Errorf("%s holds %d logs with %s, want 2 (%v)", u.name, len(logs), o.name, err)
		}
	}
}
