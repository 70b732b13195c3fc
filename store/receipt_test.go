package store

import (
	"bytes"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
)

// addLogs gives somebody so many logs in a conversation, each held in so many pieces.
func (n *node) addLogs(c event.Conversation, p *pen, logs, pieces int) (names []event.Log) {
	n.t.Helper()
	check(n.t, n.do(ctx, func(b *batch) error {
		k, err := b.conversation(c)
		if err != nil {
			return err
		}
		for range logs {
			p.restart(c)
			l := b.addLog(k.Number, p.log, p.card.Person(), layout.BranchFirst)
			for i := range pieces {
				seq := uint64(2*i + 1)
				l.Segments = append(l.Segments, event.Segment{First: seq, Last: seq, ID: event.ID{byte(i)}})
			}
			names = append(names, p.log)
		}
		return nil
	}))
	return names
}

// A receipt has room for some segments: it has the last ones of each log, and more of those that
// were begun last.
func TestReceiptHasTheLatestOfEachLog(t *testing.T) {
	for _, c := range []struct {
		logs, pieces int
		want         func(log int) int // segments of the logs in the order in which they were begun
	}{
		{1, 10, func(int) int { return 10 }},
		{1, 100, func(int) int { return 64 }},
		{10, 20, func(log int) int {
			if log >= 6 {
				return 7
			}
			return 6
		}},
		{100, 3, func(log int) int {
			if log >= 36 {
				return 1
			}
			return 0
		}},
	} {
		n, p := newNode(t), newPen(t)
		conv := p.meets(n, true)
		names := n.addLogs(conv, p, c.logs, c.pieces)
		receipt, err := n.ReceiptState(conv, p.card.Person())
		check(t, err)
		if _, err := event.ParseReceipt(receipt.Marshal()); err != nil {
			t.Errorf("%d logs in %d pieces: %v", c.logs, c.pieces, err)
		}
		got := map[event.Log][]uint64{}
		for _, g := range receipt.Delivered {
			got[g.Log(conv)] = append(got[g.Log(conv)], g.First)
		}
		for i, log := range names {
			var want []uint64
			for piece := c.pieces - c.want(i); piece < c.pieces; piece++ {
				want = append(want, uint64(2*piece+1))
			}
			if !slices.Equal(got[log], want) {
				t.Errorf("%d logs in %d pieces: %v of the %d. log, want %v", c.logs, c.pieces, got[log], i, want)
			}
		}
		n.stop()
	}
}

// What one member has to do with is not looked for among the logs of all.
func TestReceiptLooksAtItsAuthorOnly(t *testing.T) {
	n, p, q := newNode(t), newPen(t), newPen(t)
	c := group(n)
	p.restart(c)
	_, err := p.give(n, p.say("words"))
	check(t, err)
	state := func(r *reader) error {
		receipt, err := r.delivery.receiptState(Subject{c, p.card.Person()})
		if len(receipt.Delivered) != 1 {
			t.Errorf("%+v", receipt)
		}
		return err
	}
	before := n.looks(state)
	n.addLogs(c, q, 200, 1)
	if after := n.looks(state); after != before {
		t.Errorf("%d looks, and %d after others have come", before, after)
	}
}

