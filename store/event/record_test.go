package event

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/crypto/canon"
)

func segment(device, instance byte, first, last uint64) LogSegment {
	return LogSegment{Device: crypto.DeviceID{device}, Instance: Instance{instance}, Segment: Segment{First: first, Last: last, ID: ID{1}}}
}

func second(s LogSegment) LogSegment {
	s.Other = true
	return s
}

func TestRecordRefuses(t *testing.T) {
	key := fixedKey(t, 1)
	profile := Record{Kind: KindProfile, Subject: make([]byte, 32), Counter: 1}
	receipt := Record{Kind: KindReceipt, Subject: make([]byte, 72), Counter: 1}
	holdings := Record{Kind: KindHoldings, Subject: make([]byte, 72), Counter: 1}
	with := func(r Record, change func(r *Record)) Record { change(&r); return r }
	for _, c := range []struct {
		name string
		r    Record
		ok   bool
	}{
		{"profile", profile, true},
		{"receipt", receipt, true},
		{"holdings", holdings, true},
		{"unknown", Record{Kind: 5, Counter: MaxInteger, Subject: make([]byte, MaxSubject), Value: make([]byte, MaxValue)}, true},
		{"kind 0", with(profile, func(r *Record) { r.Kind = 0 }), false},
		{"counter 0", with(profile, func(r *Record) { r.Counter = 0 }), false},
		{"huge counter", with(profile, func(r *Record) { r.Counter = MaxInteger + 1 }), false},
		{"subject too long", Record{Kind: 5, Counter: 1, Subject: make([]byte, MaxSubject+1)}, false},
		{"value too long", Record{Kind: 5, Counter: 1, Value: make([]byte, MaxValue+1)}, false},
		{"profile of nobody", with(profile, func(r *Record) { r.Subject = nil }), false},
		{"profile that is none", with(profile, func(r *Record) { r.Value = []byte{1} }), false},
		{"name too long", with(profile, func(r *Record) { r.Value = Profile{strings.Repeat("x", MaxName+1)}.Marshal() }), false},
		{"name not UTF-8", with(profile, func(r *Record) { r.Value = Profile{"\xff"}.Marshal() }), false},
		{"holdings of nothing", with(holdings, func(r *Record) { r.Subject = r.Subject[:71] }), false},
		{"holdings that are none", with(holdings, func(r *Record) { r.Value = []byte{1} }), false},
		{"receipt of nothing", with(receipt, func(r *Record) { r.Subject = r.Subject[:71] }), false},
		{"receipt that is none", with(receipt, func(r *Record) { r.Value = []byte{1} }), false},
	} {
		if _, err := NewRecord(key, c.r); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: made: %v", c.name, err)
		}
		b := c.r.marshal()
		if _, err := ParseRecord(b, make([]byte, 64)); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: parsed: %v", c.name, err)
		}
	}
	b := profile.marshal()
	for _, n := range []int{0, 63, 65} {
		if _, err := ParseRecord(b, make([]byte, n)); !errors.Is(err, ErrMalformed) {
			t.Errorf("signature of %d bytes: %v", n, err)
		}
	}
}

