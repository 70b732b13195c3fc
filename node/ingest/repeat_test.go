package ingest

import (
	"errors"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// spoilt returns a run with a signature that nobody made.
func spoilt(run event.Run) event.Run {
	run.Events = slices.Clone(run.Events)
	run.Events[len(run.Events)-1].Signature = make([]byte, crypto.SignatureSize)
	return run
}

// TestHeldRunIsNotProvenAgain: it is acknowledged without a look at its signature, which is not kept
// either.
func TestHeldRunIsNotProvenAgain(t *testing.T) {
	ann, bob, _ := newHalls(t)
	run := bob.writesTo(ann, "hello")
	if in := ann.Ingest(t.Context(), spoilt(run), bob.id()); !errors.Is(in.Err, ErrUnproven) {
		t.Fatalf("when it is new: %+v", in)
	}
	first := ann.Ingest(t.Context(), run, bob.id())
	again := ann.Ingest(t.Context(), spoilt(run), bob.id())
	if again.Err != nil || again.New || !slices.Equal(again.Segments, first.Segments) || again.Author != bob.id() {
		t.Errorf("again: %+v, at first %+v", again, first)
	}
	if held, err := ann.store.LoadRun(run.Log(), 1, 1, 1<<20); err != nil || held.Prove() != nil {
		t.Errorf("what is held is not proven any more: %v", err)
	}
	ann.free.Store(0)
	if in := ann.Ingest(t.Context(), run, bob.id()); in.Err != nil {
		t.Errorf("with a full disk: %v", in.Err)
	}
}

// TestHeldRunOfOthersIsRefused: that it is held here is none of the business of a third person.
func TestHeldRunOfOthersIsRefused(t *testing.T) {
	ann, bob, dora := newHalls(t)
	run := bob.writesTo(ann, "hello")
	ann.check(ann.Ingest(t.Context(), run, bob.id()).Err)
	if in := ann.Ingest(t.Context(), run, dora.id()); !errors.Is(in.Err, ErrStranger) || in.Segments != nil {
		t.Errorf("brought by another: %+v", in)
	}
}

// TestFrozenLogIsNotProven: after a proven contradiction a peer can make any number of further ones,
// and none is looked at.
func TestFrozenLogIsNotProven(t *testing.T) {
	ann, bob, _ := newHalls(t)
	c := event.Direct(ann.id(), bob.id())
	same := func(h *event.Header) { h.Instance, h.Sequence, h.Previous = event.Instance{7}, 1, event.ID{} }
	for i := range 2 {
		in := ann.Ingest(t.Context(), bob.pen(c, same), bob.id())
		if forked := errors.Is(in.Err, store.ErrForked); forked != (i == 1) {
			t.Fatalf("branch %d: %+v", i, in)
		}
	}
	in := ann.Ingest(t.Context(), spoilt(bob.pen(c, same)), bob.id())
	if !errors.Is(in.Err, store.ErrForked) || !in.Segments.Covers(1) {
		t.Errorf("a third branch: %+v", in)
	}
}

// TestKnownRecordIsNotProvenAgain: a record that is known, or older than the one that is, changes
// nothing, and its signature is not looked at. Nor is that of a record that is not kept in any case.
func TestKnownRecordIsNotProvenAgain(t *testing.T) {
	ann, bob, dora := newHalls(t)
	from, _ := ann.from(bob)
	c := event.Direct(ann.id(), bob.id())
	ann.sets(bob, func(p *book.Person) { p.Contact = true })
	receipt := func(who *hall, counter uint64) event.Record {
		return who.record(event.KindReceipt, event.ReceiptSubject(c, ann.id(), event.Instance{1}), counter, event.Receipt{}.Marshal())
	}
	takes := func(what string, f *From, r event.Record, signed, want bool) {
		t.Helper()
		if !signed {
			r.Signature = make([]byte, crypto.SignatureSize)
		}
		if in, ok := f.bringsRecord(t, c, r).(sync.Stored); !ok || (in.Err == nil) != want {
			t.Errorf("%s: %+v", what, in)
		}
	}
	takes("a receipt", from, receipt(bob, 5), true, true)
	takes("the same", from, receipt(bob, 5), false, true)
	takes("an older one", from, receipt(bob, 4), false, true)
	takes("a newer one that nobody signed", from, receipt(bob, 6), false, false)
	takes("a profile", from, bob.profile(5, "Bob"), true, true)
	takes("the same", from, bob.profile(5, "Bob"), false, true)
	takes("an older one", from, bob.profile(4, "Robert"), false, true)
	takes("a newer one that nobody signed", from, bob.profile(6, "Mallory"), false, false)
	takes("of a kind that is not known", from, bob.record(99, []byte{1}, 1, nil), false, true)
	stranger, _ := ann.from(dora)
	takes("a stranger's receipt", stranger, receipt(dora, 1), false, true)
	if them, _ := ann.people.Get(bob.id()); them.Claimed != "Bob" {
		t.Errorf("he is called %q", them.Claimed)
	}
	for _, kept := range [][]event.Record{ann.records(event.KindProfile, event.ProfileSubject(bob.id())),
		ann.records(event.KindReceipt, event.ReceiptSubject(c, ann.id(), event.Instance{1}))} {
		if len(kept) != 1 || kept[0].Counter != 5 || !kept[0].Verify() {
			t.Errorf("kept: %+v", kept)
		}
	}
}

// TestKnownCardIsNotProvenAgain: with a card that is known, a profile that is no newer is not looked
// at, and not believed.
func TestKnownCardIsNotProvenAgain(t *testing.T) {
	ann, bob, dora := newHalls(t)
	from, _ := ann.from(bob)
	learns := func(profile event.Record) {
		from.Card(t.Context(), sync.LearnCard{CardOf: wire.CardOf{Person: dora.id()}, Card: dora.own.Card.Bytes(), Profile: &profile})
	}
	learns(dora.profile(5, "Dora"))
	ann.check(ann.people.Keep(t.Context(), dora.id()))
	forged := dora.profile(4, "Mallory")
	forged.Signature = make([]byte, crypto.SignatureSize)
	learns(forged)
	same := dora.profile(5, "Dora")
	same.Signature = forged.Signature
	learns(same)
	if them, _ := ann.people.Get(dora.id()); them.Claimed != "Dora" {
		t.Errorf("she is called %q", them.Claimed)
	}
	if kept := ann.records(event.KindProfile, event.ProfileSubject(dora.id())); len(kept) != 1 || kept[0].Counter != 5 || !kept[0].Verify() {
		t.Errorf("kept: %+v", kept)
	}
}
