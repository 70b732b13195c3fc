package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/hostile/rogue"
	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/wire"
	"github.com/earshot-im/earshot/store/event"
)

const (
	controlsEach = 250
	// decided is how long the owner of the victim may take to accept a group. A contact's is accepted
	// as soon as it is heard of.
	decided = time.Second
)

func init() {
	add(map[string]attack{
		"bomb": {about: "a control set of size events that is dear to judge", n: 1, size: 4000, run: (*attacker).bomb},
		"fat":  {about: "size removals of nobody, each with as many cuts as there may be", n: 1, size: 2000, run: (*attacker).fat},
		"pin":  {about: "a group with n members, who all come", n: 1010, run: (*attacker).pin},
		"fill": {about: "a group with n members, who each write size bytes", n: 4, size: 60 << 20, run: (*attacker).fill},
		"junk": {about: "n persons who each bring the victim into size groups", n: 4, size: 64, run: (*attacker).junk},
	})
}

// found makes a group of the victim and others.
func found(s *rogue.Session, name string, others ...crypto.PersonID) *rogue.Group {
	g := s.By.Found(name)
	g.Invite(s.Victim) // the welcome names this event
	g.Invite(others...)
	return g
}

// bring welcomes the victim into a group and gives it the control set when it asks for that. Where
// the founder is a stranger, that is after the owner has accepted the group. Until it asks, the
// session goes on as if it had: false says so.
func (a *attacker) bring(ctx context.Context, s *rogue.Session, g *rogue.Group, members int) (asked bool, err error) {
	a.Count("groups", 1)
	if err := s.Send(g.Welcome(members)); err != nil {
		return false, err
	}
	if err := g.Offer(s); err != nil {
		return false, err
	}
	if !s.Offered(ctx, g.TheirTag(s), decided) {
		a.Count("groups not taken", 1)
		return false, nil
	}
	return true, a.goOn(ctx, s, g, 1)
}

// goOn sends the control events of a group from the first-th on.
func (a *attacker) goOn(ctx context.Context, s *rogue.Session, g *rogue.Group, first int) error {
	for ctx.Err() == nil && first < len(g.Set) {
		n, size := 0, 0
		for first+n < len(g.Set) && n < controlsEach && size < event.MaxRunSent/2 {
			size += g.Set[first+n].Size()
			n++
		}
		b := rogue.Framed(wire.Frame{Control: &wire.Control{Tag: g.Tag(s), Events: g.Set[first : first+n]}})
		if err := s.SendRaw(b); err != nil {
			return err
		}
		first += n
		a.Count("bytes", len(b))
		a.Count("events", n)
	}
	return nil
}

// bomb has one member leave, which the founder does not see, who removes and invites that member in
// turn.
func (a *attacker) bomb(ctx context.Context) error {
	founder, other := a.Person(0, "Founder"), a.Person(1, "Other")
	s, err := a.Enter(ctx, a.AnySource(), founder)
	if err != nil {
		return err
	}
	defer s.Close()
	g := found(s, "bomb", other.ID)
	unseen := *g
	first := len(g.Set)
	leave := unseen.Act(other.Log(g.ID()), event.Leave{})
	for len(g.Set) < a.size {
		g.Act(g.Founder, event.Remove{Person: other.ID})
		g.Act(g.Founder, event.Invite{Persons: []crypto.PersonID{other.ID}})
	}
	g.Set = slices.Insert(g.Set, first, leave)
	return a.besiege(ctx, s, g)
}

// besiege gives the victim a control set, and does so as well where it was not asked for that.
func (a *attacker) besiege(ctx context.Context, s *rogue.Session, g *rogue.Group) error {
	asked, err := a.bring(ctx, s, g, 3)
	if err == nil && !asked {
		err = a.goOn(ctx, s, g, 1)
	}
	a.Failed(ctx, "send", err)
	s.Until(ctx)
	return nil
}