func TestRecordSignature(t *testing.T) {
	key := fixedKey(t, 1)
	r, err := NewRecord(key, Record{Kind: KindProfile, Subject: make([]byte, 32), Counter: 1, Value: Profile{"Bob"}.Marshal()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(r.Bytes) * 8 {
		b := bytes.Clone(r.Bytes)
		b[i/8] ^= 1 << (i % 8)
		if back, err := ParseRecord(b, r.Signature); err == nil && back.Verify() {
			t.Fatalf("bit %d flipped unnoticed", i)
		}
	}
	r.Signature = key.Sign(domainEvent, r.Bytes)
	if r.Verify() {
		t.Error("signature of another domain is good")
	}
}

func TestNewer(t *testing.T) {
	key := fixedKey(t, 1)
	record := func(counter uint64, name string) Record {
		r, err := NewRecord(key, Record{Kind: KindProfile, Subject: make([]byte, 32), Counter: counter, Value: Profile{name}.Marshal()})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one, two, other := record(1, "a"), record(2, "a"), record(1, "b")
	if Newer(one, two) || !Newer(two, one) {
		t.Error("the lower counter is newer")
	}
	if Newer(one, other) == Newer(other, one) {
		t.Error("no order within a counter")
	}
	if Newer(one, one) {
		t.Error("newer than itself")
	}
	if x, y := one.Hash(), other.Hash(); Newer(one, other) != (bytes.Compare(x[:], y[:]) > 0) {
		t.Error("the lower hash is newer")
	}
}

func TestReceiptOrder(t *testing.T) {
	many := func(n int) (s []LogSegment) {
		for i := range uint64(n) {
			s = append(s, segment(1, 1, MaxInteger-2*i, MaxInteger-2*i))
		}
		slices.Reverse(s)
		return s
	}
	for _, c := range []struct {
		name string
		list []LogSegment
		ok   bool
	}{
		{"none", nil, true},
		{"by device, instance, first", []LogSegment{segment(1, 1, 5, 6), segment(1, 1, 8, 9), segment(1, 2, 1, 2), segment(2, 1, 1, 2)}, true},
		{"second branches after first ones", []LogSegment{segment(1, 1, 5, 6), second(segment(1, 1, 2, 6)), second(segment(1, 1, 8, 9)), segment(1, 2, 1, 2), second(segment(2, 1, 1, 2))}, true},
		{"second branch before the first", []LogSegment{second(segment(1, 1, 1, 2)), segment(1, 1, 5, 6)}, false},
		{"second branch touching", []LogSegment{second(segment(1, 1, 1, 2)), second(segment(1, 1, 3, 4))}, false},
		{"most", many(MaxReceiptSegments), true},
		{"65", many(MaxReceiptSegments + 1), false},
		{"devices descending", []LogSegment{segment(2, 1, 1, 2), segment(1, 1, 1, 2)}, false},
		{"instances descending", []LogSegment{segment(1, 2, 1, 2), segment(1, 1, 1, 2)}, false},
		{"touching", []LogSegment{segment(1, 1, 1, 2), segment(1, 1, 3, 4)}, false},
		{"twice", []LogSegment{segment(1, 1, 1, 2), segment(1, 1, 1, 2)}, false},
		{"descending", []LogSegment{segment(1, 1, 8, 9), segment(1, 1, 1, 2)}, false},
		{"from 0", []LogSegment{segment(1, 1, 0, 2)}, false},
		{"backwards", []LogSegment{segment(1, 1, 3, 2)}, false},
		{"huge", []LogSegment{segment(1, 1, 3, 1<<64-1), segment(1, 1, 8, 9)}, false},
	} {
		for _, r := range []Receipt{{Delivered: c.list}, {Read: c.list}} {
			b := r.Marshal()
			back, err := ParseReceipt(b)
			if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %v", c.name, err)
			}
			if err == nil && !slices.Equal(append(back.Delivered, back.Read...), c.list) {
				t.Errorf("%s came back as %v", c.name, back)
			}
		}
	}
	third := canon.Writer{}
	one := second(segment(1, 1, 1, 2))
	third.Element(1, append(one.marshal()[:len(one.marshal())-1], 2))
	if _, err := ParseReceipt(third.Out()); !errors.Is(err, ErrMalformed) {
		t.Errorf("third branch: %v", err)
	}
	full := many(MaxReceiptSegments)
	if n := len(Receipt{Delivered: full, Read: full}.Marshal()); n > MaxValue {
		t.Errorf("the longest receipt takes %d bytes", n)
	}
}

func TestReceiptSubject(t *testing.T) {
	c, author, store := Conversation{1}, crypto.PersonID{2}, Instance{3}
	subject := ReceiptSubject(c, author, store)
	c2, author2, store2, err := ParseReceiptSubject(subject)
	if err != nil || c2 != c || author2 != author || store2 != store {
		t.Errorf("came back as %v %v %v, %v", c2, author2, store2, err)
	}
	if _, _, _, err := ParseReceiptSubject(subject[1:]); !errors.Is(err, ErrMalformed) {
		t.Errorf("short: %v", err)
	}
}
