package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/event"
)

// tellsHoldings signs holdings of what o has written, and gives them to o.
func (n *node) tellsHoldings(o *node, c event.Conversation) (says event.Holdings) {
	n.t.Helper()
	record, signed, err := n.SignHoldings(ctx, Subject{c, o.own.Person})
	check(n.t, err)
	if !signed {
		return says
	}
	says, err = event.ParseHoldings(record.Value)
	check(n.t, err)
	check(n.t, o.TakeHoldings(ctx, n.own.Person, record))
	return says
}

func (n *node) holders(id event.ID) (out []string) {
	n.t.Helper()
	all, err := n.Holders(id)
	check(n.t, err)
	for _, h := range all {
		out = append(out, fmt.Sprint(h.States))
	}
	return out
}

func ranges(h event.Holdings) (out event.Ranges) {
	for _, r := range h.Held {
		out = append(out, r.Range)
	}
	return out
}

func TestHoldingsAreToldToTheAuthor(t *testing.T) {
	a, b, c := pair(t)
	one := a.attach(c, "", "x", "y")
	a.say(c, "between")
	two := a.attach(c, "two", "z")
	meet(a, b, c)
	equalWords(t, "holders", a.holders(one.ID), "[0 0]")
	if unsaid, err := b.Unsaid(); err != nil || len(unsaid) > 0 {
		t.Error(unsaid, err)
	}
	if says := b.tellsHoldings(a, c); len(says.Held)+len(says.States) > 0 {
		t.Errorf("%+v", says)
	}
	b.set(one.ID, 0, FileHeld)
	if said := b.lastChange().Holdings; len(said) != 1 || said[0] != (Subject{c, a.own.Person}) {
		t.Error(said)
	}
	b.set(two.ID, 0, FileFetching)
	b.reopen() // it is not forgotten that this is to be said
	if unsaid, err := b.Unsaid(); err != nil || len(unsaid) != 1 {
		t.Error(unsaid, err)
	}
	before := a.Last()
	b.tellsHoldings(a, c)
	if unsaid, err := b.Unsaid(); err != nil || len(unsaid) > 0 {
		t.Error(unsaid, err)
	}
	equalWords(t, "one", a.holders(one.ID), "[3 0]")
	equalWords(t, "two", a.holders(two.ID), "[1]")
	if a.Last() == before {
		t.Error("nobody is told")
	}
	if taken := a.lastChange().Taken; !slices.Equal(taken, []event.ID{one.ID}) {
		t.Error(taken)
	}
	b.set(one.ID, 1, FileDeclined)
	b.set(two.ID, 0, FileOffered) // it was cancelled
	b.tellsHoldings(a, c)
	equalWords(t, "one", a.holders(one.ID), "[3 4]")
	equalWords(t, "two", a.holders(two.ID), "[0]")
	settled, err := a.Settled([]event.ID{one.ID, two.ID})
	check(t, err)
	if !slices.Equal(settled, []bool{true, false}) {
		t.Error(settled)
	}
	b.set(two.ID, 0, FileHeld)
	b.set(one.ID, 1, FileHeld)
	says := b.tellsHoldings(a, c)
	if !slices.Equal(ranges(says), event.Ranges{{First: 1, Last: 3}}) || len(says.States) > 0 {
		t.Errorf("%+v", says)
	}
	// What was held stays held.
	b.set(two.ID, 0, FileGone)
	b.set(one.ID, 1, FileDeclined)
	if says := b.tellsHoldings(a, c); !slices.Equal(ranges(says), event.Ranges{{First: 1, Last: 3}}) || len(says.States) > 0 {
		t.Errorf("%+v", says)
	}
	equalWords(t, "one", a.holders(one.ID), "[3 3]")
	a.reopen()
	equalWords(t, "two", a.holders(two.ID), "[3]")
}

