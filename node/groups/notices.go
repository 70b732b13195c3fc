package groups

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/node/authority"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/event"
)

// maxBy bounds the notices of one kind that one comparison makes, each for what another person has
// done. What further persons have done is told in one more, which names none of them.
const maxBy = 8

// Tell tells the owner, by notices, what has happened in a group since they were last told. Every
// change does that as well. It is needed once more where the program ended between a change and
// its notices.
func (g *Groups) Tell(ctx context.Context, id event.Conversation) {
	if it, err := g.get(id); err == nil {
		it.changing.Lock()
		defer it.changing.Unlock()
		if err := g.keepAccepted(ctx, it); err != nil {
			g.cfg.Log.Warn("keep that a group is accepted", "conv", id, "err", err)
		}
		g.tell(ctx, it)
	}
}

// tell has the store keep, as notices, what has happened in a group since the owner was last told.
// If that fails, as on a full disk, the change stands all the same, and the owner is told of it at
// the next change or the next start. The caller holds changing.
func (g *Groups) tell(ctx context.Context, it *group) {
	it.mu.Lock()
	now, heads := it.state, it.engine.AllHeads()
	if it.asks || slices.Equal(heads, it.toldHeads) { // what happens until they have accepted is told then
		it.mu.Unlock()
		return
	}
	notices, moved := it.notices(g.self), it.moved()
	it.mu.Unlock()
	if err := g.store.Tell(ctx, it.id, store.News{Heads: heads, Notices: notices, Moved: moved}); err != nil {
		g.cfg.Log.Warn("tell the owner of a group", "conv", it.id, "err", err)
		return
	}
	it.mu.Lock()
	it.told, it.toldHeads = now, heads
	it.mu.Unlock()
}

// readTold reads what the owner has been told of a group. The caller has made its engine.
func (g *Groups) readTold(it *group) error {
	heads, err := g.store.Told(it.id)
	if err != nil || len(heads) == 0 {
		return err
	}
	it.toldHeads, it.told = heads, it.state
	if !slices.Equal(heads, it.engine.AllHeads()) {
		it.told = it.engine.StateAlone(heads)
	}
	return nil
}

// notices returns what has happened in a group since the owner was last told: the differences
// between two states, so there are few of them however many events came. While the owner is out,
// nothing is told. The caller holds mu.
func (it *group) notices(owner crypto.PersonID) []store.Notice {
	before, now := it.told, it.state
	if before == nil {
		before = &authority.State{}
	}
	_, was := before.Member(owner)
	me, is := now.Member(owner)
	switch {
	case !was && !is:
		return nil
	case !was && me.Joined == crypto.Hash(it.id):
		return []store.Notice{{What: store.GroupCreated, By: owner, Name: now.Name}}
	case !was:
		return []store.Notice{{What: store.GroupJoined, By: me.InvitedBy, Whom: []crypto.PersonID{owner}, Name: now.Name}}
	}
	out := it.settings(before)
	for _, d := range it.deeds(before, owner) {
		out = append(out, d.notice(owner))
	}
	for i := range out {
		out[i].Name = now.Name
	}
	return out
}

// moved returns who has come into the group or has gone since the owner was last told. The caller
// holds mu.
func (it *group) moved() (out []crypto.PersonID) {
	before := it.told
	if before == nil {
		before = &authority.State{}
	}
	for _, pair := range [][2]*authority.State{{before, it.state}, {it.state, before}} {
		for _, m := range pair[0].Members {
			if _, both := pair[1].Member(m.Person); !both {
				out = append(out, m.Person)
			}
		}
	}
	return out
}

// settings returns what has changed about a group as a whole. The caller holds mu.
func (it *group) settings(before *authority.State) (out []store.Notice) {
	now := it.state
	if now.Name != before.Name {
		out = append(out, store.Notice{What: store.GroupRenamed, By: it.engine.LastSet(event.KindRename), Was: before.Name})
	}
	if now.Topic != before.Topic {
		out = append(out, store.Notice{What: store.GroupTopic, By: it.engine.LastSet(event.KindTopic), Text: now.Topic})
	}
	if now.History != before.History {
		out = append(out, store.Notice{What: store.GroupHistory, By: it.engine.LastSet(event.KindHistory), History: now.History})
	}
	if now.Frozen && !before.Frozen {
		out = append(out, store.Notice{What: store.GroupFrozen})
	}
	return out
}

// deed is what one person has done to others, or several have done each for themselves.
type deed struct {
	what store.What
	by   crypto.PersonID
	role event.Role
	whom []crypto.PersonID // ascending
}

func (d *deed) notice(owner crypto.PersonID) store.Notice {
	whom := slices.Clone(d.whom)
	if i := slices.Index(whom, owner); i > 0 { // else the owner might be among those who are only counted
		whom = slices.Insert(slices.Delete(whom, i, i+1), 0, owner)
	}
	n := store.Notice{What: d.what, By: d.by, Role: d.role, Whom: whom[:min(len(whom), store.MaxWhom)]}
	n.Others = uint64(len(whom) - len(n.Whom))
	return n
}

// deeds returns who has come and gone and who got another role. The caller holds mu.
func (it *group) deeds(before *authority.State, owner crypto.PersonID) []deed {
	now := it.state
	var one []deed // about one person each
	for _, m := range now.Members {
		was, in := before.Member(m.Person)
		switch {
		case !in:
			one = append(one, deed{what: store.GroupJoined, by: m.InvitedBy, whom: []crypto.PersonID{m.Person}})
		case was.Role != m.Role:
			one = append(one, deed{what: store.GroupRole, by: it.engine.LastRole(m.Person, m.Role), role: m.Role, whom: []crypto.PersonID{m.Person}})
		}
	}
	for _, m := range before.Members {
		if _, in := now.Member(m.Person); in {
			continue
		}
		d := deed{what: store.GroupRemoved, whom: []crypto.PersonID{m.Person}}
		switch by, _ := it.engine.LastOut(m.Person); {
		case by != m.Person:
			d.by = by // zero if their invitation doesn't count any more
		case by == owner:
			d.what, d.by = store.GroupLeft, by
		default: // all who have left are told of together
			d.what = store.GroupLeft
		}
		one = append(one, d)
	}
	return together(one)
}

// together joins the deeds of one kind by one person, those who are out last. Where there are more
// than maxBy of one kind, the rest become one by nobody in particular.
func together(one []deed) (out []deed) {
	slices.SortStableFunc(one, func(a, b deed) int {
		return cmp.Or(cmp.Compare(a.what, b.what), cmp.Compare(a.role, b.role), bytes.Compare(a.by[:], b.by[:]))
	})
	alike := 0 // how many in out are of the last one's kind
	for _, d := range one {
		last := len(out) - 1
		switch {
		case last < 0 || out[last].what != d.what || out[last].role != d.role:
			alike = 1
			out = append(out, d)
		case out[last].by == d.by:
			out[last].whom = append(out[last].whom, d.whom...)
		case alike < maxBy:
			alike++
			out = append(out, d)
		case alike == maxBy:
			alike++
			d.by = crypto.PersonID{}
			out = append(out, d)
		default:
			out[last].whom = append(out[last].whom, d.whom...)
		}
	}
	return out
}
