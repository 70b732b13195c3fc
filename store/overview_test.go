package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

var everybody = Sums{Shown: func(Source) bool { return true }, Counted: func(Source) bool { return true }}

func (n *node) overview(c event.Conversation) Overview {
	n.t.Helper()
	o, err := n.Overview(c, everybody)
	check(n.t, err)
	return o
}

// What arrived later than the message up to which the owner has read stays unread, though it is shown
// above it.
func TestMarkReadToLeavesLateRows(t *testing.T) {
	a, b, c := pair(t)
	a.say(c, "1")
	meet(a, b, c)
	b.wait(10 * time.Second) // a's clock is behind now
	b.say(c, "own")
	a.wait(20 * time.Second)
	shown := a.say(c, "2")
	meet(a, b, c)
	o := b.overview(c)
	if o.Unread != 2 || o.First == nil || o.Last.Text != "2" || !o.Waiting {
		t.Fatalf("%+v", o)
	}
	n, arrived, err := b.MarkReadTo(ctx, true, c, &shown.ID, nil)
	check(t, err)
	if row, err := b.Row(shown.ID); n != 2 || arrived != row.Arrival || row.Unread || err != nil {
		t.Fatal(n, arrived, row, err)
	}
	if o := b.overview(c); o.Unread != 0 || o.First != nil {
		t.Fatalf("%+v", o)
	}
}

// The count is that of a scan after anything, and what is marked is what is shown up to a row and had
// come by then. Recalls, edits that mention the owner or no longer do, late rows, blocks, restarts.
func TestOverviewAsAModel(t *testing.T) {
	seeds, steps := 6, 80
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(seed), 12))
			n := newNode(t)
			others := []*node{newNode(t), newNode(t), newNode(t)}
			for _, o := range others {
				n.know(o)
			}
			c := group(append(others, n)...)
			blocked := map[crypto.PersonID]bool{}
			of := Sums{Shown: func(s Source) bool { return !blocked[s.Author] }, Counted: func(s Source) bool { return !blocked[s.Author] }}
			said := map[*node][]event.ID{}
			for step := range steps {
				o := others[rnd.IntN(len(others))]
				what := fmt.Sprintf("seed %d, step %d", seed, step)
				switch rnd.IntN(17) {
				case 0, 1, 2, 3:
					said[o] = append(said[o], o.mention(c, fmt.Sprint("words ", step), rnd.IntN(2) == 0, n).ID)
				case 4, 5:
					meet(o, n, c, others...)
				case 6:
					if ids := said[o]; len(ids) > 0 {
						edit := event.Edit{Text: fmt.Sprint("edit ", step)}
						if rnd.IntN(2) == 0 {
							edit.Mentions = []crypto.PersonID{n.own.Person}
						}
						content, err := edit.Marshal()
						check(t, err)
						_, err = o.Append(ctx, Draft{Conversation: c, Kind: event.KindEdit, Content: content, Target: ids[rnd.IntN(len(ids))]})
						if err != nil && err != ErrNoEvent { // it was recalled
							t.Fatal(err)
						}
					}
				case 7:
					if ids := said[o]; len(ids) > 0 {
						if _, err := o.Recall(ctx, ids[len(ids)-1]); err != nil && err != ErrTooLate {
							t.Fatal(err)
						}
					}
				case 8:
					blocked[o.own.Person] = !blocked[o.own.Person]
				case 9:
					if rows := n.rows(c); len(rows) > 0 {
						row := rows[rnd.IntN(len(rows))]
						if !row.Own && !row.Recalled && !blocked[row.Author] {
							check(t, n.MarkUnread(ctx, c, row.ID, of.Counted))
						}
					}
				case 10:
					if rows := n.rows(c); len(rows) > 0 {
						n.readToAsAScan(what, c, rows, rows[rnd.IntN(len(rows))], of.Counted)
					}
				case 14:
					n.say(c, "mine")
				case 15, 16: // who lacks it has it now, or some of it
					meet(n, o, c, others...)
				case 11, 12: // logs are cut, and count again
					limits := map[event.Log]uint64{}
					for log, had := range n.logs(c) {
						if rnd.IntN(2) == 0 {
							limits[log] = rnd.Uint64N(had.Last() + 2)
						}
					}
					check(t, n.SetLimits(ctx, c, limits))
				default:
					n.reopen()
				}
				n.wait(time.Duration(rnd.IntN(2000)) * time.Millisecond)
				o.wait(time.Duration(rnd.IntN(2000)) * time.Millisecond)
				n.overviewAsAScan(what, c, of)
				n.summed()
			}
		})
	}
}

