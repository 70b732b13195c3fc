package people

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/event"
)

// Whoever connects is known at once, by everything by which they can be named, and is not in the
// store.
func TestMeet(t *testing.T) {
	h, bob := newHome(t), newSomebody(t)
	h.meets(bob, "Bob")
	for what, find := range map[string]func() (Person, bool){
		"the ID":           func() (Person, bool) { return h.Get(bob.id()) },
		"the device":       func() (Person, bool) { return h.Of(bob.desk.ID()) },
		"the card":         func() (Person, bool) { return h.WithHead(bob.card.Head()) },
		"the conversation": func() (Person, bool) { return h.In(event.Direct(h.self, bob.id())) },
	} {
		if a, ok := find(); !ok || a.ID != bob.id() || a.Claimed != "Bob" || !a.Parsed.Speaks(bob.desk.ID()) {
			t.Errorf("found by %s: %t, %+v", what, ok, a.Person)
		}
	}
	if _, ok := h.kept(bob.id()); ok {
		t.Error("a stranger who said nothing is in the store")
	}
	if unsaved := h.unsaved(); len(unsaved) != 1 || unsaved[0] != bob.id() {
		t.Errorf("not in the store: %v", unsaved)
	}
	if len(h.All()) != 2 || len(h.Others()) != 1 || h.Others()[0].ID != bob.id() {
		t.Errorf("%d persons, %d others", len(h.All()), len(h.Others()))
	}
	h.meets(bob, "")
	if a := h.shown(bob); a.Claimed != "Bob" {
		t.Errorf("met again without a name, and called %q", a.Claimed)
	}
	h.meets(bob, "Robert")
	if _, ok := h.kept(bob.id()); ok {
		t.Error("a stranger is in the store because of another name")
	}
}

// Of a contact, what they show of themselves is on the disk when Meet returns.
func TestMeetAgain(t *testing.T) {
	h, bob, laptop := newHome(t), newSomebody(t), newKey(t)
	h.meets(bob, "Bob")
	h.accepts(bob)
	if len(h.unsaved()) != 0 {
		t.Error("not saved")
	}
	h.check(h.Meet(t.Context(), laptop.ID(), bob.with(laptop), ""))
	if p, _ := h.kept(bob.id()); string(p.Card) != string(bob.with(laptop).Bytes()) || p.Claimed != "Bob" {
		t.Errorf("kept: %q, a card of %d bytes", p.Claimed, len(p.Card))
	}
	h.meets(bob, "Robert") // with the card of before
	if p, _ := h.kept(bob.id()); string(p.Card) != string(bob.with(laptop).Bytes()) || p.Claimed != "Robert" {
		t.Errorf("kept: %q, a card of %d bytes", p.Claimed, len(p.Card))
	}
	h.reopen()
	if a, ok := h.Of(laptop.ID()); !ok || a.ID != bob.id() || a.Claimed != "Robert" {
		t.Error("not known after a restart")
	}
}

// A device is one person's.
func TestDeviceShowsAnothersCard(t *testing.T) {
	h, bob := newHome(t), newSomebody(t)
	h.meets(bob, "Bob")
	eve := newSomebody(t)
	eve.desk = bob.desk
	var err error
	if eve.card, _, err = crypto.NewPerson(zeros{}, bob.desk); err != nil {
		t.Fatal(err)
	}
	if err := h.Meet(t.Context(), bob.desk.ID(), eve.card, "Eve"); !errors.Is(err, ErrOtherPerson) {
		t.Errorf("taken for another person: %v", err)
	}
	h.check(h.Learn(t.Context(), eve.card, "Eve"))
	if _, ok := h.Get(eve.id()); ok {
		t.Error("a card is learnt that names another person's device")
	}
	if a, _ := h.Of(bob.desk.ID()); a.ID != bob.id() {
		t.Error("the device has changed hands")
	}
}

