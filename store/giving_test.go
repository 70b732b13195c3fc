package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/changes"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

// recount counts what is stored of everybody, and finds that the budgets say the same.
func (n *node) recount(what string) {
	n.t.Helper()
	want := map[crypto.PersonID]uint64{}
	persons, err := n.book.Persons()
	check(n.t, err)
	for _, p := range persons {
		want[p.ID] = 1024 + uint64(len(p.Card))
		records, err := n.book.Records(event.KindProfile, event.ProfileSubject(p.ID))
		check(n.t, err)
		for _, r := range records {
			want[p.ID] += 256 + uint64(len(r.Bytes))
		}
	}
	requests, err := n.book.Requests()
	check(n.t, err)
	for _, q := range requests {
		want[q.Person] += 256 + uint64(len(q.Run))
	}
	var held, strangers, addresses, groups, fellows uint64
	check(n.t, n.view(func(r *reader) error {
		for k := range r.Prefix(bucketLogs, nil) {
			l, err := r.log(binary.BigEndian.Uint32(k))
			check(n.t, err)
			want[l.Person] += costLog
			for k := range r.Prefix(bucketEvents, layout.U32(l.Number)) {
				p, _ := layout.SlotAt(k)
				x, err := r.entry(p)
				check(n.t, err)
				want[l.Person] += costOf(x)
			}
		}
		for p := range want {
			if p == n.own.Person {
				continue
			}
			got, err := n.book.Held(r.Reader, p)
			check(n.t, err)
			if got != want[p] {
				n.t.Fatalf("%s: %d bytes count of %x, stored are %d", what, got, p[:4], want[p])
			}
			held += got
		}
		all, contacts := uint64(0), uint64(0)
		for k, v := range r.Prefix(tx.Bucket("budgets"), nil) {
			switch k[0] {
			case 's':
				all = layout.Number(v)
			case 'a':
				addresses += layout.Number(v)
			case 'p':
				for v = v[8:]; len(v) > 0; v = v[16:] {
					strangers += layout.Number(v[8:16])
				}
			case 'f':
				fellows += layout.Number(v)
			case 'g':
				groups += layout.Number(v)
			case 'c':
				contacts += layout.Number(v)
			}
		}
		if all != strangers || addresses != strangers || groups != fellows || strangers+fellows+contacts != held {
			n.t.Fatalf("%s: of strangers %d, by address %d, in all %d; of fellows %d, by group %d; of contacts %d; of everybody %d",
				what, strangers, addresses, all, fellows, groups, contacts, held)
		}
		return nil
	}))
}

// seeAll has the owner see everything.
func (n *node) seeAll() {
	n.t.Helper()
	for {
		rows, _, err := n.Unread(0, 100, nil)
		check(n.t, err)
		if len(rows) == 0 {
			return
		}
		for _, r := range rows {
			check(n.t, n.MarkRead(ctx, true, r.ID))
		}
	}
}

