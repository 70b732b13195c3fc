package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// council is an Authority that says what it was told.
type council struct {
	mu      sync.Mutex
	heads   map[event.Conversation][]crypto.Hash
	readers map[crypto.Hash][]crypto.PersonID // by the one head that there is
	gone    []crypto.PersonID                 // of those, who are out of every group now
	asked   int
	out     bool // of every group
	how     Reason
}

func (a *council) Out(event.Conversation) (bool, Reason) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.out, a.how
}

func (a *council) Heads(c event.Conversation) []crypto.Hash {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.heads[c]
}

func (a *council) Readers(_ event.Conversation, control []crypto.Hash) []crypto.PersonID {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	if len(control) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.readers[control[0]]), func(p crypto.PersonID) bool { return slices.Contains(a.gone, p) })
}

func (a *council) Members(_ event.Conversation, control []crypto.Hash) []crypto.PersonID {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(control) == 0 {
		return nil
	}
	return a.readers[control[0]]
}

// set makes a head the only one of a group, and says who reads what is written under it.
func (a *council) set(c event.Conversation, head crypto.Hash, readers ...crypto.PersonID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.heads == nil {
		a.heads = map[event.Conversation][]crypto.Hash{}
		a.readers = map[crypto.Hash][]crypto.PersonID{}
	}
	a.heads[c] = []crypto.Hash{head}
	a.readers[head] = readers
}

func someGroup(founder crypto.PersonID) event.Create {
	g := event.Create{Person: founder, Name: "Büro", History: event.History{Policy: event.HistoryJoined}}
	random{}.Read(g.Secret[:])
	return g
}

// enact has the first node write a control event, after which all of them are members.
func enact(act ControlDraft, all ...*node) event.Event {
	n := all[0]
	n.t.Helper()
	e, err := n.AppendControl(ctx, act)
	check(n.t, err)
	for i, m := range all {
		if i > 0 {
			check(n.t, m.PutControls(ctx, e.Header.Conversation, []event.Event{e}))
		}
		var others []crypto.PersonID
		for _, o := range all {
			if o != m {
				others = append(others, o.own.Person)
			}
		}
		m.council.set(e.Header.Conversation, e.ID, others...)
	}
	return e
}

// group makes a group of nodes, which need not know each other.
func group(all ...*node) event.Conversation {
	return enact(ControlDraft{Act: someGroup(all[0].own.Person)}, all...).Header.Conversation
}

func eachRun(t *testing.T, s *Store, log event.Log, segments event.Segments, f func(event.Run)) {
	t.Helper()
	for _, g := range segments {
		for seq := g.First; seq <= g.Last; {
			run, err := s.LoadRun(log, seq, event.MaxRunEvents, event.MaxRunSent)
			check(t, err)
			check(t, run.Prove())
			f(run)
			seq = run.Segment().Last + 1
		}
	}
}

// ownControls returns the control events that stand in logs.
func ownControls(t *testing.T, s *Store, c event.Conversation) map[event.ID]bool {
	t.Helper()
	logs, err := s.Logs(c)
	check(t, err)
	out := map[event.ID]bool{}
	for log, segments := range logs {
		eachRun(t, s, log, segments, func(run event.Run) {
			for _, e := range run.Events {
				if e.Header.Kind.Class() == event.ClassControl {
					out[e.ID] = true
				}
			}
		})
	}
	return out
}

