package budget

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// turn takes a turn of some length.
func (a *Account) spend(t *testing.T, d time.Duration) {
	done, err := a.Turn(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	time.Sleep(d)
	done()
}

// TestStrangersHaveAQuarterOfACore: however many want turns of whatever length, in no stretch of
// time do strangers get more than the burst, the rate and one turn.
func TestStrangersHaveAQuarterOfACore(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			b := office()
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			const longest = 20 * time.Millisecond
			for n := range 20 {
				r := rand.New(rand.NewPCG(seed, uint64(n)))
				a := b.Open(addr(n / 2))
				running.Go(func() {
					for {
						done, err := a.Turn(ctx)
						if err != nil {
							return
						}
						time.Sleep(time.Duration(r.Int64N(int64(longest))))
						done()
						if r.IntN(4) == 0 {
							a.Spend(time.Millisecond)
						}
					}
				})
			}
			start := time.Now()
			var used [40]time.Duration
			for i := range used {
				time.Sleep(time.Until(start.Add(time.Duration(i+1) * 250 * time.Millisecond)))
				used[i] = b.Used()[Stranger].Time
			}
			for i := range used {
				for j := i; j < len(used); j++ {
					got := used[j]
					if i > 0 {
						got -= used[i-1]
					}
					span := time.Duration(j-i+1) * 250 * time.Millisecond
					if most := span/4 + 500*time.Millisecond + longest + 20*time.Millisecond; got > most {
						t.Fatalf("%v of the processor in %v", got, span)
					}
				}
			}
			if least := 2*time.Second + 250*time.Millisecond; used[len(used)-1] < least {
				t.Errorf("only %v in 10 s, with all that wait", used[len(used)-1])
			}
			cancel()
			running.Wait()
		})
	}
}

// TestTurnsAreFairBehindOneAddress: a newcomer gets its turns soon, though somebody with many sessions,
// each with several turns that wait, has the same address.
func TestTurnsAreFairBehindOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 50 {
			a := b.Open(addr(1))
			for range 3 { // a session reads, thinks and works
				running.Go(func() {
					for {
						done, err := a.Turn(ctx)
						if err != nil {
							return
						}
						time.Sleep(10 * time.Millisecond)
						done()
					}
				})
			}
		}
		time.Sleep(10 * time.Second)
		begin := time.Now()
		newcomer := b.Open(addr(1))
		for range 8 { // to say who it is, and a message
			newcomer.spend(t, time.Millisecond)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("a newcomer waits for %v", took)
		}
		cancel()
		running.Wait()
	})
}

// TestNewcomerDoesNotWaitForAll: whoever comes by an address of their own can greet and bring a message,
// though there are many addresses whose turns wait. They do not have to wait between their turns until each
// of the others had one. Later they have no more than others.
func TestNewcomerDoesNotWaitForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for n := range 64 {
			a := b.Open(addr(n))
			running.Go(func() {
				for {
					done, err := a.Turn(ctx)
					if err != nil {
						return
					}
					time.Sleep(5 * time.Millisecond)
					done()
				}
			})
		}
		time.Sleep(10 * time.Second)
		begin := time.Now()
		b.Spend(addr(64), time.Millisecond) // to connect
		newcomer := b.Open(addr(64))
		for range 8 {
			newcomer.spend(t, time.Millisecond)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("a newcomer waits for %v", took)
		}
		before, begin := b.Used()[Stranger].Time, time.Now()
		var mine time.Duration
		for ; time.Since(begin) < 100*time.Second; mine += 5 * time.Millisecond {
			newcomer.spend(t, 5*time.Millisecond)
		}
		if all := b.Used()[Stranger].Time - before; mine > all/64+2*headStart {
			t.Errorf("got %v of %v", mine, all)
		}
		cancel()
		running.Wait()
	})
}

