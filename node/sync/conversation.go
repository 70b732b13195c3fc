package sync

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// conversations are those that Joined has given. They are never removed, only left.
type conversations struct {
	*turn
	byID   map[event.Conversation]*conversation
	byTag  map[string]*conversation // by the peer's tag
	direct *conversation            // nil while there is none

	pictured int // logs that have pictures, of all conversations
}

// conversation is one that Joined has given. The facts at its beginning are read by all parts of a
// session, and the Session alone changes them. Below them stands what each part keeps of the
// conversation for itself; no other part touches that.
type conversation struct {
	id              event.Conversation
	ourTag, peerTag []byte
	group           bool

	left   bool      // Joined gives it no more
	fresh  bool      // not offered since Joined gave it: until then the peer's offer is kept aside
	open   bool      // the peer has offered it as well: from then on things move
	quiet  bool      // only control events move
	follow bool      // everything is wanted from the peer, and it is told what is here
	want   wire.Want // of the peer's last offer

	join crypto.Hash   // that brings this node's person in, while the group is arriving; else zero
	void []crypto.Hash // joins of the peer's person that don't count here

	heeds bool // what Heeds has said last

	refusal wire.Reason // why the peer takes no more of what this device writes here; 0: it does

	// Which logs come to this node directly. What the peer is told of that is in log.said.
	near   map[event.Log]bool // others' logs that do, as Direct says; none unless the peer is followed
	brings event.Log          // of the peer's logs the one of which Brings was On last; else zero

	// What is known of logs. Most logs of a large group are the same on both sides and stay so for
	// days: they have no pictures of their own.
	base  map[event.Log]event.Segments // what Joined gave
	same  bool                         // the peer holds what base says of logs without pictures
	logs  map[event.Log]*log           // what is new since, or differs, and all of this person's
	order []*log                       // logs, as they came
	all   *conversations

	refused bool // a log was refused since this node offered last
	answer  answer
	offer   offering // notDue if the conversation is not in offers.queue
	round   round
	control controlSet
	welcome welcoming
	records heldRecords
}

// add makes a conversation known that Joined gives for the first time.
func (r *conversations) add(in *Conversation) *conversation {
	c := &conversation{
		id: in.ID, ourTag: in.OurTag, peerTag: in.PeerTag, group: in.Locator != nil,
		heeds: true, base: in.Logs, logs: map[event.Log]*log{}, near: map[event.Log]bool{}, all: r,
	}
	c.records.known = map[recordKey]*record{}
	r.byID[c.id] = c
	r.byTag[string(c.peerTag)] = c
	if len(c.peerTag) == 0 {
		r.direct = c
	}
	return c
}

// at returns the conversation of a frame that only makes sense where both have offered it. It
// returns nil where there is none, and ends the session if the peer is to blame for that.
func (r *conversations) at(tag []byte) *conversation {
	c := r.byTag[string(tag)]
	switch {
	case c == nil && len(tag) == 0:
		// A peer that isn't served learns no more than one that is blocked.
	case c == nil || !c.open && !c.left:
		r.close(broken("conversation that was not offered"))
	case c.open:
		return c
	}
	return nil
}

// anyLive returns a conversation in which messages move; nil if there is none.
func (r *conversations) anyLive() (first *conversation) {
	for _, c := range r.byID {
		if c.live() && (first == nil || bytes.Compare(c.id[:], first.id[:]) < 0) {
			first = c
		}
	}
	return first
}

// live reports whether messages move in the conversation.
func (c *conversation) live() bool { return c.open && !c.left && !c.quiet }

// heedsOthers reports whether there is something to do as soon as somebody else's log grows.
func (c *conversation) heedsOthers() bool {
	return !c.group || c.live() && (c.follow || c.want == wire.WantAll)
}

// named returns the full name of a log that a frame lists.
func (c *conversation) named(l *wire.LogSegments) event.Log {
	return event.Log{Conversation: c.id, Device: l.Device, Instance: l.Instance}
}

// logOf returns the pictures of a log, and makes new ones if there are none.
func (c *conversation) logOf(name event.Log) *log {
	l := c.logs[name]
	if l == nil {
		l = &log{name: name, conv: c, ours: c.base[name]}
		l.told = l.ours.Ranges()
		if c.same {
			l.peers, l.sent = l.ours, l.told
		}
		c.logs[name] = l
		c.order = append(c.order, l)
		c.all.pictured++
	}
	return l
}

// agree notes that the peer has the same as base says of all logs without pictures.
func (c *conversation) agree() { c.same = true }

// partFrom gives pictures to each log of base of which the peer holds something else. Of all other
// logs of base, it holds the same.
func (c *conversation) partFrom(peers map[event.Log]event.Segments) {
	for _, name := range slices.SortedFunc(maps.Keys(c.base), event.Log.Compare) {
		if !sameAs(c.base[name], peers[name]) {
			c.logOf(name)
		}
	}
	c.agree()
}

// sameAs reports whether a peer that tells of peers holds what is here of a log.
func sameAs(here, peers event.Segments) bool {
	return len(here) <= event.MaxSegments && slices.Equal(here, peers)
}

// names returns those logs that are held here and wanted, in the order of an offer.
func (c *conversation) names(wanted func(event.Log) bool) []event.Log {
	var names []event.Log
	for name, segments := range c.base {
		if c.logs[name] == nil && len(segments) > 0 && wanted(name) {
			names = append(names, name)
		}
	}
	for _, l := range c.order {
		if len(l.tells()) > 0 && wanted(l.name) {
			names = append(names, l.name)
		}
	}
	slices.SortFunc(names, func(a, b event.Log) int {
		return cmp.Or(bytes.Compare(a.Device[:], b.Device[:]), bytes.Compare(a.Instance[:], b.Instance[:]))
	})
	return names
}

// tellable returns what the peer may be told of a log.
func (c *conversation) tellable(name event.Log) event.Segments {
	if l := c.logs[name]; l != nil {
		return l.tellable()
	}
	return c.base[name]
}

// digest returns the digest of a short offer of logs. It is the same on both sides if they hold the
// same of all that both may have.
func (c *conversation) digest(names []event.Log) *crypto.Hash {
	b := make([]byte, 0, 96*len(names))
	for _, name := range names {
		segments := c.base[name]
		if l := c.logs[name]; l != nil {
			segments = l.above()
		}
		for _, g := range segments {
			b = append(append(b, name.Device[:]...), name.Instance[:]...)
			b = binary.BigEndian.AppendUint64(b, g.First)
			b = binary.BigEndian.AppendUint64(b, g.Last)
			b = append(b, g.ID[:]...)
		}
	}
	d := crypto.Digest("offer", b)
	return &d
}

// agrees reports whether the digest of a short offer says that the peer holds what is here.
func (c *conversation) agrees(digest *crypto.Hash) bool {
	return *digest == *c.digest(c.names(func(event.Log) bool { return true }))
}
