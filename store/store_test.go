package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/layout"
)

func TestMessageReachesAndIsRead(t *testing.T) {
	a, b, c := pair(t)
	m := a.say(c, "hello")
	if m.State != Queued || a.pending() != 1 || !m.Own || m.Text != "hello" {
		t.Fatalf("after append: %+v", m)
	}
	meet(a, b, c)
	equalWords(t, "unread", b.unread(), "hello")
	if a.state(m.ID) != Delivered || a.pending() != 0 {
		t.Fatal("not delivered")
	}
	check(t, b.MarkRead(ctx, true, m.ID))
	equalWords(t, "unread", b.unread())
	receipt, err := b.ReceiptState(c, a.own.Person)
	check(t, err)
	if len(receipt.Read) != 1 || receipt.Read[0].ID != m.ID || len(receipt.Delivered) != 1 {
		t.Fatalf("receipt: %+v", receipt)
	}
	for _, s := range receipt.Read {
		check(t, a.NoteDelivered(ctx, []Delivery{{Person: b.own.Person, Log: s.Log(c), Segments: []event.Segment{s.Segment}, Read: true}}))
	}
	if a.state(m.ID) != Read {
		t.Fatal("not read")
	}
	// It never goes back, and a restart changes nothing.
	a.reopen()
	check(t, a.NoteDelivered(ctx, []Delivery{{Person: b.own.Person, Log: a.log(c)}}))
	if a.state(m.ID) != Read {
		t.Fatal("went back")
	}
}

func TestAppendKey(t *testing.T) {
	a, _, c := pair(t)
	m := a.sayKey(c, "once", "k")
	if again := a.sayKey(c, "once", "k"); !again.Existing || again.ID != m.ID {
		t.Fatal("a second message under one key")
	}
	k := event.KeyFor("k")
	if _, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text("other"), Key: &k}); err != ErrKeyUsed {
		t.Fatal(err)
	}
	if len(a.rows(c)) != 1 {
		t.Fatal("more than one row")
	}
	if _, err := a.Append(ctx, Draft{Conversation: event.Conversation{1}, Kind: event.KindText, Content: text("x")}); err != ErrNoConversation {
		t.Fatal(err)
	}
	if _, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindRecall}); err != ErrKind {
		t.Fatal(err)
	}
	if _, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: []byte{0xff}}); !errors.Is(err, event.ErrMalformed) {
		t.Fatal(err)
	}
}

