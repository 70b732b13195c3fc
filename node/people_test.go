package node

import (
	"crypto/rand"
	"errors"
	"testing"

	"github.com/earshot-im/earshot/crypto"
)

// A stolen laptop that was revoked shows the card of before.
func TestRevokedDeviceIsNoPeer(t *testing.T) {
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	key := func() crypto.DeviceKey {
		k, err := crypto.NewDeviceKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	desk, laptop := key(), key()
	card, _, err := crypto.NewPerson(rand.Reader, desk)
	if err != nil {
		t.Fatal(err)
	}
	before, err := card.Add(desk, laptop.ID(), laptop.Countersign(card))
	if err != nil {
		t.Fatal(err)
	}
	after, err := before.Revoke(desk, laptop.ID(), crypto.Hash{})
	if err != nil {
		t.Fatal(err)
	}
	if err := ann.people.met(t.Context(), &session{peer: desk.ID()}, after, "Bob"); err != nil {
		t.Fatal(err)
	}
	if err := ann.people.met(t.Context(), &session{peer: laptop.ID()}, before, "Bob"); !errors.Is(err, errRevoked) {
		t.Errorf("a revoked device is let in: %v", err)
	}
	if bob, _ := ann.people.get(card.Person()); len(bob.online) != 1 {
		t.Errorf("%d devices online, want 1", len(bob.online))
	}
}

// However often a peer says where devices are, one save waits.
func TestOneRememberWaits(t *testing.T) {
	var j jobs
	j.init()
	for range 1000 {
		j.remember(remember{})
	}
	if waiting := j.take(); len(waiting) != 1 {
		t.Errorf("%d jobs wait, want 1", len(waiting))
	}
}
