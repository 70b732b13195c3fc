package doctor

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	gosync "sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/time/rate"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/checks"
)

const (
	// visitsBurst is how many visits a contact may make at once, by all devices together; they may
	// make one more each visitsEvery. Somebody who looks for a fault asks again and again.
	visitsBurst = 6
	visitsEvery = 10 * time.Second

	// maxVisits is how many visits there are at once, of all contacts, and maxBack how many dials
	// back, which begin one each backEvery after the first backBurst. A visit that comes meanwhile
	// is refused, a dial is not made.
	maxVisits = 32
	maxBack   = 8
	backBurst = 8
	backEvery = time.Second

	// maxQuestions is how many questions a visit has, of which one may ask to be dialled back.
	maxQuestions = 4

	// visitPatience is how long a visit may take, and backPatience a dial back.
	visitPatience = 20 * time.Second
	backPatience  = 5 * time.Second

	// visitMemory is what a visit holds, in bytes: a stream, a goroutine and the buffers.
	visitMemory = 16 << 10
	// backCost is what is charged for a dial back besides: the handshake.
	backCost = 3 * time.Millisecond

	// leastCallers is how many contacts are remembered before those that have rested are looked for.
	leastCallers = 256
)

var (
	errVisits    = errors.New("too many visits")
	errQuestions = errors.New("too many questions")
	errNoContact = errors.New("not a contact")
	errNoMemory  = errors.New("no memory")
)

// Accept has the streams that contacts open served until ctx ends.
func (d *Doctor) Accept(ctx context.Context) {
	d.cfg.Host.SetQuietHandler(Protocol, func(s network.Stream) {
		if err := d.serve(ctx, s); err != nil {
			_ = s.Reset()
			d.cfg.Log.Debug("a peer that examines", "peer", s.Conn().RemotePeer(), "err", err)
			return
		}
		_ = s.Close()
	})
}

// serve answers the questions of one visit. It ends with ctx.
func (d *Doctor) serve(ctx context.Context, s network.Stream) error {
	device := s.Conn().RemotePeer()
	person, ok := d.cfg.Trusted(device)
	if !ok {
		return errNoContact
	}
	if !d.callers.enter(person, time.Now()) {
		return errVisits
	}
	defer d.callers.leave(person)
	account := d.cfg.Open(s.Conn(), person)
	defer account.Close()
	if !account.Hold(visitMemory) {
		return errNoMemory
	}
	ctx, cancel := context.WithTimeout(ctx, visitPatience)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = s.Reset() })()

	v := visit{Doctor: d, person: person, conn: s.Conn(), account: account}
	in := bufio.NewReaderSize(s, maxQuestion)
	for n := 0; ; n++ {
		b, err := read(in, maxQuestion)
		switch {
		case err == io.EOF:
			return nil // the peer has asked all that it wanted
		case err != nil:
			return err
		case n == maxQuestions:
			return errQuestions
		}
		q, err := parseQuestion(b)
		if err != nil {
			return err
		}
		if again, ok := d.cfg.Trusted(device); !ok || again != person {
			return errNoContact
		}
		a := v.answer(ctx, q)
		if err := write(s, a.marshal()); err != nil {
			return err
		}
	}
}

// visit is one stream of a contact.
type visit struct {
	*Doctor
	person  crypto.PersonID
	conn    network.Conn
	account *budget.Account
	ways    []string // by which this device was announced for the peer
	dialled bool     // back to the peer
}

func (v *visit) answer(ctx context.Context, q question) answer {
	if q.announce {
		v.ways = v.cfg.Announce()
	}
	a := answer{time: v.cfg.Now(), version: v.cfg.Version[:min(len(v.cfg.Version), maxVersion)], ways: v.ways}
	for way, at := range v.cfg.Heard(v.conn.RemotePeer()) {
		a.heard = append(a.heard, heard{way, max(time.Since(at), 0)})
	}
	if q.port != 0 && !v.dialled {
		v.dialled = true
		a.outcome = v.dialBack(ctx, q.port)
	}
	return a
}

// dialBack dials to where the peer's connection comes from, and says how that ends; empty: it does
// not, since the port may be somebody else's, as behind a router that has one address for many.
func (v *visit) dialBack(ctx context.Context, port uint16) string {
	at := netip.AddrPortFrom(remote(v.conn).Addr(), port)
	if !at.IsValid() || !v.theirs(at) {
		return ""
	}
	if !v.callers.dial(time.Now()) {
		return checks.Other
	}
	defer v.callers.dialled()
	v.account.Spend(backCost)
	ctx, cancel := context.WithTimeout(ctx, backPatience)
	defer cancel()
	began := time.Now()
	there, err := v.whoIs(ctx, at)
	switch {
	case err == nil && there == v.conn.RemotePeer():
		return checks.Connected
	case err == nil:
		return checks.Other
	case turnedAway(at.Addr(), err, time.Since(began)):
		return checks.Refused
	case outcome(err) == checks.TimedOut:
		return checks.TimedOut
	}
	return checks.Other
}

// theirs says that an address seems to be the peer's: its port is one that nodes take, or the peer is
// looked for there.
func (v *visit) theirs(at netip.AddrPort) bool {
	if v.cfg.FirstPort <= at.Port() && at.Port() <= v.cfg.LastPort {
		return true
	}
	return slices.ContainsFunc(v.cfg.Known(v.person).Devices, func(d Device) bool {
		return d.ID == v.conn.RemotePeer() && slices.Contains(d.Addrs, at)
	})
}

// callers bounds how often contacts visit.
type callers struct {
	mu       gosync.Mutex
	persons  map[crypto.PersonID]*caller
	sweepAt  int // length of persons at which to look for those that have rested
	visiting int
	dialling int
	dials    *rate.Limiter // of all together
}

// caller is a contact who has visited lately.
type caller struct {
	bucket *rate.Limiter
	here   bool
}

func newCallers() callers {
	return callers{persons: make(map[crypto.PersonID]*caller), sweepAt: leastCallers,
		dials: rate.NewLimiter(rate.Every(backEvery), backBurst)}
}

// enter says whether a contact may make a visit now, and counts it if so.
func (c *callers) enter(p crypto.PersonID, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := c.persons[p]
	if from == nil {
		if len(c.persons) >= c.sweepAt {
			c.sweep(now)
		}
		from = &caller{bucket: rate.NewLimiter(rate.Every(visitsEvery), visitsBurst)}
		c.persons[p] = from
	}
	if from.here || c.visiting >= maxVisits || !from.bucket.AllowN(now, 1) {
		return false
	}
	from.here = true
	c.visiting++
	return true
}

func (c *callers) leave(p crypto.PersonID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.persons[p].here = false
	c.visiting--
}

// sweep forgets those that have rested.
func (c *callers) sweep(now time.Time) {
	for p, from := range c.persons {
		if !from.here && from.bucket.TokensAt(now) >= visitsBurst {
			delete(c.persons, p)
		}
	}
	c.sweepAt = max(leastCallers, 2*len(c.persons))
}

// dial says whether one more dial back may be made now, and counts it if so.
func (c *callers) dial(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dialling >= maxBack || !c.dials.AllowN(now, 1) {
		return false
	}
	c.dialling++
	return true
}

func (c *callers) dialled() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialling--
}
