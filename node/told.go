package node

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/discovery"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/node/groups"
	"github.com/earshot-im/earshot/node/ingest"
	"github.com/earshot-im/earshot/node/mesh"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/node/presence"
	"github.com/earshot-im/earshot/node/session"
	"github.com/earshot-im/earshot/node/warnings"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// What each room tells, and which other rooms and sessions hear of it. Nothing is kept here.

// Why a session is ended from here.
var (
	errNotServed = errors.New("the peer is not served any more")
	errRoom      = errors.New("there is room on the disk again")
)

// committed passes on what the store has written. It is called by the store's writer.
func (n *Node) committed(c store.Change) {
	n.runs.Committed(c)
	if !c.Strange.IsZero() {
		n.warnings.CameBack(c.Strange)
	}
	n.people.Forgotten(c.Forgotten)
	if c.Attached {
		n.files.Wake()
	}
	if len(c.Taken) > 0 || c.TakenMore {
		n.files.Taken(c.Taken, c.TakenMore)
	}
	if len(c.Dropped) > 0 {
		n.files.Dropped()
	}
	for _, of := range c.Holdings {
		n.receipts.MarkHoldings(of)
	}
	for _, l := range c.Logs {
		for _, s := range n.mesh.In(l.Log.Conversation) {
			s.Inbox.Held(l.Log, l.Segments)
		}
		n.moment.Wrote(l.Log)
	}
	n.crowd.Committed(c)
	n.shown.Reach(c.N)
}

// groupChanged takes in that a control set has grown: persons whom it lets in or out are told, and
// everybody else in the group.
func (n *Node) groupChanged(c groups.Change) {
	n.contacts.GroupChanged()
	moved := func(p crypto.PersonID) bool {
		var was bool
		if c.Before != nil {
			_, was = c.Before.Member(p)
		}
		_, is := c.After.Member(p)
		return was != is
	}
	all := c.Before == nil || moved(n.me.person)
	was := []authority.Member{}
	if c.Before != nil {
		was = c.Before.Members
	}
	for _, m := range slices.Concat(was, c.After.Members) {
		if all || moved(m.Person) {
			n.standMember(m.Person)
		}
	}
	missing := n.sharing.CardsMissing(c.ID)
	for s, person := range n.mesh.Identified() {
		if all || moved(person) {
			s.Inbox.Policy()
		}
		if _, member := c.After.Member(person); member {
			s.Inbox.Want(missing...)
		}
	}
	for _, s := range n.controlMoved(c.ID) {
		s.Inbox.Policy() // whether their invitations count may have changed
	}
	n.revealed.Bump() // messages that were past a cut may count again
	n.people.LookForFellows()
	n.crowd.Changed()
	n.shown.Bump()
	n.presence.Bump()
}

// groupStrained takes in that control events of a group wait or are left out, since there are too
// many or they cost too much.
func (n *Node) groupStrained(id event.Conversation) {
	name := ""
	if state, err := n.groups.State(id); err == nil {
		name = state.Name
	}
	n.log.Info("control events of a group wait or are left out", "conv", id)
	n.warnings.Strained(name)
	n.presence.Bump()
}

// controlMoved tells the sessions that hear of a group that its control set has grown, or that what has
// waited for it may be tried again. Peers who are none of the group by what is known here are not to
// know what is in it; it returns their sessions.
func (n *Node) controlMoved(id event.Conversation) (apart []*session.Session) {
	locator, persons := n.groups.Locator(id), n.mesh.Identified()
	for _, s := range n.mesh.Hearing(id) {
		if n.groups.Ever(id, persons[s]) {
			s.Inbox.Control(id, locator)
		} else {
			s.Inbox.Control(id, []crypto.Hash{crypto.Hash(id)})
			apart = append(apart, s)
		}
	}
	return apart
}

// limited takes in that what is kept of a contact or fellow member has reached its limit, or that there is
// room again.
func (n *Node) limited(l ingest.Limit, again bool) {
	them, _ := n.people.Get(l.Person)
	if again {
		n.warnings.Freed(them, l.Conversation)
	} else {
		name, in := "", n.groups.Known(l.Conversation)
		if state, err := n.groups.State(l.Conversation); err == nil {
			name = state.Name
		}
		n.warnings.Limited(them, l.Conversation, in, name)
	}
	n.presence.Bump()
}

// groupResumed takes in that a group may go on whose control events have waited.
func (n *Node) groupResumed(id event.Conversation) { n.controlMoved(id) }

// personChanged takes in what the owner has changed about a person.
func (n *Node) personChanged(before, after people.Person) {
	if before.Blocked && !after.Blocked {
		n.revealed.Bump()
	}
	if after.Contact != before.Contact || after.Blocked != before.Blocked {
		fellow := n.groups.Fellows(n.me.person, after.ID)
		for s, person := range n.mesh.Identified() {
			if person == after.ID || fellow { // fellow members pass on what was refused of this one
				s.Inbox.Policy()
			}
		}
		n.stand(after)
		n.moment.Reconsider()
	}
	n.presence.Bump()
	if n.serves(before) && !n.serves(after) {
		for _, s := range n.mesh.With(after.ID) {
			s.End(errNotServed) // the next session is from its beginning like one with anybody who is not served
		}
	}
}

// serves says whether a person is served in the direct conversation.
func (n *Node) serves(p people.Person) bool {
	return !p.Blocked && (p.Contact || n.owner.Accepts() == people.AcceptEveryone)
}

