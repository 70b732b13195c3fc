package sync

import (
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// claims counts what is remembered only because the peer says that it has it: segments of logs and
// summaries of records of which nothing is here. A peer can make up any number of these, so they
// are bounded by maxClaims.
type claims struct{ count int }

// room reports whether n more may be remembered.
func (c *claims) room(n int) bool { return c.count+n <= maxClaims }

func (c *claims) add(n int) { c.count += n }

// pictures keeps the pictures of logs up to date: ours when this node stores, and the peer's when
// it tells what it has or brings a run. Where the peer comes to hold more of what this node's
// person wrote, it reports that as Acked.
type pictures struct {
	*turn
	*pair
	claims *claims
}

// claimed returns the pictures of a log of which the peer says to have n segments, and makes new
// ones if there are none. It returns nil if that is too much to remember.
func (p *pictures) claimed(c *conversation, name event.Log, n int) *log {
	l := c.logs[name]
	if l == nil || len(l.ours) == 0 {
		if l != nil {
			n -= len(l.peers)
		}
		if !p.claims.room(n) {
			return nil
		}
	}
	return c.logOf(name)
}

// join adds to what is here of a log what Joined says.
func (p *pictures) join(l *log, segments event.Segments) bool {
	empty := len(l.ours) == 0
	if !l.grow(segments) {
		return false
	}
	if empty {
		p.claims.add(-len(l.peers)) // not only the peer has it any more
	}
	return true
}

// hold adds to what is here of a log what was stored since, and reports whether anything was new.
func (p *pictures) hold(l *log, segments event.Segments) bool {
	before := l.ours
	if !p.join(l, segments) {
		return false
	}
	p.cameBack(l, before)
	return true
}

// replace sets the peer's picture of a log.
func (p *pictures) replace(l *log, peers event.Segments) {
	if len(l.ours) == 0 {
		p.claims.add(len(peers) - len(l.peers))
	}
	l.see(peers)
}

// see takes what the peer says that it has of a log on its disk.
func (p *pictures) see(l *log, peers event.Segments) {
	p.replace(l, peers)
	if !p.wrote(l.name) {
		l.disprove()
	}
	if p.acknowledges(l) && l.acknowledge(peers) {
		p.emit(Acked{l.name, *p.peerStore, peers})
	}
}

// seeListed is see for a log as an Offer or a Have lists it. It returns nil if that is too much to
// remember.
func (p *pictures) seeListed(c *conversation, listed *wire.LogSegments) *log {
	name := c.named(listed)
	l := p.claimed(c, name, len(listed.Segments))
	if known := c.logs[name]; known != nil { // also where there is no room for what it has
		known.calm = listed.Direct
	}
	if l != nil {
		p.see(l, listed.Segments)
	}
	return l
}

// seeSame takes from a short offer that the peer has what is here.
func (p *pictures) seeSame(c *conversation) {
	c.agree()
	for _, l := range c.order {
		p.see(l, l.above())
	}
}

// seeOwn takes from an offer what the peer has of this device's logs, and ignores the others.
func (p *pictures) seeOwn(c *conversation, listed []wire.LogSegments) {
	for i := range listed {
		if listed[i].Device == p.self {
			p.seeListed(c, &listed[i])
		}
	}
}

// seeAll takes from an offer all that the peer has. Logs of which both hold the same get no
// pictures, unless they come to the peer directly.
func (p *pictures) seeAll(c *conversation, listed []wire.LogSegments) {
	if !c.same {
		peers := map[event.Log]event.Segments{}
		for i := range listed {
			peers[c.named(&listed[i])] = listed[i].Segments
		}
		c.partFrom(peers)
	}
	for i := range listed {
		if name := c.named(&listed[i]); c.logs[name] != nil || listed[i].Direct || !sameAs(c.base[name], listed[i].Segments) {
			p.seeListed(c, &listed[i])
		}
	}
}

// bring adds to the peer's picture of a log a run that it has sent. It reports whether it did: not
// where the two contradict each other, or where that is too much to remember.
func (p *pictures) bring(l *log, run *event.Run) bool {
	peers, err := l.peers.Union(run.Given())
	if err != nil {
		return false
	}
	peers = peers[:min(len(peers), event.MaxPieces)]
	if len(l.ours) == 0 && !p.claims.room(len(peers)-len(l.peers)) {
		return false
	}
	p.replace(l, peers)
	return true
}

// cameBack repeats what the peer has of a log when events that the peer has come back to this disk,
// as after a backup was restored. When the peer first said that it has them, this node did not know
// them, so the shell could make nothing of it.
func (p *pictures) cameBack(l *log, before event.Segments) {
	back := l.ours.Missing(before)
	if p.acknowledges(l) && len(back) > 0 && len(back.Subtract(back.Subtract(l.peers.Ranges()))) > 0 {
		p.emit(Acked{l.name, *p.peerStore, l.peers})
	}
}

// acknowledges reports whether it is worth knowing what the peer holds of a log: this node's person
// wrote it, and the peer is of another person.
func (p *pictures) acknowledges(l *log) bool { return p.ownerWrote(l.name) && !p.oneOwner() }
