package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// TestStrangerFloods sends more than strangers may: what is beyond is refused, in every log and
// every session, and the session stays.
func TestStrangerFloods(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		long := strings.Repeat("x", 60_000)
		for session := range 3 {
			m.greet(ann)
			m.offer()
			m.instance, m.last = event.Instance{byte(session)}, event.Event{}
			for range 40 {
				m.send(m.run(m.event(long)))
			}
			m.until(ann, "it is refused", func(s *seen) bool { return s.refused() == wire.OverBudget })
			w.talk(ann, bob)
			if m.seen.over() {
				t.Error("the session has ended")
			}
		}
		size := 0
		for _, text := range texts(m.rowsAt(ann)) {
			size += len(text)
		}
		if size > book.StrangerBudget || size < book.StrangerBudget/2 {
			t.Errorf("%d bytes of a stranger are stored", size)
		}
	})
}

// TestManyStrangers: what all strangers have together is bounded too.
func TestManyStrangers(t *testing.T) {
	long(t)
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, _ *mallory) {
		long := strings.Repeat("x", 60_000)
		const many = book.StrangersBudget/book.StrangerBudget + 2
		size := 0
		for i := range many {
			m := w.mallory(fmt.Sprintf("Mallory %d", i))
			m.greet(ann)
			m.offer()
			for range 18 {
				m.send(m.run(m.event(long)))
			}
			m.until(ann, "it is refused", func(s *seen) bool { return s.refused() == wire.OverBudget })
			for _, text := range texts(m.rowsAt(ann)) {
				size += len(text)
			}
			_ = m.link.Close()
		}
		if size > book.StrangersBudget {
			t.Errorf("%d bytes of strangers are stored", size)
		}
	})
}

// TestBlockedSenderIsIgnored: what a blocked person sends is thrown away without an answer, and the
// link stays.
func TestBlockedSenderIsIgnored(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		m.greet(ann)
		if _, err := ann.Contacts().Block(t.Context(), m.person.String()); err != nil {
			t.Fatal(err)
		}
		m.greet(ann)
		time.Sleep(time.Second)
		before := m.seen.count()
		m.offer()
		for i := range 20 {
			m.send(m.run(m.event(fmt.Sprint(i))))
		}
		m.send(wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Person: ann.who.person}}},
			wire.Frame{Settled: &wire.Settled{}},
			wire.Frame{Sightings: &wire.Sightings{Sightings: forged(1)}})
		w.talk(ann, bob)
		time.Sleep(5 * time.Second)
		if n := m.seen.count(); n != before {
			t.Errorf("%d answers to somebody blocked", n-before)
		}
		if m.seen.over() {
			t.Error("the session has ended")
		}
		if rows := m.rowsAt(ann); len(rows) != 0 {
			t.Errorf("stored: %q", texts(rows))
		}
		if requests, err := ann.Contacts().Requests(t.Context()); err != nil || len(requests) != 0 {
			t.Errorf("%d requests of somebody blocked, %v", len(requests), err)
		}
	})
}

// TestRollbackClaims: a contact says again and again that they hold more of Ann's log than Ann. She
// begins new ones and loses nothing; what that costs her is bounded.
func TestRollbackClaims(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		m.greet(ann)
		const letters = 4
		for i := range letters {
			if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: m.person.String(), Text: fmt.Sprint(i) + strings.Repeat("x", 50_000)}); err != nil {
				t.Fatal(err)
			}
		}
		conversation := m.conversation()
		begun := map[event.Log]bool{}
		for range 20 {
			m.greet(ann)
			logs, err := ann.store.Logs(conversation)
			if err != nil {
				t.Fatal(err)
			}
			for l := range logs {
				begun[l] = true
				m.offer(wire.LogSegments{Device: l.Device, Instance: l.Instance, Segments: event.Segments{{First: 1, Last: 1000, ID: event.ID{1}}}})
			}
			time.Sleep(time.Second)
			w.talk(ann, bob)
		}
		// An honest session at last.
		m.greet(ann)
		m.offer()
		m.until(ann, "the letters come", func(s *seen) bool {
			n := 0
			for _, r := range s.runs() {
				n += len(r.Events)
			}
			return n >= letters
		})
		if got := texts(m.rowsAt(ann)); len(got) != letters {
			t.Errorf("%d rows are shown, want %d", len(got), letters)
		}
		if len(begun) != 2 {
			t.Errorf("%d logs were begun, want the first and one that followed a claim", len(begun))
		}
	})
}

