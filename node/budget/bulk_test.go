package budget

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

// Contacts who write as much as they can wait for each other. What is short does not wait for them, and neither does
// anybody who is no contact.
func TestBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Config{})
		account := func(n byte, s Standing) *Account {
			a := b.Open(netip.Addr{})
			a.Identify(crypto.PersonID{n}, s)
			return a
		}
		waits := func(a *Account, bytes int) time.Duration {
			t.Helper()
			began := time.Now()
			if err := a.Bulk(t.Context(), bytes); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		ann, bob := account(1, Contact), account(2, Contact)
		const piece = 1 << 20
		for range bulkBurst / piece / 2 {
			if w := waits(ann, piece) + waits(bob, piece); w != 0 {
				t.Fatalf("a burst waits for %v", w)
			}
		}
		const each = time.Second * piece / bulkRate
		for _, a := range []*Account{ann, bob, ann} {
			if w := waits(a, piece); w != each {
				t.Errorf("then a piece waits for %v, want %v", w, each)
			}
		}
		for _, c := range []struct {
			what  string
			a     *Account
			bytes int
		}{
			{"what is short", ann, shortPiece},
			{"a fellow", account(3, Fellow), piece},
			{"a stranger", account(4, Stranger), piece},
		} {
			if w := waits(c.a, c.bytes); w != 0 {
				t.Errorf("%s waits for %v", c.what, w)
			}
		}
		if w := waits(bob, shortPiece+1); w == 0 {
			t.Error("what is hardly longer does not wait")
		}
		time.Sleep(time.Minute) // virtual
		if w := waits(ann, 10*bulkBurst); w != 0 {
			t.Errorf("after a rest a piece of any size waits for %v", w)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := ann.Bulk(ctx, piece); !errors.Is(err, context.Canceled) {
			t.Errorf("a session that has ended: %v", err)
		}
	})
}

// A person waits with one piece at a time: with however many devices they come, others are next behind it.
func TestBulkIsByPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Config{})
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		for range 30 {
			a := b.Open(netip.Addr{})
			a.Identify(crypto.PersonID{1}, Contact)
			done.Go(func() {
				for a.Bulk(ctx, bulkBurst) == nil {
				}
			})
		}
		time.Sleep(10 * time.Second) // virtual
		bob := b.Open(netip.Addr{})
		bob.Identify(crypto.PersonID{2}, Contact)
		began := time.Now()
		if err := bob.Bulk(ctx, shortPiece+1); err != nil {
			t.Fatal(err)
		}
		if waited, most := time.Since(began), time.Second*bulkBurst/bulkRate+time.Millisecond; waited > most {
			t.Errorf("another contact waited for %v behind 30 sessions of one, want %v at most", waited, most)
		}
		cancel()
		done.Wait()
	})
}
