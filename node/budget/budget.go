// Package budget says what peers may cost this node: memory, time of the processor and lines in the
// log. Identities are free, so nothing is bounded for each identity alone: all strangers together
// have one pool of each, all fellow members of groups have another, and all contacts a third. No
// pool touches another. So whatever strangers do, contacts find theirs as it was.
//
// [Budgets] is for the whole node. Each session opens an [Account], which draws from the pool of
// its peer's standing. Within a pool one rule keeps the peace: nobody may hold more than they leave
// free. Of k that take what they can get, each ends with 1/(k+1) of the pool, and there is always
// room for one more. "Nobody" is a person among contacts and fellows, and a link address among
// strangers (see [Link]), since a stranger may be any number of persons. An address is fairness, not
// security: many honest people may share one, and an attacker may have many.
//
// Where there is no room, whoever holds most of those that are in the way is asked to give back, if
// that is more than the one who asks would hold. So somebody who holds little gets in, however many
// have come before.
//
// For the processor a pool has a number of turns that may run at once and, but for contacts, a
// bucket of time. Turns are given by need: to whoever has used least, and of theirs to the session
// that has used least. What contacts bring in long pieces waits for a bucket of bytes.
//
// The package touches no socket and no file. The clock is given in Config. All methods may be called
// by any goroutine. None waits, except Wait, Turn and Bulk, and these hold no lock meanwhile.
package budget

import (
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/fair"
)

// Standing is what a peer's person is to the owner.
type Standing uint8

// The standings, the lowest first.
const (
	Stranger Standing = iota // nobody whom the owner knows
	Fellow                   // a member of a group that the owner is in, and no contact
	Contact                  // a contact, or the owner
	standings
)

func (s Standing) String() string { return [...]string{"stranger", "fellow", "contact"}[s] }

// ErrClosed: the account was closed.
var ErrClosed = errors.New("account is closed")

// ErrTooMuch: the pool could never hold so much for one.
var ErrTooMuch = errors.New("more than the budget has")

// Pool bounds what all of one standing may cost together.
type Pool struct {
	Memory int64         // bytes
	Turns  int           // that run at once
	Rate   time.Duration // of a core's time in each second; 0: as much as there is
	Burst  time.Duration // of it, after a time of rest
}

// Config is what Budgets are made of. The zero Config is that of a node.
type Config struct {
	Pools  [standings]Pool       // the zero Pool: as below
	Now    func() time.Time      // monotonic; nil: time.Now
	OnLink func(netip.Addr) bool // whether an address is on a network of this machine; nil: none is

	// Short is told when somebody of a standing was refused, was asked to give back, or has waited
	// for a long time, at most once a second. It must not wait, nor call the budget.
	Short func(Standing)
}

// pools are the budgets of a node. Package up sets a limit for the process that has room for them
// and for what the libraries hold for each link.
func pools() [standings]Pool {
	cores := runtime.GOMAXPROCS(0)
	return [standings]Pool{
		// What strangers send is greetings and short messages. A fifth of one core leaves the owner
		// and the contacts the rest, also on a machine with one core, and what can't be charged comes
		// on top. One turn at a time keeps what is
		// overdrawn to one turn.
		Stranger: {Memory: 24 << 20, Turns: 1, Rate: 200 * time.Millisecond, Burst: 500 * time.Millisecond},
		// Members of one group may be many, and catch up with a long history: a burst is some 20,000 short messages.
		Fellow: {Memory: 24 << 20, Turns: 2 * cores, Rate: 500 * time.Millisecond, Burst: time.Second},
		// Contacts wait only for each other. A turn may last as long as a commit, in which the core
		// does other things, so there are many more turns than cores.
		Contact: {Memory: 48 << 20, Turns: 8 * cores},
	}
}

// Budgets is what all peers of a node may cost.
type Budgets struct {
	now    func() time.Time
	onLink func(netip.Addr) bool
	bulk   *rate.Limiter // see Bulk

	mu    sync.Mutex
	pools [standings]*pool
}

// New returns budgets of which nothing is used.
func New(cfg Config) *Budgets {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.OnLink == nil {
		cfg.OnLink = func(netip.Addr) bool { return false }
	}
	b := &Budgets{now: cfg.Now, onLink: cfg.OnLink, bulk: newBulk()}
	standard := pools()
	if cfg.Short == nil {
		cfg.Short = func(Standing) {}
	}
	for s, p := range cfg.Pools {
		if p == (Pool{}) {
			p = standard[s]
		}
		b.pools[s] = newPool(p, b.now(), func() { cfg.Short(Standing(s)) })
	}
	return b
}

// Link returns whom an address stands for, as the network that [fair.Holder] says: one address, or
// the IPv6 network of 64 bits that its host may have to itself. What has no address is all one.
func Link(at netip.Addr, onLink bool) netip.Prefix {
	holder := fair.Holder(at, onLink)
	bits := holder.BitLen()
	if holder.Is6() && !onLink {
		bits = 64
	}
	p, _ := holder.Prefix(bits) // the zero Prefix for the zero Addr
	return p
}

// owner is whose share of a pool something is of.
type owner struct {
	person crypto.PersonID // of fellows and contacts
	link   netip.Prefix    // of strangers
}

// holder is what one owner has of a pool.
type holder struct {
	owner
	accounts map[*Account]struct{}
	held     int64         // bytes
	used     time.Duration // see turns
	given    time.Duration // used of the account that was last given a turn
	turns    []*turn       // that wait, in order
	at       int           // index in turns.waiting, -1 while no turn waits
	piece    chan struct{} // has room for the one that waits in Bulk
}