// zeros is a source of randomness that is none.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// A stolen laptop that was revoked shows the card of before.
func TestRevokedDeviceIsNoPeer(t *testing.T) {
	h, bob, laptop := newHome(t), newSomebody(t), newKey(t)
	before := bob.with(laptop)
	h.check(h.Meet(t.Context(), laptop.ID(), before, "Bob"))
	if _, ok := h.Of(laptop.ID()); !ok {
		t.Error("the laptop is nobody's")
	}
	h.check(h.Meet(t.Context(), bob.desk.ID(), bob.without(before, laptop.ID()), "Bob"))
	if err := h.Meet(t.Context(), laptop.ID(), before, "Bob"); !errors.Is(err, ErrRevoked) {
		t.Errorf("a revoked device is let in: %v", err)
	}
	if _, ok := h.Of(laptop.ID()); ok {
		t.Error("the revoked device is still the person's")
	}
}

// Of two sessions with a device, the older one's greeting may be read after it was replaced and the
// newer one has met. What it brings is older than what is known.
func TestEndedSessionMeetsNobody(t *testing.T) {
	h, bob := newHome(t), newSomebody(t)
	errEnded := errors.New("replaced")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errEnded)
	h.meets(bob, "Bob")
	if err := h.Meet(ended, bob.desk.ID(), bob.card, "Rob"); !errors.Is(err, errEnded) {
		t.Errorf("a session that has ended is let in: %v", err)
	}
	if a := h.shown(bob); a.Claimed != "Bob" {
		t.Errorf("he is called %q", a.Claimed)
	}
}

// What a person shows of themselves while something else of them is being committed was replaced by
// what had been there before, in memory and then on the disk.
func TestCardThatComesDuringCommitIsKept(t *testing.T) {
	h, bob, laptop := newHome(t), newSomebody(t), newKey(t)
	longer := bob.with(laptop)
	h.meets(bob, "Bob")
	met := make(chan error, 1)
	h.check(h.Update(t.Context(), bob.id(), func(s *book.Person) error {
		s.Petname = "Bobby"
		go func() { met <- h.Meet(t.Context(), laptop.ID(), longer, "Robert") }()
		for a, _ := h.Get(bob.id()); !a.Parsed.Speaks(laptop.ID()); a, _ = h.Get(bob.id()) {
			runtime.Gosched()
		}
		return nil
	}))
	h.check(<-met)
	h.check(h.Update(t.Context(), bob.id(), func(*book.Person) error { return nil }))
	kept, _ := h.kept(bob.id())
	for where, got := range map[string]book.Person{"shown": h.shown(bob).Person, "kept": kept} {
		if string(got.Card) != string(longer.Bytes()) || got.Claimed != "Robert" || got.Petname != "Bobby" {
			t.Errorf("%s: %q, %q, a card of %d bytes; want Robert, Bobby, %d", where, got.Claimed, got.Petname, len(got.Card), len(longer.Bytes()))
		}
	}
}

// A card that somebody else has told of makes a person known, and takes no name from one who has
// told it.
func TestLearn(t *testing.T) {
	h, bob, laptop := newHome(t), newSomebody(t), newKey(t)
	h.check(h.Learn(t.Context(), bob.card, ""))
	h.check(h.Learn(t.Context(), bob.card, "Bob"))
	h.check(h.Learn(t.Context(), bob.card, "Mallory"))
	if a := h.shown(bob); a.Claimed != "Bob" || !a.Parsed.Speaks(bob.desk.ID()) {
		t.Errorf("learnt: %+v", a.Person)
	}
	if _, ok := h.kept(bob.id()); ok {
		t.Error("a stranger is in the store")
	}
	h.keeps(bob)
	h.check(h.Learn(t.Context(), bob.with(laptop), ""))
	h.check(h.Learn(t.Context(), bob.card, ""))
	if p, _ := h.kept(bob.id()); string(p.Card) != string(bob.with(laptop).Bytes()) {
		t.Error("the longer card is not in the store")
	}
}

