package store

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

func editOf(words string) []byte {
	b, err := event.Edit{Text: words}.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func reactionOf(emoji string) []byte {
	b, err := event.Reaction{Emoji: emoji}.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func (n *node) edit(c event.Conversation, id event.ID, words string) (Entry, error) {
	return n.Append(ctx, Draft{Conversation: c, Kind: event.KindEdit, Target: id, Content: editOf(words)})
}

func (n *node) react(c event.Conversation, id event.ID, emoji string) (Entry, error) {
	return n.Append(ctx, Draft{Conversation: c, Kind: event.KindReaction, Target: id, Content: reactionOf(emoji)})
}

// about makes an edit or a reaction one of an event.
func about(id event.ID, change []func(*event.Header)) []func(*event.Header) {
	return append([]func(*event.Header){func(h *event.Header) { h.Target = id }}, change...)
}

func (p *pen) edits(id event.ID, words string, at time.Time, change ...func(*event.Header)) event.Event {
	return p.write(event.KindEdit, editOf(words), at, about(id, change)...)
}

func (p *pen) reacts(id event.ID, emoji string, at time.Time, change ...func(*event.Header)) event.Event {
	return p.write(event.KindReaction, reactionOf(emoji), at, about(id, change)...)
}

func (p *pen) recalls(id event.ID, at time.Time, change ...func(*event.Header)) event.Event {
	return p.write(event.KindRecall, nil, at, about(id, change)...)
}

// written is an event with who wrote it.
type written struct {
	event.Event
	by crypto.PersonID
}

// latestEdits is the rule of FORMAT.md in its simplest form: the last edit of a message, or
// reaction to it, by each person.
func latestEdits(t *testing.T, events []written, kind event.Kind, target event.ID) map[crypto.PersonID]event.Event {
	greater := func(x, y event.Event) bool {
		return cmp.Or(cmp.Compare(x.Header.Clock, y.Header.Clock), bytes.Compare(x.ID[:], y.ID[:])) > 0
	}
	logs := map[event.Log]written{}
	for _, x := range events {
		if x.Header.Kind != kind || x.Header.Target != target {
			continue
		}
		old, ok := logs[x.Header.Log()]
		if !ok || x.Header.Sequence > old.Header.Sequence ||
			x.Header.Sequence == old.Header.Sequence && greater(x.Event, old.Event) {
			logs[x.Header.Log()] = x
		}
	}
	out := map[crypto.PersonID]event.Event{}
	for _, x := range logs {
		if old, ok := out[x.by]; !ok || greater(x.Event, old) {
			out[x.by] = x.Event
		}
	}
	return out
}

// permutations calls f with all orders of 0 to n-1.
func permutations(n int, f func([]int)) {
	order := make([]int, n)
	var next func(i int, left []int)
	next = func(i int, left []int) {
		if i == n {
			f(order)
			return
		}
		for j, x := range left {
			order[i] = x
			next(i+1, append(slices.Clone(left[:j]), left[j+1:]...))
		}
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	next(0, all)
}

// TestEditsInAnyOrder gives a store small sets of a message, edits, recalls and reactions, by the
// author's devices and others', with forks among them, in all orders. The row is what the rule
// says, and no words stay that were recalled.
func TestEditsInAnyOrder(t *testing.T) {
	n := newNode(t)
	author, other := newPen(t), newPen(t)
	at := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }
	step := 1
	if testing.Short() {
		step = 7 // which divides no number of orders, so that all come first and last
	}
	for name, write := range map[string]func(a, b, c, x *pen) [][]event.Event{
		"edits": func(a, b, _, x *pen) [][]event.Event {
			m := a.say("first")
			return [][]event.Event{
				{m},
				{a.edits(m.ID, "a late clock, then", at(90))},
				{a.edits(m.ID, "another", at(20))},
				{b.edits(m.ID, "on another device", at(30))},
				{x.edits(m.ID, "by somebody else", at(100))},
			}
		},
		"forks": func(a, b, _, _ *pen) [][]event.Event {
			m := a.say("first")
			edit := func(words string, s int) event.Event { return b.edits(m.ID, words, at(s)) }
			runs := [][]event.Event{{m}, {a.edits(m.ID, "same time", at(20))}, {edit("branch 0", 30)}}
			b.last = event.Event{}
			return append(runs, []event.Event{edit("branch 1", 10), edit("further", 20)})
		},
		"recall": func(a, b, c, _ *pen) [][]event.Event {
			m := a.say("first")
			return [][]event.Event{
				{m},
				{a.edits(m.ID, "second", at(20))},
				{b.recalls(m.ID, at(30))},
				{b.edits(m.ID, "after all", at(40))},
				{c.edits(m.ID, "unaware", at(50))},
			}
		},
		"recall of a forked edit": func(a, b, c, _ *pen) [][]event.Event {
			m := a.say("first")
			e := b.edits(m.ID, "branch 0", at(20))
			b.last = event.Event{}
			return [][]event.Event{
				{m}, {e},
				{b.edits(m.ID, "branch 1", at(30))},
				{c.recalls(m.ID, at(40))},
				{c.recalls(e.ID, at(50))},
			}
		},
		"recall of an edit": func(a, b, _, x *pen) [][]event.Event {
			m := a.say("first")
			e := a.edits(m.ID, "slip", at(20))
			return [][]event.Event{
				{m}, {e},
				{b.edits(m.ID, "earlier", at(10))},
				{b.recalls(e.ID, at(30))},
				{x.recalls(m.ID, at(30))},
			}
		},
		"reactions": func(a, b, _, x *pen) [][]event.Event {
			m := a.say("first")
			return [][]event.Event{
				{m},
				{x.reacts(m.ID, "👍", at(10))},
				{x.reacts(m.ID, "", at(20))},
				{a.reacts(m.ID, "🎂", at(20))},
				{b.reacts(m.ID, "🎉", at(10))},
			}
		},
	} {
		nowhere := func() *pen { return penIn(t, event.Conversation{}) }
		count := len(write(nowhere(), nowhere(), nowhere(), nowhere()))
		turn := 0
		permutations(count, func(order []int) {
			if turn++; turn%step != 0 {
				return
			}
			var c event.Conversation
			random{}.Read(c[:])
			c = foreignGroup(n)
			pens := map[crypto.DeviceID]crypto.PersonID{}
			pen := func(of *pen) *pen {
				p := newPen(t)
				p.restart(c)
				pens[p.key.ID()] = of.card.Person()
				return p
			}
			runs := write(pen(author), pen(author), pen(author), pen(other))
			what := fmt.Sprint(name, order)
			var given []written
			for _, i := range order {
				by := pens[runs[i][0].Header.Device]
				_, err := n.take(event.Run{Events: runs[i]}, Origin{Author: by})
				if err != nil && err != ErrForked {
					t.Fatal(what, err)
				}
				for _, e := range runs[i] {
					given = append(given, written{e, by})
				}
			}
			check(t, n.Release(ctx, &c, n.now().Add(time.Hour), nil))
			checkEdits(t, what, n, c, runs[0][0], given)
		})
	}
}

// foreignGroup has a node keep a group that somebody else has made.
func foreignGroup(n *node) event.Conversation {
	n.t.Helper()
	p := newPen(n.t)
	g := someGroup(p.card.Person())
	content, err := g.Marshal()
	check(n.t, err)
	p.restart(event.Conversation{})
	e := p.write(event.KindCreate, content, epoch, func(h *event.Header) { h.Flags = event.FlagCritical })
	c := e.Header.Conversation
	check(n.t, n.PutControls(ctx, c, []event.Event{e}))
	return c
}

// checkEdits compares the one row of a conversation with what was given.
func checkEdits(t *testing.T, what string, n *node, c event.Conversation, m event.Event, given []written) {
	t.Helper()
	recalled := map[event.ID]bool{}
	var author crypto.PersonID
	for _, x := range given {
		if x.ID == m.ID {
			author = x.by
		}
	}
	for _, x := range given {
		if x.Header.Kind == event.KindRecall && x.by == author {
			recalled[x.Header.Target] = true
		}
	}
	left := slices.DeleteFunc(slices.Clone(given), func(x written) bool { return recalled[x.ID] })
	rows := n.rows(c)
	if recalled[m.ID] {
		if len(rows) > 1 || len(rows) == 1 && (!rows[0].Recalled || rows[0].Text != "" || rows[0].Edited) {
			t.Fatalf("%s: %+v", what, rows)
		}
		check(t, n.view(func(r *reader) error {
			k, err := r.conversation(c)
			check(t, err)
			for _, x := range given {
				y, err := r.byID(x.ID)
				check(t, err)
				if x.Header.Kind == event.KindEdit && y.in.Person == author && y.Absent != event.Recalled {
					t.Fatalf("%s: an edit is absent as %d", what, y.Absent)
				}
			}
			return each(r, bucketActs, layout.U32(k.Number), func(_, _ []byte) error {
				t.Fatalf("%s: an act is left", what)
				return nil
			})
		}))
		return
	}
	want := "first"
	edit, edited := latestEdits(t, left, event.KindEdit, m.ID)[author]
	if edited {
		b, err := edit.ParseBody()
		check(t, err)
		e, err := event.ParseEdit(b.Content)
		check(t, err)
		want = e.Text
	}
	if len(rows) != 1 || rows[0].Text != want || rows[0].Edited != edited || rows[0].Recalled {
		t.Fatalf("%s: %+v, want %q", what, rows, want)
	}
	reactions := map[crypto.PersonID]string{}
	for by, e := range latestEdits(t, left, event.KindReaction, m.ID) {
		b, err := e.ParseBody()
		check(t, err)
		r, err := event.ParseReaction(b.Content)
		check(t, err)
		if r.Emoji != "" {
			reactions[by] = r.Emoji
		}
	}
	for i, r := range rows[0].Reactions {
		if reactions[r.Person] != r.Emoji || i > 0 && bytes.Compare(rows[0].Reactions[i-1].Person[:], r.Person[:]) >= 0 {
			t.Fatalf("%s: %v, want %v", what, rows[0].Reactions, reactions)
		}
		delete(reactions, r.Person)
	}
	if len(reactions) > 0 {
		t.Fatalf("%s: %v missing", what, reactions)
	}
}

func TestEditAndReact(t *testing.T) {
	a, b, c := pair(t)
	m := a.say(c, "old")
	meet(a, b, c)
	mention, err := event.Edit{Text: "new", Mentions: []crypto.PersonID{b.own.Person}}.Marshal()
	check(t, err)
	before := a.Last()
	e, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindEdit, Target: m.ID, Content: mention})
	check(t, err)
	if e.State != NoState || e.Text != "" || a.Last() == before {
		t.Fatalf("%+v", e)
	}
	if a.pending() != 0 {
		t.Fatal("an edit is in the outbox")
	}
	if _, err := a.Row(e.ID); err != ErrNoEvent {
		t.Fatal("an edit has a row:", err)
	}
	before = b.Last()
	meet(a, b, c)
	equalWords(t, "unread", b.unread(), "new")
	if b.Last() == before {
		t.Fatal("the counter stands")
	}
	check(t, b.MarkRead(ctx, true, m.ID))
	_, err = b.react(c, m.ID, "👍")
	check(t, err)
	_, err = a.edit(c, m.ID, "newer")
	check(t, err)
	meet(a, b, c)
	before = a.Last()
	meet(b, a, c)
	if a.Last() == before {
		t.Fatal("the counter stands")
	}
	for _, n := range []*node{a, b} {
		n.reopen()
		equalWords(t, "unread", n.unread())
		rows := n.rows(c)
		if len(rows) != 1 || rows[0].Text != "newer" || !rows[0].Edited || len(rows[0].Mentions) != 0 ||
			!slices.Equal(rows[0].Reactions, []Reaction{{b.own.Person, "👍"}}) {
			t.Fatalf("%+v", rows)
		}
	}
	_, err = b.react(c, m.ID, "")
	check(t, err)
	meet(b, a, c)
	if rows := a.rows(c); len(rows[0].Reactions) != 0 {
		t.Fatal(rows[0].Reactions)
	}
	theirs := b.say(c, "theirs")
	meet(b, a, c)
	self := event.Self(a.own.Person)
	for name, try := range map[string]func() (Entry, error){
		"edit of others' message":      func() (Entry, error) { return a.edit(c, theirs.ID, "x") },
		"edit of nothing":              func() (Entry, error) { return a.edit(c, event.ID{1}, "x") },
		"edit of an edit":              func() (Entry, error) { return a.edit(c, e.ID, "x") },
		"edit elsewhere":               func() (Entry, error) { return a.edit(self, m.ID, "x") },
		"reaction to nothing":          func() (Entry, error) { return a.react(c, event.ID{1}, "x") },
		"reaction to an edit":          func() (Entry, error) { return a.react(c, e.ID, "x") },
		"edit of what was taken back":  func() (Entry, error) { x := a.say(c, "x"); a.Cancel(ctx, x.ID); return a.edit(c, x.ID, "x") },
		"reaction to what was removed": func() (Entry, error) { x := a.say(c, "x"); a.Recall(ctx, x.ID); return a.react(c, x.ID, "x") },
	} {
		if _, err := try(); err != ErrNoEvent {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindRecall}); err != ErrKind {
		t.Error(err)
	}
	if _, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindMerge}); err != ErrKind {
		t.Error(err)
	}
}