// groupArriving takes in that a group is arriving: it is offered to everybody. With more, more of it
// has come, for which something may have waited.
func (n *Node) groupArriving(id event.Conversation, more bool) {
	if !more {
		for s := range n.mesh.Identified() {
			s.Inbox.Policy()
		}
		return
	}
	locator := n.groups.Locator(id)
	for _, s := range n.mesh.Hearing(id) {
		s.Inbox.Control(id, locator)
	}
}

// requested takes in that somebody waits to be accepted, or that more of somebody waits.
func (n *Node) requested() {
	n.waiting.Bump()
	n.presence.Bump()
}

// room takes in that what others bring finds no room on the disk, or finds some again: then it is
// tried again. Who is not served can't be told so, and brings a request only once in a session: those
// sessions are ended, also of who is blocked, so that the two look alike.
func (n *Node) room(again bool) {
	n.warnings.Room(again)
	if again {
		persons := n.mesh.Identified()
		for _, s := range n.mesh.Sessions() {
			person, known := persons[s]
			them, _ := n.people.Get(person)
			if served := them.Contact && !them.Blocked; known && !served && n.owner.Accepts() == people.AcceptContacts {
				s.End(errRoom)
			} else {
				s.Inbox.Room()
			}
		}
	}
	n.presence.Bump()
}

// again takes in that strangers have room again.
func (n *Node) again() {
	n.contacts.TriedAgain()
	for _, s := range n.mesh.Sessions() {
		s.Inbox.Room()
	}
	n.presence.Bump()
}

// met takes in that a fellow member of a group is known now.
func (n *Node) met(id crypto.PersonID) {
	n.standMember(id)
	n.crowd.Changed()
	n.presence.Bump()
}

// renamed tells everyone connected what the owner calls themselves now.
func (n *Node) renamed(profile event.Record) {
	for s, person := range n.mesh.Identified() {
		s.Inbox.Record(event.Direct(n.me.person, person), profile)
	}
	n.presence.Bump()
}

// accepting takes in who may write from now on.
func (n *Node) accepting(accept string) {
	for s, person := range n.mesh.Identified() {
		if them, _ := n.people.Get(person); !them.Contact && accept == people.AcceptContacts {
			s.End(errNotServed) // the next session is from its beginning like one with any stranger
		}
		s.Inbox.Policy()
	}
}

// hearing returns whose sessions hear of everything in a conversation.
func (n *Node) hearing(c event.Conversation) map[presence.Peer]crypto.PersonID {
	out, persons := make(map[presence.Peer]crypto.PersonID), n.mesh.Identified()
	for _, s := range n.mesh.In(c) {
		if person, known := persons[s]; known {
			out[signed{s}] = person
		}
	}
	return out
}

// receiptSigned gives new receipts and holdings of the owner's to the sessions that should have it: in a group
// those with whom it is about, and the owner's other devices.
func (n *Node) receiptSigned(c event.Conversation, r event.Record) {
	about := crypto.PersonID{}
	if n.groups.Known(c) {
		_, about, _, _ = event.ParseReceiptSubject(r.Subject)
	}
	persons := n.mesh.Identified()
	for _, s := range n.mesh.In(c) {
		if person := persons[s]; about == (crypto.PersonID{}) || person == about || person == n.me.person {
			s.Inbox.Record(c, r)
		}
	}
}

// warned tells the owner a warning.
func (n *Node) warned(w warnings.Warning) {
	n.log.Warn("the owner is warned", "code", w.Code, "detail", w.Detail)
	if n.cfg.Warn != nil {
		n.cfg.Warn(w)
	}
}

// short takes in that peers of a standing want more of this node than they may have.
func (n *Node) short(s budget.Standing) {
	if s == budget.Stranger {
		n.warnings.Crowded()
	}
}

// unreached tells the owner that nobody is reached at a place that they named.
func (n *Node) unreached(u mesh.Unreached) {
	n.log.Info("a named peer can't be reached", "addr", u.Text, "err", u.Err)
	if n.cfg.Unreached != nil {
		n.cfg.Unreached(u.Text, u.Err)
	}
}

// sightedSelf takes in where this device is announced, by this node or another.
func (n *Node) sightedSelf(s discovery.Sighting) {
	own := n.mesh.OwnAddrs()
	for _, l := range n.mesh.Network().Multicast() {
		for _, a := range l.Addrs { // all: others are told of more than SelfAddrs, by each link
			own = append(own, netip.AddrPortFrom(a, n.host.Port()))
		}
	}
	n.warnings.Sighted(s.Addrs, own)
}

// parted takes in that a device is connected no more. It is dialled again as soon as it is heard.
func (n *Node) parted(person crypto.PersonID, device crypto.DeviceID) {
	n.people.Parted(person, device)
	n.sightings.Again(peer.ID(device.PeerID()))
}

// peersChanged takes in that somebody has come or gone.
func (n *Node) peersChanged() {
	n.files.Wake()
	n.presence.Bump()
	if b := n.beacon.Load(); b != nil {
		b.PeersChanged()
	}
}

// isContact tells discovery whose sightings always count.
func (n *Node) isContact(id peer.ID) bool {
	device, err := crypto.DeviceFromPeer(id)
	if err != nil {
		return false
	}
	them, ok := n.people.Of(device)
	return ok && them.Contact
}

// stand tells the mesh what a person's devices are to the owner.
func (n *Node) stand(p people.Person) { n.mesh.Stand(p.Parsed.Devices(), n.people.Standing(p.ID)) }

func (n *Node) standMember(id crypto.PersonID) {
	if them, ok := n.people.Get(id); ok && id != n.me.person {
		n.stand(them)
	}
}

// standAll tells the mesh what everybody known is to the owner.
func (n *Node) standAll() {
	for _, p := range n.people.All() {
		if p.ID != n.me.person {
			n.stand(p)
		}
	}
}