// pool is a budget and what is used of it. The lock of Budgets guards it.
type pool struct {
	Pool
	holders map[owner]*holder       // those with accounts
	rested  map[owner]time.Duration // what others have used, if more than newcomers are taken for
	memory  memory
	turns   turns
	used    Used
	tell    func() // that it is short
}

func newPool(p Pool, now time.Time, tell func()) *pool {
	return &pool{Pool: p, holders: make(map[owner]*holder), rested: make(map[owner]time.Duration),
		turns: turns{left: p.Burst, at: now}, tell: tell}
}

// short notes that there is not enough of something.
func (p *pool) short(now time.Time) {
	if now.Sub(p.used.Short) >= time.Second {
		p.used.Short = now
		p.tell()
	}
}

// maxRested bounds those who are remembered for the time that they have used though they have no
// account any more. Past it, all are forgotten.
const maxRested = 4096

// join adds an account to its owner's holder.
func (p *pool) join(a *Account) *holder {
	h := p.holders[a.owner]
	if h == nil {
		h = &holder{owner: a.owner, accounts: make(map[*Account]struct{}), used: p.rested[a.owner], at: -1, piece: make(chan struct{}, 1)}
		p.holders[a.owner] = h
		delete(p.rested, a.owner)
	}
	h.accounts[a] = struct{}{}
	h.held += a.held
	p.memory.held += a.held
	return h
}

// leave is the opposite of join. Who has used more than a newcomer is remembered, so that a new account
// is no new beginning.
func (p *pool) leave(a *Account) {
	h := a.holder
	delete(h.accounts, a)
	h.held -= a.held
	p.memory.held -= a.held
	if len(h.accounts) > 0 {
		return
	}
	delete(p.holders, h.owner)
	if h.used <= p.turns.given-headStart {
		return
	}
	p.rest(h.owner, h.used)
}

// rest remembers what an owner has used who has no account.
func (p *pool) rest(o owner, used time.Duration) {
	if len(p.rested) >= maxRested {
		clear(p.rested)
	}
	p.rested[o] = used
}

// Spend charges strangers at an address for time that was used before there was an account.
func (b *Budgets) Spend(at netip.Addr, d time.Duration) {
	o := owner{link: Link(at, b.onLink(at))}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pools[Stranger]
	p.refill(b.now())
	if h := p.holders[o]; h != nil {
		p.charge(h, d)
		return
	}
	p.used.Time += d
	p.turns.left -= d
	p.rest(o, max(p.rested[o], p.turns.given-headStart)+d)
}

// Usage is what each pool has used.
type Usage [standings]Used

// Used is what was used of one pool.
type Used struct {
	Accounts int           // open now
	Memory   int64         // bytes, now
	Time     time.Duration // of the processor, since the node runs
	Refused  uint64        // how often there was no memory
	Asked    uint64        // how often somebody was asked to give back
	Short    time.Time     // when there was last not enough, see Config.Short; zero: never
}

// Used returns what each pool has used.
func (b *Budgets) Used() (u Usage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s, p := range b.pools {
		u[s] = p.used
		u[s].Memory = p.memory.held
		for _, h := range p.holders {
			u[s].Accounts += len(h.accounts)
		}
	}
	return u
}

// Account is what one session draws from. It begins as a stranger's.
type Account struct {
	b    *Budgets
	link netip.Prefix

	// The lock of Budgets guards these.
	owner
	standing Standing
	holder   *holder
	held     int64         // bytes
	used     time.Duration // see turns
	short    func()        // see WhenShort
	closed   bool
}

// Open returns the account of a session with a peer at an address, which may be the zero Addr.
func (b *Budgets) Open(at netip.Addr) *Account {
	link := Link(at, b.onLink(at))
	b.mu.Lock()
	defer b.mu.Unlock()
	a := &Account{b: b, link: link, owner: owner{link: link}}
	a.holder = a.pool().join(a)
	return a
}

func (a *Account) pool() *pool { return a.b.pools[a.standing] }

// Identify says whose session it is and what they are to the owner. What is held moves to that pool,
// also if there is no room for it: nothing more is given then, until there is. It may be called
// again.
func (a *Account) Identify(person crypto.PersonID, s Standing) {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	to := owner{person: person}
	if s == Stranger {
		to = owner{link: a.link}
	}
	if a.closed || a.standing == s && a.owner == to {
		return
	}
	before := a.pool()
	waits, turns := before.memory.take(a), before.turns.take(a)
	before.leave(a)
	before.memory.gave(a)
	a.standing, a.owner = s, to
	after := a.pool()
	a.holder = after.join(a)
	after.memory.waits = append(after.memory.waits, waits...)
	for _, t := range turns {
		after.turns.put(a.holder, t)
	}
	a.b.settle(before)
	a.b.settle(after)
}

// Standing returns what the person was last said to be.
func (a *Account) Standing() Standing {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	return a.standing
}

// Close gives back all memory. Whoever waits is told ErrClosed.
func (a *Account) Close() {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.closed {
		return
	}
	p := a.pool()
	for _, w := range p.memory.take(a) {
		w.end(ErrClosed)
	}
	for _, t := range p.turns.take(a) {
		t.end(ErrClosed)
	}
	p.leave(a)
	p.memory.gave(a)
	a.closed, a.held = true, 0
	a.b.settle(p)
}

// settle gives what waits for a pool what there is for it now.
func (b *Budgets) settle(p *pool) {
	p.fill(b.now())
	b.run(p)
}