// mention says something, and mentions the owner of another node.
func (n *node) mention(c event.Conversation, words string, mention bool, o *node) Entry {
	n.t.Helper()
	said := event.Text{Text: words}
	if mention {
		said.Mentions = []crypto.PersonID{o.own.Person}
	}
	content, err := said.Marshal()
	check(n.t, err)
	e, err := n.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: content})
	check(n.t, err)
	return e
}

// overviewAsAScan compares an overview with what all rows say.
func (n *node) overviewAsAScan(what string, c event.Conversation, of Sums) {
	n.t.Helper()
	all, err := n.Overviews(of, func(all []Overview) []Overview {
		return slices.DeleteFunc(all, func(o Overview) bool { return o.Conversation != c })
	})
	check(n.t, err)
	got, err := n.Overview(c, of)
	check(n.t, err)
	if len(all) != 1 || all[0].Unread != got.Unread || all[0].T != got.T {
		n.t.Fatalf("%s: %+v, alone %+v", what, all, got)
	}
	_, pending, err := n.FirstPending(c)
	check(n.t, err)
	if got.Waiting != (pending != 0) {
		n.t.Fatalf("%s: waiting %t, first pending is %d", what, got.Waiting, pending)
	}
	var unread, mentions int
	var first, last event.ID
	rows, err := n.Rows(c, Page{Limit: 1 << 20, Keep: of.Shown, Notices: true})
	check(n.t, err)
	for _, row := range rows {
		last = row.ID
		if !row.Unread {
			continue
		}
		if unread++; unread == 1 {
			first = row.ID
		}
		if slices.Contains(row.Mentions, n.own.Person) {
			mentions++
		}
	}
	switch {
	case got.Unread != unread, got.Mentions != mentions, (got.First == nil) != (unread == 0), unread > 0 && *got.First != first:
		n.t.Fatalf("%s: %d unread, %d mentions, first %v; want %d, %d, %v", what, got.Unread, got.Mentions, got.First, unread, mentions, first)
	case (got.Last == nil) != (len(rows) == 0), got.Last != nil && got.Last.ID != last:
		n.t.Fatalf("%s: last %+v, want %v", what, got.Last, last)
	}
}

// readToAsAScan marks what is shown up to a row as read, and compares.
func (n *node) readToAsAScan(what string, c event.Conversation, rows []Row, to Row, keep Keep) {
	n.t.Helper()
	want := map[event.ID]bool{}
	marked := 0
	for i, row := range rows {
		want[row.ID] = row.Unread
		before := i <= slices.IndexFunc(rows, func(r Row) bool { return r.ID == to.ID })
		if row.Unread && before && row.Arrival <= to.Arrival && keep(Source{Conversation: c, Author: row.Author}) {
			want[row.ID] = false
			marked++
		}
	}
	got, _, err := n.MarkReadTo(ctx, true, c, &to.ID, keep)
	check(n.t, err)
	if got != marked {
		n.t.Fatalf("%s: %d marked, want %d", what, got, marked)
	}
	for _, row := range n.rows(c) {
		if row.Unread != want[row.ID] {
			n.t.Fatalf("%s: %q unread: %v", what, row.Text, row.Unread)
		}
	}
}