// TestTurnsAreFairByAddress: somebody with one session gets as much as somebody with fifty, and no
// more for having rested before.
func TestTurnsAreFairByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		ctx, cancel := context.WithCancel(t.Context())
		run := func(a *Account) {
			for {
				done, err := a.Turn(ctx)
				if err != nil {
					return
				}
				time.Sleep(time.Millisecond)
				done()
			}
		}
		one := b.Open(addr(2))
		one.spend(t, time.Millisecond)
		var running sync.WaitGroup
		for range 50 {
			running.Go(func() { run(b.Open(addr(1))) })
		}
		time.Sleep(10 * time.Second)
		before := b.Used()[Stranger].Time
		var mine time.Duration
		for start := time.Now(); time.Since(start) < 10*time.Second; mine += time.Millisecond {
			one.spend(t, time.Millisecond)
		}
		all := b.Used()[Stranger].Time - before
		if mine < all*9/20 || mine > all*11/20 {
			t.Errorf("got %v of %v", mine, all)
		}
		cancel()
		running.Wait()
	})
}

// TestNewAccountIsNoNewBeginning: who comes again and again does not get before others.
func TestNewAccountIsNoNewBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { // a new session for each turn
			for ctx.Err() == nil {
				a := b.Open(addr(1))
				if done, err := a.Turn(ctx); err == nil {
					time.Sleep(10 * time.Millisecond)
					done()
				}
				a.Close()
			}
		})
		one := b.Open(addr(2))
		var mine time.Duration
		for start := time.Now(); time.Since(start) < 10*time.Second; mine += time.Millisecond {
			one.spend(t, time.Millisecond)
		}
		if all := b.Used()[Stranger].Time; mine < all*4/10 {
			t.Errorf("got %v of %v", mine, all)
		}
		cancel()
		running.Wait()
	})
}

// TestHeadStartIsHadOnce: who rests and then comes with a new account for each turn has the head start once.
func TestHeadStartIsHadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for n := range 3 {
			a := b.Open(addr(n))
			running.Go(func() {
				for {
					done, err := a.Turn(ctx)
					if err != nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
					done()
				}
			})
		}
		time.Sleep(5 * time.Second)
		before := b.Used()[Stranger].Time
		taken := make([]time.Duration, 2)
		for i := range taken {
			running.Go(func() {
				for ctx.Err() == nil {
					a := b.Open(addr(10 + i))
					if done, err := a.Turn(ctx); err == nil {
						time.Sleep(10 * time.Millisecond)
						done()
						taken[i] += 10 * time.Millisecond
					}
					a.Close()
				}
			})
		}
		time.Sleep(20 * time.Second)
		all := b.Used()[Stranger].Time - before
		cancel()
		running.Wait()
		for i, mine := range taken {
			if mine > all*3/10 {
				t.Errorf("%d got %v of %v", i, mine, all)
			}
		}
	})
}

// TestContactsWaitForContactsAlone: no stranger's turn delays a contact, and contacts are not
// throttled.
func TestContactsWaitForContactsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		stranger, contact := b.Open(addr(1)), b.Open(addr(1))
		contact.Identify(person(1), Contact)
		held, err := stranger.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 100 {
			contact.spend(t, 20*time.Millisecond)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("2 s of work of a contact took %v", took)
		}
		held()
	})
}

// TestTurnMovesWithItsAccount: a turn that waits among the strangers begins at once when they turn
// out to be a contact, and one that runs is charged to whom it was given.
func TestTurnMovesWithItsAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		first, a := b.Open(addr(1)), b.Open(addr(1))
		held, err := first.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begun := make(chan func())
		go func() {
			done, err := a.Turn(t.Context())
			if err != nil {
				t.Error(err)
			}
			begun <- done
		}()
		synctest.Wait()
		a.Identify(person(1), Contact)
		done := <-begun
		time.Sleep(time.Second)
		a.Identify(person(1), Fellow)
		done()
		done()
		held()
		used := b.Used()
		if used[Contact].Time != time.Second || used[Fellow].Time != 0 || used[Stranger].Time != time.Second {
			t.Errorf("charged: %+v", used)
		}
	})
}

func TestTurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := office()
		a := b.Open(addr(1))
		held, err := a.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Turn(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("turn without time: %v", err)
		}
		ended := make(chan error)
		go func() {
			_, err := a.Turn(t.Context())
			ended <- err
		}()
		synctest.Wait()
		a.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("turn of a closed account: %v", err)
		}
		if _, err := a.Turn(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("turn of a closed account: %v", err)
		}
		held()
		next := b.Open(addr(1))
		next.spend(t, time.Millisecond)
	})
}
