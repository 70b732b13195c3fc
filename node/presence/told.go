package presence

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/budget"
	"github.com/earshot-im/earshot/store/event"
)

// Met takes in whose device a peer is.
func (p *Presence) Met(at Peer, id crypto.PersonID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.peers[at] != nil {
		return
	}
	p.peers[at] = &peer{person: id}
	if p.persons[id] == nil {
		p.persons[id] = &person{}
	}
	p.persons[id].here++
	p.wake.Give()
}

// Left takes in that a session has ended.
func (p *Presence) Left(at Peer) {
	p.mu.Lock()
	them := p.peers[at]
	if them == nil {
		p.mu.Unlock()
		return
	}
	delete(p.peers, at)
	of := p.persons[them.person]
	if of.here--; of.here == 0 {
		delete(p.persons, them.person)
	}
	if them.away {
		of.away--
	}
	n := len(p.writing)
	maps.DeleteFunc(p.writing, func(w place, _ typist) bool { return w.device == at.Peer() })
	typed := len(p.writing) < n
	p.mu.Unlock()
	p.changed(typed, them.away)
}

// Reconsider says that somebody has become a contact or is none any more, or was blocked or unblocked.
func (p *Presence) Reconsider() { p.wake.Give() }

// Went takes in whether a peer's owner is away. It is kept of everybody who is served: a stranger may
// be accepted later.
func (p *Presence) Went(at Peer, away bool) {
	p.mu.Lock()
	them := p.peers[at]
	if them == nil || them.away == away {
		p.mu.Unlock()
		return
	}
	them.away = away
	if of := p.persons[them.person]; away {
		of.away++
	} else {
		of.away--
	}
	p.mu.Unlock()
	p.changed(false, true)
}

// Away says whether a contact who is here is away: on all of their devices that are connected.
func (p *Presence) Away(id crypto.PersonID) bool {
	if _, presence := p.cfg.Tells(); !presence {
		return false
	}
	p.mu.Lock()
	of := p.persons[id]
	away := of != nil && of.away == of.here
	p.mu.Unlock()
	return away && p.friend(id)
}

// Typed takes in that a peer says of its owner, a person, that they write in a conversation, or have
// stopped.
func (p *Presence) Typed(peer Peer, id crypto.PersonID, c event.Conversation, on bool) {
	if typing, _ := p.cfg.Tells(); !typing || !p.fellow(c, id) {
		return
	}
	at, now := place{c, peer.Peer()}, time.Now()
	p.mu.Lock()
	_, was := p.writing[at]
	switch {
	case !on:
		delete(p.writing, at)
	case was || p.room(at.device):
		p.writing[at] = typist{id, now.Add(hold)}
	}
	_, is := p.writing[at]
	p.mu.Unlock()
	p.changed(was != is, false)
	if is {
		p.wake.Give()
	}
}

// room reports whether a device may write in one place more. The caller holds the lock.
func (p *Presence) room(device crypto.DeviceID) bool {
	n := 0
	for at := range p.writing {
		if at.device == device {
			n++
		}
	}
	return n < maxPlaces && len(p.writing) < maxTyping
}

// Wrote takes in that something that a device has written was stored: it writes no more there.
func (p *Presence) Wrote(log event.Log) {
	at := place{log.Conversation, log.Device}
	p.mu.Lock()
	_, was := p.writing[at]
	delete(p.writing, at)
	p.mu.Unlock()
	p.changed(was, false)
}

// forget forgets who has not said again that they write, and returns when there is more to forget.
func (p *Presence) forget(now time.Time) (next time.Time) {
	p.mu.Lock()
	n := len(p.writing)
	for at, t := range p.writing {
		if !now.Before(t.until) {
			delete(p.writing, at)
		} else {
			next = sooner(next, t.until)
		}
	}
	gone := len(p.writing) < n
	p.mu.Unlock()
	p.changed(gone, false)
	return next
}

func (p *Presence) changed(typing, away bool) {
	if typing {
		p.cfg.Typing.Bump()
	}
	if away {
		p.cfg.Moved()
	}
}

// Typing is who writes in a conversation now.
type Typing struct {
	Conversation event.Conversation
	Persons      []crypto.PersonID // at most MaxShown, ascending
}

// Typing returns in which conversations somebody writes now, and who.
func (p *Presence) Typing() (all []Typing) {
	now := time.Now()
	by := make(map[event.Conversation]map[crypto.PersonID]bool)
	p.mu.Lock()
	for at, t := range p.writing {
		if now.Before(t.until) {
			if by[at.in] == nil {
				by[at.in] = make(map[crypto.PersonID]bool)
			}
			by[at.in][t.person] = true
		}
	}
	p.mu.Unlock()
	for c, persons := range by {
		ids := slices.SortedFunc(maps.Keys(persons), func(a, b crypto.PersonID) int { return bytes.Compare(a[:], b[:]) })
		ids = slices.DeleteFunc(ids, func(id crypto.PersonID) bool { return !p.fellow(c, id) }) // removed or blocked since
		if len(ids) > 0 {
			all = append(all, Typing{c, ids[:min(len(ids), MaxShown)]})
		}
	}
	slices.SortFunc(all, func(a, b Typing) int { return bytes.Compare(a.Conversation[:], b.Conversation[:]) })
	return all
}

// Here returns the contacts and fellow members with whose devices there is a session, in no order.
func (p *Presence) Here() (ids []crypto.PersonID) {
	p.mu.Lock()
	ids = slices.Collect(maps.Keys(p.persons))
	p.mu.Unlock()
	return slices.DeleteFunc(ids, func(id crypto.PersonID) bool {
		return id == p.cfg.Self || p.cfg.People.Standing(id) == budget.Stranger
	})
}