// fat removes persons who do not exist.
func (a *attacker) fat(ctx context.Context) error {
	s, err := a.Enter(ctx, a.AnySource(), a.Person(0, "Founder"))
	if err != nil {
		return err
	}
	defer s.Close()
	cuts := make([]event.Position, event.MaxCuts)
	for i := range cuts {
		const each = event.MaxCuts / event.MaxCutDevices // logs of a device
		cuts[i].Device, cuts[i].Instance = crypto.DeviceID{byte(i / each), 7}, event.Instance{byte(i % each)}
		cuts[i].Sequence, cuts[i].ID[0] = 1, 1
	}
	g := found(s, "fat")
	for len(g.Set) < a.size && ctx.Err() == nil {
		var nobody crypto.PersonID
		rogue.Random(nobody[:])
		g.Act(g.Founder, event.Remove{Person: nobody, Cuts: cuts})
	}
	return a.besiege(ctx, s, g)
}

// members makes persons, and lists their IDs.
func (a *attacker) members(many int) (all []*rogue.Person, ids []crypto.PersonID) {
	for i := range many {
		p := a.Person(i+1, "Member")
		all, ids = append(all, p), append(ids, p.ID)
	}
	return all, ids
}

// pin has everybody in a group come and stay, so that they have the places of those who may.
func (a *attacker) pin(ctx context.Context) error {
	s, err := a.Enter(ctx, a.AnySource(), a.Person(0, "Founder"))
	if err != nil {
		return err
	}
	defer s.Close()
	all, ids := a.members(a.n)
	if _, err := a.bring(ctx, s, found(s, "pin", ids...), a.n); err != nil {
		return err
	}
	a.again(ctx, func(i int) error {
		m, err := a.Enter(ctx, a.AnySource(), all[i])
		if err != nil {
			return err
		}
		a.Count("members", 1)
		if m.Until(ctx) {
			a.Count("members until the end", 1)
		}
		return nil
	})
	return nil
}

// fill has everybody in a group write.
func (a *attacker) fill(ctx context.Context) error {
	s, err := a.Enter(ctx, a.AnySource(), a.Person(0, "Founder"))
	if err != nil {
		return err
	}
	defer s.Close()
	all, ids := a.members(a.n)
	g := found(s, "fill", ids...)
	if _, err := a.bring(ctx, s, g, a.n); err != nil {
		return err
	}
	a.each(func(i int) { a.Failed(ctx, "write", a.fillAs(ctx, g, all[i])) })
	return nil
}

func (a *attacker) fillAs(ctx context.Context, g *rogue.Group, p *rogue.Person) error {
	m, err := a.Enter(ctx, a.AnySource(), p)
	if err != nil {
		return err
	}
	defer m.Close()
	a.Count("members", 1)
	if err := g.Offer(m); err != nil {
		return err
	}
	if m.Offered(ctx, g.TheirTag(m), decided) {
		a.Count("members taken", 1)
	}
	l := p.Log(g.ID())
	l.Control = []crypto.Hash{g.Last().ID}
	long := strings.Repeat("x", openingText)
	for wrote := 0; wrote < a.size && ctx.Err() == nil; {
		const each = 15
		if err := m.Send(m.Run(g.Tag(m), l.Sign(l.Texts(each, long)...))); err != nil {
			return err
		}
		wrote += each * len(long)
		a.Count("bytes", each*len(long))
	}
	m.Until(ctx)
	return nil
}

// junk brings the victim into many groups.
func (a *attacker) junk(ctx context.Context) error {
	a.again(ctx, func(i int) error {
		s, err := a.Enter(ctx, a.AnySource(), a.Person(i, "Junk"))
		if err != nil {
			return err
		}
		defer s.Close()
		for range a.size {
			if err := s.Send(found(s, "junk").Welcome(2)); err != nil {
				return err
			}
			a.Count("groups", 1)
		}
		s.Until(ctx)
		return nil
	})
	return nil
}
