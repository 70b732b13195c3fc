package book

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/tx"
)

// charge counts bytes of somebody who came by an address.
func (l *library) charge(p crypto.PersonID, address string, n uint64) error {
	return l.do(l.t.Context(), func(b *tx.Batch) error { return l.Charge(b, Payer{Person: p, Address: address}, n) })
}

// fill has ever more strangers take what they can get by an address, in parts, and returns how much
// that is.
func (l *library) fill(address string, each, part uint64) (taken uint64) {
	l.t.Helper()
	for i := range 1000 {
		p := crypto.PersonID{1, byte(i), byte(i >> 8)}
		copy(p[3:], address)
		before := taken
		for held := uint64(0); held+part <= each; held += part {
			if err := l.charge(p, address, part); err == ErrBudget {
				break
			} else if err != nil {
				l.t.Fatal(err)
			}
			taken += part
		}
		if taken == before {
			return taken
		}
	}
	l.t.Fatal("there is no end of it")
	return taken
}

// Identities are free: however many come by one address, they can have half of the pool, and of four
// addresses each has a fifth. There is room for one more.
func TestStrangersCountByAddress(t *testing.T) {
	l := newLibrary(t)
	if got := l.fill("a", NewcomerBudget, NewcomerBudget/2); got != StrangersBudget/2 {
		t.Errorf("%d bytes by one address", got)
	}
	for _, address := range []string{"b", "c", "d"} {
		l.fill(address, NewcomerBudget, NewcomerBudget/2)
	}
	if err := l.charge(crypto.PersonID{9}, "e", NewcomerBudget); err != nil {
		t.Error("there is no room for one more:", err)
	}
}

// A flood of persons who each write one long message leaves room for the short first messages of
// others who come by the same address.
func TestLongFirstMessagesLeaveTheReserve(t *testing.T) {
	l := newLibrary(t)
	const long, others = 64 << 10, 50
	for i := range 2 * StrangersBudget / long {
		_ = l.charge(crypto.PersonID{1, byte(i), byte(i >> 8)}, "a", long)
	}
	for i := range others {
		if err := l.charge(crypto.PersonID{2, byte(i)}, "a", NewcomerBudget); err != nil {
			t.Fatalf("after %d others: %v", i, err)
		}
	}
}

// The last quarter of the pool is for the first bytes of each person: who wrote much before leaves
// it to who comes late, by the same address too.
func TestNewcomersHaveAReserve(t *testing.T) {
	l := newLibrary(t)
	for range 20 { // addresses, so that none is at its end
		for _, a := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "k"} {
			for i := range 8 {
				p := crypto.PersonID{2, a[0], byte(i)}
				_ = l.charge(p, a, 256<<10)
			}
		}
	}
	if all := l.strangers(); all > StrangersBudget-StrangersReserve {
		t.Errorf("%d bytes of who wrote much", all)
	}
	if err := l.charge(crypto.PersonID{9}, "z", NewcomerBudget); err != nil {
		t.Error("a newcomer has no room:", err)
	}
	if err := l.charge(crypto.PersonID{10}, "z", 256<<10); err != ErrBudget {
		t.Error("the reserve is for first messages:", err)
	}
}

// Whoever changes their address all the time gains nothing that is not counted, and gives it all
// back.
func TestOnePersonByManyAddresses(t *testing.T) {
	l, p := newLibrary(t), crypto.PersonID{1}
	for i := range 3 * maxPlaces {
		check(t, l.charge(p, fmt.Sprint(i), 1000))
	}
	if n := l.spent(p); n != 3*maxPlaces*1000 || n != l.strangers() {
		t.Errorf("%d bytes, of all %d", n, l.strangers())
	}
	check(t, l.do(t.Context(), func(b *tx.Batch) error {
		if n := b.Count(bucketBudgets, []byte{budgetAddress}); n != maxPlaces {
			t.Errorf("%d addresses of one person", n)
		}
		return l.Refund(b, Payer{Person: p, Address: "1"}, 3*maxPlaces*1000)
	}))
	check(t, l.cfg.DB.View(func(r *tx.Reader) error {
		if n := r.Count(bucketBudgets, nil); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		return nil
	}))
}