// forged makes up sightings of devices that do not exist, on networks that are not there.
func forged(n int) (out []wire.Sighting) {
	for i := range n {
		var d crypto.DeviceID
		_, _ = rand.Read(d[:])
		s := wire.Sighting{Device: d}
		for j := range wire.MaxAddresses {
			s.Addresses = append(s.Addresses, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(100 + j), byte(i >> 8), byte(i)}), 4001))
		}
		out = append(out, s)
	}
	return out
}

// TestForgedSightings tells of 5,000 devices that do not exist. What is remembered and dialled of
// them is bounded, and a contact who moves meanwhile is found again.
func TestForgedSightings(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		m.greet(ann)
		m.offer()
		for sent := 0; sent < 5000; sent += wire.MaxSightings {
			m.send(wire.Frame{Sightings: &wire.Sightings{Sightings: forged(wire.MaxSightings)}})
		}
		w.talk(ann, bob)
		time.Sleep(20 * time.Second)
		bob.host.Move(w.freshAddr())
		bob.announce()
		w.within(20*time.Second, "Bob is back", func() bool {
			for _, c := range ann.Node.host.ConnsTo(peerID(bob.who.device)) {
				if strings.Contains(c.RemoteMultiaddr().String(), bob.addr().String()) {
					return true
				}
			}
			return false
		})
		states := ann.mesh.States()
		if len(states) > discovery.MaxDevices+2 {
			t.Errorf("%d devices are remembered", len(states))
		}
		dialling := 0
		for _, s := range states {
			if s.Dialling {
				dialling++
			}
		}
		if dialling > 16 {
			t.Errorf("%d dials at once", dialling)
		}
	})
}

// TestBudgetHolders: many strangers begin large frames and send no more of them, again and again,
// so that the budget for what is not proven is full. Small frames need none of it, and contacts
// have one of their own.
func TestBudgetHolders(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		const many = 40 // of 1.25 MiB, which is three times the budget
		done := make(chan struct{})
		for range many {
			m := w.mallory("Bob")
			go func() {
				defer func() {
					_ = m.link.Close()
					done <- struct{}{}
				}()
				for ctx.Err() == nil {
					m.greet(ann)
					m.raw(binary.AppendUvarint(nil, wire.MaxFrame))
					for !m.seen.over() && ctx.Err() == nil {
						time.Sleep(100 * time.Millisecond)
					}
				}
			}()
		}
		time.Sleep(2 * time.Second)
		for range 5 {
			w.talk(ann, bob)
			bob.reaches(soon, bob.say(ann, strings.Repeat("y", 60_000)), chat.StateDelivered)
			time.Sleep(3 * time.Second)
		}
		cancel()
		for range many {
			<-done
		}
	})
}

// TestReceiptFloods: receipts of strangers are not kept, since nothing was written to them, and a
// contact's are bounded without an end of the session.
func TestReceiptFloods(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		m.greet(ann)
		m.offer()
		kept := func() int {
			records, err := ann.store.Book().Records(event.KindReceipt, event.ReceiptSubject(m.conversation(), ann.who.person, event.Instance{})[:64])
			if err != nil {
				t.Fatal(err)
			}
			return len(records)
		}
		flood := func() {
			for i := range byte(40) {
				subject := event.ReceiptSubject(m.conversation(), ann.who.person, event.Instance{i})
				m.send(wire.Frame{Record: &wire.Record{Record: m.record(event.KindReceipt, subject, 1, event.Receipt{}.Marshal())}})
			}
			m.instance, m.last = event.Instance{m.instance[0] + 1}, event.Event{}
			m.send(m.run(m.event("the end")))
			m.until(ann, "the flood has passed", func(s *seen) bool { return s.over() || s.holds(m, 1) })
			if m.seen.over() {
				t.Fatal("the session has ended")
			}
		}
		flood()
		if n := kept(); n > 0 {
			t.Errorf("%d receipts of a stranger are kept", n)
		}
		if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: m.person.String(), Text: "hello"}); err != nil {
			t.Fatal(err)
		}
		flood()
		if n := kept(); n == 0 || n > 16 {
			t.Errorf("%d receipts of a contact are kept", n)
		}
	})
}

