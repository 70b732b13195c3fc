package budget

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
)

// office returns budgets with a small pool for each standing.
func office() *Budgets {
	var cfg Config
	for s := range cfg.Pools {
		cfg.Pools[s] = Pool{Memory: 1000, Turns: 1, Rate: 250 * time.Millisecond, Burst: 500 * time.Millisecond}
	}
	cfg.Pools[Contact].Turns, cfg.Pools[Contact].Rate = 2, 0
	return New(cfg)
}

func addr(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)})
}

func person(n int) (p crypto.PersonID) {
	p[0], p[1] = byte(n>>8), byte(n)
	return p
}

// check says what is wrong with the books of b.
func check(b *Budgets, open map[*Account]int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var held [standings]int64
	of := make(map[*holder]int64)
	for a, n := range open {
		if a.held != n {
			return fmt.Errorf("account holds %d, and took %d", a.held, n)
		}
		held[a.standing] += n
		of[a.holder] += n
		if a.pool().holders[a.owner] != a.holder {
			return errors.New("account is with a holder who is not in its pool")
		}
	}
	for s, p := range b.pools {
		if p.memory.held != held[s] {
			return fmt.Errorf("%s pool holds %d, its accounts %d", Standing(s), p.memory.held, held[s])
		}
		for _, h := range p.holders {
			if h.held != of[h] {
				return fmt.Errorf("a %s holds %d, their accounts %d", Standing(s), h.held, of[h])
			}
		}
	}
	return nil
}

// TestMemoryBooksAgree: whatever is opened, held, moved, given back and closed in any order, what
// is counted is what is held; what was given was within the rule, and what was refused was not.
func TestMemoryBooksAgree(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := office()
		open := make(map[*Account]int64)
		var all []*Account
		for range 500 {
			if len(all) == 0 || r.IntN(10) == 0 {
				a := b.Open(addr(r.IntN(5)))
				open[a] = 0
				all = append(all, a)
				continue
			}
			i := r.IntN(len(all))
			a := all[i]
			switch r.IntN(6) {
			case 0:
				a.Identify(person(r.IntN(5)), Standing(r.IntN(int(standings))))
			case 1, 2, 3:
				n := int64(r.IntN(200))
				mine, free := a.holder.held, a.pool().Memory-a.pool().memory.held
				got := a.Hold(n)
				if got {
					open[a] += n
				}
				if want := mine+n <= free-n; got != want {
					t.Fatalf("seed %d: %d more of %d with %d free: %v", seed, n, mine, free, got)
				}
			case 4:
				if open[a] > 0 {
					n := r.Int64N(open[a]) + 1
					a.Release(n)
					open[a] -= n
				}
			case 5:
				if r.IntN(5) == 0 {
					a.Close()
					delete(open, a)
					all = append(all[:i], all[i+1:]...)
				}
			}
			if err := check(b, open); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for a := range open {
			a.Close()
		}
		for s, p := range b.pools {
			if p.memory.held != 0 || len(p.holders) != 0 {
				t.Fatalf("seed %d: %s pool: %d bytes, %d holders after the end", seed, Standing(s), p.memory.held, len(p.holders))
			}
		}
	}
}

// TestGreedyAddressesLeaveRoom: of k that take what they can get, each ends with a share, and there
// is room for one more.
func TestGreedyAddressesLeaveRoom(t *testing.T) {
	for _, k := range []int{1, 2, 5, 20} {
		b := New(Config{})
		size := b.pools[Stranger].Memory
		var all []*Account
		for n := range k {
			all = append(all, b.Open(addr(n)), b.Open(addr(n)))
		}
		for took := true; took; {
			took = false
			for _, a := range all {
				took = a.Hold(1024) || took
			}
		}
		share := size / int64(k+1)
		for n := range k {
			if held := all[2*n].Held() + all[2*n+1].Held(); held > share+8<<10 || held < share-8<<10 {
				t.Errorf("of %d greedy addresses one holds %d, a share is %d", k, held, share)
			}
		}
		if newcomer := b.Open(addr(k)); !newcomer.Hold(share/2 - 1024) {
			t.Errorf("with %d greedy addresses there is no room for half a share", k)
		}
	}
}