// Where somebody was is hidden.
func TestAddressesAreHidden(t *testing.T) {
	l := newLibrary(t)
	check(t, l.charge(crypto.PersonID{1}, "192.0.2.7/32", 1))
	check(t, l.cfg.DB.View(func(r *tx.Reader) error {
		for k, v := range r.Prefix(bucketBudgets, nil) {
			for _, b := range [][]byte{k, v} {
				if bytes.Contains(b, []byte("192.0.2.7")) || bytes.Contains(b, []byte{192, 0, 2, 7}) {
					t.Errorf("%q", b)
				}
			}
		}
		return nil
	}))
}

// However many identities a hostile member makes, they have the group's budget together, and nobody
// of them more than they leave free.
func TestFellowsOfAGroupHaveOnePool(t *testing.T) {
	l := newLibrary(t)
	total := uint64(0)
	for i := range 64 {
		p := Payer{Person: crypto.PersonID{3, byte(i)}, Group: 7}
		check(t, l.do(t.Context(), func(b *tx.Batch) error {
			for l.Charge(b, p, 8<<20) == nil {
				total += 8 << 20
			}
			return nil
		}))
	}
	if total > GroupBudget || total < GroupBudget/2 {
		t.Errorf("%d bytes of one group", total)
	}
	if n := l.spent(crypto.PersonID{3}); n != FellowBudget {
		t.Errorf("%d bytes of one member", n)
	}
	check(t, l.do(t.Context(), func(b *tx.Batch) error {
		return l.Charge(b, Payer{Person: crypto.PersonID{3}, Group: 8}, 1) // another group
	}))
	check(t, l.do(t.Context(), func(b *tx.Batch) error {
		return l.Charge(b, Payer{Person: crypto.PersonID{4}, Group: 7}, 4<<20) // one more member
	}))
	if l.strangers() != 0 {
		t.Error("they count as strangers")
	}
}

// Requests are not promised to stay, and 64 are kept: those of an address that asks all the time
// give way to those of others, the latest first. What is thrown out is given back.
func TestRequestsGiveWayByAddress(t *testing.T) {
	l := newLibrary(t)
	put := func(i int, via string) error {
		l.at = l.at.Add(time.Second)
		p := crypto.PersonID{1, byte(i), byte(i >> 8)}
		if err := l.MayRequest(p, event.Conversation{}, via); err != nil {
			return err
		}
		check(t, l.UpdatePerson(t.Context(), p, func(q *Person) error { q.Via = via; return nil }))
		return l.PutRequest(t.Context(), Request{Person: p, Run: []byte(via)}, via)
	}
	for i := range MaxRequests {
		check(t, put(i, []string{"a", "b", "c", "d"}[i%4]))
	}
	before := l.strangers()
	for i := range 100 {
		if err := put(1000+i, "a"); err != ErrBudget {
			t.Fatal("an address that has as many as any:", err)
		}
	}
	check(t, put(2000, "honest"))
	if l.strangers() > before+10 {
		t.Errorf("%d bytes count, and %d before", l.strangers(), before)
	}
	for i := range MaxRequests {
		_ = put(3000+i, fmt.Sprint("flood ", i%6))
	}
	all, err := l.Requests()
	check(t, err)
	count := map[string]int{}
	for _, q := range all {
		count[string(q.Run)]++
	}
	if len(all) != MaxRequests || count["honest"] != 1 || count["a"] > MaxRequests/8 || count["flood 0"] < MaxRequests/12 {
		t.Errorf("%d requests: %v", len(all), count)
	}
	if q := (crypto.PersonID{1}); l.kept(q) == nil {
		t.Error("the first request has gone, not the latest")
	}
	persons, err := l.Persons()
	check(t, err)
	if len(persons) > MaxRequests {
		t.Errorf("%d persons are kept for %d requests", len(persons), MaxRequests)
	}
}