// TestRequestFloods: with `me accept contacts`, many strangers ask. What is kept is bounded, and
// nothing of it is shown before somebody is accepted.
func TestRequestFloods(t *testing.T) {
	long(t)
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, _ *mallory) {
		if err := ann.Owner().SetAccept(t.Context(), people.AcceptContacts); err != nil {
			t.Fatal(err)
		}
		var last *mallory
		for i := range book.MaxRequests + 6 {
			m := w.mallory(fmt.Sprintf("Mallory %d", i))
			m.greet(ann)
			m.offer()
			for range 3 { // only the first is taken in
				m.send(m.run(m.event("may I?")))
			}
			last = m
		}
		time.Sleep(time.Second)
		w.talk(ann, bob)
		requests, err := ann.Contacts().Requests(t.Context())
		if err != nil || len(requests) != book.MaxRequests+6 {
			t.Fatalf("%d requests, %v", len(requests), err)
		}
		for i, r := range requests { // those for whom there is no room are named
			if kept := i < book.MaxRequests; kept != (r.Text == "may I?") || kept == r.MoreWaits {
				t.Errorf("request %d: %+v", i, r)
			}
		}
		unread, err := unread(ann.Node, chat.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range unread {
			if u.Text == "may I?" {
				t.Fatal("a stranger's message was let in")
			}
		}
		last.seen.each(func(f *wire.Frame) {
			if f.Offers != nil || f.Have != nil || f.Refused != nil {
				t.Error("a stranger got an answer")
			}
		})
		if _, err := ann.Contacts().Accept(t.Context(), requests[0].Person.String(), ""); err != nil {
			t.Fatal(err)
		}
		history, err := ann.Messages().History(t.Context(), requests[0].Person.String(), chat.HistoryRange{Limit: 10})
		if err != nil || len(history) == 0 || history[0].Text != "may I?" {
			t.Errorf("after accepting: %v, %v", history, err)
		}
	})
}

// TestNobodyReads: a contact takes nothing off the wire while much is written to them. What is held
// for them is bounded by the window, and others are not kept waiting.
func TestNobodyReads(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		hear := make(chan struct{})
		defer close(hear)
		m.deaf = hear
		m.connect(ann)
		m.send(m.greeting()...)
		m.offer()
		w.within(soon, "Ann knows her", func() bool { _, ok := ann.people.Get(m.person); return ok })
		letters := make([]chat.Outgoing, 200)
		for i := range letters {
			letters[i] = chat.Outgoing{To: m.person.String(), Text: strings.Repeat("x", 50_000)}
		}
		if _, err := ann.Messages().SendAll(t.Context(), letters); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			w.talk(ann, bob)
			time.Sleep(10 * time.Second)
		}
		held := 0
		for _, s := range ann.mesh.With(m.person) {
			held += s.Unsent()
		}
		if held > sync.WindowBytes {
			t.Errorf("%d bytes are held for who does not read", held)
		}
	})
}

// TestOffersWithoutEnd: offers of conversations that nobody knows, and of logs that do not exist.
func TestOffersWithoutEnd(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		m.greet(ann)
		for i := range 40 {
			var offers []wire.Offer
			for j := range wire.MaxOffers {
				tag := make([]byte, 32)
				binary.BigEndian.PutUint32(tag, uint32(i*wire.MaxOffers+j))
				offers = append(offers, wire.Offer{Tag: tag, Store: m.store})
			}
			m.send(wire.Frame{Offers: &wire.Offers{Offers: offers}})
			var logs []wire.LogSegments
			for j := range 1000 {
				var l wire.LogSegments
				l.Device = m.key.ID()
				binary.BigEndian.PutUint64(l.Instance[:], uint64(i*1000+j))
				l.Segments = event.Segments{{First: 1, Last: 5, ID: event.ID{1}}}
				logs = append(logs, l)
			}
			m.offer(logs...)
		}
		w.talk(ann, bob)
		m.greet(ann)
		m.offer()
		m.send(m.run(m.event("hello")))
		m.until(ann, "it is acknowledged", func(s *seen) bool { return s.holds(m, 1) })
	})
}

// TestHandshakesAreCharged: what strangers cost before they are known is of their budget too.
func TestHandshakesAreCharged(t *testing.T) {
	attacked(t, func(t *testing.T, w *world, ann, bob *machine, m *mallory) {
		before := ann.budgets.Used()[budget.Stranger].Time
		const many = 20
		for range many {
			m := w.mallory("Mallory")
			if err := m.link.Connect(t.Context(), peerID(ann.who.device), memnet.Multiaddrs(ann.addr(), worldPort)); err != nil {
				t.Fatal(err)
			}
		}
		if spent := ann.budgets.Used()[budget.Stranger].Time - before; spent < many*time.Millisecond/2 {
			t.Errorf("%d handshakes are charged %v", many, spent)
		}
		w.talk(ann, bob)
	})
}
