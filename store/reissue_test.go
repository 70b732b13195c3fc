package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// forked is a, whose disk went back to before "theirs 0…", which b has, and which then wrote "ours
// 0…" to d.
type forked struct {
	a, b, d *node
	c       event.Conversation
	log     event.Log
	common  uint64     // the last sequence that both lives have
	theirs  []event.ID // of the life before
	ours    []event.ID
}

func fork(t *testing.T, theirs, ours int) *forked {
	t.Helper()
	f := &forked{a: newNode(t), b: newNode(t), d: newNode(t)}
	f.c = group(f.a, f.b, f.d)
	f.a.say(f.c, "common")
	meet(f.a, f.b, f.c)
	meet(f.a, f.d, f.c)
	f.a.say(f.c, "common, and not acknowledged")
	f.log = f.a.log(f.c)
	f.common = f.a.logs(f.c)[f.log].Last()
	old := f.a.backup()
	for i := range theirs {
		f.a.wait(time.Second)
		f.theirs = append(f.theirs, f.a.say(f.c, fmt.Sprint("theirs ", i)).ID)
	}
	meet(f.a, f.b, f.c)
	f.a.restore(old)
	for i := range ours {
		f.a.wait(time.Second)
		f.ours = append(f.ours, f.a.say(f.c, fmt.Sprint("ours ", i)).ID)
	}
	meet(f.a, f.d, f.c)
	return f
}

// bring gives a what b has of the log, from a sequence up to another.
func (f *forked) bring(first, last uint64) error {
	f.a.t.Helper()
	run, err := f.b.LoadRun(f.log, first, int(last-first+1), event.MaxRunSent)
	check(f.a.t, err)
	run.Events = run.Events[:last-first+1]
	if end := &run.Events[last-first]; end.Signature == nil {
		end.Sign(f.a.own.Device)
	}
	_, err = f.a.take(run, Origin{Author: f.a.own.Person})
	return err
}

// all fails unless a, b and d show the same messages, each once.
func (f *forked) all() {
	f.a.t.Helper()
	want := append(words(f.a.rows(f.c)), []string{}...)
	slices.Sort(want)
	if len(want) != 2+len(f.theirs)+len(f.ours) {
		f.a.t.Fatalf("a shows %q", want)
	}
	for _, n := range []*node{f.b, f.d} {
		got := slices.Sorted(slices.Values(words(n.rows(f.c))))
		if !slices.Equal(got, want) {
			f.a.t.Fatalf("%q, want %q", got, want)
		}
	}
	keys := map[[16]byte]int{}
	check(f.a.t, f.a.view(func(r *reader) error { // what all have acknowledged is not issued again
		x, err := r.byID(f.a.rows(f.c)[0].ID)
		if err == nil {
			keys[x.header.Key] = 1
		}
		return err
	}))
	for log, segments := range f.a.logs(f.c) {
		if log == f.log {
			continue
		}
		eachRun(f.a.t, f.a.Store, log, segments, func(r event.Run) {
			for _, e := range r.Events {
				if keys[e.Header.Key]++; keys[e.Header.Key] > 1 {
					f.a.t.Fatal("issued again, and should not have been")
				}
			}
		})
	}
}

// second returns where the second branch begins, as a holds it, and how far it goes; 0 if there is
// none.
func (f *forked) second() (first, last uint64) {
	check(f.a.t, f.a.view(func(r *reader) error {
		c, err := r.conversation(f.c)
		check(f.a.t, err)
		l, err := r.named(c.Number, f.log, layout.BranchOther)
		if err == nil && l != nil {
			first, last = l.Segments[0].First, l.Segments.Last()
		}
		return err
	}))
	return first, last
}

// forge makes an event of a's log as a third life of the disk might have.
func (f *forked) forge(sequence uint64, change func(*event.Header)) event.Run {
	h := event.Header{
		Conversation: f.c, Device: f.log.Device, Instance: f.log.Instance, Sequence: sequence, Previous: event.ID{3},
		Card: f.a.own.Card.Head(), Control: f.a.council.Heads(f.c), Kind: event.KindText, Clock: epoch.UnixMilli(),
	}
	random{}.Read(h.Key[:])
	change(&h)
	e, err := event.New(h, event.Body{Content: text("forged")})
	check(f.a.t, err)
	e.Sign(f.a.own.Device)
	return event.Run{Events: []event.Event{e}}
}