// An act whose key is that of a message is not taken for it.
func TestActsHaveNoRow(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	m := p.say("words")
	e := p.reacts(m.ID, "x", epoch, func(h *event.Header) { h.Key = m.Header.Key })
	_, err := p.give(n, m, e)
	check(t, err)
	if _, err := n.Row(e.ID); err != ErrNoEvent {
		t.Fatal(err)
	}
	// Nor do edits in another conversation count, whoever wrote them.
	q := newPen(t)
	d := q.meets(n, true)
	_, err = q.give(n, q.reacts(m.ID, "y", epoch))
	check(t, err)
	if rows := n.rows(c); len(rows) != 1 || !slices.Equal(rows[0].Reactions, []Reaction{{p.card.Person(), "x"}}) {
		t.Fatalf("%+v", rows)
	}
	if rows := n.rows(d); len(rows) != 0 {
		t.Fatalf("%+v", rows)
	}
}

// Edits past the limit of their log don't count, and count again when the limit is lifted.
func TestLimitedEdits(t *testing.T) {
	n := newNode(t)
	c := group(n)
	p, q := penIn(t, c), penIn(t, c)
	m := p.say("0")
	events := []event.Event{m}
	for i := 1; i <= 3; i++ {
		events = append(events, p.edits(m.ID, fmt.Sprint(i), epoch))
	}
	_, err := p.give(n, events...)
	check(t, err)
	_, err = q.give(n, q.reacts(m.ID, "👍", epoch))
	check(t, err)
	for limit := range uint64(5) {
		if limit == 0 {
			continue
		}
		check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: limit, q.log: limit - 1}))
		rows := n.rows(c)
		if len(rows) != 1 || rows[0].Text != fmt.Sprint(limit-1) || len(rows[0].Reactions) != int(min(limit-1, 1)) {
			t.Fatalf("limit %d: %+v", limit, rows)
		}
	}
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: 0}))
	if _, err := n.react(c, m.ID, "x"); err != ErrNoEvent {
		t.Fatal(err)
	}
}

