// Package warnings is what the owner of a node should know and do something about: that the data
// directory seems to be a copy or was put back from a backup, that another machine seems to run a
// copy of it now, that the process has no file descriptors left, that strangers want more than they
// may have, that the disk is full, that somebody the owner knows is at the limit of what is kept of them,
// and that a group costs too much.
//
// The signs of a copy come from the store, from events of this device that others bring, and from
// where this device is announced. Anyone can forge the last, so it causes nothing but the warning:
// the package changes nothing, here or elsewhere.
//
// Each kind of warning is told once when there first is reason for it, a full disk each time that
// it becomes so after some minutes with room, strangers who want too much after an hour without
// any, and each person at their limit. [Warnings.All] returns the warnings that hold now, and fails only if the store can't be read.
// The methods may be called by any goroutine. CameBack is called by the store's writer, and must not
// wait; neither may Config.Tell. Memory is bounded by maxTwinAddrs and maxLimits.
package warnings

import (
	"net/netip"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// Codes of a Warning.
const (
	Copied   = "copied"   // the directory seems to be a copy, or a backup that was put back
	Restored = "restored" // proven: others had messages of this device that this disk had not
	Twin     = "twin"     // another machine seems to run a copy of this directory now
	Starved  = "starved"  // the process had no file descriptors left for a caller
	Crowded  = "crowded"  // strangers want more of this node than they may have
	Full     = "full"     // there is so little room on the disk that others' messages aren't taken
	Limit    = "limit"    // what is kept of a contact or fellow member has reached its limit: no more is taken
	Strained = "strained" // changes of a group wait or are left out here: there are too many or they cost too much
)

// Warning is something that the owner should know and do something about.
type Warning struct {
	Code   string
	Detail string    // of Twin where the other machine is, if that is known; of Starved the error, of Strained the group as its members call it
	Since  time.Time // when it was last seen to be so

	// Of Limit who it is, else nil, and where: a group, or the direct conversation.
	Person       *people.Person
	Conversation event.Conversation
	InGroup      bool // then Detail is the group as its members call it
}

const (
	// restoredFor is how long the owner is told that the disk has gone back: until they have looked
	// in once.
	restoredFor = 7 * 24 * time.Hour

	// twinFor is how long a sign of another machine counts.
	twinFor = 24 * time.Hour

	// starvedFor is how long the owner is told that file descriptors were used up: what has opened
	// so many is likely to do it again.
	starvedFor = 24 * time.Hour

	// strainedFor is how long the owner is told that a group costs too much after it was last seen.
	strainedFor = 24 * time.Hour
	// crowdedFor is how long the owner is told that strangers want too much, after the last time.
	// Who wants to know whether it goes on looks again, and who was away still learns of it.
	crowdedFor = 10 * time.Minute

	// crowdedAgain is how long there must have been enough before it is told anew that there is not.
	crowdedAgain = time.Hour

	// fullAgain is how long there must have been room on the disk before it is told anew that there
	// is none. Where this user's quota is used up, there seems to be room each minute.
	fullAgain = 10 * time.Minute

	// maxLimits bounds the persons at their limit that the owner is told of. Of more, those who were seen
	// last stay: somebody who is at the limit is seen again with each session.
	maxLimits = 16

	// writtenSince is how much later than the start of this node an event of this device, which
	// others bring, must have been written before it counts as another machine's. The clocks of the
	// two machines may differ by less than that.
	writtenSince = 2 * time.Minute

	// twinSightings at one address that is not this node's, the last of them twinSpan or more after
	// the first, are a sign of another machine. What this node itself has announced, at an address
	// that it had before, is heard for a moment only. mDNS names each device about once a minute.
	twinSightings = 4
	twinSpan      = 4 * time.Minute

	// ownFor is how long an address that this node had counts as its own.
	ownFor = 10 * time.Minute

	// maxTwinAddrs bounds the addresses that are watched.
	maxTwinAddrs = 64
)

// Config is what Warnings are made of.
type Config struct {
	Store *store.Store
	Now   func() time.Time // the owner's clock
	Tell  func(Warning)    // is told each kind of warning once, by any goroutine
}

// Warnings are what the owner should know.
type Warnings struct {
	cfg   Config
	began time.Time // when the node was started, by the owner's clock

	mu      gosync.Mutex
	twin    Warning   // Since is zero if there is no sign of any
	starved Warning   // Since is zero if the process never was
	strains Warning   // of the group that was last seen to cost too much; Since is zero if none was
	crowded Warning   // Since is zero if strangers never wanted too much
	full    Warning   // Since is zero if there is room
	freed   time.Time // when there was room again
	limits  limits
	told    map[string]bool
	heard   twins
}

// New returns the Warnings of a node that is being started.
func New(cfg Config) *Warnings {
	return &Warnings{cfg: cfg, began: cfg.Now(), told: make(map[string]bool)}
}

// say tells the owner something for the first time.
func (w *Warnings) say(warning Warning) {
	w.mu.Lock()
	if warning.Code == Twin && !warning.Since.Before(w.twin.Since) {
		if warning.Detail == "" {
			warning.Detail = w.twin.Detail
		}
		w.twin = warning
	}
	if warning.Code == Starved {
		w.starved = warning
	}
	if warning.Code == Strained {
		w.strains = warning
	}
	again := w.told[warning.Code]
	w.told[warning.Code] = true
	w.mu.Unlock()
	if !again {
		w.cfg.Tell(warning)
	}
}

// Opened tells what was found when the store was opened.
func (w *Warnings) Opened() {
	if w.cfg.Store.Copied() {
		w.say(Warning{Code: Copied, Since: w.cfg.Now()})
	}
}

// CameBack takes in that events of this device have come from others, the latest of them written at
// a time.
func (w *Warnings) CameBack(written time.Time) {
	w.say(Warning{Code: Restored, Since: w.cfg.Now()})
	if written.After(w.began.Add(writtenSince)) {
		w.say(Warning{Code: Twin, Since: w.cfg.Now()})
	}
}

// Sighted takes in that this device was announced at some addresses, while it had its own.
func (w *Warnings) Sighted(addrs, own []netip.AddrPort) {
	w.mu.Lock()
	at, foreign := w.heard.sighted(time.Now(), addrs, own)
	w.mu.Unlock()
	if foreign {
		w.say(Warning{Code: Twin, Detail: at.String(), Since: w.cfg.Now()})
	}
}

// Starved takes in that the process has no file descriptors left, as an error says.
func (w *Warnings) Starved(err string) {
	w.say(Warning{Code: Starved, Detail: err, Since: w.cfg.Now()})
}

// Strained takes in that a group costs too much.
func (w *Warnings) Strained(group string) {
	w.say(Warning{Code: Strained, Detail: group, Since: w.cfg.Now()})
}

// Crowded takes in that strangers want more of this node than they may have. It is called as long as
// that is so.
func (w *Warnings) Crowded() {
	now := w.cfg.Now()
	w.mu.Lock()
	if now.Sub(w.crowded.Since) >= crowdedAgain {
		delete(w.told, Crowded)
	}
	w.crowded = Warning{Code: Crowded, Since: now}
	w.mu.Unlock()
	w.say(Warning{Code: Crowded, Since: now})
}

// Room takes in that what others bring finds no room on the disk, or, with again, finds some again.
func (w *Warnings) Room(again bool) {
	now := w.cfg.Now()
	w.mu.Lock()
	if again {
		w.full, w.freed = Warning{}, now
		w.mu.Unlock()
		return
	}
	w.full = Warning{Code: Full, Since: now}
	if now.Sub(w.freed) >= fullAgain {
		delete(w.told, Full)
	}
	w.mu.Unlock()
	w.say(Warning{Code: Full, Since: now})
}

// All returns what the owner should know now.
func (w *Warnings) All() ([]Warning, error) {
	at, proven, err := w.cfg.Store.Restored()
	if err != nil {
		return nil, err
	}
	now := w.cfg.Now()
	var out []Warning
	if !at.IsZero() && now.Sub(at) < restoredFor {
		code := Copied
		if proven {
			code = Restored
		}
		out = append(out, Warning{Code: code, Since: at})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if twin := w.twin; !twin.Since.IsZero() && now.Sub(twin.Since) < twinFor {
		out = append(out, twin)
	}
	if starved := w.starved; !starved.Since.IsZero() && now.Sub(starved.Since) < starvedFor {
		out = append(out, starved)
	}
	if strains := w.strains; !strains.Since.IsZero() && now.Sub(strains.Since) < strainedFor {
		out = append(out, strains)
	}
	if crowded := w.crowded; !crowded.Since.IsZero() && now.Sub(crowded.Since) < crowdedFor {
		out = append(out, crowded)
	}
	if !w.full.Since.IsZero() {
		out = append(out, w.full)
	}
	out = append(out, w.limits.now()...)
	return out, nil
}

// twins watches where this device is announced, which nobody else should do. The lock of Warnings
// guards it.
type twins struct {
	own     map[netip.AddrPort]time.Time // addresses of this node, when they last were
	foreign map[netip.AddrPort]*sightings
}

type sightings struct {
	first, last time.Time
	count       int
}

// sighted takes in that this device was announced at some addresses, while this node had its own.
// It returns one that is not this node's and has been announced often enough.
func (t *twins) sighted(now time.Time, addrs, own []netip.AddrPort) (at netip.AddrPort, foreign bool) {
	if t.own == nil {
		t.own, t.foreign = make(map[netip.AddrPort]time.Time), make(map[netip.AddrPort]*sightings)
	}
	for a, last := range t.own {
		if now.Sub(last) > ownFor {
			delete(t.own, a)
		}
	}
	for a, s := range t.foreign {
		if now.Sub(s.last) > ownFor {
			delete(t.foreign, a)
		}
	}
	for _, a := range own {
		t.own[a] = now
	}
	for _, a := range addrs {
		if _, mine := t.own[a]; mine {
			continue
		}
		s := t.foreign[a]
		if s == nil {
			if len(t.foreign) >= maxTwinAddrs {
				continue
			}
			s = &sightings{first: now}
			t.foreign[a] = s
		}
		s.last = now
		s.count++
		if s.count >= twinSightings && now.Sub(s.first) >= twinSpan {
			return a, true
		}
	}
	return netip.AddrPort{}, false
}
