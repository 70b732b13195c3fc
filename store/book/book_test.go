package book

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

func TestRecords(t *testing.T) {
	a, b := newLibrary(t), newLibrary(t)
	subject := event.ProfileSubject(a.owner)
	value := func(name string) []byte { return event.Profile{Name: name}.Marshal() }
	sign := func(name string) event.Record {
		t.Helper()
		r, err := a.SignRecord(t.Context(), event.KindProfile, subject, value(name))
		check(t, err)
		return r
	}
	r1 := sign("a")
	if !r1.Verify() {
		t.Fatal("not signed")
	}
	if again := sign("a"); again.Counter != r1.Counter {
		t.Fatal("the same was signed again")
	}
	r2 := sign("b")
	if r2.Counter <= r1.Counter {
		t.Fatal("counter", r2.Counter)
	}
	for _, step := range []struct {
		event.Record
		newer bool
	}{{r2, true}, {r1, false}, {r2, false}} {
		newer, err := b.PutRecord(t.Context(), step.Record)
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
	high, err := event.NewRecord(a.cfg.Keyring.Device, event.Record{
		Card: a.cfg.Keyring.Card.Head(), Kind: event.KindProfile, Subject: subject, Counter: 99, Value: value("c"),
	})
	check(t, err)
	_, err = a.PutRecord(t.Context(), high)
	check(t, err)
	if r3 := sign("a"); r3.Counter != 100 {
		t.Fatal(r3.Counter)
	}
}

func TestRecordBudgets(t *testing.T) {
	l, p := newLibrary(t), newSomebody(t)
	put := func(r event.Record) error {
		r.Counter = 1
		_, err := l.PutRecord(t.Context(), p.record(t, r))
		return err
	}
	var err error
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
	l := newLibrary(t)
	person := func(i int) crypto.PersonID { return crypto.PersonID{1, byte(i >> 8), byte(i)} }
	put := func(i int, run string) error {
		return l.PutRequest(t.Context(), Request{Person: person(i), Run: []byte(run)}, "")
	}
	for i := range MaxRequests {
		check(t, put(i, "run"))
	}
	if err := put(MaxRequests, "run"); err != ErrBudget {
		t.Fatal(err)
	}
	if err := put(0, string(make([]byte, maxRequest+1))); err != ErrBudget {
		t.Fatal(err)
	}
	l.at = l.at.Add(time.Hour)
	changes := l.changes
	check(t, put(0, "other"))
	check(t, put(0, "other"))
	if l.changes != changes+1 {
		t.Errorf("%d changes", l.changes-changes)
	}
	l.reopen()
	all, err := l.Requests()
	check(t, err)
	if len(all) != MaxRequests || string(all[0].Run) != "other" || !all[0].Received.Equal(epoch) {
		t.Fatalf("%d: %+v", len(all), all[0])
	}
	var none event.Conversation
	got, err := l.TakeRequest(t.Context(), person(0), none)
	if err != nil || string(got.Run) != "other" || got.Person != person(0) {
		t.Fatal(got, err)
	}
	if _, err := l.TakeRequest(t.Context(), person(0), none); err != ErrNoRequest {
		t.Fatal(err)
	}
	check(t, put(MaxRequests, "run"))
}

func TestSettings(t *testing.T) {
	l := newLibrary(t)
	check(t, l.SetSetting(t.Context(), "accept", "contacts"))
	l.reopen()
	if v, err := l.Setting("accept"); v != "contacts" || err != nil {
		t.Fatal(v, err)
	}
	check(t, l.SetSetting(t.Context(), "accept", ""))
	if v, err := l.Setting("accept"); v != "" || err != nil {
		t.Fatal(v, err)
	}
	if l.changes != 2 {
		t.Error("changes:", l.changes)
	}
}

func TestCursors(t *testing.T) {
	l := newLibrary(t)
	check(t, l.SetCursor(t.Context(), "bot", 3))
	check(t, l.SetCursor(t.Context(), "other", 5))
	l.reopen()
	for name, want := range map[string]uint64{"bot": 3, "other": 5, "nobody": 0} {
		if n, err := l.Cursor(name); n != want || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	if l.changes != 0 {
		t.Error("a cursor is a change that people see")
	}
}