// A request that nobody has answered for 30 days goes.
func TestOldRequestsGo(t *testing.T) {
	l := newLibrary(t)
	check(t, l.PutRequest(t.Context(), Request{Person: crypto.PersonID{1}, Run: []byte("old")}, ""))
	l.at = l.at.Add(time.Hour)
	check(t, l.PutRequest(t.Context(), Request{Person: crypto.PersonID{2}, Group: event.Conversation{3}, Run: []byte("new")}, ""))
	check(t, l.DropRequests(t.Context(), l.at))
	all, err := l.Requests()
	check(t, err)
	if len(all) != 1 || all[0].Group != (event.Conversation{3}) || string(all[0].Run) != "new" {
		t.Errorf("%+v", all)
	}
}

// Whoever has written, has a request, is a contact, blocked, named, a member or was one of these once
// is not forgotten.
func TestOnlyIdleStrangersAreRemoved(t *testing.T) {
	l := newLibrary(t)
	remove := func(s somebody) (gone bool) {
		check(t, l.do(t.Context(), func(b *tx.Batch) (err error) {
			gone, err = l.RemoveIdle(b, s.id())
			return err
		}))
		return gone
	}
	l.wrote = map[crypto.PersonID]bool{}
	for what, f := range map[string]func(somebody){
		"wrote":   func(s somebody) { l.wrote[s.id()] = true },
		"request": func(s somebody) { check(t, l.PutRequest(t.Context(), Request{Person: s.id(), Run: []byte("x")}, "")) },
		"contact": func(s somebody) { l.decide(s, func(p *Person) { p.Contact = true }) },
		"was contact": func(s somebody) {
			l.decide(s, func(p *Person) { p.Contact = true })
			l.decide(s, func(p *Person) { p.Contact = false })
		},
		"blocked": func(s somebody) { l.decide(s, func(p *Person) { p.Blocked = true }) },
		"named":   func(s somebody) { l.decide(s, func(p *Person) { p.Petname = "Bob" }) },
		"member":  func(s somebody) { l.decide(s, func(p *Person) { p.Member = true }) },
		"in a group": func(s somebody) {
			check(t, l.do(t.Context(), func(b *tx.Batch) error { return l.Charge(b, Payer{Person: s.id(), Group: 7}, 1) }))
		},
	} {
		s := newSomebody(t)
		l.meets(s, false)
		if f(s); remove(s) {
			t.Errorf("%s: removed", what)
		}
	}
	before := l.strangers()
	s := newSomebody(t)
	l.meets(s, false)
	if !remove(s) || l.kept(s.id()) != nil || l.ownerOf(s.key.ID()) != (crypto.PersonID{}) || l.strangers() != before {
		t.Error("something of an idle stranger is left")
	}
}

// decide has the owner decide about somebody.
func (l *library) decide(s somebody, f func(*Person)) {
	l.t.Helper()
	check(l.t, l.UpdatePerson(l.t.Context(), s.id(), func(p *Person) error { f(p); return nil }))
}

// A card that grows and a profile count, and not twice.
func TestCardsAndProfilesCount(t *testing.T) {
	l, p := newLibrary(t), newSomebody(t)
	l.meets(p, false)
	before := l.spent(p.id())
	put := func(counter uint64, name string) {
		r := p.record(t, event.Record{Kind: event.KindProfile, Subject: event.ProfileSubject(p.id()), Counter: counter, Value: event.Profile{Name: name}.Marshal()})
		check(t, l.PutRecords(t.Context(), []event.Record{r}))
	}
	put(1, "Bob")
	one := l.spent(p.id())
	put(2, "Rob")
	if two := l.spent(p.id()); two != one || one <= before {
		t.Errorf("%d bytes, with a profile %d, with another %d", before, one, two)
	}
	l.decide(p, func(q *Person) { q.Card = append(q.Card, make([]byte, 100)...) })
	if three := l.spent(p.id()); three != one+100 {
		t.Errorf("with a longer card %d", three)
	}
}
