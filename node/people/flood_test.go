package people

import (
	"fmt"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// comes has somebody come by an address, and go.
func (h *home) comes(s *somebody, address string) {
	h.t.Helper()
	h.meets(s, "")
	h.Came(s.id(), address)
	h.Parted(s.id(), s.desk.ID())
}

// Whoever makes persons by the thousand pushes out only their own: somebody who was just here can
// still be named. Everything by which they were known goes with them.
func TestFloodOfStrangersIsForgotten(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob := newSomebody(t)
		h.comes(bob, "b")
		for i := range 4 * maxGone {
			h.comes(newSomebody(t), fmt.Sprint("a", i%4))
		}
		if _, ok := h.Get(bob.id()); !ok {
			t.Error("who came by another address is forgotten")
		}
		most := maxGone + 2 // the owner, and who came last
		if len(h.known) > most || len(h.direct) > most || len(h.devices) > most || len(h.heads) > 2*most || len(h.gone.all) > maxGone || len(h.gone.by) > 5 {
			t.Errorf("known are %d persons, %d conversations, %d devices, %d heads; %d have gone, by %d addresses",
				len(h.known), len(h.direct), len(h.devices), len(h.heads), len(h.gone.all), len(h.gone.by))
		}
		time.Sleep(strangerStays)
		h.comes(newSomebody(t), "c")
		if n := len(h.unsaved()); n != 1 {
			t.Errorf("%d strangers are known an hour later", n)
		}
	})
}

// Somebody whom the store has forgotten is known as long as others who were only connected, and is
// written down anew when they write.
func TestForgottenByTheStore(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob := newSomebody(t)
		h.meets(bob, "Bob")
		h.keeps(bob)
		gone, err := h.store.Forget(t.Context(), bob.id())
		h.check(err)
		h.Forgotten([]crypto.PersonID{bob.id()})
		if _, kept := h.kept(bob.id()); kept || !gone || len(h.unsaved()) != 1 {
			t.Error("not forgotten")
		}
		h.keeps(bob)
		if p, kept := h.kept(bob.id()); !kept || p.Claimed != "Bob" || len(h.unsaved()) != 0 {
			t.Error("not written down anew")
		}
		_, err = h.store.Forget(t.Context(), bob.id())
		h.check(err)
		h.Forgotten([]crypto.PersonID{bob.id()})
		time.Sleep(strangerStays)
		h.comes(newSomebody(t), "")
		if _, ok := h.Get(bob.id()); ok {
			t.Error("known for ever")
		}
	})
}

// However often strangers take another name, that is one commit for all of them, and for each once
// a minute. It is shown at once.
func TestRenamesOfStrangersAreOneCommit(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		var all []*somebody
		for range 50 {
			s := newSomebody(t)
			h.meets(s, "")
			h.keeps(s)
			all = append(all, s)
		}
		h.saves()
		time.Sleep(time.Millisecond)
		before := h.commits.Load()
		rename := func(n uint64) {
			for _, s := range all {
				name := fmt.Sprint("Mallory ", n)
				h.check(h.Rename(t.Context(), s.id(), name))
				h.check(h.PutProfile(t.Context(), s.id(), s.profile(n, name)))
			}
		}
		for n := range uint64(100) {
			rename(n + 1)
			time.Sleep(100 * time.Millisecond)
		}
		if a := h.shown(all[0]); a.Claimed != "Mallory 100" {
			t.Errorf("shown as %q", a.Claimed)
		}
		time.Sleep(2 * namePause)
		if n := h.commits.Load() - before; n > 6 { // at once, and a minute later, each of names and of profiles
			t.Errorf("%d commits", n)
		}
		for _, s := range all {
			profiles, err := h.store.Book().Records(event.KindProfile, event.ProfileSubject(s.id()))
			h.check(err)
			if p, _ := h.kept(s.id()); p.Claimed != "Mallory 100" || len(profiles) != 1 || profiles[0].Counter != 100 {
				t.Fatalf("kept as %q, %d profiles", p.Claimed, len(profiles))
			}
		}
	})
}

// A contact's name is on the disk at once, but not as often as they like.
func TestRenamesOfAContactAreBounded(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob := newSomebody(t)
		h.meets(bob, "")
		h.accepts(bob)
		h.saves()
		time.Sleep(time.Millisecond)
		before := h.commits.Load()
		h.check(h.Rename(t.Context(), bob.id(), "Bob"))
		if p, _ := h.kept(bob.id()); p.Claimed != "Bob" {
			t.Error("not on the disk")
		}
		for n := range 1000 {
			h.check(h.Rename(t.Context(), bob.id(), fmt.Sprint("Bob ", n)))
			time.Sleep(10 * time.Millisecond)
		}
		if n := h.commits.Load() - before; n > namesAtOnce+1 {
			t.Errorf("%d commits in 10 s", n)
		}
		time.Sleep(2 * namePause)
		if p, _ := h.kept(bob.id()); p.Claimed != "Bob 999" {
			t.Errorf("kept as %q", p.Claimed)
		}
	})
}

// What somebody called themselves last is not lost when the program ends.
func TestLastNameIsSaved(t *testing.T) {
	h, bob := newHome(t), newSomebody(t)
	h.meets(bob, "Bob")
	h.keeps(bob)
	h.check(h.Rename(t.Context(), bob.id(), "Robert"))
	h.SaveLast(t.Context())
	h.reopen()
	if a := h.shown(bob); a.Claimed != "Robert" {
		t.Errorf("called %q", a.Claimed)
	}
}
