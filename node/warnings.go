package node

import (
	"context"
	"net/netip"
	gosync "sync"
	"time"

	"github.com/earshot-im/earshot/discovery"
)

// Codes of a Warning.
const (
	WarnCopied   = "copied"   // the directory seems to be a copy, or a backup that was put back
	WarnRestored = "restored" // proven: others had messages of this device that this disk had not
	WarnTwin     = "twin"     // another machine seems to run a copy of this directory now
)

// Warning is something that the owner should know and do something about.
type Warning struct {
	Code   string
	Detail string    // where the other one is, if that is known
	Since  time.Time // when it was last seen to be so
}

const (
	// restoredFor is how long the owner is told that the disk has gone back: until they have looked in once.
	restoredFor = 7 * 24 * time.Hour

	// twinFor is how long a sign of another machine counts.
	twinFor = 24 * time.Hour

	// writtenSince is how much later than this node's start, by the clocks of two machines, something was written that this
	// node did not write, if another machine wrote it.
	writtenSince = 2 * time.Minute

	// twinSightings at one address that is not this node's, from the first to the last of them twinSpan or more apart, are a
	// sign of another machine: what this node itself has announced, at an address that it had before, is heard for a moment
	// only. mDNS names each device about once a minute. Anyone can forge them, so they cause nothing but the warning.
	twinSightings = 4
	twinSpan      = 4 * time.Minute

	// ownFor is how long an address that this node had counts as its own.
	ownFor = 10 * time.Minute

	// maxTwinAddrs bounds the addresses that are watched.
	maxTwinAddrs = 64
)

// warnings are what the owner is to know.
type warnings struct {
	tell func(Warning) // called once for each code

	mu    gosync.Mutex
	twin  Warning // Since is zero if there is no sign of any
	told  map[string]bool
	heard twins
}

// say tells the owner something for the first time.
func (w *warnings) say(warning Warning) {
	w.mu.Lock()
	if warning.Code == WarnTwin && !warning.Since.Before(w.twin.Since) {
		if warning.Detail == "" {
			warning.Detail = w.twin.Detail
		}
		w.twin = warning
	}
	again := w.told[warning.Code]
	if w.told == nil {
		w.told = make(map[string]bool)
	}
	w.told[warning.Code] = true
	w.mu.Unlock()
	if !again && w.tell != nil {
		w.tell(warning)
	}
}

// warn says what was found when the store was opened.
func (n *Node) warn() {
	if n.store.Copied() {
		n.warnings.say(Warning{Code: WarnCopied, Since: n.cfg.Now()})
	}
}

// cameBack takes in that events of this device have come from others, the latest of them written at a time.
func (n *Node) cameBack(written time.Time) {
	n.warnings.say(Warning{Code: WarnRestored, Since: n.cfg.Now()})
	if written.After(n.began.Add(writtenSince)) {
		n.warnings.say(Warning{Code: WarnTwin, Since: n.cfg.Now()})
	}
}

// sightedSelf takes in where this device is announced. It is called by the hub.
func (n *Node) sightedSelf(addrs []netip.AddrPort, network discovery.Network) {
	own := append(n.ownAddrs(network), discovery.SelfAddrs(network, n.host.Port())...)
	n.warnings.mu.Lock()
	at, foreign := n.warnings.heard.sighted(time.Now(), addrs, own)
	n.warnings.mu.Unlock()
	if foreign {
		n.warnings.say(Warning{Code: WarnTwin, Detail: at.String(), Since: n.cfg.Now()})
	}
}

// Warnings returns what the owner should know now.
func (n *Node) Warnings(context.Context) ([]Warning, error) {
	at, proven, err := n.store.Restored()
	if err != nil {
		return nil, err
	}
	now := n.cfg.Now()
	var out []Warning
	if !at.IsZero() && now.Sub(at) < restoredFor {
		code := WarnCopied
		if proven {
			code = WarnRestored
		}
		out = append(out, Warning{Code: code, Since: at})
	}
	n.warnings.mu.Lock()
	defer n.warnings.mu.Unlock()
	if twin := n.warnings.twin; !twin.Since.IsZero() && now.Sub(twin.Since) < twinFor {
		out = append(out, twin)
	}
	return out, nil
}

// twins watches where this device is announced: nobody else should announce it. It belongs to who guards it.
type twins struct {
	own     map[netip.AddrPort]time.Time // addresses of this node, when they last were
	foreign map[netip.AddrPort]*sightings
}

type sightings struct {
	first, last time.Time
	count       int
}

// sighted takes in that this device was announced at some addresses, while this node had its own. It returns one that is
// not this node's and has been announced often enough.
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
