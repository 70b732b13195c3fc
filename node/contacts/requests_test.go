package contacts

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store"
)

// That more of a stranger waits than is kept is shown among the requests, beside their own if there
// is one, until the owner decides.
func TestOwnerSeesThatMoreWaits(t *testing.T) {
	d := newDesk(t)
	bob, cleo, eve := d.meets("Bob"), d.meets("Cleo"), d.meets("Eve")
	d.asks(bob, "hello")
	d.asks(cleo, "hello", "are you there?")
	check := func(what string, want ...string) {
		t.Helper()
		all, err := d.Requests(t.Context())
		d.check(err)
		var got []string
		for _, r := range all {
			if r.MoreWaits {
				got = append(got, r.Name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: more waits of %q, want %q", what, got, want)
		}
	}
	check("the first message of Cleo's is shown, and there is another", "Cleo")
	d.PutMoreWaits(bob.id())
	d.PutMoreWaits(eve.id())
	told := d.asked
	d.PutMoreWaits(eve.id())
	if told != 2 || d.asked != told {
		t.Errorf("the owner was told %d times, then %d times", told, d.asked)
	}
	check("more of Bob and Eve", "Bob", "Cleo", "Eve")
	if n := len(d.requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
	if _, err := d.Accept(t.Context(), bob.id().String(), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Block(t.Context(), eve.id().String()); err != nil {
		t.Fatal(err)
	}
	check("the owner has decided", "Cleo")
	d.PutMoreWaits(bob.id()) // by what was refused before
	d.PutMoreWaits(eve.id())
	check("the owner has decided", "Cleo")
}

// What is known of strangers of whom more waits is bounded, and who has waited longest goes first.
func TestMoreWaitsIsBounded(t *testing.T) {
	d := newDesk(t)
	for n := range byte(maxWaiting + 3) {
		d.now = d.now.Add(time.Second)
		d.PutMoreWaits(crypto.PersonID{n + 1})
	}
	all, err := d.Requests(t.Context())
	d.check(err)
	if len(all) != maxWaiting || all[0].Person != (crypto.PersonID{4}) {
		t.Errorf("%d wait, first %x", len(all), all[0].Person[:1])
	}
}

// Whoever floods pushes only their own out of those of whom more waits.
func TestMoreWaitsThoughOthersFlood(t *testing.T) {
	d := newDesk(t)
	bob := d.meets("Bob")
	d.people.Came(bob.id(), "b")
	d.PutMoreWaits(bob.id())
	for n := range 200 {
		d.now = d.now.Add(time.Second)
		d.PutMoreWaits(crypto.PersonID{byte(n), 1})
	}
	all, err := d.Requests(t.Context())
	d.check(err)
	if len(all) != maxWaiting || all[0].Person != bob.id() {
		t.Errorf("%d wait, first %x", len(all), all[0].Person[:1])
	}
}

// What strangers have sent is taken away, of some or of all; contacts are left alone.
func TestForgetRequests(t *testing.T) {
	d := newDesk(t)
	bob, cleo, dora := d.meets("Bob"), d.meets("Cleo"), d.meets("Dora")
	for _, s := range []*somebody{bob, cleo, dora} {
		d.asks(s, "hello")
	}
	d.PutMoreWaits(bob.id())
	if _, err := d.Accept(t.Context(), "Dora", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ForgetRequests(t.Context(), []string{"Bob", "Dora"}, false); !errors.Is(err, ErrContact) {
		t.Errorf("a contact is forgotten: %v", err)
	}
	gone, err := d.ForgetRequests(t.Context(), []string{"Bob"}, false)
	d.check(err)
	if left := d.requests(); len(gone) != 1 || gone[0].ID != bob.id() || len(left) != 1 {
		t.Errorf("forgotten %+v, left %q", gone, left)
	}
	d.asks(bob, "hello again")
	gone, err = d.ForgetRequests(t.Context(), nil, true)
	d.check(err)
	if left := d.requests(); len(gone) != 2 || len(left) != 0 {
		t.Errorf("forgotten %d, left %q", len(gone), left)
	}
	if strangers, err := d.store.Strangers(); err != nil || len(strangers) != 0 {
		t.Errorf("%d strangers hold something, %v", len(strangers), err)
	}
	if p, _ := d.people.Get(dora.id()); !p.Contact {
		t.Error("the contact is gone")
	}
}

// Of somebody who is accepted while the disk is full, the first message comes again from where it
// was written.
func TestAcceptedOnAFullDisk(t *testing.T) {
	d := newDesk(t)
	bob := d.meets("Bob")
	d.asks(bob, "hello")
	d.fails = store.ErrFull
	if p, err := d.Accept(t.Context(), bob.id().String(), ""); err != nil || !p.Contact {
		t.Errorf("%+v, %v", p, err)
	}
}