// A peer has only the header of an edit, then another has the words too.
func TestDroppedEditComesLater(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	m := p.say("old")
	e := p.edits(m.ID, "new", epoch)
	gone := e
	gone.Body, gone.Absent = nil, event.Dropped
	_, err := p.give(n, m, gone)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "old")
	_, err = p.give(n, e)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "new")
}

func TestRecall(t *testing.T) {
	a, b, d := newNode(t), newNode(t), newNode(t)
	c := group(a, b, d)
	m := a.say(c, "old")
	kept := a.say(c, "kept")
	_, err := a.edit(c, m.ID, "new")
	check(t, err)
	meet(a, b, c)
	a.wait(recallWindow)
	e, err := a.Recall(ctx, m.ID)
	check(t, err)
	if !e.Recalled || e.Existing || e.Text != "" || e.Edited {
		t.Fatalf("%+v", e)
	}
	if e, err := a.Recall(ctx, m.ID); err != nil || !e.Existing {
		t.Fatal(err)
	}
	meet(a, b, c)
	meet(b, d, c, a)
	for _, n := range []*node{a, b, d} {
		n.reopen()
		for _, r := range n.rows(c) {
			if r.ID == m.ID && !r.Recalled || r.ID == kept.ID && r.Text != "kept" {
				t.Fatalf("%+v", r)
			}
		}
		log := a.log(c)
		eachRun(t, n.Store, log, n.logs(c)[log], func(run event.Run) {
			for _, e := range run.Events {
				gone := e.ID == m.ID || e.Header.Kind == event.KindEdit
				if gone != (e.Absent == event.Recalled) {
					t.Fatalf("kind %d is absent as %d", e.Header.Kind, e.Absent)
				}
			}
		})
	}
	a.wait(time.Millisecond)
	if _, err := a.Recall(ctx, kept.ID); err != ErrTooLate {
		t.Fatal(err)
	}
	if _, err := b.Recall(ctx, kept.ID); err != ErrNoEvent {
		t.Fatal(err)
	}
	if _, err := a.Recall(ctx, event.ID{1}); err != ErrNoEvent {
		t.Fatal(err)
	}
}

