package node

import (
	"context"
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

// Of two sessions with a device, the older one's greeting may be read after it was replaced and the newer one has met.
// The device was then shown offline for as long as the newer one lasted.
func TestReplacedSessionMeetsNobody(t *testing.T) {
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	key, err := crypto.NewDeviceKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	card, _, err := crypto.NewPerson(rand.Reader, key)
	if err != nil {
		t.Fatal(err)
	}
	older, newer := &session{peer: key.ID()}, &session{peer: key.ID()}
	replaced, cancel := context.WithCancelCause(t.Context())
	cancel(errReplaced)
	if err := ann.people.met(t.Context(), newer, card, "Bob"); err != nil {
		t.Fatal(err)
	}
	if err := ann.people.met(replaced, older, card, "Bob"); !errors.Is(err, errReplaced) {
		t.Errorf("a replaced session is let in: %v", err)
	}
	ann.people.parted(card.Person(), older)
	if bob, _ := ann.people.get(card.Person()); bob.online[key.ID()] != newer {
		t.Error("the newer session is not shown")
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
