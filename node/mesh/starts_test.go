package mesh

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/link/memnet"
	"github.com/earshot-im/earshot/node/session"
)

var anHour = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func someHolder(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 0)
}

// TestChurn: a peer began 680 sessions a second on one link, which took a core.
func TestChurn(t *testing.T) {
	for _, as := range []budget.Standing{budget.Stranger, budget.Contact} {
		s, now, begun := newStarts(), anHour, 0
		for range 60_000 {
			now = now.Add(time.Millisecond)
			if s.allow("z", as, someHolder(1), now) {
				begun++
			}
		}
		if begun < startsBurst || begun > startsBurst*(int(time.Minute/startsPause)+1) {
			t.Errorf("a %v begins %d sessions in a minute", as, begun)
		}
		now = now.Add(startsPause)
		for range 20 { // as one that loses its session all the time
			now = now.Add(time.Second)
			if !s.allow("z", as, someHolder(1), now) {
				t.Fatalf("a %v that has rested may begin none", as)
			}
		}
	}
}

// TestOthersChurnIsNotTheNewcomers: who was refused because others at their address begin sessions
// all the time was paused for 10 s, as if they had begun too many themselves.
func TestOthersChurnIsNotTheNewcomers(t *testing.T) {
	s, now := newStarts(), anHour
	for i := range 24 {
		now = now.Add(250 * time.Millisecond)
		for k := range strangersStarts {
			s.allow(peer.ID(fmt.Sprint(i, " ", k)), budget.Stranger, someHolder(1), now)
		}
		if s.allow("newcomer", budget.Stranger, someHolder(1), now) {
			t.Fatal("the others leave room, so this shows nothing")
		}
	}
	if now = now.Add(5 * time.Second); !s.allow("newcomer", budget.Stranger, someHolder(1), now) {
		t.Error("a newcomer pays for the others")
	}
}

// TestManyDevicesChurn: with ever new devices it was as much. Contacts begin sessions all the same,
// and so does a stranger from elsewhere.
func TestManyDevicesChurn(t *testing.T) {
	s, now, begun := newStarts(), anHour, 0
	const seconds = 80
	for i := range seconds * 1000 {
		now = now.Add(time.Millisecond)
		if s.allow(peer.ID(fmt.Sprint(i)), budget.Stranger, someHolder(i%4), now) {
			begun++
		}
		if i%1000 == 500 && !s.allow(peer.ID(fmt.Sprint("honest", i)), budget.Stranger, someHolder(1000), now) {
			t.Fatal("a stranger from elsewhere may begin none")
		}
		if i%100 == 50 && !s.allow(peer.ID(fmt.Sprint("contact", i)), budget.Contact, someHolder(1), now) {
			t.Fatal("a contact may begin none")
		}
	}
	if most := strangersStarts * int(seconds*time.Second/strangersSpan+1); begun > most || begun < most/2 {
		t.Errorf("%d sessions in %d s", begun, seconds)
	}
	if len(s.devices) > 20*leastStarts {
		t.Errorf("%d devices are remembered", len(s.devices))
	}
}

// Whoever begins too many is hung up on, before the session costs anything.
func TestWhoChurnsIsHungUpOn(t *testing.T) {
	inCompany(t, func(t *testing.T, _ *memnet.Network, ann, bob *party) {
		meet(t, ann, bob)
		var made atomic.Int64
		bob.cfg.NewSession = func(s network.Stream, opened bool) *session.Session {
			made.Add(1)
			return bob.newSession(s, opened)
		}
		for range 200 {
			s, err := ann.link.NewStream(t.Context(), bob.link.ID(), session.Protocol)
			if err != nil {
				break
			}
			_ = s.Reset()
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if n := made.Load(); n > startsBurst {
			t.Errorf("%d sessions were made", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !bob.Online(ann.key.ID()) {
			t.Error("they do not meet again")
		}
	})
}
