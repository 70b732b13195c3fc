package sync_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/sync"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// room is a group that somebody has created in the simulation. Its rules are simpler than those of
// real groups, where not everybody may do everything: a person is in it if an invitation has all
// their removals in its past, and where it has not, their logs end at the cuts of the removal.
type room struct {
	conv
	joinedOnly bool // newcomers get only what was written to them
}

func (w *world) room(id event.Conversation) *room {
	for _, r := range w.rooms {
		if r.id == id {
			return r
		}
	}
	return nil
}

// member is what n believes: a hostile node that it is a member for ever.
func (n *node) member(set *controls, person int) bool {
	return set.isMember(person) || n.hostile && person == n.person && set.was(person)
}

// limit returns the last event of a log that counts, by what is on a disk. first is that of a run
// if nothing of the log is there.
func (n *node) limit(d *disk, log event.Log, first ...*event.Event) uint64 {
	set := d.rooms[log.Conversation]
	author := n.world.personOf[log.Device]
	if set == nil || n.hostile && author == n.person {
		return math.MaxUint64
	}
	if h := d.logs[log]; h != nil && len(h.segments) > 0 {
		first = []*event.Event{h.events[h.segments[0].First]}
	}
	limit := uint64(math.MaxUint64)
	for _, a := range set.acts(nil) {
		if a.in || a.person != author {
			continue
		}
		at := slices.IndexFunc(a.cuts, func(p event.Position) bool { return p.Log(log.Conversation) == log })
		switch {
		case at >= 0:
			limit = min(limit, a.cuts[at].Sequence)
		case len(first) > 0 && !n.world.pastOf(first[0])[a.id]:
			limit = 0
		}
	}
	return limit
}

// segments returns what is held of a log and counts.
func (n *node) segments(d *disk, log event.Log) event.Segments {
	h := d.logs[log]
	limit := n.limit(d, log)
	var out event.Segments
	for _, g := range h.segments {
		if g.Last > limit && g.First <= limit {
			g.Last, g.ID = limit, h.events[limit].ID
		}
		if g.Last <= limit {
			out = append(out, g)
		}
	}
	return out
}

// serves reports whether an event is for a person.
func (n *node) serves(d *disk, person int, e *event.Event) bool {
	set := d.rooms[e.Header.Conversation]
	return set == nil || n.member(set, person) && n.world.isFor(set, person, e)
}

// isFor reports whether an event was written to a person, or before them where that matters not.
func (w *world) isFor(set *controls, person int, e *event.Event) bool {
	acts := set.acts(w.pastOf(e))
	invited := slices.ContainsFunc(acts, func(a act) bool { return a.in && a.person == person })
	return !set.removed(acts, person) && (invited || !w.room(e.Header.Conversation).joinedOnly)
}

// awaits reports whether a cause of an event may still come.
func (n *node) awaits(cause event.ID) bool {
	e := n.world.written[cause]
	if e == nil {
		return true
	}
	set := n.disk.rooms[e.Header.Conversation]
	return set == nil || !set.knows(e.Header.Control) || n.world.isFor(set, n.person, e) && n.limit(n.disk, e.Header.Log(), e) >= e.Header.Sequence
}

// found creates a room.
func (n *node) found(joinedOnly bool) {
	n.control(event.Conversation{}, func(*disk) event.Control {
		policy := event.HistoryAll
		if joinedOnly {
			policy = event.HistoryJoined
		}
		secret := [32]byte{}
		secret[0], secret[1] = byte(n.world.rng.Uint32()), byte(len(n.world.rooms))
		return event.Create{Person: crypto.PersonID{byte(n.person + 1)}, Name: "room", Secret: secret, History: event.History{Policy: policy}}
	}, func(e *event.Event) {
		n.world.rooms = append(n.world.rooms, &room{conv{id: e.Header.Conversation, kind: "room"}, joinedOnly})
		r := n.world.rooms[len(n.world.rooms)-1]
		r.conv.room = r
	})
}

// govern makes some change to a room.
func (n *node) govern(r *room) {
	who := n.world.nodes[n.world.rng.IntN(len(n.world.nodes))].person
	choice := n.world.rng.IntN(8)
	n.control(r.id, func(d *disk) event.Control {
		set := d.rooms[r.id]
		switch {
		case choice == 0:
			return event.Rename{Name: fmt.Sprint("name ", len(set.order))}
		case !set.isMember(who):
			n.world.count.invites++
			return event.Invite{Persons: []crypto.PersonID{{byte(who + 1)}}}
		case choice < 4:
			n.world.count.removals++
			return event.Remove{Person: crypto.PersonID{byte(who + 1)}, Cuts: n.cuts(d, r, who)}
		}
		return nil
	}, nil)
}

