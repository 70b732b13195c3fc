package contacts

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
)

// later lets time pass.
func (d *desk) later() { d.now = d.now.Add(time.Minute) }

// Somebody who is no contact is told from the contacts whose names look like theirs, as the rule for
// names has it.
func TestNamesakes(t *testing.T) {
	d := newDesk(t)
	robert, carl := d.meets("Robert"), d.meets("Carl")
	d.befriends(robert)
	_, err := d.NameContact(t.Context(), robert.id().String(), "Bob", false)
	d.check(err)
	d.befriends(carl)
	for name, want := range map[string]*somebody{"b\u043eb": robert, "ROBERT": robert, "Ｃarl": carl, "Dora": nil} {
		other := d.meets(name)
		like, err := d.Like(t.Context(), other.id().String())
		d.check(err)
		if want == nil && len(like) > 0 || want != nil && (len(like) != 1 || like[0].ID != want.id()) {
			t.Errorf("like %q: %v", name, like)
		}
		d.asks(other, "it is me")
		all, err := d.Requests(t.Context())
		d.check(err)
		r := all[slices.IndexFunc(all, func(r Request) bool { return r.Person == other.id() })]
		if got := r.Namesake; (got == nil) != (want == nil) || got != nil && got.ID != want.id() {
			t.Errorf("%q asks: %v", name, got)
		}
	}
	if like, err := d.Like(t.Context(), carl.id().String()); err != nil || like != nil {
		t.Errorf("like a contact: %v %v", like, err)
	}
	if _, err := d.Like(t.Context(), "Nobody"); !errors.As(err, new(*people.UnknownError)) {
		t.Errorf("like nobody: %v", err)
	}
}

// Whoever writes to a contact who has lost their directory learns of the newcomer who calls
// themselves so, and of nobody else.
func TestNewcomerInPlaceOfAContact(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	before := d.meets("Cleo")
	d.later()
	cleo := d.meets("Cleo")
	d.befriends(cleo)
	d.later()
	d.leaves(cleo)
	newcomers := func(who string, want ...*somebody) []Newcomer {
		t.Helper()
		got, err := d.Newcomers(ctx, who)
		d.check(err)
		if !slices.EqualFunc(got.First, want, func(n Newcomer, w *somebody) bool { return n.ID == w.id() }) {
			t.Errorf("%q: %+v", who, got)
		}
		return got.First
	}
	newcomers("Cleo")
	d.meets("Bob")
	newcomers("Cleo") // nobody else of that name, and one who was there before does not count
	d.later()
	since := d.now
	second := d.meets("cleo")
	if got := newcomers("Cleo", second); !got[0].Since.Equal(since) || got[0].Online {
		t.Errorf("since %v, want %v", got[0].Since, since)
	}
	d.later()
	third := d.meets("CLEO")
	newcomers("Cleo", second, third)
	d.here[third.id()] = true
	newcomers(cleo.id().String(), third, second)
	d.here[cleo.id()] = true
	newcomers("Cleo") // she is there herself
	delete(d.here, cleo.id())
	newcomers(second.id().String()) // she is no contact
	d.makes("Lunch")
	newcomers("#Lunch")
	if _, err := d.Newcomers(ctx, "Nobody"); !errors.As(err, new(*people.UnknownError)) {
		t.Errorf("for nobody: %v", err)
	}
	for _, who := range []*somebody{second, before} {
		_, err := d.Block(ctx, who.id().String())
		d.check(err)
	}
	newcomers("Cleo", third)
	_, err := d.NameContact(ctx, cleo.id().String(), "Sis", false)
	d.check(err)
	d.check(d.people.Rename(ctx, cleo.id(), "Cleopatra"))
	newcomers("Sis", third) // by the pinned name
	d.later()
	renamed := d.meets("Cleopatra")
	newcomers("Sis", third, renamed)
	d.befriends(third)
	newcomers("Sis", renamed)
	for range maxNewcomers + 2 {
		d.later()
		d.meets("Cleo")
	}
	if got, _ := d.Newcomers(ctx, "Sis"); len(got.First) != maxNewcomers || got.More != 3 || got.Contact.ID != cleo.id() {
		t.Errorf("%d are told, and that there are %d more", len(got.First), got.More)
	}
	d.later()
	d.leaves(cleo) // she was here again
	newcomers("Sis")
}

