package ingest

import (
	"errors"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// record makes a signed record of one's device.
func (h *hall) record(kind event.RecordKind, subject []byte, counter uint64, value []byte, change ...func(*event.Record)) event.Record {
	h.t.Helper()
	r := event.Record{Card: h.own.Card.Head(), Kind: kind, Subject: subject, Counter: counter, Value: value}
	for _, c := range change {
		c(&r)
	}
	out, err := event.NewRecord(h.own.Device, r)
	h.check(err)
	return out
}

func (h *hall) profile(counter uint64, name string) event.Record {
	return h.record(event.KindProfile, event.ProfileSubject(h.id()), counter, event.Profile{Name: name}.Marshal())
}

// records are those that the store has of a kind.
func (h *hall) records(kind event.RecordKind, subject []byte) []event.Record {
	h.t.Helper()
	out, err := h.store.Book().Records(kind, subject)
	h.check(err)
	return out
}

// brings has a peer bring a record of a conversation.
func (f *From) bringsRecord(t *testing.T, c event.Conversation, r event.Record) sync.Input {
	return f.Record(t.Context(), sync.IngestRecord{Ticket: 7, Conversation: c, Record: r})
}

// A record is let in from a device of its signer's, and proven.
func TestWhoseRecordsAreTaken(t *testing.T) {
	ann, bob, dora := newHalls(t)
	eve := newHall(t)
	from, _ := ann.from(bob)
	for what, r := range map[string]event.Record{"of somebody unknown": eve.profile(1, "Eve"), "of a third person": dora.profile(1, "Dora")} {
		if stored, ok := from.bringsRecord(t, event.Conversation{1}, r).(sync.Stored); !ok || stored.Ticket != 7 || stored.Refused != wire.NotPermitted {
			t.Errorf("%s: %+v", what, stored)
		}
	}
	later := bob.record(event.KindProfile, event.ProfileSubject(bob.id()), 1, event.Profile{Name: "Bob"}.Marshal(),
		func(r *event.Record) { r.Card = crypto.Hash{9} })
	if need, ok := from.bringsRecord(t, event.Conversation{1}, later).(sync.NeedCard); !ok || need.Ticket != 7 || need.Head != (crypto.Hash{9}) {
		t.Errorf("by a card that is not known: %+v", need)
	}
	forged := bob.profile(1, "Bob")
	forged.Signature = bob.profile(2, "Bob").Signature
	if stored, ok := from.bringsRecord(t, event.Conversation{1}, forged).(sync.Stored); !ok || !errors.Is(stored.Err, sync.ErrProtocol) {
		t.Errorf("not signed: %+v", stored)
	}
	if them, _ := ann.people.Get(bob.id()); them.Claimed != "" || ann.changed != 0 {
		t.Errorf("he is called %q, told %d times", them.Claimed, ann.changed)
	}
	own := ann.profile(9, "Ann") // by another session or device, and comes back
	if stored, ok := from.bringsRecord(t, event.Conversation{1}, own).(sync.Stored); !ok || stored.Refused != 0 || stored.Err != nil {
		t.Errorf("the owner's: %+v", stored)
	}
	if stored, ok := from.bringsRecord(t, event.Conversation{1}, bob.record(99, []byte{1}, 1, nil)).(sync.Stored); !ok || stored.Refused != 0 || stored.Err != nil {
		t.Errorf("of a kind that is not known: %+v", stored)
	}
	if kept := ann.records(99, []byte{1}); len(kept) != 0 {
		t.Error("what nobody understands is kept")
	}
}

// A profile names its signer and nobody else. That of a contact is on the disk at once.
func TestProfileRecord(t *testing.T) {
	ann, bob, dora := newHalls(t)
	from, _ := ann.from(bob)
	from.bringsRecord(t, event.Conversation{1}, bob.record(event.KindProfile, event.ProfileSubject(dora.id()), 1, event.Profile{Name: "Mallory"}.Marshal()))
	if them, _ := ann.people.Get(dora.id()); them.Claimed != "" {
		t.Errorf("another is called %q now", them.Claimed)
	}
	if them, _ := ann.people.Get(bob.id()); them.Claimed != "" {
		t.Errorf("by a profile of another, its signer is called %q", them.Claimed)
	}
	ann.check(ann.people.Update(t.Context(), bob.id(), func(p *book.Person) error { p.Contact = true; return nil }))
	if in := from.bringsRecord(t, event.Conversation{1}, bob.profile(2, "Bob")); in.(sync.Stored).Err != nil {
		t.Errorf("%+v", in)
	}
	them, _ := ann.people.Get(bob.id())
	if kept := ann.records(event.KindProfile, event.ProfileSubject(bob.id())); them.Claimed != "Bob" || len(kept) != 1 || ann.changed == 0 {
		t.Errorf("called %q, %d profiles kept, told %d times", them.Claimed, len(kept), ann.changed)
	}
	if from.Profile(t.Context(), bob.profile(3, "Bob")) != nil {
		t.Error("what came with the card is answered")
	}
	if kept := ann.records(event.KindProfile, event.ProfileSubject(bob.id())); len(kept) != 1 || kept[0].Counter != 3 {
		t.Errorf("what came with the card is not kept: %+v", kept)
	}
}

// Receipts of strangers are not kept, since nothing was written to them. In a group there was.
func TestReceiptRecord(t *testing.T) {
	ann, bob, _ := newHalls(t)
	from, _ := ann.from(bob)
	direct := event.Direct(ann.id(), bob.id())
	ann.writesTo(bob, "hello")
	takes := func(what string, c event.Conversation, counter uint64, want bool) {
		t.Helper()
		subject := event.ReceiptSubject(c, ann.id(), event.Instance{1})
		if in := from.bringsRecord(t, c, bob.record(event.KindReceipt, subject, counter, event.Receipt{}.Marshal())); in.(sync.Stored).Err != nil || in.(sync.Stored).Refused != 0 {
			t.Errorf("%s: %+v", what, in)
		}
		kept := ann.records(event.KindReceipt, subject)
		if got := len(kept) == 1 && kept[0].Counter == counter; got != want {
			t.Errorf("%s: kept: %t", what, got)
		}
	}
	takes("a stranger's", direct, 1, false)
	ann.sets(bob, func(p *book.Person) { p.Contact = true })
	takes("a contact's", direct, 2, true)
	ann.sets(bob, func(p *book.Person) { p.Contact = false })
	takes("a stranger's again", direct, 3, false)
	takes("in a group", ann.makes("lunch", bob), 1, true)
	takes("in a group that they are not in", ann.makes("dinner"), 1, false)
}

// A card is learnt if it is the one that was asked for. Of fellow members it is kept.
func TestLearnCard(t *testing.T) {
	ann, bob := newHall(t), newHall(t)
	bob.meets(ann)
	ann.meets(bob)
	from, _ := ann.from(bob)
	dora, eve := newHall(t), newHall(t)
	knows := func(who *hall) (name string, ok bool) {
		them, ok := ann.people.Get(who.id())
		return them.Claimed, ok
	}
	learns := func(card []byte, of wire.CardOf, profile *event.Record) {
		t.Helper()
		if _, ok := from.Card(t.Context(), sync.LearnCard{CardOf: of, Card: card, Profile: profile}).(sync.CardLearned); !ok {
			t.Error("the machine waits for ever")
		}
	}
	doras := dora.own.Card
	byHead, byPerson := wire.CardOf{Head: doras.Head()}, wire.CardOf{Person: dora.id()}
	learns(nil, byHead, nil)
	learns([]byte("no card"), byHead, nil)
	learns(eve.own.Card.Bytes(), byHead, nil)
	learns(eve.own.Card.Bytes(), byPerson, nil)
	if _, ok := knows(eve); ok {
		t.Error("a card is learnt that nobody asked for")
	}
	others := eve.profile(1, "Eve")
	learns(doras.Bytes(), byHead, &others)
	if name, ok := knows(dora); !ok || name != "" {
		t.Errorf("learnt by its head: %t, with another's profile: %q", ok, name)
	}
	profile := dora.profile(1, "Dora")
	learns(doras.Bytes(), byPerson, &profile)
	if name, _ := knows(dora); name != "Dora" {
		t.Errorf("learnt by the person, and called %q", name)
	}
	if kept, _ := ann.keeps(dora); kept || len(ann.met) != 0 {
		t.Errorf("a stranger is kept: %t, told of %d", kept, len(ann.met))
	}
	ann.makes("lunch", eve)
	theirs := eve.profile(1, "Eve")
	learns(eve.own.Card.Bytes(), wire.CardOf{Person: eve.id()}, &theirs)
	if kept, _ := ann.keeps(eve); !kept || len(ann.met) != 1 || ann.met[0] != eve.id() {
		t.Errorf("a fellow member is kept: %t, told of %d", kept, len(ann.met))
	}
	if kept := ann.records(event.KindProfile, event.ProfileSubject(eve.id())); len(kept) != 1 {
		t.Errorf("%d profiles kept", len(kept))
	}
}