func (n *node) cuts(d *disk, r *room, who int) []event.Position {
	var cuts []event.Position
	for _, log := range slices.SortedFunc(maps.Keys(d.logs), event.Log.Compare) {
		if log.Conversation != r.id || n.world.personOf[log.Device] != who {
			continue
		}
		if segments := n.segments(d, log); len(segments) > 0 {
			cuts = append(cuts, d.logs[log].events[segments.Last()].Position())
		}
	}
	return cuts
}

// control writes a control event, if its author is in the room.
func (n *node) control(id event.Conversation, decide func(*disk) event.Control, then func(*event.Event)) {
	if !n.up || n.hostile {
		return
	}
	n.submit(operation{conv: id, in: func(d *disk) {
		if id != (event.Conversation{}) && !d.rooms[id].isMember(n.person) {
			return
		}
		x := decide(d)
		if x == nil {
			return
		}
		content, err := x.Marshal()
		n.world.must(err)
		header := event.Header{Conversation: id, Kind: x.Kind(), Flags: event.FlagCritical}
		e := d.write(n, header, content)
		if then != nil {
			then(e)
		}
	}})
}

// tellControl tells sessions of rooms that have changed in a transaction.
func (n *node) tellControl(before map[event.Conversation]int) {
	for _, r := range n.world.rooms {
		set := n.disk.rooms[r.id]
		if set == nil || len(set.events) == before[r.id] {
			continue
		}
		for _, e := range n.ends {
			if e == nil || !e.joined {
				continue
			}
			e.after(n.world.within(3*time.Millisecond), func() {
				if before[r.id] == 0 || e.terms[r.id] != n.terms(r.id, e.peer) {
					e.join()
				}
				e.step(sync.HeldControl{Conversation: r.id, Locator: n.disk.rooms[r.id].locator()})
			})
		}
	}
}

// terms is how two nodes meet about a room.
type terms struct{ shared, quiet bool }

func (n *node) terms(id event.Conversation, peer *node) terms {
	set := n.disk.rooms[id]
	if set == nil {
		return terms{}
	}
	if !set.was(n.person) || !set.was(peer.person) { // it is arriving, or this disk went back
		recognized := n.ends[peer.index] != nil && n.ends[peer.index].recognized[id]
		return terms{recognized, recognized}
	}
	return terms{true, !n.member(set, n.person) || !n.member(set, peer.person)}
}

// sharedRoom is what a session begins with in a room.
func (e *end) sharedRoom(given *sync.Conversation) {
	n := e.node
	set := n.disk.rooms[given.ID]
	e.terms[given.ID] = n.terms(given.ID, e.peer)
	given.Locator = set.locator()
	given.Quiet = e.terms[given.ID].quiet
	given.Follow = n.following[given.ID][e.peer.index]
	given.Welcome = n.welcome(given.ID, e.peer.person) != nil
	if given.Quiet {
		given.Logs, given.Records = nil, nil
		n.world.count.quiet++
	}
}

// fanout is how many peers are followed in a room, once the first one has brought all it had.
const fanout = 2

// choose follows peers.
func (n *node) choose(id event.Conversation, most int) {
	if n.following[id] == nil {
		n.following[id] = map[int]bool{}
	}
	for len(n.following[id]) < most {
		var choice []*end
		for _, e := range n.ends {
			if e != nil && e.joined && e.terms[id] == (terms{shared: true}) && !n.following[id][e.peer.index] {
				choice = append(choice, e)
			}
		}
		if len(choice) == 0 {
			return
		}
		e := choice[n.world.rng.IntN(len(choice))]
		n.following[id][e.peer.index] = true
		e.after(n.world.within(3*time.Millisecond), func() {
			e.step(sync.Follow{Conversation: id, On: true})
			for _, log := range slices.SortedFunc(maps.Keys(n.direct), event.Log.Compare) {
				if log.Conversation == id {
					e.step(sync.Direct{Log: log, On: true})
				}
			}
		})
	}
}

// unfollow forgets a peer that is gone, and chooses another.
func (n *node) unfollow(peer int) {
	for _, r := range n.world.rooms {
		if n.following[r.id][peer] {
			delete(n.following[r.id], peer)
			n.after(0, func() { n.choose(r.id, fanout) })
		}
	}
}

// comes notes whether a log comes directly, by a session with the peer of that number, and tells those that
// are followed.
func (n *node) comes(log event.Log, peer int, on bool) {
	before, was := n.direct[log]
	if on {
		n.direct[log] = peer
	} else {
		delete(n.direct, log)
	}
	if was == on && (!on || before == peer) {
		return
	}
	n.world.count.directs++
	for _, e := range n.ends {
		if e != nil && e.joined && n.following[log.Conversation][e.peer.index] {
			e.after(n.world.within(3*time.Millisecond), func() {
				_, on := n.direct[log]
				e.step(sync.Direct{Log: log, On: on})
			})
		}
	}
}

