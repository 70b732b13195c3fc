package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// stripped returns an event as a peer gives it that says it has no words.
func stripped(e event.Event) event.Event {
	e.Body, e.Absent = nil, event.Dropped
	return e
}

// pieces returns what n tells of the log that the pen writes.
func (p *pen) pieces(n *node) event.Ranges {
	p.t.Helper()
	return n.logs(p.log.Conversation)[p.log].Ranges()
}

func (p *pen) holds(n *node, want ...event.Range) {
	p.t.Helper()
	if got := p.pieces(n); !slices.Equal(got, event.Ranges(want)) {
		p.t.Fatalf("held: %v, want %v", got, want)
	}
}

// A relay that strips the words of what it hands on must not make the receiver acknowledge them.
func TestStrippedWordsAreNotHad(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	events := []event.Event{p.say("1"), p.say("2"), p.say("3")}
	r, err := p.give(n, events[0], stripped(events[1]), events[2])
	check(t, err)
	want := event.Ranges{{First: 1, Last: 1}, {First: 3, Last: 3}}
	if got := r.Segments.Ranges(); !slices.Equal(got, want) {
		t.Fatalf("acknowledged: %v", got)
	}
	receipt, err := n.ReceiptState(c, p.card.Person())
	check(t, err)
	if len(receipt.Delivered) != 2 || receipt.Delivered[0].Last != 1 || receipt.Delivered[1].First != 3 {
		t.Fatalf("receipt: %v", receipt.Delivered)
	}
	n.reopen()
	p.holds(n, want...)
	// It can be handed on as it is, and says what it lacks.
	run, err := n.LoadRun(p.log, 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	check(t, run.Prove())
	if got := run.Given().Ranges(); !slices.Equal(got, want) {
		t.Fatalf("served: %v", got)
	}
	// The words come from somebody else.
	_, err = p.give(n, events[1])
	check(t, err)
	p.holds(n, event.Range{First: 1, Last: 3})
	equalWords(t, "rows", words(n.rows(c)), "1", "2", "3")
}

// Whatever a peer says instead of giving the words, the event does not count as had unless that is
// proven.
func TestFalseAbsenceIsNotHad(t *testing.T) {
	for _, absent := range []event.Absence{event.Recalled, event.Expired, event.Dropped} {
		n, p := newNode(t), newPen(t)
		c := p.meets(n, true)
		e := p.say("words", func(h *event.Header) { h.Lifetime = 3600 })
		gone := e
		gone.Body, gone.Absent = nil, absent
		r, err := p.give(n, gone)
		check(t, err)
		if len(r.Segments) > 0 {
			t.Fatalf("absence %d: held: %v", absent, r.Segments)
		}
		_, err = p.give(n, e)
		check(t, err)
		equalWords(t, "rows", words(n.rows(c)), "words")
		p.holds(n, event.Range{First: 1, Last: 1})
	}
}

// An event that has expired by the clock of this node counts as had, whether somebody kept its
// words or not.
func TestExpiredIsHad(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, true)
	e := p.say("words", func(h *event.Header) { h.Lifetime = 60 })
	e.Body, e.Absent = nil, event.Expired
	n.wait(time.Minute - time.Millisecond)
	_, err := p.give(n, e)
	check(t, err)
	p.holds(n)
	n.wait(time.Millisecond)
	_, err = p.give(n, e)
	check(t, err)
	p.holds(n, event.Range{First: 1, Last: 1})
}

// A recall explains an absence wherever it stands: enclosed, held before, in the same run, or in
// one that comes later.
func TestRecallExplainsAbsence(t *testing.T) {
	for _, how := range []string{"enclosed", "held", "same run", "later"} {
		n, p := newNode(t), newPen(t)
		p.meets(n, true)
		m := p.say("m")
		edit := p.edits(m.ID, "edited", epoch)
		recall := p.recalls(m.ID, epoch.Add(time.Hour))
		gone, goneEdit := stripped(m), stripped(edit)
		gone.Absent, goneEdit.Absent = event.Recalled, event.Recalled
		var err error
		switch how {
		case "enclosed":
			_, err = n.take(event.Run{Events: []event.Event{gone, goneEdit}, Recalls: []event.Event{recall}}, p.origin())
		case "held":
			_, err = p.give(n, recall)
			check(t, err)
			_, err = p.give(n, gone, goneEdit)
		case "same run":
			_, err = p.give(n, gone, goneEdit, recall)
		case "later":
			_, err = p.give(n, gone, goneEdit)
			check(t, err)
			p.holds(n)
			_, err = p.give(n, recall)
			check(t, err)
			_, err = p.give(n, goneEdit) // which is asked for until then
		}
		check(t, err)
		if got := p.pieces(n); len(got) != 1 || got[0] != (event.Range{First: 1, Last: 3}) {
			t.Fatalf("%s: held: %v", how, got)
		}
		// And is handed on so that others can tell.
		run, err := n.LoadRun(p.log, 1, event.MaxRunEvents, event.MaxRunSent)
		check(t, err)
		check(t, run.Prove())
		if len(run.Recalls) != 1 || run.Recalls[0].ID != recall.ID || run.Events[1].Absent != event.Recalled {
			t.Fatalf("%s: %d recalls, the edit is absent as %d", how, len(run.Recalls), run.Events[1].Absent)
		}
	}
}

