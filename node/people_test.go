package node

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/book"
)

func newKey(t *testing.T) crypto.DeviceKey {
	t.Helper()
	key, err := crypto.NewDeviceKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A stolen laptop that was revoked shows the card of before.
func TestRevokedDeviceIsNoPeer(t *testing.T) {
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	desk, laptop := newKey(t), newKey(t)
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
	if err := ann.people.Meet(t.Context(), desk.ID(), after, "Bob"); err != nil {
		t.Fatal(err)
	}
	if err := ann.people.Meet(t.Context(), laptop.ID(), before, "Bob"); !errors.Is(err, people.ErrRevoked) {
		t.Errorf("a revoked device is let in: %v", err)
	}
}

// Of two sessions with a device, the older one's greeting may be read after it was replaced and the newer one has met. What it
// brings is older than what is known.
func TestEndedSessionMeetsNobody(t *testing.T) {
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	key := newKey(t)
	card, _, err := crypto.NewPerson(rand.Reader, key)
	if err != nil {
		t.Fatal(err)
	}
	errEnded := errors.New("replaced")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errEnded)
	if err := ann.people.Meet(t.Context(), key.ID(), card, "Bob"); err != nil {
		t.Fatal(err)
	}
	if err := ann.people.Meet(ended, key.ID(), card, "Rob"); !errors.Is(err, errEnded) {
		t.Errorf("a session that has ended is let in: %v", err)
	}
	if bob, _ := ann.people.Get(card.Person()); bob.Claimed != "Bob" {
		t.Errorf("he is called %q", bob.Claimed)
	}
}

// TestCardThatComesDuringCommitIsKept: what a person shows of themselves while something else of them is being committed was
// replaced by what had been there before, in memory and then on the disk.
func TestCardThatComesDuringCommitIsKept(t *testing.T) {
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	desk, laptop := newKey(t), newKey(t)
	card, _, err := crypto.NewPerson(rand.Reader, desk)
	if err != nil {
		t.Fatal(err)
	}
	longer, err := card.Add(desk, laptop.ID(), laptop.Countersign(card))
	if err != nil {
		t.Fatal(err)
	}
	bob, p := card.Person(), ann.people
	if err := p.Meet(t.Context(), desk.ID(), card, "Bob"); err != nil {
		t.Fatal(err)
	}
	met := make(chan error, 1)
	err = p.Update(t.Context(), bob, func(s *book.Person) error {
		s.Petname = "Bobby"
		go func() { met <- p.Meet(t.Context(), laptop.ID(), longer, "Robert") }()
		for a, _ := p.Get(bob); !a.Parsed.Speaks(laptop.ID()); a, _ = p.Get(bob) {
			runtime.Gosched()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-met; err != nil {
		t.Fatal(err)
	}
	if err := p.Update(t.Context(), bob, func(*book.Person) error { return nil }); err != nil {
		t.Fatal(err)
	}
	shown, _ := p.Get(bob)
	kept, err := ann.store.Book().Persons()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(kept, func(p book.Person) bool { return p.ID == bob })
	for where, got := range map[string]book.Person{"shown": shown.Person, "kept": kept[i]} {
		if string(got.Card) != string(longer.Bytes()) || got.Claimed != "Robert" || got.Petname != "Bobby" {
			t.Errorf("%s: %q, %q, a card of %d bytes; want Robert, Bobby, %d", where, got.Claimed, got.Petname, len(got.Card), len(longer.Bytes()))
		}
	}
}