// Both branches of a log that was forked by a restore come to everybody, in whatever pieces and
// order the other life comes back.
func TestForkedByRestore(t *testing.T) {
	for _, n := range []struct{ theirs, ours int }{{1, 1}, {4, 1}, {1, 4}, {4, 4}} {
		for name, order := range map[string][][2]uint64{
			"whole":                            {{1, uint64(n.theirs)}},
			"the last first":                   {{uint64(n.theirs), uint64(n.theirs)}, {1, uint64(n.theirs)}},
			"one by one":                       {{1, 1}, {2, 2}, {3, 3}, {4, 4}},
			"one by one, backwards":            {{4, 4}, {3, 3}, {2, 2}, {1, 1}},
			"the last first, then from before": {{uint64(n.theirs), uint64(n.theirs)}, {0, uint64(n.theirs)}},
		} {
			t.Run(fmt.Sprint(n, name), func(t *testing.T) {
				f := fork(t, n.theirs, n.ours)
				if yes, err := f.a.Contradicts(f.log, f.b.logs(f.c)[f.log]); err != nil || !yes {
					t.Fatal(yes, err)
				}
				joined := false
				for _, g := range order {
					if g[1] > uint64(n.theirs) {
						continue
					}
					if err := f.bring(f.common+g[0], f.common+g[1]); err != nil && err != ErrForked {
						t.Fatal(err)
					}
					yes, err := f.a.Contradicts(f.log, f.b.logs(f.c)[f.log])
					joined = joined || g[0] <= 1
					if err != nil || yes == joined && n.theirs <= n.ours {
						t.Fatalf("it is known where they part: %t, in doubt: %t, %v", joined, yes, err)
					}
				}
				if first, _ := f.second(); first != f.common+1 {
					t.Errorf("the second branch begins at %d", first)
				}
				if yes, err := f.a.Contradicts(f.log, f.b.logs(f.c)[f.log]); err != nil || yes {
					t.Fatal("it is known where they part, and still in doubt:", err)
				}
				f.a.views(f.c)
				for range 2 {
					meet(f.a, f.b, f.c)
					meet(f.a, f.d, f.c)
				}
				f.all()
				f.a.views(f.c)
				if f.a.pending() != 0 {
					t.Fatalf("%d pending", f.a.pending())
				}
				for _, id := range append(f.ours, f.theirs...) {
					if f.a.state(id) != Delivered {
						t.Errorf("%v", f.a.state(id))
					}
				}
				logs := len(f.a.logs(f.c))
				if err := f.bring(f.common+1, f.common+1); err != nil && err != ErrForked {
					t.Fatal(err)
				}
				f.a.reopen()
				f.a.views(f.c)
				if len(f.a.logs(f.c)) != logs || f.a.pending() != 0 {
					t.Error("issued again a second time")
				}
			})
		}
	}
}

// What somebody says to have of an own log counts for the branch that it is of, and for what both
// have in common; the receipt says what is in the second.
func TestReachOfEitherBranch(t *testing.T) {
	f := fork(t, 2, 2)
	if err := f.bring(f.common+1, f.common+2); err != nil {
		t.Fatal(err) // as long as what is held, so answered by that
	}
	read := func(branch byte, p crypto.PersonID) (out event.Ranges) {
		check(t, f.a.view(func(r *reader) error {
			c, err := r.conversation(f.c)
			check(t, err)
			l, err := r.named(c.Number, f.log, branch)
			check(t, err)
			out, err = r.ranges(bucketDelivered, l.Number, p)
			return err
		}))
		return out
	}
	b := f.b.own.Person
	if got := read(layout.BranchOther, b); len(got) != 0 {
		t.Fatal(got)
	}
	acknowledge(f.b, f.a, f.c)
	second := event.Ranges{{First: f.common + 1, Last: f.common + 2}}
	if got := read(layout.BranchOther, b); !slices.Equal(got, second) {
		t.Errorf("of the second branch: %v", got)
	}
	if got := read(layout.BranchFirst, b); !slices.Equal(got, event.Ranges{{First: 1, Last: f.common}}) {
		t.Errorf("of the first branch: %v", got)
	}
	// b gets the first branch too, as its second, shows and reads it.
	run, err := f.a.LoadRun(f.log, f.common+1, 2, event.MaxRunSent)
	check(t, err)
	if _, err := f.b.take(run, Origin{Author: f.a.own.Person}); err != ErrForked {
		t.Fatal(err)
	}
	check(t, f.b.MarkRead(ctx, true, f.ours[1], f.theirs[0]))
	receipt, err := f.b.ReceiptState(f.c, f.a.own.Person)
	check(t, err)
	receipt, err = event.ParseReceipt(receipt.Marshal())
	check(t, err)
	for _, g := range receipt.Delivered {
		check(t, f.a.NoteDelivered(ctx, []Delivery{{Person: b, Log: g.Log(f.c), Segments: []event.Segment{g.Segment}}}))
	}
	for _, g := range receipt.Read {
		check(t, f.a.NoteDelivered(ctx, []Delivery{{Person: b, Log: g.Log(f.c), Segments: []event.Segment{g.Segment}, Read: true}}))
	}
	if got := read(layout.BranchFirst, b); !slices.Equal(got, event.Ranges{{First: 1, Last: f.common + 2}}) {
		t.Errorf("of the first branch after the receipt: %v", got)
	}
	for id, want := range map[event.ID]State{f.ours[0]: Delivered, f.ours[1]: Read, f.theirs[0]: Read, f.theirs[1]: Delivered} {
		reached, err := f.a.ProgressTo(id)
		check(t, err)
		i := slices.IndexFunc(reached, func(r ReaderProgress) bool { return r.Person == b })
		if reached[i].State != want {
			t.Errorf("%v, want %v", reached[i].State, want)
		}
	}
}