// A range that goes on over what somebody lacks says nothing of that.
func TestHeldOnlyWhatWasDelivered(t *testing.T) {
	a, b, c := pair(t)
	one, two := a.attach(c, "", "x"), a.attach(c, "", "y")
	log := a.log(c)
	meet(a, b, c)
	b.set(one.ID, 0, FileHeld)
	b.tellsHoldings(a, c)
	three := a.attach(c, "", "z")
	// It says that it holds all there may ever be.
	liar := event.Holdings{Held: []event.HeldRange{{Device: log.Device, Instance: log.Instance, Range: event.Range{First: 1, Last: event.MaxInteger}}}}
	record, err := event.NewRecord(b.own.Device, event.Record{Card: b.own.Card.Head(), Kind: event.KindHoldings,
		Subject: event.ReceiptSubject(c, a.own.Person, b.own.Store), Counter: 1000, Value: liar.Marshal()})
	check(t, err)
	check(t, a.TakeHoldings(ctx, b.own.Person, record))
	equalWords(t, "two", a.holders(two.ID), "[3]")
	equalWords(t, "three", a.holders(three.ID), "[0]")
	if settled, err := a.Settled([]event.ID{three.ID}); err != nil || settled[0] {
		t.Error(settled, err)
	}
	// An older record does nothing.
	record, err = event.NewRecord(b.own.Device, event.Record{Card: b.own.Card.Head(), Kind: event.KindHoldings,
		Subject: record.Subject, Counter: 999, Value: event.Holdings{States: []event.HeldState{{Device: log.Device, Instance: log.Instance, Sequence: 3, States: []event.FileState{event.FileDeclined}}}}.Marshal()})
	check(t, err)
	check(t, a.TakeHoldings(ctx, b.own.Person, record))
	equalWords(t, "three", a.holders(three.ID), "[0]")
}

// Whoever is not among those whom a message is for says nothing of it, nor does anybody of what is not
// there or not the owner's.
func TestHoldingsOfOthers(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p, q := penIn(t, c), newPen(t)
	p.meets(n, true)
	q.meets(n, true)
	n.council.set(c, crypto.Hash(c), p.card.Person())
	e := n.attach(c, "", "x")
	log := n.log(c)
	tell := func(by *pen, counter uint64, s ...event.HeldState) {
		t.Helper()
		r, err := event.NewRecord(by.key, event.Record{Card: by.card.Head(), Kind: event.KindHoldings,
			Subject: event.ReceiptSubject(c, n.own.Person, event.Instance{1}), Counter: counter, Value: event.Holdings{States: s}.Marshal()})
		check(t, err)
		check(t, n.TakeHoldings(ctx, by.card.Person(), r))
	}
	held := event.HeldState{Device: log.Device, Instance: log.Instance, Sequence: e.Sequence, States: []event.FileState{event.FileHeld}}
	tell(q, 1, held)
	none := held
	none.Sequence++
	other := held
	other.Instance[0]++
	before := n.Last()
	tell(p, 1, none)
	tell(p, 2, other)
	equalWords(t, "holders", n.holders(e.ID), "[0]")
	count := func() (k int) {
		check(t, n.view(func(r *reader) error { k = r.Count(bucketFates, nil); return nil }))
		return k
	}
	if count() != 0 || n.Last() != before {
		t.Errorf("%d are kept", count())
	}
	held.States = []event.FileState{event.FileDeclined, event.FileHeld, event.FileHeld} // it has one
	tell(p, 3, held)
	equalWords(t, "holders", n.holders(e.ID), "[4]")
	tell(p, 4)
	equalWords(t, "holders", n.holders(e.ID), "[4]")
	_, err := n.Recall(ctx, e.ID)
	check(t, err)
	if count() != 0 {
		t.Errorf("%d are kept", count())
	}
}