// An hour after a stranger has gone, and when there are too many who have, everything by which they
// were known is forgotten.
func TestStrangersAreForgotten(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		here, kept, bob, late := newSomebody(t), newSomebody(t), newSomebody(t), newSomebody(t)
		for _, s := range []*somebody{here, kept, bob} {
			h.meets(s, "")
		}
		h.here[here.id()] = true
		h.keeps(kept)
		h.Parted(bob.id(), bob.desk.ID())
		time.Sleep(strangerStays - 1)
		h.check(h.Learn(t.Context(), late.card, ""))
		if _, ok := h.Get(bob.id()); !ok {
			t.Error("forgotten too soon")
		}
		time.Sleep(time.Nanosecond)
		h.Parted(late.id(), late.desk.ID())
		if _, ok := h.Get(bob.id()); ok {
			t.Error("not forgotten")
		}
		for what, known := range map[string]func() bool{
			"device":       func() bool { _, ok := h.devices[bob.desk.ID()]; return ok },
			"card":         func() bool { _, ok := h.heads[bob.card.Head()]; return ok },
			"conversation": func() bool { _, ok := h.direct[event.Direct(h.self, bob.id())]; return ok },
		} {
			if known() {
				t.Errorf("the %s of one who is forgotten is known", what)
			}
		}
		for what, s := range map[string]*somebody{"who is here": here, "who is in the store": kept, "who has just gone": late} {
			if _, ok := h.Get(s.id()); !ok {
				t.Errorf("one %s is forgotten", what)
			}
		}
		var strangers []*somebody
		for range maxGone {
			time.Sleep(time.Second)
			s := newSomebody(t)
			h.check(h.Learn(t.Context(), s.card, ""))
			strangers = append(strangers, s)
		}
		if _, ok := h.Get(late.id()); ok || len(h.unsaved()) != maxGone+1 {
			t.Errorf("%d strangers are known, among them the one who went first: %t", len(h.unsaved()), ok)
		}
		for _, s := range strangers {
			if _, ok := h.Get(s.id()); !ok {
				t.Error("another than the one who went first is forgotten")
			}
		}
	})
}

// Somebody whose card has forked shows one branch and then the other. The heads of the branch that
// was given up stayed known for as long as the program ran.
func TestForkedCardIsForgotten(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob := newSomebody(t)
		one, other := bob.with(newKey(t)), bob.with(newKey(t))
		if chosen, _ := crypto.Choose(one, other); chosen.Head() == one.Head() {
			one, other = other, one
		}
		for _, card := range []crypto.Card{one, other} { // the one that is chosen comes last
			h.check(h.Meet(t.Context(), bob.desk.ID(), card, ""))
		}
		if _, ok := h.heads[other.Head()]; !ok {
			t.Error("the card is not known")
		}
		time.Sleep(strangerStays)
		h.check(h.Learn(t.Context(), newSomebody(t).card, "")) // which forgets who has gone
		if _, ok := h.Get(bob.id()); ok {
			t.Error("not forgotten")
		}
		for head, id := range h.heads {
			if id == bob.id() {
				t.Errorf("a head of one who is forgotten is known: %x", head[:4])
			}
		}
	})
}

// What a stranger says of themselves is kept in memory, and goes to the disk together with them.
func TestProfileGoesWithThePerson(t *testing.T) {
	h, bob := newHome(t), newSomebody(t)
	h.check(h.PutProfile(t.Context(), bob.id(), bob.profile(1, "Nobody")))
	h.check(h.Rename(t.Context(), bob.id(), "Nobody"))
	if _, ok := h.Get(bob.id()); ok {
		t.Error("a profile makes somebody known")
	}
	h.meets(bob, "Bob")
	h.check(h.PutProfile(t.Context(), bob.id(), bob.profile(3, "Robert")))
	h.check(h.PutProfile(t.Context(), bob.id(), bob.profile(2, "Bob")))
	h.check(h.Rename(t.Context(), bob.id(), "Robert"))
	profiles := func() []event.Record {
		kept, err := h.store.Book().Records(event.KindProfile, event.ProfileSubject(bob.id()))
		h.check(err)
		return kept
	}
	if len(profiles()) != 0 {
		t.Error("a stranger's profile is in the store")
	}
	h.keeps(bob)
	if kept := profiles(); len(kept) != 1 || kept[0].Counter != 3 {
		t.Errorf("kept with the person: %d profiles", len(kept))
	}
	h.accepts(bob)
	h.check(h.PutProfile(t.Context(), bob.id(), bob.profile(4, "Rob")))
	h.check(h.Rename(t.Context(), bob.id(), "Rob"))
	p, _ := h.kept(bob.id())
	if kept := profiles(); len(kept) != 1 || kept[0].Counter != 4 || p.Claimed != "Rob" {
		t.Errorf("kept later: %d profiles, %q", len(kept), p.Claimed)
	}
}

