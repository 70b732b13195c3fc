package mesh

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/dial"
	"github.com/earshot-im/earshot/node/session"
)

// crowd is a register that devices of every standing come to.
type crowd struct {
	*Register
	t    *testing.T
	next int
}

// comes has a new device come from a host, and returns its session and the one that had to go.
func (c *crowd) comes(host int, as budget.Standing) (s *session.Session, gone *left, err error) {
	c.t.Helper()
	c.next++
	d := deviceNumber(c.next)
	c.stand([]crypto.DeviceID{d}, as)
	at := ma.StringCast(fmt.Sprintf("/ip4/10.1.%d.%d/tcp/%d", host>>8, host&255, c.next+1000))
	s = session.New(sessionConfig(silentConn{peer: peerID(d), at: at}, false), func(*session.Session) session.Host { return nil })
	replaced, gone, err := c.admit(s)
	if replaced != nil {
		c.t.Fatal("a new device replaces another")
	}
	return s, gone, err
}

func (c *crowd) with(as budget.Standing) (n int) {
	for s := range c.sessions {
		if c.planner.Standing(peerID(s.Peer())) == as {
			n++
		}
	}
	return n
}

func inCrowd(t *testing.T, test func(t *testing.T, c *crowd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, &crowd{Register: newTestRegister(), t: t}) })
}

// TestContactsAlwaysFindPlaces: 1,010 identities that somebody had brought into a group took all
// places, and a contact did not connect at all.
func TestContactsAlwaysFindPlaces(t *testing.T) {
	inCrowd(t, func(t *testing.T, c *crowd) {
		for i := range 1010 {
			_, _, _ = c.comes(i, budget.Fellow)
		}
		if n := c.with(budget.Fellow); n != dial.MaxOthers {
			t.Errorf("%d fellows", n)
		}
		for i := range dial.MaxConnected {
			_, gone, err := c.comes(7, budget.Contact)
			if err != nil || (gone != nil) != (i >= dial.MaxConnected-dial.MaxOthers) {
				t.Fatalf("contact %d: %v, made room: %+v", i, err, gone)
			}
		}
		if _, _, err := c.comes(1, budget.Contact); !errors.Is(err, errFull) || c.with(budget.Contact) != dial.MaxConnected {
			t.Errorf("among contacts alone there is no end: %v", err)
		}
	})
}

// TestOneAddressLeavesPlaces: sessions from one address took all places of strangers. A newcomer
// from elsewhere takes one of those, and that is a silent one.
func TestOneAddressLeavesPlaces(t *testing.T) {
	inCrowd(t, func(t *testing.T, c *crowd) {
		var all []*session.Session
		for range 1000 {
			if s, _, err := c.comes(1, budget.Stranger); err == nil {
				all = append(all, s)
			}
			time.Sleep(time.Second)
		}
		if n := c.with(budget.Stranger); n != dial.MaxStrangers/2 {
			t.Errorf("one address has %d sessions", n)
		}
		if c.sessions[all[0]] != nil || c.sessions[all[len(all)-1]] == nil {
			t.Error("not the one goes that was silent for longest")
		}
		for i := range dial.MaxStrangers / 3 {
			s, gone, err := c.comes(2, budget.Stranger)
			if err != nil || c.sessions[s] == nil {
				t.Fatalf("newcomer %d: %v", i, err)
			}
			if gone != nil && gone.session.Peer() == s.Peer() {
				t.Error("it goes at once")
			}
		}
		if len(c.sessions) != c.places.Len() || c.places.Len() > dial.MaxStrangers {
			t.Errorf("%d sessions, %d places", len(c.sessions), c.places.Len())
		}
		for i := range 50 {
			if _, _, err := c.comes(1, budget.Contact); err != nil {
				t.Fatalf("contact %d behind the address: %v", i, err)
			}
		}
	})
}

// TestManyStrangersKeepTheirSessions: where everybody has one, a newcomer must wait.
func TestManyStrangersKeepTheirSessions(t *testing.T) {
	inCrowd(t, func(t *testing.T, c *crowd) {
		n := 0
		for ; n < dial.MaxConnected; n++ {
			_, gone, err := c.comes(n, budget.Stranger)
			if gone != nil {
				t.Fatalf("one of %d goes for another", n)
			}
			if errors.Is(err, errFull) {
				break
			}
		}
		if n != dial.MaxStrangers-1 || len(c.sessions) != n || c.places.Len() != n {
			t.Errorf("%d came, %d are there, with %d places", n, len(c.sessions), c.places.Len())
		}
	})
}

// TestStandingMovesPlaces: who becomes a contact gives a stranger's place back, who is none any more
// takes one, and nobody's is taken twice.
func TestStandingMovesPlaces(t *testing.T) {
	inCrowd(t, func(t *testing.T, c *crowd) {
		first, _, err := c.comes(1, budget.Stranger)
		if err != nil {
			t.Fatal(err)
		}
		stand := func(as budget.Standing) []*left { return c.stand([]crypto.DeviceID{first.Peer()}, as) }
		if gone := stand(budget.Contact); len(gone) != 0 || c.places.Len() != 0 {
			t.Errorf("as a contact's it has one of %d strangers' places", c.places.Len())
		}
		if gone := stand(budget.Fellow); len(gone) != 0 || c.places.Len() != 0 {
			t.Errorf("as a fellow's it has one of %d strangers' places", c.places.Len())
		}
		for i := range dial.MaxStrangers - 1 {
			if _, _, err := c.comes(2+i, budget.Stranger); err != nil {
				t.Fatal(err)
			}
		}
		gone := stand(budget.Stranger)
		if len(gone) != 1 || gone[0].session != first || c.sessions[first] != nil || c.places.Len() != dial.MaxStrangers-1 {
			t.Errorf("%d go, %d places", len(gone), c.places.Len())
		}
		if s := c.planner.State(peerID(first.Peer())); s.Connected || s.Ended != dial.Crowded {
			t.Errorf("its state: %+v", s)
		}
	})
}

// A session that replaces another of the same device has its place.
func TestReplacedSessionGivesItsPlace(t *testing.T) {
	r := newTestRegister()
	old := admitted(t, r, 1)
	late := newSession(1, true)
	if _, gone, err := r.admit(late); err != nil || gone != nil || r.places.Len() != 1 || !r.places.Has(late) || r.places.Has(old) {
		t.Errorf("%v, %d places", err, r.places.Len())
	}
	leaves(r, late, dial.Lost)
	if r.places.Len() != 0 {
		t.Error("the place is not given back")
	}
}
