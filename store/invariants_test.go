package store

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// audit compares every log with what FORMAT.md says: it counts the events that stand in it, its
// segments are what was had, and a run can be loaded and proven from any place of them.
func (n *node) audit(t *testing.T) {
	t.Helper()
	check(t, n.view(func(r *reader) error {
		return each(r, bucketLogs, nil, func(k, _ []byte) error {
			l, err := r.log(binary.BigEndian.Uint32(k))
			if err != nil || l.Branch == layout.BranchLost {
				return err
			}
			stand, had := uint64(0), event.Ranges{}
			if err := each(r, bucketEvents, k, func(k, v []byte) error {
				st, err := layout.ParseEvent(v)
				if p, _ := layout.SlotAt(k); err == nil && st.Absent != event.Dropped {
					had = had.Add(event.Range{First: p.Sequence, Last: p.Sequence})
				}
				stand++
				return err
			}); err != nil {
				return err
			}
			if stand != l.Events || !slices.Equal(had, l.Segments.Ranges()) {
				t.Fatalf("branch %d: %d events stand, counted %d; had %v, segments %v", l.Branch, stand, l.Events, had, l.Segments.Ranges())
			}
			for _, g := range l.Segments {
				for seq := g.First; seq <= g.Last && l.Branch == layout.BranchFirst; seq++ {
					run, err := r.loadRun(l, seq, 1+int(seq)%7, event.MaxRunSent)
					if err == nil {
						err = run.Prove()
					}
					if err != nil {
						t.Fatalf("from sequence %d: %v", seq, err)
					}
				}
			}
			return nil
		})
	}))
}

// lies returns a part of a log as a peer may give it: words are left out, for true and for false
// reasons, and so are signatures that need not be there.
func lies(rng *rand.Rand, events []event.Event) (r event.Run) {
	for i, e := range events {
		if !e.Header.Kind.SelfProven() {
			switch rng.IntN(6) {
			case 0:
				e.Body, e.Absent = nil, event.Dropped
			case 1:
				e.Body, e.Absent = nil, event.Recalled
			case 2:
				if e.Header.Lifetime != 0 {
					e.Body, e.Absent = nil, event.Expired
				}
			}
			if i < len(events)-1 && rng.IntN(2) == 0 {
				e.Signature = nil
			}
		}
		r.Events = append(r.Events, e)
	}
	return r
}

// Whatever peers leave out, in whatever order: what is kept is as FORMAT.md says, and one who gives
// everything completes it.
func TestLogsHoldWhateverIsLeftOut(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 9))
		n, p := newNode(t), newPen(t)
		c := p.meets(n, true)
		other := *p
		other.restart(c)
		pens := [2]*pen{p, &other}
		var logs [2][]event.Event
		var texts, edits []event.Event
		for range 40 {
			w := rng.IntN(2)
			q := pens[w]
			var e event.Event
			switch k := rng.IntN(6); {
			case k < 3 || len(texts) == 0:
				change := func(h *event.Header) {
					if rng.IntN(3) == 0 {
						h.Lifetime = uint64(1 + rng.IntN(100))
					}
					if o := logs[1-w]; len(o) > 0 && rng.IntN(2) == 0 {
						h.Seen = []event.Position{o[len(o)-1].Position()}
					}
				}
				if rng.IntN(2) == 0 {
					e = q.attach("x", []string{"shared", "other"}[:1+rng.IntN(2)], change)
				} else {
					e = q.say("x", change)
				}
				texts = append(texts, e)
			case k == 3:
				e = q.edits(texts[rng.IntN(len(texts))].ID, "e", epoch)
				edits = append(edits, e)
			default:
				of := texts
				if len(edits) > 0 && rng.IntN(3) == 0 {
					of = edits
				}
				e = q.recalls(of[rng.IntN(len(of))].ID, epoch.Add(time.Duration(rng.IntN(300))*time.Second))
			}
			logs[w] = append(logs[w], e)
		}
		for range 60 {
			l := logs[rng.IntN(2)]
			if len(l) == 0 {
				continue
			}
			first := rng.IntN(len(l))
			_, err := n.take(lies(rng, l[first:min(len(l), first+1+rng.IntN(8))]), p.origin())
			check(t, err)
			if rng.IntN(5) == 0 {
				n.wait(time.Duration(rng.IntN(20)) * time.Second)
				check(t, n.Release(ctx, nil, n.now().Add(-3*time.Second), nil))
			}
		}
		n.audit(t)
		n.reopen()
		for w := range logs {
			for i := range logs[w] {
				_, err := n.take(event.Run{Events: logs[w][i : i+1]}, p.origin())
				check(t, err)
			}
			if held := n.logs(c)[pens[w].log]; len(logs[w]) > 0 && (len(held) != 1 || held.Len() != uint64(len(logs[w]))) {
				t.Fatalf("seed %d: %v", seed, held)
			}
		}
		n.audit(t)
		check(t, n.view(func(r *reader) error {
			if !r.Empty(bucketWaiting) {
				t.Fatalf("seed %d: something waits for what is there", seed)
			}
			return nil
		}))
		n.stop()
	}
}