func TestGroup(t *testing.T) {
	a, b, d := newNode(t), newNode(t), newNode(t)
	c := group(a, b, d)
	m := a.say(c, "to all")
	if m.State != Queued || a.pending() != 2 {
		t.Fatalf("%v, %d pending", m.State, a.pending())
	}
	reached := func(what string, want ...State) {
		t.Helper()
		got, err := a.ProgressTo(m.ID)
		check(t, err)
		if len(got) != 2 || got[0] != (ReaderProgress{b.own.Person, Progress{State: want[0]}}) || got[1] != (ReaderProgress{d.own.Person, Progress{State: want[1]}}) {
			t.Fatalf("%s: %v", what, got)
		}
	}
	reached("nobody has it", Queued, Queued)
	meet(a, b, c)
	if a.state(m.ID) != Queued || a.pending() != 1 {
		t.Fatalf("%v, %d pending", a.state(m.ID), a.pending())
	}
	reached("one has it", Delivered, Queued)
	if _, first, err := a.FirstPending(c); err != nil || first != 1 {
		t.Fatal(first, err)
	}
	if _, err := a.Cancel(ctx, m.ID); err != ErrAcknowledged {
		t.Fatal("cancelled what one has:", err)
	}
	meet(b, d, c, a) // a is off
	acknowledge(d, a, c)
	if a.state(m.ID) != Delivered || a.pending() != 0 {
		t.Fatalf("%v, %d pending", a.state(m.ID), a.pending())
	}
	if _, first, err := a.FirstPending(c); err != nil || first != 0 {
		t.Fatal(first, err)
	}
	logs := a.logs(c)
	check(t, a.NoteDelivered(ctx, []Delivery{{Person: d.own.Person, Log: a.log(c), Segments: logs[a.log(c)], Read: true}}))
	reached("one has read it", Delivered, Read)
	if a.state(m.ID) != Delivered {
		t.Fatal(a.state(m.ID))
	}
	check(t, a.NoteDelivered(ctx, []Delivery{{Person: b.own.Person, Log: a.log(c), Segments: logs[a.log(c)], Read: true}}))
	if a.state(m.ID) != Read {
		t.Fatal(a.state(m.ID))
	}
	for _, n := range []*node{a, b, d} {
		n.reopen()
		equalWords(t, "rows", words(n.rows(c)), "to all")
		if controls, err := n.Controls(c); err != nil || len(controls) != 1 || crypto.Hash(c) != controls[0].ID {
			t.Fatalf("%v, %v", controls, err)
		}
		if groups, err := n.Groups(); err != nil || !slices.Equal(groups, []event.Conversation{c}) {
			t.Fatalf("%v, %v", groups, err)
		}
	}
	if _, err := b.ProgressTo(m.ID); err != ErrNoEvent {
		t.Fatal("others' message:", err)
	}
	nobody := a.say(c, "soon gone")
	if e, err := a.Cancel(ctx, nobody.ID); err != nil || e.State != Cancelled || a.pending() != 0 {
		t.Fatal(e.State, err)
	}
}

// A run ends where the control heads change, and the control events stand in the log.
func TestHeadsChange(t *testing.T) {
	a, b := newNode(t), newNode(t)
	c := group(a, b)
	for i := range 3 {
		a.say(c, fmt.Sprint(i))
		enact(ControlDraft{Conversation: c, Act: event.Topic{Topic: fmt.Sprint(i)}}, a, b)
	}
	a.say(c, "3")
	meet(a, b, c)
	for _, n := range []*node{a, b} {
		if got := ownControls(t, n.Store, c); len(got) != 4 {
			t.Fatalf("%d control events in the logs", len(got))
		}
		if controls, err := n.Controls(c); err != nil || len(controls) != 4 {
			t.Fatalf("%d control events, %v", len(controls), err)
		}
		equalWords(t, "rows", words(n.rows(c)), "0", "1", "2", "3")
	}
	// The same within one commit.
	log, n := a.log(c), a.logs(c)[a.log(c)].Last()
	check(t, a.do(ctx, func(b *batch) error {
		k, err := b.conversation(c)
		check(t, err)
		for i := range 4 {
			if i == 2 {
				a.council.set(c, crypto.Hash{1})
			}
			h, body, err := newBlank(a.cfg.Rand, event.KindText, text("x"))
			check(t, err)
			h.Clock = epoch.UnixMilli()
			if _, err := b.own.write(&k, h, body); err != nil {
				return err
			}
		}
		return nil
	}))
	check(t, a.view(func(r *reader) error {
		x, err := r.byID(a.rows(c)[5].ID)
		if err == nil && (x.Sequence != n+2 || x.Signature == nil) {
			t.Error("no signature where the heads change")
		}
		return err
	}))
	run, err := a.LoadRun(log, n+1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	check(t, run.Prove())
	if len(run.Events) != 2 || len(a.logs(c)[log]) != 1 {
		t.Fatalf("run of %d", len(run.Events))
	}
}

func TestControlsRefused(t *testing.T) {
	a, b, direct := pair(t)
	c := group(a, b)
	create, err := a.Controls(c)
	check(t, err)
	p := newPen(t)
	p.restart(direct)
	forged := func(conv event.Conversation) event.Event {
		p.restart(conv)
		return p.write(event.KindTopic, nil, epoch, func(h *event.Header) {
			h.Flags, h.Control = event.FlagCritical, []crypto.Hash{{1}}
		})
	}
	self := event.Self(b.own.Person)
	unsigned := create[0]
	unsigned.Signature = nil
	for name, x := range map[string]struct {
		conv event.Conversation
		e    event.Event
		want error
	}{
		"of another group": {event.Conversation{1}, create[0], ErrKind},
		"unsigned":         {c, unsigned, ErrKind},
		"in a direct one":  {direct, forged(direct), ErrNoConversation},
		"in one's own":     {self, forged(self), ErrNoConversation},
	} {
		if err := b.PutControls(ctx, x.conv, []event.Event{x.e}); err != x.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.restart(c)
	if err := b.PutControls(ctx, c, []event.Event{p.say("x")}); err != ErrKind {
		t.Error("text:", err)
	}
	check(t, b.PutControls(ctx, event.Conversation{2}, nil))
	for _, conv := range []event.Conversation{direct, self, {2}} {
		if _, err := b.Controls(conv); err != ErrNoConversation {
			t.Error(err)
		}
		if _, err := b.AppendControl(ctx, ControlDraft{Conversation: conv, Act: event.Merge{}}); err != ErrNoConversation {
			t.Error(err)
		}
	}
	if _, err := a.AppendControl(ctx, ControlDraft{Act: event.Create{}}); !errors.Is(err, event.ErrMalformed) {
		t.Error(err)
	}
	// A group that the authority doesn't know is not written in.
	before := b.Last()
	b.council.heads = nil
	if _, err := b.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text("x")}); err != ErrNoConversation {
		t.Error(err)
	}
	b.cfg.Authority = nil
	if _, err := b.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text("x")}); err != ErrNoConversation {
		t.Error(err)
	}
	check(t, b.PutControls(ctx, c, create)) // it is there
	if b.Last() != before {
		t.Error("something changed")
	}
}