// A recall by somebody else explains nothing.
func TestRecallByAnotherExplainsNothing(t *testing.T) {
	n, p, q, _ := twoPens(t)
	m := p.say("m")
	_, err := q.give(n, q.recalls(m.ID, epoch))
	check(t, err)
	gone := stripped(m)
	gone.Absent = event.Recalled
	_, err = p.give(n, gone)
	check(t, err)
	p.holds(n)
}

// Who gives a run first without its words and then with them pays for the words too.
func TestWordsThatComeLaterAreCharged(t *testing.T) {
	n, p := newNode(t), newPen(t)
	p.meets(n, false)
	from := p.origin()
	var err error
	for i := 0; i < 2*book.StrangerBudget/(60<<10) && err == nil; i++ {
		e := p.say(string(make([]byte, 60<<10)))
		if _, err = n.take(event.Run{Events: []event.Event{stripped(e)}}, from); err == nil {
			_, err = n.take(event.Run{Events: []event.Event{e}}, from)
		}
	}
	if err != ErrBudget {
		t.Fatal(err)
	}
}

// A gap mark goes when what was missing has come; the row stays where it is.
func TestGapMarkGoesWhenTheCauseComes(t *testing.T) {
	n, p, q, c := twoPens(t)
	q1 := p.say("question")
	q2 := p.say("another")
	answer := q.say("answer", func(h *event.Header) { h.Seen, h.Clock = []event.Position{q2.Position()}, h.Clock-1000 })
	_, err := q.give(n, answer)
	check(t, err)
	n.wait(time.Hour)
	check(t, n.Release(ctx, nil, n.now(), nil))
	if rows := n.rows(c); len(rows) != 1 || !rows[0].Gap {
		t.Fatalf("%+v", rows)
	}
	_, err = p.give(n, stripped(q2)) // without its words it is still missing
	check(t, err)
	if rows := n.rows(c); len(rows) != 1 || !rows[0].Gap {
		t.Fatalf("%+v", rows)
	}
	_, err = p.give(n, q1, q2)
	check(t, err)
	rows := n.rows(c)
	equalWords(t, "rows", words(rows), "answer", "question", "another")
	if rows[0].Gap {
		t.Fatal("the mark stays")
	}
}

// Somebody may write any number of messages that lack one event. When that came, one transaction
// looked at them all, and nobody else could write meanwhile.
func TestEventThatManyRowsLackIsOneNote(t *testing.T) {
	n, p, q, c := twoPens(t)
	missing, other := p.say("missing"), p.say("missing too")
	var answers []event.Event
	for range 50 {
		answers = append(answers, q.say("answer", func(h *event.Header) { h.Seen = []event.Position{missing.Position()} }))
		answers = append(answers, q.say("aside"))
	}
	last := q.say("last", func(h *event.Header) { h.Seen = []event.Position{other.Position()} })
	_, err := q.give(n, append(answers, last)...)
	check(t, err)
	n.wait(time.Hour)
	check(t, n.Release(ctx, nil, n.now(), nil))
	gaps := func() (count int) {
		check(t, n.view(func(r *reader) error { count = r.Count(bucketGaps, nil); return nil }))
		return count
	}
	if got := gaps(); got != 2 {
		t.Errorf("%d gaps are remembered for two events", got)
	}
	f := n.newFollower()
	_, err = p.give(n, missing)
	check(t, err)
	f.follow(n, 1000, -1)
	f.agree(n, "when the first has come")
	if got := gaps(); got != 1 {
		t.Errorf("%d gaps are left", got)
	}
	for _, r := range n.rows(c) {
		if r.Gap != (r.Text == "last") {
			t.Errorf("%q: gap %t", r.Text, r.Gap)
		}
	}
}

