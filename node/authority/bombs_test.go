package authority

import (
	"math/rand/v2"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// maker makes the events of one history, each of which is the last until the next.
type maker struct {
	events []Event
	last   crypto.Hash
}

func (m *maker) does(who crypto.PersonID, act event.Control, parents ...crypto.Hash) crypto.Hash {
	if len(parents) == 0 {
		parents = []crypto.Hash{m.last}
	}
	e := does(who, act, parents...)
	m.events = append(m.events, e)
	m.last = e.ID
	return e.ID
}

// atOffice begins with the founder, two admins and a member.
func atOffice() *maker {
	m := &maker{events: office()}
	m.last = m.events[len(m.events)-1].ID
	return m
}

// bombs are histories that are made to be dear to judge, by somebody who is all of their authors.
var bombs = map[string]func(size int) []Event{
	// One who was in left unseen by the founder, who takes them out and in again and again.
	"leave": func(size int) []Event {
		m := &maker{events: []Event{founding}, last: founding.ID}
		start := m.does(fay, invite(ann))
		m.does(ann, event.Leave{}, start)
		m.last = start
		for len(m.events) < size {
			m.does(fay, remove(ann))
			m.does(fay, invite(ann))
		}
		return m.events
	},
	// The same, but what they did unseen counts if they were not taken out, and they get a role
	// each time.
	"seen": func(size int) []Event {
		m := atOffice()
		start := m.last
		m.does(ann, event.Topic{Topic: "unseen"}, start)
		m.does(ann, invite(dan))
		m.last = start
		for i := 0; len(m.events) < size; i++ {
			if i%30 == 0 && i < 1800 {
				m.does(fay, remove(ann))
				m.does(fay, invite(ann))
			}
			m.does(fay, role(ann, event.RoleAdmin+event.Role(i%2)))
		}
		return m.events
	},
	// A long history of an admin, and then her removals, none of which knows of it.
	"late removals": func(size int) []Event {
		m := atOffice()
		start := m.last
		for i := 0; len(m.events) < size/2; i++ {
			m.does(ann, event.Topic{Topic: string(rune(i))})
		}
		for i := 0; len(m.events) < size; i++ {
			m.does(fay, event.Remove{Person: ann, Cuts: []event.Position{cutAt(ann, uint64(i+1))}}, start)
		}
		return m.events
	},
	// The same with changes of her role, each of which leaves her less than some of it needs.
	"late roles": func(size int) []Event {
		m := atOffice()
		start := m.does(fay, role(ann, event.RoleOwner))
		for i := 0; len(m.events) < size/2; i++ {
			m.does(ann, role(bob, event.RoleMember+event.Role(i%3)))
		}
		for i := 0; len(m.events) < size; i++ {
			m.last = start
			m.does(fay, event.Topic{Topic: string(rune(i))})
			m.does(fay, role(ann, event.RoleMember+event.Role(i%2)))
		}
		return m.events
	},
	// Two write a long history each, and each removes the other again and again meanwhile.
	"two remove each other": func(size int) []Event {
		m := atOffice()
		left := m.does(fay, role(ann, event.RoleOwner))
		right := left
		for i := 0; len(m.events) < size; i++ {
			left = m.does(fay, event.Remove{Person: ann, Cuts: []event.Position{cutAt(ann, uint64(i+1))}}, left)
			right = m.does(ann, event.Remove{Person: fay, Cuts: []event.Position{cutAt(fay, uint64(i+1))}}, right)
			if i%2 == 0 {
				left = m.does(fay, event.Topic{Topic: string(rune(i))}, left)
				right = m.does(ann, event.Topic{Topic: string(rune(i))}, right)
			}
		}
		return m.events
	},
	// Circle upon circle: pairs of owners remove each other, and the next pair was brought in by the
	// ones before.
	"circles": func(size int) []Event {
		m := &maker{events: []Event{founding}, last: founding.ID}
		for i := 0; len(m.events) < size-8; i += 2 {
			a, b := somebody(i), somebody(i+1)
			m.does(fay, invite(a, b))
			m.does(fay, role(a, event.RoleOwner))
			start := m.does(fay, role(b, event.RoleOwner))
			m.does(a, remove(b), start)
			m.does(b, remove(a), start)
			m.last = start
		}
		return m.events
	},
	// All of many owners remove each other at one time.
	"all remove all": func(size int) []Event {
		m := &maker{events: []Event{founding}, last: founding.ID}
		const many = 50
		for i := range many {
			m.does(fay, invite(somebody(i)))
			m.does(fay, role(somebody(i), event.RoleOwner))
		}
		start := m.last
		for i := range many {
			for k := range many {
				if i != k && len(m.events) < size {
					m.does(somebody(i), remove(somebody(k)), start)
				}
			}
		}
		return m.events
	},
	// Everybody who could come comes, again and again, and there is no owner, so that one is looked
	// for among all.
	"many without an owner": func(size int) []Event {
		m := &maker{events: []Event{founding}, last: founding.ID}
		m.does(fay, invite(ann))
		start := m.does(fay, event.Leave{})
		for i := 0; len(m.events) < size; i++ {
			var all []crypto.PersonID
			for k := range event.MaxInvited {
				all = append(all, somebody((i*event.MaxInvited+k)%1900))
			}
			m.does(ann, event.Invite{Persons: all})
			if i%40 == 39 {
				m.does(somebody(i), event.Leave{}, m.last)
			}
		}
		_ = start
		return m.events
	},
	// Many changes of the role of one at one time, taken together eight by eight.
	"many roles at once": func(size int) []Event {
		m := atOffice()
		start := m.does(fay, role(ann, event.RoleOwner))
		var heads []crypto.Hash
		for i := 0; len(m.events) < size*2/3; i++ {
			m.last = start
			m.does(fay, event.Topic{Topic: string(rune(i))})
			heads = append(heads, m.does(fay, role(ann, event.RoleAdmin)))
		}
		m.last = start
		for len(m.events) < size && len(heads) > 7 {
			m.does(ann, event.Topic{Topic: "merged"}, append([]crypto.Hash{m.last}, heads[:7]...)...)
			heads = heads[7:]
		}
		for len(m.events) < size {
			m.does(ann, event.Topic{Topic: "after"})
		}
		return m.events
	},
	// Whatever comes, under whatever heads.
	"at random": func(size int) []Event {
		m := atOffice()
		r := rand.New(rand.NewPCG(1, 2))
		deeds := append(everything(), listing()...)
		g, _ := New(m.events[0])
		for _, e := range m.events[1:] {
			_ = g.Add(e)
		}
		for tries := 0; len(m.events) < size && tries < 3*size; tries++ {
			d := deeds[r.IntN(len(deeds))]
			if d.act == nil {
				continue
			}
			parents := []crypto.Hash{m.events[max(0, len(m.events)-1-r.IntN(40))].ID}
			if other := m.events[max(4, len(m.events)-1-r.IntN(40))].ID; g.areHeads(places(g, append(parents, other))) {
				parents = append(parents, other)
			}
			e := does(d.who, d.act, parents...)
			if !g.Has(e.ID) && g.Add(e) == nil {
				m.events = append(m.events, e)
			}
		}
		return m.events
	},
}