// Whatever others bring, and whatever the owner decides about them: what the budgets say is what is
// stored, also after a restart.
func TestBudgetsSayWhatIsStored(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 5))
		n := newNode(t)
		g := group(n)
		var pens []*pen
		said := map[*pen][]event.Event{}
		for range 4 {
			p := newPen(t)
			p.meets(n, false)
			pens = append(pens, p)
		}
		update := func(p *pen, f func(*book.Person)) {
			check(t, n.book.UpdatePerson(ctx, p.card.Person(), func(q *book.Person) error { f(q); return nil }))
		}
		for step := range 120 {
			p := pens[rng.IntN(len(pens))]
			id := p.card.Person()
			direct := event.Direct(n.own.Person, id)
			from := Origin{Author: id, Address: fmt.Sprint(rng.IntN(3))}
			what := fmt.Sprintf("seed %d, step %d", seed, step)
			switch k := rng.IntN(16); k {
			case 0, 1, 2, 3, 4, 5:
				var e event.Event
				switch old := said[p]; {
				case len(old) > 0 && rng.IntN(3) == 0:
					e = p.recalls(old[rng.IntN(len(old))].ID, epoch)
				case len(old) > 0 && rng.IntN(3) == 0:
					e = p.edits(old[rng.IntN(len(old))].ID, "edited", epoch)
				case rng.IntN(2) == 0:
					e = p.attach("words", []string{"shared", fmt.Sprint(step)})
				default:
					e = p.say("words")
				}
				said[p] = append(said[p], e)
				last := said[p][max(0, len(said[p])-1-rng.IntN(4)):]
				if last[0].Header.Instance != e.Header.Instance {
					last = last[len(last)-1:]
				}
				_, err := n.take(lies(rng, last), from)
				what += fmt.Sprintf(": a run, %v", err)
			case 6:
				p.restart([]event.Conversation{direct, g}[rng.IntN(2)])
				said[p] = nil
			case 7: // a fork
				q := *p
				_, err := n.take(event.Run{Events: []event.Event{q.say("other words")}}, from)
				what += fmt.Sprintf(": a fork, %v", err)
			case 8:
				n.seeAll()
				_, err := n.GiveBack(ctx, true, id)
				check(t, err)
				what += ": seen is given back"
			case 9:
				check(t, n.Discard(ctx, id))
				what += ": discarded"
			case 10:
				_, err := n.Forget(ctx, id)
				check(t, err)
				what += ": forgotten"
			case 11:
				update(p, func(q *book.Person) { q.Card, q.Blocked = p.card.Bytes(), rng.IntN(2) == 0 })
				what += ": blocked"
			case 12:
				update(p, func(q *book.Person) { q.Card, q.Contact = p.card.Bytes(), rng.IntN(3) == 0 })
				what += ": contact"
			case 13:
				update(p, func(q *book.Person) { q.Card, q.Member = p.card.Bytes(), rng.IntN(2) == 0 })
				what += ": member"
			case 14:
				err := n.book.PutRequest(ctx, book.Request{Person: id, Run: make([]byte, rng.IntN(1000))}, from.Address)
				check(t, err)
				what += ": request"
			case 15:
				n.wait(time.Duration(rng.IntN(40)) * 24 * time.Hour)
				check(t, n.Release(ctx, nil, n.now(), nil))
				check(t, n.ForgetIdle(ctx))
				_, err := n.MakeRoom(ctx, uint64(rng.IntN(10000)))
				check(t, err)
				what += ": room is made"
			}
			update(p, func(q *book.Person) { // whoever was removed comes again
				if q.Card == nil {
					q.Card, q.Devices[p.key.ID()] = p.card.Bytes(), book.DeviceInfo{}
				}
			})
			n.recount(what)
		}
		n.reopen()
		n.recount("after a restart")
		n.stop()
	}
}

// Of what a stranger has written everything can be given back: nothing leads to it any more, and
// nothing of it is left on the disk but how far their log was had.
func TestNothingIsLeftOfWhatIsGivenBack(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, false)
	empty := n.sizes()
	m, second := p.say("m"), p.say("second")
	run := []event.Event{m, second, p.edits(m.ID, "edited", epoch), p.reacts(m.ID, "+", epoch), p.recalls(second.ID, epoch),
		p.say("gap", func(h *event.Header) { h.Seen = []event.Position{{Device: crypto.DeviceID{9}, Sequence: 7}} })}
	_, err := p.give(n, run...)
	check(t, err)
	_, err = p.give(n, p.say("lost"), stripped(p.say("no words")))
	check(t, err)
	n.wait(time.Hour)
	check(t, n.Release(ctx, nil, n.now(), nil))
	waits := p.say("waits", func(h *event.Header) { h.Seen = []event.Position{{Device: crypto.DeviceID{9}, Sequence: 8}} })
	_, err = p.give(n, waits)
	check(t, err)
	before := n.logs(c)[p.log]
	check(t, n.Discard(ctx, p.card.Person()))
	n.settled(t)
	n.recount("discarded")
	for bucket, size := range n.sizes() {
		switch bucket {
		case bucketReworded, bucketLogs, bucketLogNames, bucketAuthors, bucketUnsigned, changes.Buckets[0], changes.Buckets[1], bucketConversations:
		default:
			if size != empty[bucket] {
				t.Errorf("bucket %s has %d keys, and had %d before", bucket, size, empty[bucket])
			}
		}
	}
	if after := n.logs(c)[p.log]; !slices.Equal(after, before) {
		t.Errorf("had are %v, and were %v", after, before)
	}
	if gone, err := n.Forget(ctx, p.card.Person()); err != nil || !gone {
		t.Fatal(gone, err)
	}
	for bucket, size := range n.sizes() {
		if bucket != "persons" && bucket != "devices" && bucket != "budgets" && bucket != bucketReworded && size > empty[bucket] {
			t.Errorf("when they are forgotten, bucket %s has %d keys, and had %d before", bucket, size, empty[bucket])
		}
	}
}