// A crash leaves a control event in both places or in none.
func TestControlCrash(t *testing.T) {
	a := newNode(t)
	before := a.backup()
	c := group(a)
	created := a.backup()
	enact(ControlDraft{Conversation: c, Act: event.Rename{Name: "x"}}, a)
	for dir, want := range map[string]int{before: 0, created: 1, a.backup(): 2} {
		n := &node{t: t, dir: dir, at: epoch}
		n.open()
		groups, err := n.Groups()
		check(t, err)
		if len(groups) != min(want, 1) {
			t.Fatalf("%d groups", len(groups))
		}
		for range groups {
			controls, err := n.Controls(c)
			check(t, err)
			if logged := ownControls(t, n.Store, c); len(controls) != want || len(logged) != want {
				t.Fatalf("%d control events, %d in the log, want %d", len(controls), len(logged), want)
			}
		}
		n.stop()
	}
}

// TestOutboxOfGroups compares what is pending, and states, with the simplest way to find them, over
// random changes of membership and random acknowledgements.
func TestOutboxOfGroups(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		a := newNode(t)
		c := group(a)
		people := make([]crypto.PersonID, 6)
		for i := range people {
			random{}.Read(people[i][:])
		}
		readers := map[uint64][]crypto.PersonID{} // by sequence
		ids := map[uint64]event.ID{}
		now := []crypto.PersonID(nil)
		for seq := uint64(2); seq < 80; seq++ {
			if rnd.IntN(8) == 0 {
				now = nil
				for _, p := range people {
					if rnd.IntN(2) == 0 {
						now = append(now, p)
					}
				}
				var head crypto.Hash
				random{}.Read(head[:])
				a.council.set(c, head, now...)
			}
			e := a.say(c, fmt.Sprint(seq))
			if (e.State == Queued) != (len(now) > 0) || e.Sequence != seq {
				t.Fatal(e.State, e.Sequence)
			}
			ids[seq], readers[seq] = e.ID, now
			a.wait(time.Second)
		}
		has := map[crypto.PersonID]event.Ranges{}
		for step := range 12 {
			pending := map[event.ID][]crypto.PersonID{}
			out := a.outbox()
			for _, p := range out {
				pending[p.ID] = append(pending[p.ID], p.To)
			}
			first := uint64(0)
			for seq := uint64(2); seq < 80; seq++ {
				var want []crypto.PersonID
				for _, p := range readers[seq] {
					if !has[p].Covers(seq) {
						want = append(want, p)
					}
				}
				if !slices.Equal(pending[ids[seq]], want) {
					t.Fatalf("seed %d, step %d: %d is for %d, want %d", seed, step, seq, len(pending[ids[seq]]), len(want))
				}
				if len(want) > 0 && first == 0 {
					first = seq
				}
				state := NoState
				if len(readers[seq]) > 0 {
					state = Delivered
				}
				if len(want) > 0 {
					state = Queued
				}
				if got := a.state(ids[seq]); got != state {
					t.Fatalf("seed %d, step %d: %d is %v, want %v", seed, step, seq, got, state)
				}
				delete(pending, ids[seq])
			}
			if len(pending) > 0 {
				t.Fatalf("seed %d, step %d: more is pending", seed, step)
			}
			if _, got, err := a.FirstPending(c); err != nil || got != first {
				t.Fatalf("seed %d, step %d: first pending %d, want %d, %v", seed, step, got, first, err)
			}
			p := people[rnd.IntN(len(people))]
			from := 2 + uint64(rnd.IntN(70))
			g := event.Range{First: from, Last: min(from+uint64(rnd.IntN(40)), 79)}
			has[p] = has[p].Add(g)
			check(t, a.NoteDelivered(ctx, []Delivery{{Person: p, Log: a.log(c), Segments: []event.Segment{{First: g.First, Last: g.Last, ID: ids[g.Last]}}}}))
		}
		a.stop()
	}
}