// TestPoolsNeverTouch: what strangers or fellows hold and wait for takes nothing from contacts, and
// one's accounts at another address draw from the same share.
func TestPoolsNeverTouch(t *testing.T) {
	b := office()
	stranger, fellow, contact := b.Open(addr(1)), b.Open(addr(1)), b.Open(addr(1))
	fellow.Identify(person(2), Fellow)
	contact.Identify(person(3), Contact)
	for _, a := range []*Account{stranger, fellow, contact} {
		if !a.Hold(500) || a.Hold(1) {
			t.Fatalf("half of the pool is not what one %s can have", a.Standing())
		}
	}
	same := b.Open(addr(9))
	same.Identify(person(3), Contact)
	if same.Hold(1) {
		t.Error("a contact gets more by a second address")
	}
	other := b.Open(addr(1))
	other.Identify(person(4), Contact)
	if !other.Hold(250) {
		t.Error("a contact has no room beside another one")
	}
	if used := b.Used(); used[Contact].Memory != 750 || used[Fellow].Memory != 500 || used[Stranger].Memory != 500 {
		t.Errorf("used: %+v", used)
	}
}

// TestIdentifyMoves: who becomes a contact gives back to the strangers, with what they wait for.
func TestIdentifyMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		a, next := b.Open(addr(1)), b.Open(addr(1))
		a.Hold(400)
		next.Hold(100)
		waits := make(chan error, 2)
		go func() { waits <- next.Wait(t.Context(), 300) }()
		synctest.Wait()
		a.Identify(person(1), Contact)
		if err := <-waits; err != nil {
			t.Fatal(err)
		}
		go func() { waits <- next.Wait(t.Context(), 150) }()
		synctest.Wait()
		next.Identify(person(2), Contact)
		synctest.Wait()
		select {
		case err := <-waits:
			t.Fatalf("contact with 400 got 150 more where 200 are free: %v", err)
		default:
		}
		next.Identify(person(2), Fellow)
		next.Release(100)
		if err := <-waits; err != nil {
			t.Fatal(err)
		}
		if used := b.Used(); used[Contact].Memory != 400 || used[Fellow].Memory != 450 || used[Stranger].Memory != 0 {
			t.Errorf("used: %+v", used)
		}
		a.Close()
		next.Close()
	})
}

// TestWhoHoldsMostIsAsked: where there is no room for somebody who holds little, the one who holds
// most is asked to give back, and nobody else until they have.
func TestWhoHoldsMostIsAsked(t *testing.T) {
	b := office()
	var asked []string
	open := func(name string, at int, bytes int64) *Account {
		a := b.Open(addr(at))
		a.WhenShort(func() { asked = append(asked, name) })
		if !a.Hold(bytes) {
			t.Fatalf("no room for %s", name)
		}
		return a
	}
	big := open("big", 1, 400)
	open("small", 1, 100)
	second := open("second", 2, 200)
	newcomer := open("newcomer", 3, 10)
	for range 3 {
		if newcomer.Hold(150) {
			t.Fatal("held more than there is")
		}
	}
	if fmt.Sprint(asked) != "[big]" {
		t.Fatalf("asked: %v", asked)
	}
	big.Release(1)
	if second.Hold(300) { // with as much as the first it asks nobody
		t.Fatal("held more than there is")
	}
	if fmt.Sprint(asked) != "[big]" {
		t.Fatalf("asked: %v", asked)
	}
	if newcomer.Hold(150); fmt.Sprint(asked) != "[big big]" {
		t.Fatalf("asked after something was given back: %v", asked)
	}
	big.Identify(person(1), Contact)
	if newcomer.Hold(400); fmt.Sprint(asked) != "[big big]" {
		t.Fatalf("asked: %v", asked)
	}
	if !newcomer.Hold(150) {
		t.Error("no room after the one who was asked has gone")
	}
	if !second.Hold(150) {
		t.Fatal("no room")
	}
	if third := open("third", 4, 20); third.Hold(200) || fmt.Sprint(asked) != "[big big second]" {
		t.Errorf("asked after the one before has gone: %v", asked)
	}
}

