package session

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// asks has the peer ask for a card, which is given to it.
func (v *visit) asks() {
	v.says(wire.Frame{CardRequest: &wire.CardRequest{CardOf: wire.CardOf{Person: crypto.PersonID{1}}}})
}

// givesCards has the host answer requests for cards at once.
func (v *visit) givesCards() {
	v.house.does = func(e sync.Effect) (Task, error) {
		if _, ok := e.(sync.FetchCard); !ok {
			return Task{}, nil
		}
		return Errand(func(context.Context) sync.Input { return sync.CardFetched{Card: make([]byte, 16<<10)} }), nil
	}
}

// reads has the peer read the greeting, and no more.
func (v *visit) readsGreeting() {
	go func() { _, _ = io.ReadFull(v.peer, make([]byte, 100)) }() // ends with the pipe
}

// TestStrangerThatDoesNotReadIsEnded: what waits for a stranger who asks for cards and takes none is
// held on their account, and their session ends soon.
func TestStrangerThatDoesNotReadIsEnded(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.is(budget.Stranger)
		v.givesCards()
		v.start(false)
		v.readsGreeting()
		v.greets()
		for range 50 {
			v.asks()
			if len(v.ended) > 0 {
				break
			}
			if held := v.account.Held(); held < int64(v.Unsent()) {
				t.Fatalf("%d bytes are held, and %d wait", held, v.Unsent())
			}
		}
		time.Sleep(strangerTakes + time.Second)
		v.ends(errNotReading)
	})
}

// TestStrangerThatReadsSlowlyGoesOn: it need only take something from time to time.
func TestStrangerThatReadsSlowlyGoesOn(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.is(budget.Stranger)
		v.givesCards()
		v.start(false)
		go func() {
			for {
				if _, err := io.ReadFull(v.peer, make([]byte, writeSize)); err != nil {
					return
				}
				select {
				case <-time.After(strangerTakes - time.Second):
				case <-v.ctx.Done():
					return
				}
			}
		}()
		v.greets()
		for range 50 {
			v.asks()
			time.Sleep(time.Second)
		}
		v.goesOn()
	})
}

// TestContactMayBeSlow: the same memory is a contact's own, and nobody hurries them.
func TestContactMayBeSlow(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.givesCards()
		v.start(false)
		v.readsGreeting()
		v.greets()
		for range 20 {
			v.asks()
		}
		time.Sleep(time.Hour)
		v.goesOn()
		if n := v.Unsent(); n < 20*16<<10 {
			t.Errorf("only %d bytes wait", n)
		}
	})
}

// claims is an offer of the direct conversation that lists n logs, which are not here.
func claims(n int) wire.Frame {
	offer := wire.Offer{Store: event.Instance{1}}
	for i := range n {
		offer.Logs = append(offer.Logs, wire.LogSegments{Device: crypto.DeviceID{9, byte(i >> 8), byte(i)}, Instance: event.Instance{1},
			Segments: event.Segments{{First: 1, Last: 1, ID: event.ID{1}}}})
	}
	return wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{offer}}}
}

// TestWhatTheMachineRemembersIsHeld: what a peer only says is held of its budget as well, and given
// back when others need it.
func TestWhatTheMachineRemembersIsHeld(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.greets()
		before := v.account.Held()
		v.says(claims(2000))
		if more := v.account.Held() - before; more < 2000*200 {
			t.Errorf("%d bytes are held for 2,000 logs", more)
		}
		v.short.Give()
		synctest.Wait()
		if more := v.account.Held() - before; more != 0 {
			t.Errorf("%d bytes are still held when others need them", more)
		}
		v.goesOn()
	})
}

// TestClaimsPastTheBudgetAreForgotten: a peer that says more than there is room for is not ended, but
// what it said counts for nothing.
func TestClaimsPastTheBudgetAreForgotten(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.greets()
		before := v.account.Held()
		defer v.fills(2 << 20)()
		v.says(claims(2000))
		v.goesOn()
		if v.account.Held() != before {
			t.Errorf("%d bytes are held for claims that there is no room for", v.account.Held()-before)
		}
		if used := v.house.budgets.Used()[budget.Contact]; used.Refused == 0 {
			t.Error("there was room")
		}
	})
}

// TestStrangerIsShed: a stranger who holds most and has nothing to forget loses the session when
// others need the memory. A contact keeps it.
func TestStrangerIsShed(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.greets()
		v.short.Give()
		v.goesOn()
		v.is(budget.Stranger)
		v.short.Give()
		v.ends(errShed)
	})
}

// TestSessionNeedsMemory: where there is none for a session, it ends before it has said anything.
func TestSessionNeedsMemory(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		full := v.house.budgets.Open(netip.Addr{})
		full.Identify(crypto.PersonID{1}, budget.Contact)
		for n := int64(budgetOfTests); n > 0; n /= 2 {
			for full.Hold(n) {
			}
		}
		v.start(true)
		time.Sleep(memoryWait)
		synctest.Wait()
		select {
		case err := <-v.ended:
			if !errors.Is(err, errNoMemory) {
				t.Errorf("ended with %v", err)
			}
		default:
			t.Error("it has begun")
		}
		full.Close()
	})
}

// TestStrangersFramesWaitForTheirTurn: a stranger's frame is parsed and dealt with only when the
// strangers have time for it, and those of a contact meanwhile.
func TestStrangersFramesWaitForTheirTurn(t *testing.T) {
	visited(t, func(t *testing.T, v *visit) {
		v.start(true)
		v.greets()
		v.is(budget.Stranger)
		other := v.house.budgets.Open(netip.Addr{})
		var done []func()
		for range 4 { // all turns that strangers have here
			d, err := other.Turn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			done = append(done, d)
		}
		v.says(sighting(1))
		if got := v.performed(); len(got) != 0 {
			t.Error("a frame was dealt with out of turn")
		}
		v.is(budget.Contact)
		v.goesOn()
		if got := v.performed(); len(got) != 1 {
			t.Error("a contact's frame waits for strangers")
		}
		for _, d := range done {
			d()
		}
		other.Close()
	})
}