// What the owner decides is shown when it is on the disk and not before.
func TestUpdate(t *testing.T) {
	h, bob := newHome(t), newSomebody(t)
	var unknown *UnknownError
	if err := h.Update(t.Context(), bob.id(), func(*book.Person) error { return nil }); !errors.As(err, &unknown) {
		t.Errorf("nobody is updated: %v", err)
	}
	h.meets(bob, "Bob")
	failed := errors.New("failed")
	contact := func(result error) func(p *book.Person) error {
		return func(p *book.Person) error {
			p.Contact = true
			if h.shown(bob).Contact {
				t.Error("shown before the commit")
			}
			return result
		}
	}
	if err := h.Update(t.Context(), bob.id(), contact(failed)); !errors.Is(err, failed) || h.shown(bob).Contact || len(h.unsaved()) != 1 {
		t.Errorf("shown though it failed: %v", err)
	}
	h.check(h.Update(t.Context(), bob.id(), contact(nil)))
	if p, _ := h.kept(bob.id()); !p.Contact || p.Claimed != "Bob" || string(p.Card) != string(bob.card.Bytes()) || !h.shown(bob).Contact {
		t.Errorf("kept: %+v", p)
	}
	h.ends()
	if err := h.Update(t.Context(), bob.id(), func(p *book.Person) error { p.Contact = false; return nil }); err == nil || !h.shown(bob).Contact {
		t.Errorf("shown though the store has ended: %v", err)
	}
}

// Two persons are changed in one commit, and both are shown after it.
func TestUpdateBoth(t *testing.T) {
	h, bob, cleo, dora := newHome(t), newSomebody(t), newSomebody(t), newSomebody(t)
	h.meets(bob, "Bob")
	h.meets(cleo, "Cleo")
	h.keeps(bob)
	var unknown *UnknownError
	if err := h.UpdateBoth(t.Context(), bob.id(), dora.id(), func(b, d *book.Person) error { b.Contact = true; return nil }); !errors.As(err, &unknown) || h.shown(bob).Contact {
		t.Errorf("together with nobody: %v", err)
	}
	h.check(h.UpdateBoth(t.Context(), bob.id(), cleo.id(), func(b, c *book.Person) error {
		b.Petname, c.Petname = "first", "second"
		return nil
	}))
	if h.shown(bob).Petname != "first" || h.shown(cleo).Petname != "second" || len(h.unsaved()) != 0 {
		t.Errorf("shown: %+v, %+v", h.shown(bob), h.shown(cleo))
	}
	h.reopen()
	if b, c := h.shown(bob), h.shown(cleo); b.Petname != "first" || c.Petname != "second" || b.Claimed != "Bob" || c.Claimed != "Cleo" {
		t.Errorf("after a restart: %+v, %+v", b, c)
	}
}

// When somebody was first met stays so, whatever changes about them later, and after a restart.
func TestMetOnce(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob := newSomebody(t)
		h.skew = time.Hour
		h.meets(bob, "Bob")
		met := h.now()
		time.Sleep(time.Minute)
		h.meets(bob, "Robert")
		h.keeps(bob)
		h.check(h.Update(t.Context(), bob.id(), func(p *book.Person) error { p.Contact = true; return nil }))
		if got := h.shown(bob).Met; !got.Equal(met) {
			t.Errorf("met %v, want %v", got, met)
		}
		h.reopen()
		h.meets(bob, "Bobby")
		if got := h.shown(bob).Met; !got.Equal(met.Truncate(time.Millisecond)) {
			t.Errorf("after a restart: met %v, want %v", got, met)
		}
	})
}