// TestSmallAccountsOfOneAddressAreAsked: whoever spreads what they hold over many sessions is asked
// all the same; who asks behind the same address only moves one that holds more.
func TestSmallAccountsOfOneAddressAreAsked(t *testing.T) {
	b := office()
	asked := 0
	var last *Account
	for range 50 {
		last = b.Open(addr(1))
		last.WhenShort(func() { asked++ })
		if !last.Hold(10) {
			t.Fatal("no room")
		}
	}
	if last.Hold(10); asked != 0 {
		t.Error("one was asked for another that holds more")
	}
	newcomer := b.Open(addr(2))
	newcomer.Hold(200)
	if newcomer.Hold(100); asked != 1 {
		t.Errorf("%d of the address with most were asked", asked)
	}
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		a := b.Open(addr(1))
		a.Hold(500)
		if err := a.Wait(t.Context(), 501); !errors.Is(err, ErrTooMuch) {
			t.Errorf("wait for more than ever: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Wait(ctx, 100); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait without room: %v", err)
		}
		ended := make(chan error)
		go func() { ended <- a.Wait(t.Context(), 100) }()
		synctest.Wait()
		a.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("wait of a closed account: %v", err)
		}
		if a.Hold(1) || b.Used()[Stranger].Memory != 0 {
			t.Error("a closed account holds something")
		}
	})
}

// TestShortIsTold: that there is not enough is told, and not each time.
func TestShortIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Standing
		cfg := Config{Short: func(s Standing) { told = append(told, s) }}
		cfg.Pools[Stranger] = Pool{Memory: 1000, Turns: 1}
		b := New(cfg)
		a := b.Open(addr(1))
		a.Hold(500)
		for range 100 {
			a.Hold(1)
		}
		if len(told) != 1 || told[0] != Stranger {
			t.Errorf("told of memory: %v", told)
		}
		time.Sleep(time.Second)
		done, err := a.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() { time.Sleep(longWait); done() }()
		a.spend(t, 0)
		if len(told) != 2 {
			t.Errorf("told of time: %v", told)
		}
		a.Close()
	})
}

// TestSpendBeforeAnAccount: what was used before there was an account counts against the address.
func TestSpendBeforeAnAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		b.Spend(addr(1), time.Second)
		if used := b.Used()[Stranger].Time; used != time.Second {
			t.Errorf("used %v", used)
		}
		first, second := b.Open(addr(1)), b.Open(addr(2))
		order := make(chan int, 2)
		go func() { first.spend(t, time.Millisecond); order <- 1 }()
		synctest.Wait()
		go func() { second.spend(t, time.Millisecond); order <- 2 }()
		if next := <-order; next != 2 {
			t.Error("who has used much is before who has used nothing")
		}
		<-order
		b.Spend(addr(1), time.Second)
		if used := first.holder.used; used < 2*time.Second {
			t.Errorf("with an account: %v", used)
		}
	})
}

func TestLink(t *testing.T) {
	for _, c := range []struct {
		at     string
		onLink bool
		want   string
	}{
		{"192.0.2.7", false, "192.0.2.7/32"},
		{"::ffff:192.0.2.7", true, "192.0.2.7/32"},
		{"2001:db8::1:2", true, "2001:db8::1:2/128"},
		{"2001:db8::1:2", false, "2001:db8::/64"},
		{"fe80::1%eth0", true, "fe80::1/128"},
	} {
		if got := Link(netip.MustParseAddr(c.at), c.onLink); got.String() != c.want {
			t.Errorf("%s, on link %v: %s", c.at, c.onLink, got)
		}
	}
	if Link(netip.Addr{}, true) != (netip.Prefix{}) {
		t.Error("no address is somebody")
	}
}