// Appends that wait for the writer share its transactions, each log's last event carries the one
// signature, and an op that fails in between harms nobody.
func TestGroupCommit(t *testing.T) {
	a, _, c := pair(t)
	boom := errors.New("boom")
	release := a.hold()
	var waits []func() error
	const n = 100
	for i := range n {
		if i%10 == 0 {
			fails := a.submit(ctx, func(b *batch) error {
				b.Put(bucketMeta, []byte("never"), []byte{1})
				return boom
			})
			waits = append(waits, func() error {
				if err := fails(); err != boom {
					t.Error(err)
				}
				return nil
			})
		}
		waits = append(waits, a.submitSay(c, fmt.Sprint(i)))
	}
	before := a.Last()
	release()
	for _, wait := range waits {
		check(t, wait())
	}
	if rows := a.rows(c); len(rows) != n {
		t.Fatalf("%d rows", len(rows))
	}
	if a.Last()-before != n {
		t.Fatalf("the counter moved by %d", a.Last()-before)
	}
	commits := 0
	a.mu.Lock()
	for _, ch := range a.changes {
		if ch.N > before {
			commits++
		}
	}
	a.mu.Unlock()
	if commits > n/4 {
		t.Fatalf("%d commits for %d messages", commits, n)
	}
	signed := 0
	check(t, a.view(func(r *reader) error {
		if r.Get(bucketMeta, []byte("never")) != nil {
			t.Error("what failed was written")
		}
		return each(r, bucketEvents, nil, func(_, v []byte) error {
			st, err := layout.ParseEvent(v)
			if st.Signature != nil {
				signed++
			}
			return err
		})
	}))
	if signed != commits {
		t.Fatalf("%d signatures in %d commits", signed, commits)
	}
	run, err := a.LoadRun(a.log(c), 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	check(t, run.Prove())
}

func TestLoadRunBounds(t *testing.T) {
	a, b, c := pair(t)
	for i := range 600 {
		a.say(c, fmt.Sprint(i))
	}
	run, err := a.LoadRun(a.log(c), 1, event.MaxRunEvents, event.MaxRunSent)
	check(t, err)
	if len(run.Events) != event.MaxRunEvents {
		t.Fatalf("%d events", len(run.Events))
	}
	if run, err = a.LoadRun(a.log(c), 5, event.MaxRunEvents, 1000); err != nil || len(run.Events)*run.Events[0].Size() > 1000 || len(run.Events) < 3 {
		t.Fatalf("%d events in 1000 bytes: %v", len(run.Events), err)
	}
	if _, err = a.LoadRun(a.log(c), 601, event.MaxRunEvents, 1000); err != ErrNoEvent {
		t.Fatal(err)
	}
	meet(a, b, c)
	if rows := b.rows(c); len(rows) != 600 || rows[599].Text != "599" {
		t.Fatalf("%d rows", len(rows))
	}
}

// One commit of more than a run may hold is signed in between.
func TestLongCommitIsSignedInBetween(t *testing.T) {
	a, b, c := pair(t)
	check(t, a.do(ctx, func(tx *batch) error {
		k, err := tx.conversation(c)
		if err != nil {
			return err
		}
		for i := range 40 {
			body := event.Body{Content: text(string(make([]byte, 60<<10)))}
			h := event.Header{Kind: event.KindText, Clock: epoch.UnixMilli(), Key: [16]byte{byte(i), 1}}
			if _, err := tx.own.write(&k, h, body); err != nil {
				return err
			}
		}
		for i := range 600 {
			h := event.Header{Kind: event.KindText, Clock: epoch.UnixMilli(), Key: [16]byte{byte(i), byte(i >> 8), 2}}
			if _, err := tx.own.write(&k, h, event.Body{Content: text("x")}); err != nil {
				return err
			}
		}
		return nil
	}))
	events, size := 0, 0
	check(t, a.view(func(r *reader) error {
		return each(r, bucketEvents, nil, func(_, v []byte) error {
			st, err := layout.ParseEvent(v)
			check(t, err)
			h, err := event.ParseHeader(st.HeaderBytes)
			events, size = events+1, size+len(st.HeaderBytes)+int(h.BodySize)
			if events > event.MaxRunEvents || size > event.MaxRunSize {
				t.Errorf("%d events and %d bytes without a signature", events, size)
			}
			if st.Signature != nil {
				events, size = 0, 0
			}
			return err
		})
	}))
	meet(a, b, c)
	if n := len(b.rows(c)); n != 640 {
		t.Fatalf("%d rows", n)
	}
}

func TestArrivalsAndPages(t *testing.T) {
	a, b, c := pair(t)
	var ids []event.ID
	for i := range 10 {
		a.wait(time.Second)
		ids = append(ids, a.say(c, fmt.Sprint(i)).ID)
	}
	meet(a, b, c)
	rows, _, err := b.Arrivals(0, 4, nil)
	check(t, err)
	equalWords(t, "arrivals", words(rows), "0", "1", "2", "3")
	rows, _, err = b.Arrivals(rows[3].Arrival, 2, nil)
	check(t, err)
	equalWords(t, "arrivals", words(rows), "4", "5")
	for _, page := range []struct {
		Page
		want []string
	}{
		{Page{Limit: 3}, []string{"7", "8", "9"}},
		{Page{Before: &ids[3], Limit: 2}, []string{"1", "2"}},
		{Page{Before: &ids[1], Limit: 5}, []string{"0"}},
		{Page{After: &ids[7], Limit: 5}, []string{"8", "9"}},
		{Page{After: &ids[9], Limit: 5}, nil},
		{Page{After: &ids[0], Limit: 2}, []string{"1", "2"}},
	} {
		rows, err := b.Rows(c, page.Page)
		check(t, err)
		equalWords(t, "page", words(rows), page.want...)
	}
	check(t, b.book.SetCursor(ctx, "bot", 3))
	b.reopen()
	if n, err := b.book.Cursor("bot"); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if last := b.Last(); last < rows[0].Arrival {
		t.Fatal("the counter went back")
	}
}

func TestClosed(t *testing.T) {
	a, _, c := pair(t)
	a.stop()
	if _, err := a.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text("x")}); err != ErrClosed {
		t.Fatal(err)
	}
	if _, err := a.pendingLines(); err != ErrClosed {
		t.Fatal(err)
	}
}

// A page of one's own messages costs the same whatever came after them.
func TestOwnRowsAreNotLookedFor(t *testing.T) {
	a, _, c := pair(t)
	for range 20 {
		a.say(c, "words")
	}
	page := func(r *reader) error {
		k, err := r.conversation(c)
		check(t, err)
		var rows []Row
		err = each(r, bucketView, layout.U32(k.Number), func(_, v []byte) (err error) {
			p, _ := layout.SlotAt(v)
			row, err := r.view.rowAt(p)
			rows = append(rows, row)
			return err
		})
		if len(rows) != 20 {
			t.Errorf("%d rows", len(rows))
		}
		return err
	}
	before := a.looks(page)
	check(t, a.do(ctx, func(b *batch) error {
		for i := range uint64(20 << 10) {
			ids.Put(b.Batch, crypto.Digest("test", layout.U64(i)), ids.Slot(layout.Slot{Log: 1, Sequence: i}.Bytes()))
		}
		return nil
	}))
	if after := a.looks(page); after != before {
		t.Errorf("%d looks, and %d after other messages", before, after)
	}
}