// Members of the owner's groups and of contacts' groups have another budget than strangers.
func TestKeptAsMember(t *testing.T) {
	h, bob, dora, eve := newHome(t), newSomebody(t), newSomebody(t), newSomebody(t)
	for _, s := range []*somebody{bob, dora, eve} {
		h.meets(s, "")
	}
	g, err := h.groups.Create(t.Context(), "lunch")
	h.check(err)
	h.check(h.groups.Do(t.Context(), g, func(*authority.State) (event.Control, error) {
		return event.Invite{Persons: []crypto.PersonID{bob.id()}}, nil
	}))
	h.keeps(bob)
	h.keeps(dora)
	h.check(h.KeepMember(t.Context(), eve.id()))
	for who, want := range map[*somebody]bool{bob: true, dora: false, eve: true} {
		if p, ok := h.kept(who.id()); !ok || p.Member != want {
			t.Errorf("kept: %t, as a member: %t, want %t", ok, p.Member, want)
		}
	}
}

// Whoever is in a group with the owner is kept before they are forgotten as a stranger.
func TestFellowsAreKept(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob, dora := newSomebody(t), newSomebody(t)
		h.meets(dora, "")
		g, err := h.groups.Create(t.Context(), "lunch")
		h.check(err)
		h.check(h.groups.Do(t.Context(), g, func(*authority.State) (event.Control, error) {
			return event.Invite{Persons: []crypto.PersonID{bob.id()}}, nil
		}))
		var told []crypto.PersonID
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { // until cancel
			defer close(ended)
			h.KeepFellows(ctx, func(id crypto.PersonID) { told = append(told, id) })
		}()
		h.meets(bob, "Bob")
		h.LookForFellows()
		time.Sleep(time.Second)
		cancel()
		<-ended
		if len(told) != 1 || told[0] != bob.id() {
			t.Errorf("told of %d", len(told))
		}
		_, kept := h.kept(bob.id())
		if _, other := h.kept(dora.id()); !kept || other {
			t.Errorf("the fellow is kept: %t, the stranger: %t", kept, other)
		}
	})
}

// A stranger in the store who comes into a group with the owner counts as a fellow member from then on,
// and is not forgotten as strangers are.
func TestStrangerBecomesAFellow(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		bob, dora := newSomebody(t), newSomebody(t)
		for _, s := range []*somebody{bob, dora} {
			h.meets(s, "")
			h.keeps(s)
		}
		g, err := h.groups.Create(t.Context(), "lunch")
		h.check(err)
		h.check(h.groups.Do(t.Context(), g, func(*authority.State) (event.Control, error) {
			return event.Invite{Persons: []crypto.PersonID{bob.id()}}, nil
		}))
		ctx, cancel := context.WithCancel(t.Context())
		ended, told := make(chan struct{}), 0
		go func() { // until cancel
			defer close(ended)
			h.KeepFellows(ctx, func(crypto.PersonID) { told++ })
		}()
		for range 2 {
			h.LookForFellows()
			time.Sleep(time.Second)
		}
		cancel()
		<-ended
		for s, fellow := range map[*somebody]bool{bob: true, dora: false} {
			gone, err := h.store.Forget(t.Context(), s.id())
			if p, _ := h.kept(s.id()); err != nil || p.Member != fellow || gone == fellow || told != 1 {
				t.Errorf("fellow: %t, want %t; forgotten: %t, %v; told %d times", p.Member, fellow, gone, err, told)
			}
		}
	})
}