// A newcomer does not wait for what is not for them, as long as the peer says which that is.
func TestWithheldCausesAreNotWaitedFor(t *testing.T) {
	n, p, q, c, first := newcomer(t)
	for _, withheld := range []uint32{0, event.WithholdPrevious} {
		first.Withheld = withheld
		_, err := p.give(n, first)
		check(t, err)
		equalWords(t, "rows", words(n.rows(c)))
	}
	first.Withheld = event.WithholdPrevious | event.WithholdSeen(0)
	_, err := n.take(event.Run{Events: []event.Event{first}}, Origin{Author: p.card.Person()})
	check(t, err)
	rows := n.rows(c)
	equalWords(t, "rows", words(rows), "first")
	if rows[0].Gap {
		t.Fatal("a gap before what there is")
	}
	// Both are known at once, and after a restart too, where something else is waited for.
	p.restart(c)
	later := q.say("later", func(h *event.Header) { h.Clock += 1000 })
	second := p.say("second", func(h *event.Header) { h.Seen = []event.Position{later.Position()} })
	third := p.say("third", func(h *event.Header) {
		h.Seen = []event.Position{{Device: q.log.Device, Sequence: 7}, later.Position()}
	})
	third.Withheld = event.WithholdSeen(0)
	_, err = n.take(event.Run{Events: []event.Event{second, third}}, Origin{Author: p.card.Person()})
	check(t, err)
	n.reopen()
	equalWords(t, "rows", words(n.rows(c)), "first")
	later.Withheld = event.WithholdPrevious
	_, err = n.take(event.Run{Events: []event.Event{later}}, Origin{Author: q.card.Person()})
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)), "first", "later", "second", "third")
}

// In a direct conversation both have a right to everything, so nobody can say otherwise.
func TestNothingIsWithheldFromAPerson(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	p.say("question")
	answer := p.say("answer")
	answer.Withheld = event.WithholdPrevious
	_, err := p.give(n, answer)
	check(t, err)
	equalWords(t, "rows", words(n.rows(c)))
}

// Scattered pieces shut nobody out: with one honest holder, who gives the lowest that is lacking
// first, everything arrives, whatever others have given in whatever order.
func TestScatteredPiecesShutNobodyOut(t *testing.T) {
	long(t)
	const length = 3*event.MaxPieces + 300
	p := newPen(t)
	first := newNode(t)
	c := p.meets(first, true)
	var events []event.Event
	for i := range length {
		events = append(events, p.say(fmt.Sprint(i)))
	}
	orders := map[string]func() []int{
		"ascending": func() (out []int) {
			for i := 1; i < length; i += 2 {
				out = append(out, i)
			}
			return out
		},
		"descending": func() (out []int) {
			for i := length - 1; i >= 0; i -= 2 {
				out = append(out, i)
			}
			return out
		},
		"random": func() []int { return rand.New(rand.NewPCG(1, 2)).Perm(length)[:length/2] },
	}
	for name, order := range orders {
		n := newNode(t)
		check(t, n.book.UpdatePerson(ctx, first.own.Person, func(*book.Person) error { return nil }))
		q := *p
		q.meets(n, true)
		q.log = p.log // its events are of the conversation with first, which n keeps as that of the two persons
		check(t, n.do(ctx, func(b *batch) error {
			_, err := b.addConversation(c, p.card.Person())
			return err
		}))
		gives := func(runs []event.Run) (refused int) {
			var waits []func() (IngestResult, error)
			for _, r := range runs {
				waits = append(waits, n.BeginIngest(ctx, r, p.origin()))
			}
			for _, wait := range waits {
				if r, err := wait(); err == ErrTooManySegments {
					refused++
				} else if check(t, err); len(r.Segments) > event.MaxPieces {
					t.Fatalf("%s: %d pieces", name, len(r.Segments))
				}
			}
			return refused
		}
		var attack []event.Run
		for _, i := range order() {
			attack = append(attack, event.Run{Events: events[i : i+1]})
		}
		if refused := gives(attack); refused == 0 && name == "ascending" {
			t.Fatal("nothing was refused: the test is too small")
		}
		n.reopen()
		told := func() event.Segments { return n.logs(c)[p.log].Told() }
		for rounds := 0; ; rounds++ {
			lacking := (event.Ranges{{First: 1, Last: length}}).Subtract(told().Ranges())
			if len(lacking) == 0 {
				break
			}
			if rounds > length {
				t.Fatalf("%s: never ends", name)
			}
			at := int(lacking[0].First) - 1
			if gives([]event.Run{{Events: events[at:min(at+100, length)]}}) > 0 {
				t.Fatalf("%s: the lowest that was lacking is refused", name)
			}
		}
		if rows := n.rows(c); len(rows) != length {
			t.Fatalf("%s: %d rows of %d", name, len(rows), length)
		}
		n.stop()
	}
}
