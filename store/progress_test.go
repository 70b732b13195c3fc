package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// views fails unless all that tells how far own messages have come says the same: the state of the
// row, the list by reader, and the outbox.
func (n *node) views(c event.Conversation) {
	n.t.Helper()
	type line struct {
		id event.ID
		to crypto.PersonID
	}
	pending := map[line]int{}
	out := n.outbox()
	for _, p := range out {
		if p.Conversation == c {
			pending[line{p.ID, p.To}]++
		}
	}
	for _, row := range n.rows(c) {
		if !row.Own {
			continue
		}
		reached, err := n.ProgressTo(row.ID)
		check(n.t, err)
		some, all := false, true
		for _, r := range reached {
			want := 0
			if r.State == Queued {
				want, some = 1, true
			}
			if got := pending[line{row.ID, r.Person}]; got != want {
				n.t.Fatalf("%q is %v for somebody, with %d lines in the outbox", row.Text, r.Progress, got)
			}
			delete(pending, line{row.ID, r.Person})
			all = all && r.State >= Delivered
			if r.State == Undelivered && (row.State == Queued || row.State == Undelivered && row.Reason != r.Reason) {
				n.t.Fatalf("%q is %v, and for somebody %v", row.Text, row.Progress, r.Progress)
			}
		}
		if some != (row.State == Queued) || all && len(reached) > 0 && row.State < Delivered {
			n.t.Fatalf("%q is %v: for the readers %v", row.Text, row.Progress, reached)
		}
		states, err := n.States([]Place{row.Place}, nil)
		check(n.t, err)
		if states[0] != row.Progress {
			n.t.Fatalf("%q is %v, and %v", row.Text, row.Progress, states[0])
		}
	}
	for l, times := range pending {
		n.t.Fatalf("%d lines in the outbox for %x, which no row shows", times, l.id[:4])
	}
}

// TestStatesAhead: what is ahead counts as if it were noted, whatever it is, and only then.
func TestStatesAhead(t *testing.T) {
	a, b, d := newNode(t), newNode(t), newNode(t)
	a.know(b)
	b.know(a)
	direct := event.Direct(a.own.Person, b.own.Person)
	for _, c := range []event.Conversation{direct, group(a, b, d)} {
		isGroup := c != direct
		var places []Place
		var sent []Entry
		for i := range 4 {
			sent = append(sent, a.say(c, fmt.Sprint(i)))
			places = append(places, sent[i].Place)
		}
		log, first := a.log(c), sent[0].Sequence
		states := func(ahead ...Delivery) []Progress {
			t.Helper()
			got, err := a.States(places, ahead)
			check(t, err)
			return got
		}
		says := func(who *node, last, id int, read bool) Delivery {
			return Delivery{Person: who.own.Person, Log: log, Read: read,
				Segments: []event.Segment{{First: first, Last: first + uint64(last), ID: sent[id].ID}}}
		}
		other := says(b, 0, 0, false)
		other.Log.Instance[0]++
		for _, claim := range []struct {
			Delivery
			moves bool
		}{
			{says(b, 0, 1, false), false}, // another event
			{says(a, 0, 0, false), false},
			{other, false},
			{says(d, 0, 0, false), false}, // in the group somebody lacks it
			{says(b, 0, 0, false), true},
			{says(b, 2, 2, false), !isGroup},
			{says(d, 1, 1, false), isGroup},
		} {
			before, ahead := states(), states(claim.Delivery)
			if moved := !slices.Equal(before, ahead); moved != claim.moves {
				t.Errorf("%+v: %v, and ahead %v", claim.Delivery, before, ahead)
			}
			check(t, a.NoteDelivered(ctx, []Delivery{claim.Delivery}))
			if noted := states(); !slices.Equal(noted, ahead) {
				t.Errorf("%+v: ahead %v, noted %v", claim.Delivery, ahead, noted)
			}
		}
	}
}

// What somebody wrote while they were being removed stays with them: that is said, and nothing
// waits for it.
func TestWrittenWhileBeingRemoved(t *testing.T) {
	a, b, d := newNode(t), newNode(t), newNode(t)
	c := group(a, b, d)
	before := a.say(c, "before")
	meet(a, b, c)
	meet(a, d, c)
	half := a.say(c, "one of two has it")
	meet(a, b, c)
	past := a.say(c, "past the cut")
	log := a.log(c)
	cut := map[event.Log]uint64{log: half.Sequence}
	holds := func(what string, id event.ID, want Progress) {
		t.Helper()
		row, err := a.Row(id)
		check(t, err)
		if row.Progress != want {
			t.Errorf("%s: %v, want %v", what, row.Progress, want)
		}
		a.views(c)
	}
	holds("in", half.ID, Progress{State: Queued})
	removed := Progress{Undelivered, Removed}
	for _, test := range []struct {
		name       string
		out        bool
		limits     map[event.Log]uint64
		half, past Progress
		pending    int
	}{
		{"out", true, cut, removed, removed, 0},
		{"out, and not cut yet", true, nil, removed, removed, 0},
		{"brought back", false, cut, Progress{State: Queued}, removed, 1},
		{"the removal doesn't count", false, nil, Progress{State: Queued}, Progress{State: Queued}, 3},
	} {
		a.council.mu.Lock()
		a.council.out, a.council.how = test.out, Removed
		a.council.mu.Unlock()
		check(t, a.SetLimits(ctx, c, test.limits))
		holds(test.name+": delivered", before.ID, Progress{State: Delivered})
		holds(test.name+": half delivered", half.ID, test.half)
		holds(test.name+": past", past.ID, test.past)
		if a.pending() != test.pending {
			t.Errorf("%s: %d pending", test.name, a.pending())
		}
		if _, first, err := a.FirstPending(c); err != nil || (first != 0) != (test.pending > 0) {
			t.Errorf("%s: first pending %d, %v", test.name, first, err)
		}
		if _, err := a.Cancel(ctx, past.ID); test.past == removed && err != ErrUndelivered {
			t.Errorf("%s: cancelled: %v", test.name, err)
		}
		if test.past != removed {
			break
		}
		reached, err := a.ProgressTo(half.ID)
		check(t, err)
		if len(reached) != 2 || reached[0].State != Delivered || reached[1].Progress != test.half {
			t.Errorf("%s: %v", test.name, reached)
		}
	}
	a.council.mu.Lock()
	a.council.out, a.council.how = true, Left
	a.council.mu.Unlock()
	late := a.say(c, "written by who has left")
	if late.Progress != (Progress{Undelivered, Left}) {
		t.Error(late.Progress)
	}
	a.views(c)
}