// A hole in an own log says that this disk went back: who has what is above it need not have what
// is below.
func TestReachAcrossAHoleOfAnOwnLog(t *testing.T) {
	f := fork(t, 4, 1)
	if err := f.bring(f.common+3, f.common+4); err != nil {
		t.Fatal(err)
	}
	acknowledge(f.b, f.a, f.c)
	reached, err := f.a.ProgressTo(f.ours[0])
	check(t, err)
	for _, r := range reached {
		if r.Person == f.b.own.Person && r.State != Queued {
			t.Errorf("%v to who has another event there", r.State)
		}
	}
}

// Who has come into the group since is not given what was written before, by a restore of its
// author's disk.
func TestIssuedAgainNotForNewcomers(t *testing.T) {
	f := fork(t, 1, 1)
	eve := crypto.PersonID{0xee}
	heads := f.a.council.Heads(f.c)
	f.a.council.mu.Lock()
	f.a.council.heads[f.c] = []crypto.Hash{{9}}
	f.a.council.readers[crypto.Hash{9}] = []crypto.PersonID{f.b.own.Person, f.d.own.Person, eve}
	f.a.council.mu.Unlock()
	if err := f.bring(f.common+1, f.common+1); err != nil && err != ErrForked {
		t.Fatal(err)
	}
	again := 0
	for log, segments := range f.a.logs(f.c) {
		if log == f.log {
			continue
		}
		eachRun(t, f.a.Store, log, segments, func(r event.Run) {
			for _, e := range r.Events {
				if again++; !slices.Equal(e.Header.Control, heads) {
					t.Errorf("issued again under %x", e.Header.Control)
				}
			}
		})
	}
	if again != 2 {
		t.Errorf("%d events issued again", again)
	}
	m := f.a.say(f.c, "new")
	if got, err := f.a.ProgressTo(m.ID); err != nil || len(got) != 3 {
		t.Error(got, err)
	}
	f.a.views(f.c)
}

// Whoever is out of the group issues nothing again.
func TestNothingIssuedAgainByWhoIsOut(t *testing.T) {
	f := fork(t, 1, 1)
	f.a.council.mu.Lock()
	f.a.council.out, f.a.council.how = true, Removed
	f.a.council.mu.Unlock()
	if err := f.bring(f.common+1, f.common+1); err != nil && err != ErrForked {
		t.Fatal(err)
	}
	if logs := f.a.logs(f.c); len(logs) != 1 {
		t.Errorf("%d logs", len(logs))
	}
	f.a.views(f.c)
}

// An edit of what was issued again is one of the row that somebody has, though that is of the event
// that came first.
func TestEditOfWhatWasIssuedAgain(t *testing.T) {
	f := fork(t, 1, 1)
	if err := f.bring(f.common+1, f.common+1); err != nil && err != ErrForked {
		t.Fatal(err)
	}
	meet(f.a, f.b, f.c)
	meet(f.a, f.d, f.c)
	_, err := f.a.edit(f.c, f.theirs[0], "edited")
	check(t, err)
	for _, n := range []*node{f.b, f.d} {
		meet(f.a, n, f.c)
		if got := words(n.rows(f.c)); !slices.Contains(got, "edited") || slices.Contains(got, "theirs 0") {
			t.Errorf("%q", got)
		}
	}
	// And what is said of the first by whoever shows that one.
	_, err = f.b.react(f.c, f.theirs[0], "x")
	check(t, err)
	meet(f.b, f.a, f.c)
	meet(f.b, f.d, f.c)
	for _, n := range []*node{f.a, f.b, f.d} {
		for _, r := range n.rows(f.c) {
			if r.Text == "edited" && len(r.Reactions) != 1 {
				t.Error("no reaction")
			}
		}
	}
}