// sizes returns how many keys each bucket has.
func (n *node) sizes() map[tx.Bucket]int {
	n.t.Helper()
	out := map[tx.Bucket]int{}
	check(n.t, n.view(func(r *reader) error {
		for _, b := range buckets {
			out[b] = r.Count(b, nil)
		}
		return nil
	}))
	return out
}

// What was given back was had, and stays had: whoever gives it again changes nothing, and what comes
// after it is shown at once, without a mark that something were missing.
func TestWhatWasGivenBackStaysHad(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, false)
	one, two := p.say("one"), p.say("two")
	_, err := p.give(n, one, two)
	check(t, err)
	check(t, n.Discard(ctx, p.card.Person()))
	n.reopen()
	result, err := p.give(n, one, two)
	check(t, err)
	if result.New || result.Segments.Len() != 2 || len(n.rows(c)) != 0 {
		t.Errorf("new: %t, had %v, %d rows", result.New, result.Segments, len(n.rows(c)))
	}
	if _, repeats, err := n.Repeats(&event.Run{Events: []event.Event{one, two}}); !repeats || err != nil {
		t.Errorf("it is proven again: %t, %v", !repeats, err)
	}
	three := p.say("three")
	result, err = p.give(n, two, three)
	check(t, err)
	rows := n.rows(c)
	equalWords(t, "rows", words(rows), "three")
	if rows[0].Gap || !result.New || result.Segments.Len() != 3 {
		t.Errorf("gap: %t, had %v", rows[0].Gap, result.Segments)
	}
	first := p.log
	p.restart(c)
	_, err = p.give(n, p.say("elsewhere", func(h *event.Header) { h.Seen = []event.Position{one.Position()} }))
	check(t, err)
	rows = n.rows(c)
	equalWords(t, "rows", words(rows), "elsewhere", "three")
	if rows[0].Gap {
		t.Error("what was given back is a gap")
	}
	p.log, p.last = first, three
	if _, err := n.LoadRun(p.log, 1, 10, 1<<20); err != ErrNoEvent {
		t.Errorf("what is not here is loaded: %v", err)
	}
	run, err := n.LoadRun(p.log, 3, 10, 1<<20)
	check(t, err)
	if len(run.Events) != 1 {
		t.Errorf("%d events are loaded", len(run.Events))
	}
	q := *p
	q.last = two
	if _, err := p.give(n, q.say("another third")); err != ErrForked {
		t.Error(err)
	}
	check(t, n.Discard(ctx, p.card.Person()))
	if _, err := p.give(n, p.say("fourth")); err != ErrForked {
		t.Error("a forked log goes on:", err)
	}
	n.recount("forked")
}

// An edit that comes in one run with the recall of its message, and after it, is not kept, and its
// words don't count.
func TestEditAfterTheRecallDoesNotCount(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, false)
	m := p.say("m")
	_, err := p.give(n, m)
	check(t, err)
	_, err = p.give(n, p.recalls(m.ID, epoch), p.edits(m.ID, "edited", epoch))
	check(t, err)
	n.recount("an edit after the recall")
}

// Contacts, and those to whom the owner has written, lose nothing.
func TestOnlyStrangersGiveBack(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, false)
	_, err := p.give(n, p.say("hello"))
	check(t, err)
	n.say(c, "hello yourself")
	check(t, n.Discard(ctx, p.card.Person()))
	if _, err := n.Forget(ctx, p.card.Person()); err != nil {
		t.Fatal(err)
	}
	equalWords(t, "rows", words(n.rows(c)), "hello", "hello yourself")
}