// One person's logs are charged and bounded: with each of them everything that is said of a
// conversation grows.
func TestLogsAreBounded(t *testing.T) {
	long(t)
	for _, contact := range []bool{false, true} {
		n, p := newNode(t), newPen(t)
		c := p.meets(n, contact)
		origin := p.origin()
		begin := func() error {
			p.restart(c)
			_, err := n.take(event.Run{Events: []event.Event{p.say("x")}}, origin)
			return err
		}
		bound := ErrBudget // charged before there are too many
		if contact {
			bound = ErrTooManyLogs
		}
		count := 0
		for ; count <= MaxLogs; count++ {
			if err := begin(); err == bound {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		switch {
		case contact && count != MaxLogs:
			t.Errorf("a contact has %d logs", count)
		case !contact && (count > 256 || count < 128):
			t.Errorf("a stranger has %d logs", count)
		}
		if !contact {
			continue
		}
		// What was begun goes on, and so does a fork of it; others begin as before.
		for log := range n.logs(c) {
			p.log, p.last = log, event.Event{}
			break
		}
		p.say("in place of x")
		if _, err := n.take(event.Run{Events: []event.Event{p.last}}, origin); err != ErrForked {
			t.Error(err)
		}
		q := newPen(t)
		q.restart(q.meets(n, true))
		if _, err := q.give(n, q.say("hello")); err != nil {
			t.Error(err)
		}
	}
}

// subjects says on what receipts are to be signed.
func (n *node) subjects() []Subject {
	n.t.Helper()
	all, err := n.Unsigned()
	check(n.t, err)
	return all
}

// Whatever would change a receipt is noted with it, and only that, until it is signed.
func TestReceiptsToSign(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	of := Subject{c, p.card.Person()}
	toSign := func(what string, want ...Subject) {
		t.Helper()
		n.reopen()
		if got := n.subjects(); !slices.Equal(got, want) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	any := func(event.Receipt) bool { return true }
	sign := func(of Subject) event.Receipt {
		t.Helper()
		record, signed, err := n.SignReceipt(ctx, of, any)
		check(t, err)
		if !signed || !record.Verify() || !bytes.Equal(record.Subject, event.ReceiptSubject(of.Conversation, of.Author, n.own.Store)) {
			t.Fatalf("%+v", record)
		}
		receipt, err := event.ParseReceipt(record.Value)
		check(t, err)
		return receipt
	}
	toSign("nothing has come")
	said := p.say("hello")
	_, err := p.give(n, said)
	check(t, err)
	toSign("something has come", of)
	if r := sign(of); len(r.Delivered) != 1 || len(r.Read) != 0 {
		t.Errorf("%+v", r)
	}
	toSign("it was signed")
	_, err = p.give(n, said)
	check(t, err)
	n.say(c, "hello yourself")
	toSign("the same again, and something of one's own")
	check(t, n.MarkRead(ctx, false, said.ID))
	toSign("it was read, and nobody is to know")
	_, err = p.give(n, p.say("you there?"))
	check(t, err)
	sign(of)
	check(t, n.MarkRead(ctx, true, p.last.ID))
	toSign("it was read", of)
	if _, signed, err := n.SignReceipt(ctx, of, func(r event.Receipt) bool { return len(r.Read) == 0 }); err != nil || signed {
		t.Errorf("signed %t, %v", signed, err)
	}
	toSign("it is not worth a signature")
	check(t, n.MarkRead(ctx, true, p.last.ID))
	toSign("it was read again")

	p.restart(c)
	first := p.say("oops")
	_, err = p.give(n, first)
	check(t, err)
	sign(of)
	recall := p.recalls(first.ID, epoch)
	first.Absent, first.Body = event.Recalled, nil
	_, err = n.take(event.Run{Events: []event.Event{first}, Recalls: []event.Event{recall}}, p.origin())
	check(t, err)
	toSign("a recall has come, enclosed in what was here", of)
	sign(of)
	device := newPen(t) // another of the owner's
	device.restart(c)
	_, err = n.take(event.Run{Events: []event.Event{device.say("me again")}}, Origin{Author: n.own.Person})
	check(t, err)
	toSign("something of one's own has come back")

	g := group(n)
	in := Subject{g, p.card.Person()}
	p.restart(g)
	_, err = p.give(n, p.say("hello all"))
	check(t, err)
	toSign("in a group the acknowledgement says that it has come")
	check(t, n.MarkRead(ctx, true, p.last.ID))
	toSign("in a group it was read", in)
	if r := sign(in); len(r.Read) != 1 {
		t.Errorf("%+v", r)
	}
	p.last = event.Event{}
	if _, err = p.give(n, p.say("something else")); err != ErrForked {
		t.Fatal(err)
	}
	toSign("in a group a log was contradicted", in)
	sign(in)
	if _, _, err := n.SignReceipt(ctx, Subject{event.Conversation{1}, of.Author}, any); err != ErrNoConversation {
		t.Error(err)
	}
}

// What comes while a receipt is being signed is noted after it.
func TestReceiptThatIsOvertaken(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	of := Subject{c, p.card.Person()}
	_, err := p.give(n, p.say("one"))
	check(t, err)
	var second func() (IngestResult, error)
	_, _, err = n.SignReceipt(ctx, of, func(r event.Receipt) bool {
		if second == nil {
			second = n.BeginIngest(ctx, event.Run{Events: []event.Event{p.say("two")}}, p.origin())
		}
		return true
	})
	check(t, err)
	_, err = second()
	check(t, err)
	if got := n.subjects(); !slices.Equal(got, []Subject{of}) {
		t.Errorf("%v", got)
	}
}

// A disk that went back in time is given back the receipt that its device signed: what the owner has
// read by it is read here, what is here and what comes later, and the next receipt says no more than
// what is here.
func TestReadBeforeTheDiskWentBack(t *testing.T) {
	a, b, c := pair(t)
	for _, words := range []string{"1", "2", "3", "4"} {
		b.say(c, words)
	}
	log := b.log(c)
	give := func(first, last uint64) {
		t.Helper()
		run, err := b.LoadRun(log, first, int(last-first+1), event.MaxRunSent)
		check(t, err)
		_, err = a.take(run, Origin{Author: b.own.Person})
		check(t, err)
	}
	give(1, 2)
	equalWords(t, "unread", a.unread(), "1", "2")
	third, err := b.LoadRun(log, 3, 1, event.MaxRunSent)
	check(t, err)
	read := Delivery{Person: a.own.Person, Log: log, Read: true, Segments: event.Segments{third.Segment()}}
	read.Segments[0].First = 2
	check(t, a.NoteDelivered(ctx, []Delivery{read}))
	equalWords(t, "unread", a.unread(), "1")
	check(t, a.view(func(r *reader) error {
		state, err := r.delivery.receiptState(Subject{c, b.own.Person})
		if len(state.Read) != 1 || state.Read[0].First != 2 || state.Read[0].Last != 2 {
			t.Errorf("the receipt says %+v", state.Read)
		}
		return err
	}))
	a.reopen()
	give(3, 4)
	equalWords(t, "unread", a.unread(), "1", "4")
}
