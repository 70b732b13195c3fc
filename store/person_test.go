package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

func TestPersons(t *testing.T) {
	n, p, q := newNode(t), newPen(t), newPen(t)
	c := p.meets(n, false)
	seen := time.UnixMilli(epoch.UnixMilli())
	check(t, n.UpdatePerson(ctx, p.card.Person(), func(x *Person) error {
		x.Petname, x.Pinned, x.Claimed, x.Verified, x.Blocked = "Bob", "bob", "Robert", true, true
		x.Devices[p.key.ID()] = DeviceInfo{Addrs: []string{"192.0.2.1:9", "[2001:db8::1]:9"}, LastSeen: seen}
		return nil
	}))
	n.reopen()
	got, ok, err := n.Person(p.card.Person())
	check(t, err)
	d := got.Devices[p.key.ID()]
	if !ok || got.Petname != "Bob" || got.Pinned != "bob" || got.Claimed != "Robert" || !got.Verified || !got.Blocked || got.Contact ||
		!bytes.Equal(got.Card, p.card.Bytes()) || len(d.Addrs) != 2 || !d.LastSeen.Equal(seen) {
		t.Fatalf("%+v", got)
	}
	if id, ok, err := n.PersonOf(p.key.ID()); !ok || id != p.card.Person() || err != nil {
		t.Fatal(id, ok, err)
	}
	if _, ok, err := n.Person(q.card.Person()); ok || err != nil {
		t.Fatal(ok, err)
	}
	boom := errors.New("boom")
	if err := n.UpdatePerson(ctx, p.card.Person(), func(x *Person) error { x.Petname = "x"; return boom }); err != boom {
		t.Fatal(err)
	}
	if err := n.UpdatePerson(ctx, q.card.Person(), func(x *Person) error {
		x.Devices[p.key.ID()] = DeviceInfo{}
		return nil
	}); err != ErrDeviceTaken {
		t.Fatal(err)
	}
	all, err := n.Persons()
	check(t, err)
	if len(all) != 2 || all[0].Petname+all[1].Petname != "Bob" {
		t.Fatalf("%+v", all)
	}
	conversations, err := n.Conversations()
	check(t, err)
	if !slices.Contains(conversations, Conversation{ID: c, Other: p.card.Person()}) ||
		!slices.Contains(conversations, Conversation{ID: event.Self(n.own.Person)}) || len(conversations) != 2 {
		t.Fatalf("%+v", conversations)
	}
}

// A note to oneself is for nobody, so it is never in the outbox.
func TestSelf(t *testing.T) {
	n := newNode(t)
	m := n.say(event.Self(n.own.Person), "note")
	if m.State != NoState || n.pending() != 0 {
		t.Fatal(m.State, n.pending())
	}
	if _, err := n.Cancel(ctx, m.ID); err != ErrAcknowledged {
		t.Fatal(err)
	}
}

func TestTooManyStrangers(t *testing.T) {
	n := newNode(t)
	card := make([]byte, 12<<10)
	var err error
	i := 0
	for ; err == nil && i < 3000; i++ {
		err = n.UpdatePerson(ctx, crypto.PersonID{1, byte(i), byte(i >> 8)}, func(p *Person) error { p.Card = card; return nil })
	}
	if err != ErrBudget || i < 1000 {
		t.Fatal(i, err)
	}
	check(t, n.UpdatePerson(ctx, crypto.PersonID{2}, func(p *Person) error { p.Contact = true; return nil }))
}