// What was acknowledged and not seen is kept for 30 days, though the strangers' budget is used up;
// what was seen goes, the oldest first, as far as it is wanted.
func TestRoomIsMadeOfWhatWasSeen(t *testing.T) {
	n := newNode(t)
	long := string(make([]byte, 60<<10))
	var pens []*pen
	var conversations []event.Conversation
	full := func() bool {
		for range 20 {
			p := newPen(t)
			conversations = append(conversations, p.meets(n, false))
			pens = append(pens, p)
			for range 15 { // as many as fit into the budget of one
				if _, err := n.take(event.Run{Events: []event.Event{p.say(long)}}, Origin{Author: p.card.Person(), Address: "a"}); err == ErrBudget {
					return true
				}
				n.wait(time.Second)
			}
		}
		return false
	}
	if !full() {
		t.Fatal("no end of strangers")
	}
	given, err := n.MakeRoom(ctx, 1<<20)
	check(t, err)
	if given != 0 {
		t.Errorf("%d bytes that nobody has seen were given back", given)
	}
	n.seeAll()
	given, err = n.MakeRoom(ctx, 1<<20)
	check(t, err)
	if given < 1<<20 || given > 2<<20 {
		t.Errorf("%d bytes were given back", given)
	}
	if first, last := len(n.rows(conversations[0])), len(n.rows(conversations[3])); first != 0 || last == 0 {
		t.Errorf("of the first %d rows are left, of the fourth %d", first, last)
	}
	q := newPen(t)
	q.meets(n, false)
	_, err = n.take(event.Run{Events: []event.Event{q.say(long)}}, Origin{Author: q.card.Person(), Address: "a"})
	check(t, err)
	n.recount("room was made")
	// After 30 days it goes unseen.
	full()
	n.wait(31 * 24 * time.Hour)
	given, err = n.MakeRoom(ctx, 5<<20)
	check(t, err)
	if given < 5<<20 {
		t.Errorf("%d bytes were given back after 30 days", given)
	}
	n.recount("after 30 days")
}

// A stranger who has just written is not forgotten though all that they wrote was seen and given back:
// else it would come again, and be shown a second time. It is otherwise when the owner has discarded it.
func TestWhoHasJustWrittenIsNotForgotten(t *testing.T) {
	n, p, q := newNode(t), newPen(t), newPen(t)
	long := string(make([]byte, 60<<10))
	give := func(p *pen, e event.Event) event.Segments {
		t.Helper()
		r, err := n.take(event.Run{Events: []event.Event{e}}, Origin{Author: p.card.Person(), Address: "a"})
		check(t, err)
		return r.Segments
	}
	persons := func() int {
		all, err := n.Strangers()
		check(t, err)
		return len(all)
	}
	makeRoom := func() {
		t.Helper()
		_, err := n.MakeRoom(ctx, book.StrangersBudget)
		check(t, err)
		n.recount("room was made")
	}
	c := p.meets(n, false)
	q.meets(n, false)
	first := p.say(long)
	give(p, first)
	give(q, q.say(long))
	for { // others by the same address, who hold much
		o := newPen(t)
		o.meets(n, false)
		if _, err := n.take(event.Run{Events: []event.Event{o.say(long)}}, Origin{Author: o.card.Person(), Address: "a"}); err == ErrBudget {
			break
		}
	}
	n.seeAll()
	check(t, n.Discard(ctx, q.card.Person()))
	all := persons()
	makeRoom()
	if left := persons(); left != all-1 {
		t.Errorf("of %d persons %d are left", all, left)
	}
	if give(p, first); len(n.rows(c)) > 0 {
		t.Error("what was seen is shown again")
	}
}

// Whoever holds little by their address loses nothing for the sake of those who hold much.
func TestRoomIsMadeByThoseWhoHoldMuch(t *testing.T) {
	n := newNode(t)
	honest := newPen(t)
	c := honest.meets(n, false)
	_, err := n.take(event.Run{Events: []event.Event{honest.say("hello")}}, Origin{Author: honest.card.Person(), Address: "honest"})
	check(t, err)
	long := string(make([]byte, 60<<10))
	for i := range 12 {
		p := newPen(t)
		p.meets(n, false)
		for range 10 {
			if _, err := n.take(event.Run{Events: []event.Event{p.say(long)}}, Origin{Author: p.card.Person(), Address: fmt.Sprint(i % 2)}); err != nil && err != ErrBudget {
				t.Fatal(err)
			}
		}
	}
	n.seeAll()
	n.wait(40 * 24 * time.Hour)
	_, err = n.MakeRoom(ctx, book.StrangersBudget)
	check(t, err)
	equalWords(t, "rows of the honest one", words(n.rows(c)), "hello")
}