// However many messages somebody declines, holdings have a bound, and the author knows of all.
func TestManyHoldings(t *testing.T) {
	a, b, c := pair(t)
	var entries []Entry
	for i := range 3 * event.MaxHeldStates / 2 {
		entries = append(entries, a.attach(c, "", fmt.Sprint(i)))
	}
	meet(a, b, c)
	for i, e := range entries {
		b.set(e.ID, 0, FileDeclined)
		if i%50 == 49 || i == len(entries)-1 {
			if says := b.tellsHoldings(a, c); len(says.States) != min(i+1, event.MaxHeldStates) {
				t.Errorf("%d states", len(says.States))
			}
		}
	}
	var ids []event.ID
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	settled, err := a.Settled(ids)
	check(t, err)
	if slices.Contains(settled, false) {
		t.Error(settled)
	}
	// Each second one is held after all: that is many ranges, of which the last are told.
	for i, e := range entries {
		if i%2 == 0 {
			b.set(e.ID, 0, FileHeld)
		}
	}
	says := b.tellsHoldings(a, c)
	if len(says.Held) != event.MaxHeldRanges || len(says.Marshal()) > event.MaxValue {
		t.Errorf("%d ranges", len(says.Held))
	}
	for i, e := range entries {
		if i%2 == 1 {
			b.set(e.ID, 0, FileHeld)
		}
	}
	if says = b.tellsHoldings(a, c); !slices.Equal(ranges(says), event.Ranges{{First: 1, Last: uint64(len(entries))}}) || len(says.States) > 0 {
		t.Errorf("%v", ranges(says))
	}
	// What it costs to say so does not grow with what was ever said.
	if looks := b.looks(func(r *reader) error { _, err := r.holdings(Subject{c, a.own.Person}); return err }); looks > 10 {
		t.Errorf("%d looks", looks)
	}
}

// What is missing is in no range, whenever it comes.
func TestHeldStopsAtWhatIsMissing(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	e1, e2, e3 := p.attach("", []string{"1"}), p.attach("", []string{"2"}), p.attach("", []string{"3"})
	_, err := p.give(n, e1)
	check(t, err)
	_, err = p.give(n, e3)
	check(t, err)
	check(t, n.Release(ctx, nil, n.now(), nil))
	n.set(e1.ID, 0, FileHeld)
	n.set(e3.ID, 0, FileHeld)
	says := func() event.Ranges {
		var h event.Holdings
		check(t, n.view(func(r *reader) (err error) { h, err = r.holdings(Subject{c, p.card.Person()}); return err }))
		return ranges(h)
	}
	if got := says(); len(got) != 2 {
		t.Error(got)
	}
	_, err = p.give(n, e2)
	check(t, err)
	if got := says(); len(got) != 2 {
		t.Error(got)
	}
	n.set(e2.ID, 0, FileHeld)
	if got := says(); !slices.Equal(got, event.Ranges{{First: 1, Last: 3}}) {
		t.Error(got)
	}
	// Of a log that is forked only what stands before the fork is told.
	q := *p
	q.last = e2
	_, err = p.give(n, q.say("another third"))
	if err != ErrForked {
		t.Fatal(err)
	}
	if got := says(); !slices.Equal(got, event.Ranges{{First: 1, Last: 2}}) {
		t.Error(got)
	}
}