func TestRecords(t *testing.T) {
	a, b := newNode(t), newNode(t)
	subject := event.ProfileSubject(a.own.Person)
	value := func(name string) []byte { return event.Profile{Name: name}.Marshal() }
	r1, err := a.SignRecord(ctx, event.KindProfile, subject, value("a"))
	check(t, err)
	if !r1.Verify() {
		t.Fatal("not signed")
	}
	if again, err := a.SignRecord(ctx, event.KindProfile, subject, value("a")); err != nil || again.Counter != r1.Counter {
		t.Fatal("the same was signed again", err)
	}
	r2, err := a.SignRecord(ctx, event.KindProfile, subject, value("b"))
	check(t, err)
	if r2.Counter <= r1.Counter {
		t.Fatal("counter", r2.Counter)
	}
	for _, step := range []struct {
		event.Record
		newer bool
	}{{r2, true}, {r1, false}, {r2, false}} {
		newer, err := b.PutRecord(ctx, step.Record)
		if err != nil || newer != step.newer {
			t.Fatal(newer, err)
		}
	}
	b.reopen()
	got, err := b.Records(event.KindProfile, subject)
	check(t, err)
	if len(got) != 1 || !bytes.Equal(got[0].Bytes, r2.Bytes) || !got[0].Verify() {
		t.Fatalf("%+v", got)
	}
	// A device that meets its own record with a higher counter signs above it.
	high, err := event.NewRecord(a.own.Device, event.Record{
		Card: a.own.Card.Head(), Kind: event.KindProfile, Subject: subject, Counter: 99, Value: value("c"),
	})
	check(t, err)
	_, err = a.PutRecord(ctx, high)
	check(t, err)
	r3, err := a.SignRecord(ctx, event.KindProfile, subject, value("a"))
	if err != nil || r3.Counter != 100 {
		t.Fatal(r3.Counter, err)
	}
}

func TestRecordBudgets(t *testing.T) {
	n := newNode(t)
	key, err := crypto.NewDeviceKey(random{})
	check(t, err)
	put := func(r event.Record) error {
		r.Counter = 1
		r, err := event.NewRecord(key, r)
		check(t, err)
		_, err = n.PutRecord(ctx, r)
		return err
	}
	err = nil
	i := 0
	for ; err == nil && i < 1000; i++ {
		err = put(event.Record{Kind: 77, Subject: fmt.Append(nil, i), Value: make([]byte, 10<<10)})
	}
	if err != ErrBudget || i < 80 {
		t.Fatal(i, err)
	}
	err = nil
	for i = 0; err == nil && i < 1000; i++ {
		subject := event.ReceiptSubject(event.Conversation{1}, crypto.PersonID{2}, event.Instance{byte(i)})
		err = put(event.Record{Kind: event.KindReceipt, Subject: subject})
	}
	if err != ErrBudget || i != maxReceipts+1 {
		t.Fatal(i, err)
	}
}

func TestRequests(t *testing.T) {
	n := newNode(t)
	person := func(i int) crypto.PersonID { return crypto.PersonID{1, byte(i)} }
	for i := range MaxRequests {
		check(t, n.PutRequest(ctx, person(i), []byte("run")))
	}
	if err := n.PutRequest(ctx, person(99), []byte("run")); err != ErrBudget {
		t.Fatal(err)
	}
	if err := n.PutRequest(ctx, person(0), make([]byte, MaxRequest+1)); err != ErrBudget {
		t.Fatal(err)
	}
	n.wait(time.Hour)
	check(t, n.PutRequest(ctx, person(0), []byte("other")))
	n.reopen()
	all, err := n.Requests()
	check(t, err)
	if len(all) != MaxRequests || string(all[0].Run) != "other" || !all[0].Received.Equal(epoch) {
		t.Fatalf("%d: %+v", len(all), all[0])
	}
	got, err := n.TakeRequest(ctx, person(0))
	if err != nil || string(got.Run) != "other" {
		t.Fatal(got, err)
	}
	if _, err := n.TakeRequest(ctx, person(0)); err != ErrNoEvent {
		t.Fatal(err)
	}
}

func TestSettings(t *testing.T) {
	n := newNode(t)
	check(t, n.SetSetting(ctx, "accept", "contacts"))
	n.reopen()
	if v, err := n.Setting("accept"); v != "contacts" || err != nil {
		t.Fatal(v, err)
	}
	check(t, n.SetSetting(ctx, "accept", ""))
	if v, err := n.Setting("accept"); v != "" || err != nil {
		t.Fatal(v, err)
	}
}