// Who has written something is found by the card that was valid then.
func TestAuthor(t *testing.T) {
	h, bob, laptop := newHome(t), newSomebody(t), newKey(t)
	var needs *groups.NeedsCardError
	if _, err := h.Author(bob.card.Head(), bob.desk.ID()); !errors.As(err, &needs) || needs.Head != bob.card.Head() {
		t.Errorf("nobody's card: %v", err)
	}
	longer := bob.with(laptop)
	h.check(h.Meet(t.Context(), bob.desk.ID(), bob.without(longer, laptop.ID()), "Bob"))
	if by, err := h.Author(longer.Head(), laptop.ID()); err != nil || by != bob.id() {
		t.Errorf("when it was not revoked yet: %v", err)
	}
	for what, head := range map[string]crypto.Hash{"before it was named": bob.card.Head(), "after it was revoked": h.shown(bob).Parsed.Head()} {
		if _, err := h.Author(head, laptop.ID()); !errors.Is(err, authority.ErrNotPermitted) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, ok := h.Owner(laptop.ID()); ok {
		t.Error("a revoked device has an owner")
	}
	if by, ok := h.Owner(bob.desk.ID()); !ok || by != bob.id() {
		t.Error("the desk has no owner")
	}
}

// What a device shows must be of one person, for whom it speaks.
func TestProve(t *testing.T) {
	h, bob, eve := newHome(t), newSomebody(t), newSomebody(t)
	profile, others := bob.profile(1, "Bob"), eve.profile(1, "Eve")
	forged := profile
	forged.Signature = others.Signature
	for what, c := range map[string]struct {
		device  *somebody
		card    []byte
		profile *event.Record
		ok      bool
	}{
		"all":                     {bob, bob.card.Bytes(), &profile, true},
		"no profile":              {bob, bob.card.Bytes(), nil, true},
		"no card":                 {bob, nil, &profile, false},
		"another's device":        {eve, bob.card.Bytes(), nil, false},
		"another's profile":       {bob, bob.card.Bytes(), &others, false},
		"a profile nobody signed": {bob, bob.card.Bytes(), &forged, false},
	} {
		card, _, err := h.Prove(c.device.desk.ID(), c.card, c.profile)
		if (err == nil) != c.ok || c.ok && card.Person() != bob.id() {
			t.Errorf("%s: %v", what, err)
		}
	}
	// What is known is not proven again: the bytes decide, and what was proven before is believed.
	card := Person{Parsed: bob.card}
	card.Card = []byte("bytes that are no card")
	if parsed, err := card.ParseCard(card.Card); err != nil || parsed.Person() != bob.id() {
		t.Errorf("a card that is known: %v", err)
	}
	if _, err := card.ParseCard(eve.card.Bytes()); err != nil {
		t.Errorf("another card: %v", err)
	}
	known := Person{profile: &profile}
	if p, ok := known.Profile(&forged, bob.card); !ok || p != &profile {
		t.Error("the profile that is known is proven again, or another is believed")
	}
	newer := bob.profile(2, "Bob")
	newer.Signature = others.Signature
	if _, ok := known.Profile(&newer, bob.card); ok {
		t.Error("a newer profile is believed that nobody signed")
	}
	nameless := bob.profile(1, "x")
	nameless.Value = event.Profile{Name: "a\nb"}.Marshal()
	if NameIn(&profile) != "Bob" || NameIn(nil) != "" || NameIn(&nameless) != "" {
		t.Errorf("names: %q, %q", NameIn(&profile), NameIn(&nameless))
	}
}

// A name that could be taken for what is printed around names is none, whoever claims it.
func TestClaimedNameHasNoMarks(t *testing.T) {
	atHome(t, func(t *testing.T, h *home) {
		s := newSomebody(t)
		for claimed, want := range map[string]string{"Bob": "Bob", "Bob (verified 0123456789abcdef)": "", "Ann\uff1a yes": "", "Bob, Eve": "", "me": "", "Bob\u3000Ray": "Bob Ray"} {
			profile := s.profile(1, claimed)
			if got := NameIn(&profile); got != want {
				t.Errorf("%q: %q, want %q", claimed, got, want)
			}
		}
	})
}
