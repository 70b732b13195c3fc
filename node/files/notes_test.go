package files

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Of what is decided the last counts. What could not be written is tried again, unless somebody was told, or has
// decided otherwise since.
func TestNotes(t *testing.T) {
	r := bare()
	r.ctx, r.moved, r.inbox, r.cfg.Log = t.Context(), notify.NewCounter(0), make(chan func(time.Time)), slog.New(slog.DiscardHandler)
	key := func(n int) refKey { return refKey{event.ID{1}, n} }
	is := func(n int, want store.FileState) {
		t.Helper()
		if got, noted := r.notes.status(key(n)); !noted || got.State != want {
			t.Errorf("%d is %s, noted %t", n, got.State, noted)
		}
	}
	decide := func(n int, state store.FileState, done func(error)) {
		r.note(key(n), store.FileStatus{State: state}, done)
	}
	var told []error
	tell := func(err error) { told = append(told, err) }
	decide(0, store.FileFetching, nil)
	decide(0, store.FilePaused, nil)
	decide(1, store.FileFetching, tell)
	decide(2, store.FileFetching, nil)
	is(0, store.FilePaused)
	r.notes.flying, r.notes.next = r.notes.next, make(map[refKey]note)
	decide(2, store.FileHeld, nil)
	is(0, store.FilePaused)
	is(2, store.FileHeld)
	full := errors.New("full")
	r.noted(full, time.Time{})
	if len(told) != 1 || told[0] != full {
		t.Errorf("told %v", told)
	}
	is(0, store.FilePaused)
	is(2, store.FileHeld)
	if _, noted := r.notes.status(key(1)); noted {
		t.Error("what somebody was told that it failed is tried again")
	}
	if !r.notes.waiting || r.notes.flying != nil {
		t.Error("it is tried again at once")
	}
	r.flush()
	if r.notes.flying != nil {
		t.Error("it is written while it is to wait")
	}
	r.notes.flying, r.notes.next = r.notes.next, make(map[refKey]note)
	r.noted(nil, time.Time{})
	if _, noted := r.notes.status(key(0)); noted || len(r.notes.next) > 0 {
		t.Error("what is written down is still noted")
	}
}

// What somebody waits for is written first, and alone. Of the rest a bounded part is.
func TestNotesAreWrittenInParts(t *testing.T) {
	n := notes{next: make(map[refKey]note)}
	for i := range maxFlying + 3 {
		n.next[refKey{event.ID{1}, i}] = note{}
	}
	owners := refKey{event.ID{2}, 0}
	n.next[owners] = note{done: []func(error){func(error) {}}}
	some, awaited := n.take()
	if _, ok := some[owners]; !ok || !awaited || len(some) != 1 {
		t.Errorf("at first %d, awaited %t", len(some), awaited)
	}
	for _, want := range []int{maxFlying, 3, 0} {
		if some, awaited = n.take(); len(some) != want || awaited {
			t.Errorf("%d are taken instead of %d, awaited %t", len(some), want, awaited)
		}
	}
	if len(n.next) > 0 {
		t.Errorf("%d are left", len(n.next))
	}
}