// TestDevicesSeenInOneCommit: where devices are is written for all persons at once. It leaves alone whatever else was decided
// about them, and is no change that people see.
func TestDevicesSeenInOneCommit(t *testing.T) {
	n, stranger := newNode(t), newPen(t)
	var pens []*pen
	for range 20 {
		pens = append(pens, newPen(t))
		pens[len(pens)-1].meets(n, true)
	}
	p, q := pens[0], pens[1]
	check(t, n.UpdatePerson(ctx, p.card.Person(), func(x *Person) error { x.Petname = "Bob"; return nil }))
	info := func(i int) DeviceInfo {
		return DeviceInfo{Addrs: []string{fmt.Sprintf("192.0.2.%d:9", i)}, LastSeen: time.UnixMilli(int64(i + 1))}
	}
	other := newPen(t).key.ID()
	found := map[crypto.PersonID]map[crypto.DeviceID]DeviceInfo{stranger.card.Person(): {stranger.key.ID(): info(0)}}
	for i, p := range pens {
		found[p.card.Person()] = map[crypto.DeviceID]DeviceInfo{p.key.ID(): info(i)}
	}
	found[p.card.Person()][other] = info(0)
	found[p.card.Person()][q.key.ID()] = info(0) // another's

	last, before := n.Last(), n.told()
	check(t, n.UpdateDevices(ctx, found))
	if count := n.told() - before; count != 1 {
		t.Errorf("%d commits", count)
	}
	if n.Last() != last {
		t.Error("it counts as a change")
	}
	check(t, n.UpdateDevices(ctx, found))
	if count := n.told() - before; count != 1 {
		t.Error("the same was written again")
	}
	n.reopen()
	for i, p := range pens {
		got, ok, err := n.Person(p.card.Person())
		check(t, err)
		d := got.Devices[p.key.ID()]
		if !ok || !got.Contact || (i == 0) != (got.Petname == "Bob") || !slices.Equal(d.Addrs, info(i).Addrs) || !d.LastSeen.Equal(info(i).LastSeen) {
			t.Errorf("%d: %+v", i, got)
		}
	}
	got, _, err := n.Person(p.card.Person())
	check(t, err)
	if _, has := got.Devices[q.key.ID()]; has || len(got.Devices) != 2 {
		t.Errorf("took another's device: %+v", got.Devices)
	}
	if owner, _, err := n.PersonOf(q.key.ID()); err != nil || owner != q.card.Person() {
		t.Error("a device has changed hands")
	}
	if _, ok, err := n.Person(stranger.card.Person()); ok || err != nil {
		t.Error("somebody was made of nothing", err)
	}
}

// TestDevicesOfAFullCard: a card names one device more than it has links, and whoever claims still more harms only themselves.
func TestDevicesOfAFullCard(t *testing.T) {
	n, p, q := newNode(t), newPen(t), newPen(t)
	p.meets(n, true)
	q.meets(n, true)
	devices := make(map[crypto.DeviceID]DeviceInfo)
	for i := range 2 * crypto.MaxLinks {
		devices[crypto.DeviceID{byte(i), 1}] = DeviceInfo{}
	}
	seen := map[crypto.DeviceID]DeviceInfo{q.key.ID(): {LastSeen: epoch}}
	check(t, n.UpdateDevices(ctx, map[crypto.PersonID]map[crypto.DeviceID]DeviceInfo{p.card.Person(): devices, q.card.Person(): seen}))
	got, _, err := n.Person(p.card.Person())
	check(t, err)
	if len(got.Devices) != crypto.MaxLinks+1 {
		t.Errorf("%d devices are kept, want %d", len(got.Devices), crypto.MaxLinks+1)
	}
	if got, _, err = n.Person(q.card.Person()); err != nil || !got.Devices[q.key.ID()].LastSeen.Equal(epoch) {
		t.Errorf("another's device was not noted: %+v, %v", got, err)
	}
}