// Whoever takes the place of a contact has the contact's names from then on, and is let in; the
// other has none. It takes the right words, or the owner who does without.
func TestReplaceLostContact(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	old := d.meets("Cleo")
	d.befriends(old)
	fresh, bob := d.meets("Cleo"), d.meets("Bob")
	d.asks(fresh, "it is me")
	words := crypto.SafetyWords(d.self, fresh.id())
	replace := func(from, to, words string, unverified bool) (Person, error) {
		from_, to_, verified, err := d.Successor(ctx, from, to, words, unverified)
		if err != nil {
			return Person{}, err
		}
		return d.Succeed(ctx, from_, to_, verified)
	}
	id := fresh.id().String()
	for what, c := range map[string]struct {
		from, to, words string
		unverified      bool
		want            error
	}{
		"other words":            {"Cleo", id, "ten other words", false, ErrWords},
		"no words":               {"Cleo", id, "", false, ErrWords},
		"in place of a stranger": {"Bob", id, "", true, ErrNotContact},
		"of themselves":          {"Cleo", old.id().String(), "", true, ErrSamePerson},
		"by the owner":           {"Cleo", d.self.String(), "", true, ErrSelf},
	} {
		if _, err := replace(c.from, c.to, c.words, c.unverified); !errors.Is(err, c.want) || d.Person(fresh.id()).Contact {
			t.Errorf("%s: %v", what, err)
		}
	}
	d.changes = 0
	p, err := replace("Cleo", "Cleo (not a contact yet)", strings.Join(words[:], " "), false)
	if err != nil || p.ID != fresh.id() || !p.Contact || !p.Verified || p.Pinned != "Cleo" || p.Petname != "" || d.changes != 2 {
		t.Errorf("replaced: %+v, %v, told of %d changes", p, err, d.changes)
	}
	if p := d.Person(old.id()); p.Contact || p.Verified || p.KnownAs() != "" {
		t.Errorf("the old one: %+v", p)
	}
	if p, err := d.Resolve(ctx, "Cleo"); err != nil || p.ID != fresh.id() {
		t.Errorf("Cleo means %v, %v", p.ID, err)
	}
	if !slices.Equal(d.ingested, []string{"it is me"}) || len(d.requests()) != 0 {
		t.Errorf("let in: %q", d.ingested)
	}
	// A petname passes on too, and what the new one was called meanwhile is forgotten.
	_, err = d.NameContact(ctx, "Cleo", "Sis", false)
	d.check(err)
	_, err = d.Accept(ctx, "Bob", "Sis 2")
	d.check(err)
	if p, err := replace("Sis", "Sis 2", "", true); err != nil || p.ID != bob.id() || p.Petname != "Sis" || p.Pinned != "Cleo" || p.Verified {
		t.Errorf("replaced: %+v, %v", p, err)
	}
	// One who has no name here is replaced by one who has.
	twin := d.meets("Cleo")
	if p := d.befriends(twin); p.KnownAs() != "" {
		t.Fatalf("%+v", p)
	}
	dora := d.meets("Dora")
	if p, err := replace(twin.id().String(), "Dora", "", true); err != nil || p.ID != dora.id() || p.Pinned != "Dora" {
		t.Errorf("replaced: %+v, %v", p, err)
	}
	eve := d.meets("Eve")
	_, err = d.Block(ctx, "Eve")
	d.check(err)
	if _, err := replace("Dora", "Eve", "", true); !errors.Is(err, ErrBlocked) || d.Person(eve.id()).Contact {
		t.Errorf("by one who is blocked: %v", err)
	}
}

// A contact who is removed is a stranger like any other, who has no name but what they claim.
func TestRemovedContactIsAStranger(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	bob := d.meets("Bob")
	if _, err := d.Unfriend(ctx, "Bob"); !errors.Is(err, ErrNotContact) {
		t.Errorf("a stranger: %v", err)
	}
	words := crypto.SafetyWords(d.self, bob.id())
	_, err := d.Verify(ctx, "Bob", strings.Join(words[:], " "), "")
	d.check(err)
	_, err = d.NameContact(ctx, "Bob", "Bobby", false)
	d.check(err)
	d.check(d.people.Rename(ctx, bob.id(), "Robert"))
	d.changes = 0
	if p, err := d.Unfriend(ctx, "Bobby"); err != nil || p.Contact || p.Verified || p.KnownAs() != "" || p.Name != "Robert" || d.changes != 1 {
		t.Errorf("removed: %+v, %v", p, err)
	}
	for who, found := range map[string]bool{"Robert": true, "Bob": false, "Bobby": false, bob.id().String(): true} {
		if _, err := d.Resolve(ctx, who); (err == nil) != found {
			t.Errorf("%q: %v", who, err)
		}
	}
	if all, _ := d.Contacts.Contacts(ctx); len(all) != 0 {
		t.Errorf("contacts: %v", all)
	}
}