// A page of a large group asks for its readers once.
func TestReadersAreAskedForOnce(t *testing.T) {
	a := newNode(t)
	a.follower = nil // it asks as well
	c := group(a)
	readers := make([]crypto.PersonID, 500)
	for i := range readers {
		random{}.Read(readers[i][:])
	}
	a.council.set(c, crypto.Hash(c), readers...)
	for i := range 20 {
		a.say(c, fmt.Sprint(i))
	}
	for what, ask := range map[string]func(){
		"rows":   func() { a.rows(c) },
		"outbox": func() { _, err := a.pendingLines(); check(t, err) },
		"count":  func() { _, err := a.CountOutbox(); check(t, err) },
	} {
		a.council.asked = 0
		ask()
		if a.council.asked != 1 {
			t.Errorf("%s: asked %d times", what, a.council.asked)
		}
	}
	if n := a.pending(); n != 20*500 {
		t.Error(n, "pending")
	}
}

// What was looked up in a transaction is not believed after the transaction changed it.
func TestStateWithinATransaction(t *testing.T) {
	a := newNode(t)
	c := group(a)
	reader := crypto.PersonID{1}
	a.council.set(c, crypto.Hash(c), reader)
	m := a.say(c, "x")
	logs := a.logs(c)
	check(t, a.do(ctx, func(b *batch) error {
		for _, want := range []State{Queued, Delivered} {
			x, err := b.byID(m.ID)
			check(t, err)
			if got, err := b.delivery.progress(x); err != nil || got.State != want {
				t.Errorf("%v, want %v, %v", got, want, err)
			}
			check(t, b.deliver(&Delivery{Person: reader, Log: x.in.Name, Segments: logs[x.in.Name]}))
		}
		return nil
	}))
}

// Newcomers see no gap before the first of each log, but they see others.
func TestGapsInGroups(t *testing.T) {
	n, p, q, absent := newNode(t), newPen(t), newPen(t), newPen(t)
	c := group(n)
	for _, x := range []*pen{p, q, absent} {
		x.restart(c)
	}
	old, older := p.say("old"), absent.say("older")
	first := p.say("first", func(h *event.Header) { h.Seen = []event.Position{older.Position()} })
	lost := p.say("lost")
	_, err := p.give(n, first)
	check(t, err)
	answer := q.say("answer", func(h *event.Header) { h.Seen = []event.Position{old.Position()} })
	_, err = q.give(n, answer)
	check(t, err)
	check(t, n.Release(ctx, nil, n.now().Add(time.Hour), nil))
	after := q.say("after", func(h *event.Header) { h.Seen = []event.Position{lost.Position()} })
	_, err = q.give(n, after)
	check(t, err)
	check(t, n.Release(ctx, nil, n.now().Add(time.Hour), nil))
	got := map[string]bool{}
	for _, r := range n.rows(c) {
		got[r.Text] = r.Gap
	}
	if len(got) != 3 || got["first"] || got["answer"] || !got["after"] {
		t.Fatal(got)
	}
}

func TestMembersBudget(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := group(n)
	p.restart(c)
	from := Origin{Author: p.card.Person()}
	long := fmt.Sprintf("%60000d", 1)
	for range 2 * book.StrangerBudget / len(long) { // strangers couldn't
		_, err := n.take(event.Run{Events: []event.Event{p.say(long)}}, from)
		check(t, err)
	}
	check(t, n.do(ctx, func(b *batch) error {
		in, err := b.conversation(c)
		check(t, err)
		return n.book.Charge(b.Batch, book.Payer{Person: from.Author, Group: in.Number}, book.FellowBudget-4*uint64(len(long))-2*book.StrangerBudget)
	}))
	var err error
	for range 6 {
		if _, err = n.take(event.Run{Events: []event.Event{p.say(long)}}, from); err != nil {
			break
		}
	}
	if err != ErrBudget {
		t.Fatal(err)
	}
	if fits, stranger, err := n.Fits(from.Author, c); fits || stranger || err != nil {
		t.Errorf("at the limit: fits %t, stranger %t, %v", fits, stranger, err)
	}
	p.meets(n, false)
	if _, stranger, err := n.Fits(from.Author, event.Direct(n.Own().Person, from.Author)); !stranger || err != nil {
		t.Errorf("outside of the group: stranger %t, %v", stranger, err)
	}
	p.meets(n, true) // a contact has a budget of their own
	if fits, stranger, err := n.Fits(from.Author, c); !fits || stranger || err != nil {
		t.Errorf("of a contact: fits %t, stranger %t, %v", fits, stranger, err)
	}
	p.restart(c)
	_, err = n.take(event.Run{Events: []event.Event{p.say(long)}}, from)
	check(t, err)
}