// a's disk goes back in time. A message, its edit, a reaction to another message and a control
// event were lost to the others; they are written again and mean what they meant.
func TestRollbackOfEdits(t *testing.T) {
	a, b := newNode(t), newNode(t)
	c := group(a, b)
	theirs := b.say(c, "theirs")
	meet(b, a, c)
	old := a.backup()
	a.say(c, "seen by b")
	meet(a, b, c)
	a.restore(old)
	a.council.set(c, crypto.Hash(c), b.own.Person)
	m := a.say(c, "old")
	_, err := a.edit(c, m.ID, "new")
	check(t, err)
	_, err = a.edit(c, a.say(c, "slip").ID, "edited before")
	check(t, err)
	_, err = a.react(c, theirs.ID, "👍")
	check(t, err)
	act := enact(ControlDraft{Conversation: c, Act: event.Topic{Topic: "x"}}, a, b)
	log := a.log(c)
	if back, err := a.Rollback(ctx, log, b.logs(c)[log]); err != nil || !back {
		t.Fatal(back, err)
	}
	meet(b, a, c)
	_, err = a.edit(c, m.ID, "newest") // by the ID that only a knows
	check(t, err)
	_, err = a.react(c, m.ID, "🎂")
	check(t, err)
	meet(a, b, c)
	for _, n := range []*node{a, b} {
		n.reopen()
		got := map[string][]Reaction{}
		for _, r := range n.rows(c) {
			got[r.Text] = r.Reactions
		}
		if _, ok := got["edited before"]; !ok || len(got) != 4 || !slices.Equal(got["newest"], []Reaction{{a.own.Person, "🎂"}}) ||
			!slices.Equal(got["theirs"], []Reaction{{a.own.Person, "👍"}}) || got["seen by b"] != nil {
			t.Fatalf("%v", got)
		}
		controls, err := n.Controls(c)
		check(t, err)
		if len(controls) != 2 || !slices.ContainsFunc(controls, func(e event.Event) bool { return e.ID == act.ID }) {
			t.Fatalf("%d control events", len(controls))
		}
	}
	a.wait(time.Second)
	if _, err := a.Recall(ctx, m.ID); err != nil {
		t.Fatal(err)
	}
	meet(a, b, c)
	for _, n := range []*node{a, b} {
		if rows := n.rows(c); !slices.ContainsFunc(rows, func(r Row) bool { return r.Recalled }) || slices.Contains(words(rows), "newest") {
			t.Fatalf("%v", words(rows))
		}
	}
}