// Thousands are marked in several commits, and all of them; receipts say that all were read.
func TestMarkReadOfMany(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	const many = 2*maxMarked + 10
	var events []event.Event
	for i := range many {
		events = append(events, p.say(fmt.Sprint(i)))
		if len(events) == event.MaxRunEvents || i == many-1 {
			_, err := p.give(n, events...)
			check(t, err)
			events = nil
		}
	}
	before := n.Last()
	marked, _, err := n.MarkReadTo(ctx, true, c, nil, nil)
	check(t, err)
	if o := n.overview(c); marked != many || o.Unread != 0 || n.Last() != before+3 {
		t.Fatalf("%d marked in %d commits, %d left", marked, n.Last()-before, o.Unread)
	}
	check(t, n.view(func(r *reader) error {
		k, err := r.conversation(c)
		check(t, err)
		return r.eachLogOf(k.Number, p.card.Person(), func(l *layout.Log) error {
			read, err := r.ranges(bucketRead, l.Number, n.own.Person)
			if !slices.Equal(read, event.Ranges{{First: 1, Last: many}}) {
				t.Errorf("read: %v", read)
			}
			return err
		})
	}))
	// What is made unread again may be read again, and receipts stay.
	rows := n.rows(c)
	check(t, n.MarkUnread(ctx, c, rows[5].ID, nil))
	if o := n.overview(c); o.Unread != maxMarked || *o.First != rows[5].ID {
		t.Fatalf("%d unread from %v", o.Unread, o.First)
	}
	check(t, n.MarkRead(ctx, true, rows[5].ID, rows[6].ID))
	if marked, _, err := n.MarkAllRead(ctx, true, nil); err != nil || marked != maxMarked-2 {
		t.Fatal(marked, err)
	}
}

// A draft lasts, and goes with the message that it was: not if it was set since, and not if the message
// can't be written. Somebody to whom there is a draft is not forgotten.
func TestDrafts(t *testing.T) {
	n := newNode(t)
	p := newPen(t)
	c := p.meets(n, false)
	reply := event.ID{7}
	before := n.Last()
	first, err := n.SetDraft(ctx, c, p.card.Person(), desk.Draft{Text: "Hel"})
	check(t, err)
	second, err := n.SetDraft(ctx, c, p.card.Person(), desk.Draft{Text: "Hello", ReplyTo: &reply})
	check(t, err)
	edit, err := n.SetDraft(ctx, c, p.card.Person(), desk.Draft{Text: "Bye", Edits: &reply})
	check(t, err)
	if first.Revision == second.Revision || n.Last() != before {
		t.Fatalf("%+v, %+v, %d changes", first, second, n.Last()-before)
	}
	if gone, err := n.Forget(ctx, p.card.Person()); err != nil || gone {
		t.Errorf("forgotten: %v, %v", gone, err)
	}
	n.reopen()
	o := n.overview(c)
	if o.Draft == nil || o.Draft.Text != "Hello" || *o.Draft.ReplyTo != reply || o.Draft.Revision != second.Revision ||
		o.Edit == nil || o.Edit.Text != "Bye" || *o.Edit.Edits != reply || !o.Edit.Set.Equal(edit.Set) {
		t.Fatalf("%+v, %+v", o.Draft, o.Edit)
	}
	send := func(revision uint64, key string) error {
		k := event.KeyFor(key)
		_, err := n.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text("Hello"), Key: &k, Revision: revision})
		return err
	}
	check(t, send(first.Revision, "1"))
	if o := n.overview(c); o.Draft == nil {
		t.Fatal("a draft went with a message that it was not")
	}
	check(t, send(second.Revision, "1")) // it was sent before, and the program died
	if o := n.overview(c); o.Draft != nil || o.Edit == nil {
		t.Fatalf("%+v, %+v", o.Draft, o.Edit)
	}
	third, err := n.SetDraft(ctx, c, p.card.Person(), desk.Draft{Text: "again"})
	check(t, err)
	if _, err := n.Append(ctx, Draft{Conversation: c, Kind: event.KindEdit, Revision: third.Revision}); err == nil {
		t.Error("an edit of nothing")
	}
	if o := n.overview(c); o.Draft == nil {
		t.Fatal("a draft went with a message that was not written")
	}
	for _, d := range []desk.Draft{{}, {Edits: &reply}} {
		_, err := n.SetDraft(ctx, c, p.card.Person(), d)
		check(t, err)
	}
	if o := n.overview(c); o.Draft != nil || o.Edit != nil {
		t.Fatalf("%+v, %+v", o.Draft, o.Edit)
	}
	for _, bad := range []string{strings.Repeat("x", event.MaxText+1), "\xff"} {
		if _, err := n.SetDraft(ctx, c, p.card.Person(), desk.Draft{Text: bad}); err == nil {
			t.Errorf("a draft of %d bytes", len(bad))
		}
	}
	stranger := crypto.PersonID{5} // of whom nothing is kept
	unmet := event.Direct(n.own.Person, stranger)
	if _, err := n.SetDraft(ctx, unmet, stranger, desk.Draft{Text: "x"}); err != nil || n.overview(unmet).Draft == nil {
		t.Error("no draft to somebody who is in earshot", err)
	}
	if _, err := n.SetDraft(ctx, event.Conversation{1}, crypto.PersonID{}, desk.Draft{Text: "x"}); err != ErrNoConversation {
		t.Error(err)
	}
}