// Any number of messages under one key costs readers no more than a few.
func TestTwinsAreBounded(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	for range 3 * maxTwins {
		_, err := p.give(n, p.say("x", func(h *event.Header) { h.Key = [16]byte{1} }))
		check(t, err)
	}
	check(t, n.view(func(r *reader) error {
		count := 0
		each(r, bucketTwins, nil, func(_, _ []byte) error { count++; return nil })
		if count != maxTwins {
			t.Errorf("%d twins", count)
		}
		return nil
	}))
}

// What a third life of the disk has written isn't taken for more of the second.
func TestThirdBranchOfOwnLog(t *testing.T) {
	f := fork(t, 2, 2)
	if err := f.bring(f.common+1, f.common+2); err != nil && err != ErrForked {
		t.Fatal(err)
	}
	logs := len(f.a.logs(f.c))
	for _, seq := range []uint64{f.common + 1, f.common + 2, f.common + 3, f.common + 9} {
		if _, err := f.a.take(f.forge(seq, func(*event.Header) {}), Origin{Author: f.a.own.Person}); err != ErrForked {
			t.Errorf("%d: %v", seq, err)
		}
	}
	if _, last := f.second(); last != f.common+2 || len(f.a.logs(f.c)) != logs {
		t.Errorf("the second branch deliveries to %d", last)
	}
	f.a.views(f.c)
}

// What was issued again is not issued again for a second time, should that log be in doubt too.
func TestSecondIssueIsTheLast(t *testing.T) {
	f := fork(t, 1, 1)
	if err := f.bring(f.common+1, f.common+1); err != nil && err != ErrForked {
		t.Fatal(err)
	}
	check(t, f.a.do(ctx, func(b *batch) error {
		c, err := b.conversation(f.c)
		check(t, err)
		l, err := b.log(c.Own)
		check(t, err)
		got, err := b.contested(&c, l, 1, l.Segments.Last())
		if l.Segments.Last() != 2 || len(got) != 0 {
			t.Errorf("%d of %d", len(got), l.Segments.Last())
		}
		return err
	}))
}

// Somebody has a message whose acknowledgement this disk has lost, with all that it had written
// since nobody else has it: when it comes back, it is with them, whatever took its place.
func TestLostMessageComesBack(t *testing.T) {
	a, b, d := newNode(t), newNode(t), newNode(t)
	c := group(a, b, d)
	a.say(c, "1")
	meet(a, b, c)
	meet(a, d, c)
	log := a.log(c)
	old := a.backup()
	a.say(c, "only d has it")
	meet(a, d, c)
	a.restore(old)
	m := a.say(c, "b has it")
	run, err := a.LoadRun(log, m.Sequence, 1, event.MaxRunSent)
	check(t, err)
	_, err = b.take(run, Origin{Author: a.own.Person})
	check(t, err)
	if back, err := a.Rollback(ctx, log, event.Segments{{First: 1, Last: 99}}); err != nil || !back {
		t.Fatal(back, err)
	}
	a.views(c)
	giveAll(b, a, c)
	reached, err := a.ProgressTo(m.ID)
	check(t, err)
	for _, r := range reached {
		if want := map[crypto.PersonID]State{b.own.Person: Delivered, d.own.Person: Queued}[r.Person]; r.State != want {
			t.Errorf("%v, want %v", r.State, want)
		}
	}
	a.views(c)
}

// Who is no reader of the message that has the row is nobody for whom that waits, though a second
// one under its key was for them.
func TestSecondUnderAKeyForOthers(t *testing.T) {
	f := fork(t, 0, 0)
	m := f.a.say(f.c, "for b and d")
	f.a.council.mu.Lock()
	eve := crypto.PersonID{0xee}
	f.a.council.readers[crypto.Hash{9}] = []crypto.PersonID{f.b.own.Person, eve}
	f.a.council.mu.Unlock()
	run, err := f.a.LoadRun(f.log, m.Sequence, 1, event.MaxRunSent)
	check(t, err)
	_, err = f.a.take(f.forge(1, func(h *event.Header) {
		h.Instance, h.Previous, h.Key, h.Control = event.Instance{1}, event.ID{}, run.Events[0].Header.Key, []crypto.Hash{{9}}
	}), Origin{Author: f.a.own.Person})
	check(t, err)
	f.a.views(f.c)
}