// Two do random things with attachments and tell each other, with crashes in between: what the author
// knows is what has become of each at the reader.
func TestHoldingsModel(t *testing.T) {
	seeds := 8
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(uint64(seed), 13))
		a, b, c := pair(t)
		var sent []event.ID
		there := map[event.ID]bool{}
		want := map[event.ID][]event.FileState{} // as it was last told
		now := map[event.ID][]event.FileState{}
		for step := range 80 {
			switch op := rnd.IntN(12); {
			case op < 2:
				a.say(c, "words")
			case op < 5:
				var names []string
				for i := range 1 + rnd.IntN(3) {
					names = append(names, fmt.Sprint(step, i))
				}
				sent = append(sent, a.attach(c, "", names...).ID)
				now[sent[len(sent)-1]] = make([]event.FileState, len(names))
			case op < 6:
				meet(a, b, c)
				for _, id := range sent {
					there[id] = true
				}
			case op < 9:
				if len(sent) == 0 {
					break
				}
				id := sent[rnd.IntN(len(sent))]
				if !there[id] || now[id] == nil {
					break
				}
				at := rnd.IntN(len(now[id]))
				to := event.FileState(rnd.IntN(6))
				if b.everHeld(id) {
					to = event.FileHeld
				}
				b.set(id, at, FileState(to))
				now[id][at] = to
			case op < 10:
				if len(sent) == 0 {
					break
				}
				id := sent[rnd.IntN(len(sent))]
				if now[id] == nil {
					break
				}
				_, err := a.Recall(ctx, id)
				check(t, err)
				now[id] = nil
				meet(a, b, c)
				for _, id := range sent {
					there[id] = true
				}
			case op < 11:
				b.tellsHoldings(a, c)
				for id, states := range now {
					if there[id] {
						old := want[id]
						want[id] = slices.Clone(states)
						for i := range old {
							if i < len(states) && old[i] == event.FileHeld { // what was held once stays held
								want[id][i] = event.FileHeld
							}
						}
					}
				}
			default:
				[]*node{a, b}[rnd.IntN(2)].reopen()
			}
			for _, id := range sent {
				all, err := a.Holders(id)
				check(t, err)
				if now[id] == nil {
					if len(all) > 0 {
						t.Fatalf("seed %d, step %d: holders of nothing", seed, step)
					}
					continue
				}
				states := want[id]
				if states == nil {
					states = make([]event.FileState, len(now[id]))
				}
				if len(all) != 1 || !slices.Equal(all[0].States, states) {
					t.Fatalf("seed %d, step %d: %v, want %v", seed, step, all, states)
				}
			}
		}
	}
}

// everHeld reports whether all of a message was held once.
func (n *node) everHeld(id event.ID) (yes bool) {
	n.t.Helper()
	check(n.t, n.view(func(r *reader) error {
		x, err := r.view.rowEntry(id)
		if err != nil {
			return err
		}
		held, err := r.heldHere(x.Log)
		yes = held.Covers(x.Sequence)
		return err
	}))
	return yes
}