// What is set lasts, and is a change that people see. What arrives brings back what was put away.
func TestChosen(t *testing.T) {
	a, b, c := pair(t)
	a.say(c, "1")
	meet(a, b, c)
	until := epoch.Add(time.Hour)
	before := b.Last()
	choose := func() {
		check(t, b.Choose(ctx, c, a.own.Person, func(ch *desk.Chosen, now uint64) {
			*ch = desk.Chosen{Notify: desk.NotifyNone, Muted: until, Pinned: true, Archived: now}
		}))
	}
	choose()
	if b.Last() != before+1 {
		t.Errorf("%d changes", b.Last()-before)
	}
	b.reopen()
	o := b.overview(c)
	if ch := o.Chosen; ch.Notify != desk.NotifyNone || !ch.Muted.Equal(until) || !ch.Pinned || !o.Archived {
		t.Fatalf("%+v", o)
	}
	check(t, b.MarkRead(ctx, true, o.Last.ID))
	if !b.overview(c).Archived {
		t.Error("what was read brings it back")
	}
	a.say(c, "2")
	meet(a, b, c)
	if o := b.overview(c); o.Archived {
		t.Error("still away")
	}
	check(t, b.Choose(ctx, c, a.own.Person, func(ch *desk.Chosen, _ uint64) { *ch = desk.Chosen{} }))
	if o := b.overview(c); o.Chosen != (desk.Chosen{}) {
		t.Fatalf("%+v", o.Chosen)
	}
}

// Notices have their place among messages, for pages and for what is read.
func TestNoticesAmongMessages(t *testing.T) {
	n := newNode(t)
	c := group(n)
	n.say(c, "1")
	check(t, n.Tell(ctx, c, News{Notices: []Notice{{What: GroupRenamed, Name: "a", Was: "b"}, {What: GroupTopic, Text: "t"}}}))
	n.wait(time.Second)
	last := n.say(c, "2")
	kept, err := n.Notices(0, 10)
	check(t, err)
	rows, err := n.Rows(c, Page{Limit: 10, Notices: true})
	check(t, err)
	if len(rows) != 4 || rows[1].ID != layout.NoticeID(kept[0].N) || rows[1].Notice == nil || rows[2].Notice.Text != "t" || rows[3].ID != last.ID {
		t.Fatalf("%+v", rows)
	}
	equalWords(t, "messages", words(n.rows(c)), "1", "2")
	second := layout.NoticeID(kept[1].N)
	for _, page := range []struct {
		Page
		want []event.ID
	}{
		{Page{Before: &second, Limit: 2, Notices: true}, []event.ID{rows[0].ID, rows[1].ID}},
		{Page{Before: &second, Limit: 2}, []event.ID{rows[0].ID}},
		{Page{After: &rows[1].ID, Limit: 2, Notices: true}, []event.ID{second, last.ID}},
		{Page{After: &rows[1].ID, Limit: 2}, []event.ID{last.ID}},
	} {
		got, err := n.Rows(c, page.Page)
		check(t, err)
		if !slices.EqualFunc(got, page.want, func(r Row, id event.ID) bool { return r.ID == id }) {
			t.Errorf("%+v: %+v", page, got)
		}
	}
	if row, err := n.RowOrNotice(second); err != nil || row.Notice == nil || row.Conversation != c || row.T != rows[2].T {
		t.Error(row, err)
	}
	other := group(n)
	if _, err := n.Rows(other, Page{Before: &second, Limit: 1}); err != ErrNoEvent {
		t.Error(err)
	}
	if _, err := n.RowOrNotice(layout.NoticeID(999)); err != ErrNoEvent {
		t.Error(err)
	}
	if _, err := n.Row(second); err != ErrNoEvent { // it is no message
		t.Error(err)
	}
	check(t, n.TellOf(ctx, Notice{Group: event.Conversation{9}, What: GroupLost, Name: "x"}))
	n.reopen()
}