// comesNoMore ends that logs come by a session.
func (n *node) comesNoMore(peer int) {
	for _, log := range slices.SortedFunc(maps.Keys(n.direct), event.Log.Compare) {
		if n.direct[log] == peer {
			n.comes(log, peer, false)
		}
	}
}

// sweep compares with everybody in the time given.
func (n *node) sweep(in time.Duration) {
	for _, r := range n.world.rooms {
		for _, e := range n.ends {
			if e != nil {
				e.after(n.world.within(in), func() { e.step(sync.Compare{Conversation: r.id}) })
			}
		}
	}
}

// ask has a node that does not believe in its removal ask for everything, past its machine.
func (n *node) ask() {
	for _, r := range n.world.rooms {
		for _, e := range n.ends {
			if e == nil || e.closed || !e.joined || !n.disk.rooms[r.id].was(n.person) || !n.disk.rooms[r.id].was(e.peer.person) {
				continue
			}
			n.world.count.asks++
			o := wire.Offer{Tag: r.tag(n, e.peer), Store: n.disk.instance, Locator: n.disk.rooms[r.id].heads()}
			n.world.transmit(e, wire.Frame{Offers: &wire.Offers{Offers: []wire.Offer{o}}})
		}
	}
}

// welcome returns what tells a person that n's person has brought them into a room, or the other
// devices of n's person that somebody has; nil if there is none.
func (n *node) welcome(id event.Conversation, person int) *wire.Welcome {
	set := n.disk.rooms[id]
	for _, a := range set.acts(nil) {
		join := set.events[a.id]
		if !a.in || a.person != person || n.person != person && n.world.personOf[join.Header.Device] != n.person {
			continue
		}
		if a.id == crypto.Hash(id) { // the founder's other devices are not invited
			content, err := event.Invite{Persons: []crypto.PersonID{{byte(person + 1)}}}.Marshal()
			n.world.must(err)
			e, err := event.New(event.Header{Conversation: id, Device: n.device, Sequence: 1, Kind: event.KindInvite, Flags: event.FlagCritical, Card: join.Header.Card, Control: []crypto.Hash{a.id}},
				event.Body{Content: content})
			n.world.must(err)
			e.Signature = make([]byte, crypto.SignatureSize)
			join = &e
		}
		return &wire.Welcome{Create: *set.events[crypto.Hash(id)], Join: *join, Members: 2}
	}
	return nil
}

// ingestWelcome has the room arrive, whoever has brought its person in.
func (e *end) ingestWelcome(x sync.IngestWelcome) {
	n := e.node
	if n.full {
		n.world.count.fulls++
		e.soon(sync.Stored{Ticket: x.Ticket, Refused: wire.NoRoom})
		return
	}
	n.submit(operation{
		in: func(d *disk) {
			if id := x.Welcome.Group(); d.rooms[id] == nil {
				d.rooms[id] = newControls(n.world)
				d.rooms[id].add(&x.Welcome.Create)
			}
		},
		then: func() { e.soon(sync.Stored{Ticket: x.Ticket}) },
	})
}

func (e *end) ingestControl(x sync.IngestControl) {
	n, w := e.node, e.node.world
	if n.full {
		w.count.fulls++
		e.soon(sync.Stored{Ticket: x.Ticket, Refused: wire.NoRoom})
		return
	}
	set := n.disk.rooms[x.Conversation]
	known := map[crypto.Hash]bool{}
	for i := range x.Events {
		ev := &x.Events[i]
		if w.written[ev.ID] == nil || ev.Header.Conversation != x.Conversation {
			w.fail("%s: a control event from %s is wrong", n.name, e.peer.name)
			return
		}
		for _, p := range ev.Header.Control {
			if !known[p] && !set.knows([]crypto.Hash{p}) {
				w.count.needControls++
				e.step(sync.NeedControl{Ticket: x.Ticket})
				return
			}
		}
		known[ev.ID] = true
		if !n.disk.cards[w.personOf[ev.Header.Device]] {
			w.count.needCards++
			e.step(sync.NeedCard{Ticket: x.Ticket, Head: ev.Header.Card})
			return
		}
	}
	n.submit(operation{
		in: func(d *disk) {
			if d.rooms[x.Conversation] == nil {
				d.rooms[x.Conversation] = newControls(w)
			}
			for i := range x.Events {
				d.rooms[x.Conversation].add(&x.Events[i])
			}
		},
		then: func() { e.soon(sync.Stored{Ticket: x.Ticket}) },
	})
}