// Whoever keeps what they send is told when it may not be needed any more: when somebody has said all, when that
// begins to count, and when those for whom it was go from the group.
func TestWhatMayBeSettledIsTold(t *testing.T) {
	a, b, c := pair(t)
	e := a.attach(c, "", "x")
	log := a.log(c)
	run, err := a.LoadRun(log, 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	_, err = b.take(run, b.author(log, a))
	check(t, err)
	b.set(e.ID, 0, FileHeld)
	settled := func() bool {
		t.Helper()
		change := a.lastChange()
		if change.TakenMore || !slices.Equal(change.Taken, []event.ID{e.ID}) {
			t.Errorf("%+v", change)
		}
		out, err := a.Settled([]event.ID{e.ID})
		check(t, err)
		return out[0]
	}
	b.tellsHoldings(a, c) // before it was acknowledged
	if settled() {
		t.Error("settled, and not delivered")
	}
	acknowledge(b, a, c)
	if !settled() {
		t.Error("not settled")
	}

	drafts := make([]Draft, maxTaken+9)
	for i := range drafts {
		drafts[i] = Draft{Conversation: c, Kind: event.KindText, Attachments: attachments("x")}
	}
	_, err = a.AppendAll(ctx, drafts)
	check(t, err)
	meet(a, b, c)
	if change := a.lastChange(); len(change.Taken) != maxTaken || !change.TakenMore {
		t.Errorf("%d, more %t", len(change.Taken), change.TakenMore)
	}

	g := group(a)
	a.set(a.attach(g, "", "x").ID, 0, FileKept)
	check(t, a.Tell(ctx, g, News{Moved: []crypto.PersonID{b.own.Person}}))
	if !a.lastChange().TakenMore {
		t.Error("not told who has gone")
	}
}

// What stands for a row elsewhere is in no range of its log: it is held if that row is.
func TestHeldStopsAtWhatStandsForAnother(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	row := p.attach("", []string{"x"})
	_, err := p.give(n, row)
	check(t, err)
	p.restart(c) // its disk went back
	e1 := p.attach("", []string{"1"})
	again := p.attach("", []string{"x"}, func(h *event.Header) { h.Key = row.Header.Key })
	e3 := p.attach("", []string{"3"})
	_, err = p.give(n, e1, again, e3)
	check(t, err)
	n.set(e1.ID, 0, FileHeld)
	n.set(e3.ID, 0, FileHeld)
	var h event.Holdings
	check(t, n.view(func(r *reader) (err error) { h, err = r.holdings(Subject{c, p.card.Person()}); return err }))
	if got := ranges(h); !slices.Equal(got, event.Ranges{{First: 1, Last: 1}, {First: 3, Last: 3}}) {
		t.Error(got)
	}
}

// Holdings of more stores of one device than anybody restores do nothing.
func TestHoldingsOfManyStores(t *testing.T) {
	a, b, c := pair(t)
	first, last := a.attach(c, "", "x"), a.attach(c, "", "y")
	meet(a, b, c)
	log := a.log(c)
	for i := range 17 {
		of := first
		if i == 16 {
			of = last
		}
		r, err := event.NewRecord(b.own.Device, event.Record{Card: b.own.Card.Head(), Kind: event.KindHoldings, Counter: 1,
			Subject: event.ReceiptSubject(c, a.own.Person, event.Instance{byte(i)}),
			Value: event.Holdings{Held: []event.HeldRange{{Device: log.Device, Instance: log.Instance,
				Range: event.Range{First: of.Sequence, Last: of.Sequence}}}}.Marshal()})
		check(t, err)
		if err := a.TakeHoldings(ctx, b.own.Person, r); (err == ErrBudget) != (i == 16) || err != nil && err != ErrBudget {
			t.Errorf("store %d: %v", i, err)
		}
	}
	equalWords(t, "first", a.holders(first.ID), "[3]")
	equalWords(t, "last", a.holders(last.ID), "[0]")
}

// TestRestoredReader: what had become of an attachment at a reader whose disk went back stayed at the author for
// ever, though it had not begun there.
func TestRestoredReader(t *testing.T) {
	for name, file := range map[string]disk.Identity{"in place": nil, "copied": disk.Identity("copy")} {
		t.Run(name, func(t *testing.T) {
			a, b, c := pair(t)
			one := a.attach(c, "", "x")
			meet(a, b, c)
			old := b.backup()
			two, three := a.attach(c, "", "y"), a.attach(c, "", "z")
			meet(a, b, c)
			b.set(one.ID, 0, FileFetching)
			b.set(two.ID, 0, FileDeclined)
			b.set(three.ID, 0, FileHeld)
			b.tellsHoldings(a, c)
			if file != nil {
				b.file = file
			}
			b.restore(old)
			records, err := a.book.Records(event.KindHoldings, nil)
			check(t, err)
			if len(records) != 1 {
				t.Fatalf("%d records", len(records))
			}
			check(t, b.TakeHoldings(ctx, b.own.Person, records[0])) // as sessions do
			if unsaid, err := b.Unsaid(); err != nil || len(unsaid) != 1 {
				t.Errorf("%v, %v", unsaid, err)
			}
			b.tellsHoldings(a, c)
			equalWords(t, "what has come before", a.holders(one.ID), "[0]")
			meet(a, b, c)
			if file != nil {
				if unsaid, err := b.Unsaid(); err != nil || len(unsaid) != 1 {
					t.Errorf("after more has come: %v, %v", unsaid, err)
				}
			}
			b.tellsHoldings(a, c)
			if file != nil {
				equalWords(t, "what was declined", a.holders(two.ID), "[0]")
			}
			equalWords(t, "what was held", a.holders(three.ID), "[3]")
			b.set(one.ID, 0, FilePaused)
			b.tellsHoldings(a, c)
			equalWords(t, "what is said since", a.holders(one.ID), "[2]")
		})
	}
}
