package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/waiting"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

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

// awaitCommits waits for something to happen on the machine, so that a kill may fall in the middle
// of it.
func (u *user) awaitCommits(n int) {
	timeout := time.After(5 * time.Second)
	for range n {
		_, more := u.Node.shown.Now()
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
	pause := func(random *rand.Rand, most time.Duration) bool {
		select {
		case <-time.After(time.Duration(random.Int64N(int64(most)))):
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
	w := u.s.w.random
	writer, reader := rand.New(rand.NewPCG(w.Uint64(), 0)), rand.New(rand.NewPCG(w.Uint64(), 0))
	writing := faultsEach * faultGap / time.Duration(wordsEach*(len(u.s.users)-1)) // on average done when the faults are
	u.active.Go(func() {
		for pause(writer, writing) && u.write(ctx, n) {
		}
	})
	u.active.Go(func() {
		for pause(reader, 3*time.Second) {
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

// write sends the next letter; it stays in the plan until the node has said that it is safe. It
// reports whether there is more.
func (u *user) write(ctx context.Context, n *Node) (more bool) {
	u.mu.Lock()
	if len(u.plan) == 0 {
		u.mu.Unlock()
		return false
	}
	l := u.plan[0]
	u.mu.Unlock()
	_, err := n.Messages().Send(ctx, chat.Outgoing{To: l.to.name, Text: l.text, Key: l.text})
	u.mu.Lock()
	defer u.mu.Unlock()
	var unknown *people.UnknownError
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
	unread, err := unread(n, chat.Filter{})
	if err != nil {
		u.w.t.Errorf("%s: unread: %v", u.name, err)
	}
	for _, m := range unread {
		u.mu.Lock()
		if u.read[m.ID] && ctx.Err() == nil {
			u.w.t.Errorf("%s: %q is unread again", u.name, m.Text)
		}
		u.mu.Unlock()
		err := n.Messages().MarkRead(ctx, m.ID)
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

// shows checks that rows once shown are there still, in the same order, and remembers those of now.
// The caller holds mu.
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

func (u *user) lines() []waiting.Pending {
	out, err := outboxOf(u)
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