// A program that ends while a stranger gives back goes on where it was: nothing is half gone.
func TestGivingBackGoesOnAfterACrash(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, false)
	for range 5 {
		var events []event.Event
		for range 100 {
			events = append(events, p.say("x"))
		}
		_, err := p.give(n, events...)
		check(t, err)
	}
	for left := 500 - maxGiven; left > -maxGiven; left -= maxGiven {
		check(t, n.do(ctx, func(b *batch) error {
			g := giving{batch: b, left: maxGiven}
			return g.person(p.card.Person())
		}))
		n.restore(n.backup()) // as the disk is now
		n.recount("after a crash")
		if rows := n.rows(c); len(rows) != max(0, left) {
			t.Fatalf("%d rows, want %d", len(rows), max(0, left))
		}
		if had := n.logs(c)[p.log]; had.Len() != 500 {
			t.Fatalf("had are %v", had)
		}
		f := n.newFollower()
		f.follow(n, 1000, -1)
		f.agree(n, "after a crash")
	}
}

// An ID that is forgotten is found nowhere, in whatever list it was, and the others are.
func TestForgottenIDs(t *testing.T) {
	n := newNode(t)
	id := func(i int) (id event.ID) {
		binary.BigEndian.PutUint64(id[:], uint64(i)*0x9e3779b97f4a7c15)
		return id
	}
	const count = 5000
	check(t, n.do(ctx, func(b *batch) error {
		for i := range count {
			ids.Put(b.Batch, id(i), ids.Slot{byte(i), byte(i >> 8), 1})
		}
		for i := 0; i < count; i += 3 {
			ids.Remove(b.Batch, id(i))
		}
		return nil
	}))
	check(t, n.view(func(r *reader) error {
		for i := range count {
			at, ok := ids.Find(r.Reader, id(i))
			if ok != (i%3 != 0) || ok && at != (ids.Slot{byte(i), byte(i >> 8), 1}) {
				t.Fatalf("%d: found: %t, at %v", i, ok, at)
			}
		}
		return nil
	}))
}

// No contact may hold more than they leave free on the disk.
func TestContactLeavesRoom(t *testing.T) {
	n, p, q := newNode(t), newPen(t), newPen(t)
	n.stop()
	s, err := Open(Config{Dir: n.dir, Now: n.now, Identify: n.identify, Space: func(string) (Space, bool) {
		return Space{Total: 1 << 30, Free: 64<<20 + 1<<20}, true
	}})
	check(t, err)
	n.Store = s
	running := make(chan error)
	end, cancel := context.WithCancel(ctx)
	go func() { running <- s.Run(end) }()
	n.stop = func() {
		cancel()
		check(t, <-running)
		check(t, s.Close())
		n.stop = func() {}
	}
	p.meets(n, true)
	q.meets(n, true)
	long := string(make([]byte, 60<<10))
	stored := 0
	for err == nil && stored < 100 {
		if _, err = n.take(event.Run{Events: []event.Event{p.say(long)}}, p.origin()); err == nil {
			stored++
		}
	}
	if err != ErrBudget || stored < 14 || stored > 17 { // about as much as is left
		t.Errorf("%d messages were stored, %v", stored, err)
	}
	if _, err := n.take(event.Run{Events: []event.Event{q.say(long)}}, q.origin()); err != nil {
		t.Errorf("another contact: %v", err)
	}
}

// What is missing in the middle of a log, since it was refused, still comes when what stands after it
// was given back.
func TestWhatIsMissingStillComes(t *testing.T) {
	for _, seen := range []bool{true, false} {
		n, p := newNode(t), newPen(t)
		c := p.meets(n, false)
		one, two, three, four := p.say("one"), p.say("two"), p.say("three"), p.say("four")
		for _, e := range []event.Event{one, four} {
			_, err := p.give(n, e)
			check(t, err)
		}
		n.wait(time.Hour)
		check(t, n.Release(ctx, nil, n.now(), nil))
		n.seeAll()
		_, err := n.GiveBack(ctx, seen, p.card.Person())
		check(t, err)
		_, repeats, err := n.Repeats(&event.Run{Events: []event.Event{two, three}})
		check(t, err)
		result, err := p.give(n, one, two, three, four)
		check(t, err)
		if repeats || !result.New || result.Segments.Len() != 4 {
			t.Errorf("repeats: %t, new: %t, had %v", repeats, result.New, result.Segments)
		}
		equalWords(t, "rows", words(n.rows(c)), "two", "three")
		n.recount("all have come")
		result, err = p.give(n, one, two, three, four, p.say("five"))
		check(t, err)
		equalWords(t, "rows", words(n.rows(c)), "two", "three", "five")
		n.seeAll()
		_, err = n.GiveBack(ctx, seen, p.card.Person())
		check(t, err)
		equalWords(t, "rows that are left", words(n.rows(c)))
		n.recount("given back again")
	}
}
