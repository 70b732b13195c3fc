// Package presence is what people do at the moment: who writes in a conversation, and who is away from
// their screens. It has the owner's part told to peers, and keeps what peers tell of theirs. All of it
// is in memory only, bounded, and gone with the session that it came by.
//
// That somebody writes is told to a contact in the direct conversation and to the members of a group of
// up to MaxMembers, whether they are away to contacts; from others nothing of it is taken, nor from who
// is blocked. Each of the two can be turned off by the owner, who then neither tells nor is told.
//
// The owner is away if they looked at a screen since the node began, and then at none for awayAfter. A
// node on which nobody ever looked says nothing: it may be a server's, or its owner may use programs
// that don't say when they look.
//
// Run tells peers of the owner, and has what nobody repeats forgotten. The other methods may be called
// by any goroutine, and none of them waits: sessions call Typed, Went, Met and Left, the store's writer
// calls Wrote. Who shows what is kept here is told by Config that it has changed, and asks.
package presence

import (
	"context"
	"maps"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/notify"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

const (
	// MaxMembers bounds the groups in which people see who writes: each tells all others, every few
	// seconds.
	MaxMembers = 50

	// MaxShown bounds who is shown to write in one conversation.
	MaxShown = 8

	// repeat is the least time between telling that the owner writes in a conversation, and telling it
	// again. hold is how long it is true without being told again.
	repeat = 4 * time.Second
	hold   = 6 * time.Second

	// awayAfter is how long after they last looked at a screen the owner is away, and pause the least
	// time between two times that peers are told so.
	awayAfter = 5 * time.Minute
	pause     = time.Second

	// maxPlaces bounds the conversations in which one device is known to write at once, and maxTyping
	// those of all devices.
	maxPlaces = 8
	maxTyping = 512
)

// Peer is a session with a device of somebody's. It is comparable. Its methods never wait.
type Peer interface {
	Peer() crypto.DeviceID
	ShareTyping(c event.Conversation, on bool)
	SharePresence(away bool)
}

// Config is what a Presence is made of.
type Config struct {
	Self crypto.PersonID

	// Hearing returns the sessions that hear of everything in a conversation, and whose they are.
	Hearing func(event.Conversation) map[Peer]crypto.PersonID

	Names  Names
	People People
	Groups Groups

	// Tells says whether the owner wants it told, and to be told, who writes and who is away.
	Tells func() (typing, presence bool)

	Typing *notify.Counter // moves when somebody begins to write or stops
	Moved  func()          // somebody who is here went away, or is back
}

// Names says which conversation a name means.
type Names interface {
	Conversation(who string) (event.Conversation, *contacts.Person, error)
}

// People knows what persons are to the owner.
type People interface {
	Get(crypto.PersonID) (people.Person, bool)
	Standing(crypto.PersonID) budget.Standing
}

// Groups knows who is in a group. State fails for what is none that is known here.
type Groups interface {
	State(event.Conversation) (*authority.State, error)
}

// Presence is what people do at the moment. See the package's comment.
type Presence struct {
	cfg  Config
	wake notify.Signal

	mu      gosync.Mutex
	said    map[event.Conversation]saying
	writing map[place]typist
	peers   map[Peer]*peer
	persons map[crypto.PersonID]*person // whose these are
	looked  bool                        // the owner has looked at a screen since the node began
	looking bool                        // they do now
	since   time.Time                   // they have not since then
}

type peer struct {
	person crypto.PersonID
	away   bool // its owner is
	told   bool // that the owner of this node is away
}

// person counts the sessions with somebody's devices, and how many of them say that they are away.
type person struct{ here, away int }

// place is where a device writes.
type place struct {
	in     event.Conversation
	device crypto.DeviceID
}

// typist is who writes there.
type typist struct {
	person crypto.PersonID
	until  time.Time
}

// saying is what peers were told last of the owner in a conversation.
type saying struct {
	at time.Time // when it was told that they write
	on bool      // and not that they have stopped
}

// New returns a Presence that knows nothing of anybody.
func New(cfg Config) *Presence {
	return &Presence{cfg: cfg, wake: notify.NewSignal(), said: make(map[event.Conversation]saying),
		writing: make(map[place]typist), peers: make(map[Peer]*peer), persons: make(map[crypto.PersonID]*person)}
}

// Run tells peers and forgets until ctx ends.
func (p *Presence) Run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var last time.Time // that peers were told
	for {
		now := time.Now()
		next := p.forget(now)
		if at := last.Add(pause); now.Before(at) {
			next = sooner(next, at)
		} else {
			if p.tell(p.ownerAway(now)) {
				last = now
			}
			next = sooner(next, p.awayAt(now))
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// sooner returns the first of two times. The zero time never comes.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Settings says that what the owner wants told may have changed.
func (p *Presence) Settings() {
	if typing, _ := p.cfg.Tells(); !typing {
		p.mu.Lock()
		clear(p.writing)
		p.mu.Unlock()
	}
	p.cfg.Typing.Bump()
	p.cfg.Moved()
	p.wake.Give()
}

// Look says whether the owner looks at a screen from now on.
func (p *Presence) Look(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looked = p.looked || on
	if p.looking && !on {
		p.since = time.Now()
	}
	p.looking = on
	p.wake.Give()
}

// awayAt returns when the owner will be away, if they are not; zero: not by waiting.
func (p *Presence) awayAt(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.since.Add(awayAfter); p.looked && !p.looking && now.Before(at) {
		return at
	}
	return time.Time{}
}

func (p *Presence) ownerAway(now time.Time) bool {
	_, presence := p.cfg.Tells()
	p.mu.Lock()
	defer p.mu.Unlock()
	return presence && p.looked && !p.looking && !now.Before(p.since.Add(awayAfter))
}

// tell tells contacts whether the owner is away, and reports whether anybody was told. Others believe
// that the owner is here, as everybody does at first.
func (p *Presence) tell(away bool) (any bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, them := range p.peers {
		if say := away && p.friend(them.person); say != them.told {
			at.SharePresence(say)
			them.told, any = say, true
		}
	}
	return any
}

// friend says whether somebody is told of the owner, and may tell of themselves.
func (p *Presence) friend(id crypto.PersonID) bool {
	them, _ := p.cfg.People.Get(id)
	return them.Contact && !them.Blocked
}

// fellow says whether somebody is told who writes in a conversation, and may tell it.
func (p *Presence) fellow(c event.Conversation, id crypto.PersonID) bool {
	if id == p.cfg.Self || c == event.Direct(p.cfg.Self, id) {
		return id != p.cfg.Self && p.friend(id)
	}
	group, err := p.cfg.Groups.State(c)
	if err != nil || len(group.Members) > MaxMembers {
		return false
	}
	if them, _ := p.cfg.People.Get(id); them.Blocked {
		return false
	}
	_, they := group.Member(id)
	_, me := group.Member(p.cfg.Self)
	return they && me
}

// SetTyping tells peers that the owner writes now in the conversation that WHO means, or has stopped.
// That they write is told every few seconds at most, however often it is called. The errors are those
// of package contacts.
func (p *Presence) SetTyping(_ context.Context, who string, on bool) error {
	c, _, err := p.cfg.Names.Conversation(who)
	if err == nil && p.mayTell(c, on, time.Now()) {
		p.tellTyping(c, on)
	}
	return err
}

func (p *Presence) tellTyping(c event.Conversation, on bool) {
	for peer, id := range p.cfg.Hearing(c) {
		if p.fellow(c, id) {
			peer.ShareTyping(c, on)
		}
	}
}

// mayTell reports whether it is to be told, and notes that it is.
func (p *Presence) mayTell(c event.Conversation, on bool, now time.Time) bool {
	typing, _ := p.cfg.Tells()
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.said, func(_ event.Conversation, s saying) bool { return now.Sub(s.at) >= hold })
	last, said := p.said[c]
	switch {
	case !typing:
		return false
	case on && (!said || now.Sub(last.at) >= repeat):
		p.said[c] = saying{now, true}
		return true
	case !on && last.on:
		p.said[c] = saying{last.at, false}
		return true
	}
	return false
}