// Before the doubt a forked log is like any other: what is missing there is taken, and can be
// handed on.
func TestHolesBeforeAForkAreFilled(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	var events []event.Event
	for range 6 {
		events = append(events, p.say("x"))
	}
	q := *p
	q.last = events[4]
	other := q.say("another sixth")
	_, err := p.give(n, events[0], stripped(events[1]), events[2])
	check(t, err)
	_, err = p.give(n, events[4], events[5])
	check(t, err)
	if _, err = p.give(n, other); err != ErrForked {
		t.Fatal(err)
	}
	run := event.Run{Events: slices.Clone(events)}
	run.Trim()
	for range 2 {
		_, err = n.take(run, p.origin())
		check(t, err)
		p.holds(n, event.Range{First: 1, Last: 6})
	}
	if rows := n.rows(c); len(rows) != 7 {
		t.Fatalf("%q", words(rows))
	}
	n.audit(t)
	// Beyond it nothing is.
	if _, err := p.give(n, p.say("seventh")); err != ErrForked {
		t.Fatal(err)
	}
	// Nor is what nothing in the log would prove.
	m, p := newNode(t), newPen(t)
	p.meets(m, true)
	e1, e2 := p.say("1"), p.say("2")
	p.say("3")
	e4 := p.say("4")
	q = *p
	q.last = e2
	f3 := q.say("3b")
	f4 := q.say("4b")
	_, err = p.give(m, e4)
	check(t, err)
	if _, err = p.give(m, f3, f4); err != ErrForked {
		t.Fatal(err)
	}
	e1.Signature, e2.Signature, f3.Signature = nil, nil, nil
	_, err = m.take(event.Run{Events: []event.Event{e1, e2, f3, f4}}, p.origin())
	if err != nil && err != ErrForked {
		t.Fatal(err)
	}
	m.audit(t)
}

// An edit that comes in one run with the recall of its message, and after it, is not kept.
func TestEditAfterTheRecallInOneRun(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	m := p.say("m")
	_, err := p.give(n, m)
	check(t, err)
	recall, edit := p.recalls(m.ID, epoch), p.edits(m.ID, "edited", epoch)
	_, err = p.give(n, recall, edit)
	check(t, err)
	check(t, n.view(func(r *reader) error {
		x, err := r.byID(edit.ID)
		if err == nil && x.Absent != event.Recalled {
			t.Errorf("absent as %d", x.Absent)
		}
		return err
	}))
}

// A second recall of one message hides the first from nobody who is given the log up to between the
// two.
func TestSecondRecallPastTheLimit(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p := penIn(t, c)
	m := p.say("m")
	first, between := p.recalls(m.ID, epoch), p.say("between")
	_, err := p.give(n, m, first, between, p.recalls(m.ID, epoch))
	check(t, err)
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: 3}))
	run, err := n.LoadRun(p.log, 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	if len(run.Recalls) != 1 || run.Recalls[0].ID != first.ID || run.Events[0].Absent != event.Recalled {
		t.Errorf("%d recalls, absent as %d", len(run.Recalls), run.Events[0].Absent)
	}
}

// What counts of a log in many pieces, past whose limit there is more, is told by what stands near
// the limit.
func TestCountedLooksNearTheLimit(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p := penIn(t, c)
	const pieces, gap = 100, 16
	for range pieces {
		var events []event.Event
		for i := range gap {
			e := p.say("x")
			if i > 0 {
				e = stripped(e)
			}
			if i < gap-1 {
				e.Signature = nil
			}
			events = append(events, e)
		}
		_, err := p.give(n, events...)
		check(t, err)
	}
	looks := func() int {
		return n.looks(func(r *reader) error {
			k, err := r.conversation(c)
			check(t, err)
			return r.eachLog(k.Number, func(l *layout.Log) error {
				if l.Name == p.log {
					_, err = r.counted(l)
				}
				return err
			})
		})
	}
	for limit := uint64((pieces - 1) * gap); limit <= pieces*gap; limit++ {
		check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: limit}))
		want := limit / gap // the signature that proves a piece stands at the end of its run
		if got := n.logs(c)[p.log]; uint64(len(got)) != want {
			t.Fatalf("limit %d: %d pieces count, want %d", limit, len(got), want)
		}
		if n := looks(); n > 2*event.MaxRunEvents {
			t.Fatalf("limit %d: %d looks", limit, n)
		}
	}
}

// What comes before the doubt is not taken where only an event under other heads stands there: no
// run reaches its signature.
func TestHolesBeforeAForkUnderOtherHeads(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	e1, e2 := p.say("1"), p.say("2")
	q := *p
	a3 := q.say("3", func(h *event.Header) { h.Card[0]++ })
	b3 := p.say("3b")
	_, err := p.give(n, a3)
	check(t, err)
	if _, err := p.give(n, b3); err != ErrForked {
		t.Fatal(err)
	}
	e1.Signature, e2.Signature = nil, nil
	if _, err := p.give(n, e1, e2, b3); err != ErrForked {
		t.Fatal(err)
	}
	n.audit(t)
}
