package sync_test

import (
	"bytes"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

// checkSecret holds that nothing of a room is sent to who may not have it.
func (e *end) checkSecret(f wire.Frame) {
	w, n := e.node.world, e.node
	var tags [][]byte
	switch {
	case f.Offers != nil:
		for _, o := range f.Offers.Offers {
			tags = append(tags, o.Tag)
			if o.Digest != nil {
				w.count.shorts++
			}
		}
	case f.Run != nil:
		tags = append(tags, f.Run.Tag)
	case f.Have != nil:
		tags = append(tags, f.Have.Tag)
	case f.Settled != nil:
		tags = append(tags, f.Settled.Tag)
	case f.Refused != nil:
		tags = append(tags, f.Refused.Tag)
	case f.Control != nil:
		tags = append(tags, f.Control.Tag)
	case f.Welcome != nil:
		tags = append(tags, w.room(f.Welcome.Group()).tag(n, e.peer))
		w.count.welcomes++
	}
	for _, r := range w.rooms {
		set := n.disk.rooms[r.id]
		if !slices.ContainsFunc(tags, func(tag []byte) bool { return bytes.Equal(tag, r.tag(n, e.peer)) }) {
			continue
		}
		if e.recognized[r.id] && (f.Offers != nil || f.Settled != nil) {
			continue // the peer has shown that it knows the room
		}
		if !set.was(e.peer.person) {
			w.fail("%s tells %s of a room", n.name, e.peer.name)
		}
		var told []event.Event
		if f.Run != nil {
			told = f.Run.Events
		}
		for i := range told {
			if acts := set.acts(w.pastOf(&told[i])); set.removed(acts, e.peer.person) {
				w.fail("%s sends %s what was written without them", n.name, e.peer.name)
			}
		}
	}
}

// checkRooms holds members to have the same control set and all messages for them.
func (w *world) checkRooms() {
	for _, r := range w.rooms {
		all := newControls(w)
		for _, n := range w.nodes {
			if set := n.disk.rooms[r.id]; set != nil {
				for _, id := range set.order {
					all.add(set.events[id])
				}
			}
		}
		if !slices.ContainsFunc(w.nodes, func(n *node) bool { return all.isMember(n.person) && n.disk.rooms[r.id] != nil }) {
			continue // its founder went before anybody could be told
		}
		for _, n := range w.nodes {
			if !all.isMember(n.person) || n.hostile || w.untold(n, r) {
				continue
			}
			set := n.disk.rooms[r.id]
			if set == nil || len(set.events) != len(all.events) {
				w.fail("%s has not all control events of room %x", n.name, r.id[:2])
				for _, id := range all.order {
					var who []string
					for _, o := range w.nodes {
						if o.disk.rooms[r.id].knows([]crypto.Hash{id}) {
							who = append(who, o.name)
						}
					}
					w.note("%x (kind %d after %.2x) is at %v", id[:2], all.events[id].Header.Kind, all.events[id].Header.Control, who)
				}
				w.note("acts: %+v", all.acts(nil))
				continue
			}
			w.checkRoom(n, r, all)
		}
	}
}

// checkRoom: what somebody wrote and left at once, nobody else may have.
func (w *world) checkRoom(n *node, r *room, all *controls) {
	shown := map[message]int{}
	for _, row := range n.disk.order(r.id) {
		shown[message{r.id, w.personOf[row.e.Header.Device], row.e.Header.Key}]++
	}
	counts := map[message]bool{} // of this person's
	for _, e := range w.written {
		m := message{r.id, w.personOf[e.Header.Device], e.Header.Key}
		if e.Header.Conversation == r.id && e.Header.Kind == event.KindText &&
			slices.ContainsFunc(w.nodes, func(o *node) bool { return all.isMember(o.person) && o.disk.has(e) }) &&
			w.counts(n, n.disk.rooms[r.id], e) {
			counts[m] = true
		}
	}
	for _, m := range w.messages {
		if m.conv == r.id && counts[m] && shown[m] != 1 && !w.forkedAway(n, m) {
			w.fail("%s shows message %x of %d in room %x %d times", n.name, m.key[:2], m.person, r.id[:2], shown[m])
			for _, e := range w.written {
				if e.Header.Conversation == r.id && e.Header.Key == m.key {
					for _, o := range w.nodes {
						w.note("%s: %s holds %v, limit %d", brief(e), o.name, o.disk.log(e.Header.Log()).segments, o.limit(o.disk, e.Header.Log(), w.first(e)))
					}
				}
			}
		}
	}
	w.checkRows(n, r.conv)
}

// untold reports whether a node does not know of a room and nobody is to tell it. That is so of a founder
// whose only disk went back to before the room: no other person has brought them in.
func (w *world) untold(n *node, r *room) bool {
	return n.disk.rooms[r.id] == nil &&
		!slices.ContainsFunc(w.nodes, func(o *node) bool { return o.welcome(r.id, n.person) != nil })
}

// counts reports whether an event is for n's person, and not cut off by a removal that n knows of.
func (w *world) counts(n *node, set *controls, e *event.Event) bool {
	return w.isFor(set, n.person, e) && n.limit(n.disk, e.Header.Log(), w.first(e)) >= e.Header.Sequence
}

func (d *disk) has(e *event.Event) bool {
	h := d.logs[e.Header.Log()]
	if h == nil {
		return false
	}
	held := h.events[e.Header.Sequence]
	return held != nil && held.ID == e.ID && held.Absent != event.Dropped
}

// first returns the first event of the log that e is in.
func (w *world) first(e *event.Event) *event.Event {
	for e.Header.Sequence > 1 {
		e = w.written[e.Header.Previous]
	}
	return e
}