// An event that waited for its cause, and past whose place its log was cut meanwhile, counts only once
// the log counts so far again.
func TestWhatIsCutWhileItWaits(t *testing.T) {
	n, p, q := newNode(t), newPen(t), newPen(t)
	c := group(n)
	for _, pen := range []*pen{p, q} {
		pen.meets(n, true)
		pen.restart(c)
	}
	heads := func(h *event.Header) { h.Control = []crypto.Hash{crypto.Hash(c)} }
	cause := p.say("cause", heads)
	_, err := q.give(n, q.say("answer", heads, func(h *event.Header) { h.Seen = []event.Position{cause.Position()} }))
	check(t, err)
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{q.log: 0}))
	n.wait(time.Hour)
	check(t, n.Release(ctx, nil, n.now(), nil))
	n.summed()
	if o := n.overview(c); o.Unread != 0 || o.Last != nil {
		t.Fatalf("%+v", o)
	}
	check(t, n.SetLimits(ctx, c, nil))
	n.summed()
	if o := n.overview(c); o.Unread != 1 || o.Last.Text != "answer" {
		t.Fatalf("%+v", o)
	}
}

// What is passed over, since it came later, is passed over once, however much of it there is.
func TestMarkReadToPassesOverMuch(t *testing.T) {
	n, p, q, c := twoPens(t)
	shown := p.write(event.KindText, text("shown last"), epoch.Add(time.Minute))
	_, err := p.give(n, shown)
	check(t, err)
	const late = 2*maxMarked + 1
	var events []event.Event
	for i := range late {
		events = append(events, q.say("late"))
		if len(events) == event.MaxRunEvents || i == late-1 {
			_, err := q.give(n, events...)
			check(t, err)
			events = nil
		}
	}
	marked, _, err := n.MarkReadTo(ctx, true, c, &shown.ID, nil)
	check(t, err)
	if o := n.overview(c); marked != 1 || o.Unread != late || o.Last.ID != shown.ID {
		t.Fatalf("%d marked, %d left", marked, o.Unread)
	}
}

// Several whose logs end earlier at once: what each said last is found, and only where it is another one.
func TestLastOfMany(t *testing.T) {
	n := newNode(t)
	c := group(n)
	heads := func(h *event.Header) { h.Control = []crypto.Hash{crypto.Hash(c)} }
	var pens []*pen
	for range 4 {
		p := newPen(t)
		p.meets(n, true)
		p.restart(c)
		pens = append(pens, p)
	}
	for range 3 {
		for _, p := range pens {
			_, err := p.give(n, p.say("hello", heads))
			check(t, err)
		}
	}
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{pens[0].log: 0, pens[1].log: 1, pens[2].log: 2}))
	n.summed()
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{pens[3].log: 1}))
	n.summed()
	old := pens[3].log
	pens[3].restart(c)
	_, err := pens[3].give(n, pens[3].say("from another log", heads))
	check(t, err)
	check(t, n.SetLimits(ctx, c, map[event.Log]uint64{old: 2})) // less comes back than what came last
	n.summed()
	rows := n.rows(c)
	check(t, n.do(ctx, func(b *batch) error {
		for i, want := range map[int]int{0: 0, len(rows) - 1: 1} {
			b.voices.cut = nil
			x, err := b.view.rowEntry(rows[i].ID)
			if err == nil {
				err = b.voices.hide(x)
			}
			if got := len(b.voices.cut); err != nil || got != want {
				t.Errorf("row %d of %d: looked for in %d conversations, want %d, %v", i, len(rows), got, want, err)
			}
		}
		return nil
	}))
	n.summed()
}