// A recall that not everybody waits for any more leaves nothing queued.
func TestRecalledIsNotPending(t *testing.T) {
	a, b, d := newNode(t), newNode(t), newNode(t)
	c := group(a, b, d)
	nobody := a.say(c, "nobody has it")
	_, err := a.Recall(ctx, nobody.ID)
	check(t, err)
	one := a.say(c, "one has it")
	meet(a, b, c)
	_, err = a.Recall(ctx, one.ID)
	check(t, err)
	a.views(c)
	if a.state(nobody.ID) != Cancelled || a.state(one.ID) != Delivered {
		t.Errorf("%v, %v", a.state(nobody.ID), a.state(one.ID))
	}
	reached, err := a.ProgressTo(one.ID)
	check(t, err)
	if reached[0].State != Delivered || reached[1].State != Cancelled {
		t.Error(reached)
	}
	meet(a, b, c)
	meet(a, d, c)
	a.views(c)
	if a.state(nobody.ID) != Cancelled || a.pending() != 0 {
		t.Error(a.state(nobody.ID), a.pending())
	}
}

// giveAll gives to all that from has, whether it seems to be there or not, as far as it is taken.
func giveAll(from, to *node, c event.Conversation, all ...*node) {
	from.t.Helper()
	logs := from.logs(c)
	for _, log := range sorted(logs) {
		eachRun(from.t, from.Store, log, logs[log], func(run event.Run) {
			if _, err := to.take(run, to.author(log, append(all, from)...)); err != nil && !errors.Is(err, ErrForked) && !errors.Is(err, ErrCut) {
				from.t.Fatal(err)
			}
		})
	}
	acknowledge(to, from, c)
	acknowledge(from, to, c)
}

// TestViewsAgree lets everything happen to a group and its messages, and compares after each step
// what is said of them.
func TestViewsAgree(t *testing.T) {
	long(t)
	for _, seed := range []uint64{0, 1, 2, 3, 4, 5, 32, 41} { // the last two: recalled by another life of the disk
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 11))
			a, b, d := newNode(t), newNode(t), newNode(t)
			c := group(a, b, d)
			var ids []event.ID
			backup, forks := "", 0
			some := func() event.ID { return ids[rnd.IntN(len(ids))] }
			for step := range 100 {
				switch what := rnd.IntN(13); {
				case what < 4 || len(ids) == 0:
					ids = append(ids, a.say(c, fmt.Sprint("m", step)).ID)
				case what == 4:
					meet(a, b, c)
				case what == 5:
					meet(a, d, c)
				case what == 6:
					if _, err := a.Cancel(ctx, some()); err != nil && err != ErrAcknowledged && err != ErrUndelivered {
						t.Fatal(err)
					}
				case what == 7:
					if _, err := a.Recall(ctx, some()); err != nil && err != ErrTooLate {
						t.Fatal(err)
					}
				case what == 8:
					limits := map[event.Log]uint64{}
					if rnd.IntN(2) == 0 {
						limits[a.log(c)] = uint64(rnd.IntN(10))
					}
					check(t, a.SetLimits(ctx, c, limits))
				case what == 9:
					a.council.mu.Lock()
					a.council.out, a.council.how = rnd.IntN(3) == 0, Reason(1+rnd.IntN(2))
					a.council.mu.Unlock()
				case what == 10:
					backup = a.backup()
				case what == 11 && backup != "":
					a.restore(backup)
					ids = append(ids, a.say(c, fmt.Sprint("after a restore ", step)).ID)
					meet(a, d, c)
					for i := len(ids) - 1; i >= 0; i-- {
						if _, err := a.Row(ids[i]); errors.Is(err, ErrNoEvent) {
							ids = append(ids[:i], ids[i+1:]...)
						}
					}
				case what == 12:
					giveAll(b, a, c, d)
					giveAll(d, a, c, b)
					check(t, a.view(func(r *reader) error {
						return each(r, bucketLogNames, nil, func(k, _ []byte) error {
							if k[len(k)-1] == layout.BranchOther {
								forks++
							}
							return nil
						})
					}))
				}
				a.wait(time.Second)
				a.views(c)
			}
			t.Log("second branches were there", forks, "times")
		})
	}
}
