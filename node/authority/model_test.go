package authority

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// deed is what somebody may try in a history.
type deed struct {
	who crypto.PersonID
	act event.Control
}

// under returns what is done under some heads. A removal or leave that names a list of nobody names
// all that there are.
func (d deed) under(g *Group, heads []crypto.Hash) event.Control {
	var all []crypto.Hash
	past, _ := g.reach(heads)
	for i, e := range g.entries {
		if past.has(i) {
			all = append(all, e.id)
		}
	}
	slices.SortFunc(all, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) })
	switch act := d.act.(type) {
	case event.Leave:
		if len(act.Lists) > 0 {
			act.Lists = all
			return act
		}
	case event.Remove:
		if len(act.Lists) > 0 {
			act.Lists = all
			return act
		}
	}
	return d.act
}

var naming = []crypto.Hash{{}}

// theme is a set of deeds of which all histories of a length are made.
type theme struct {
	name   string
	length int
	deeds  []deed
}

var themes = []theme{
	{"all kinds", 2, everything()},
	{"admins remove each other while the owner changes roles", 4, []deed{
		{fay, role(bob, event.RoleOwner)}, {fay, role(ann, event.RoleMember)}, {ann, remove(bob)}, {bob, remove(ann)}, {bob, invite(dan)},
	}},
	{"coming and going", 4, []deed{
		{fay, remove(cleo, cutAt(cleo, 2))}, {ann, invite(cleo)}, {cleo, event.Leave{Cuts: []event.Position{cutAt(cleo, 1)}}}, {bob, remove(cleo)},
	}},
	{"lists of cuts", 4, []deed{
		{cleo, event.CutList{Person: cleo, Cuts: []event.Position{cutAt(cleo, 3)}}}, {ann, event.CutList{Person: cleo, Cuts: []event.Position{cutAt(cleo, 2)}}},
		{bob, event.Remove{Person: cleo, Lists: naming}}, {cleo, event.Leave{Lists: naming}}, {fay, invite(cleo)}, {fay, remove(ann)},
	}},
	{"an owner goes", 3, []deed{
		{fay, event.Leave{}}, {fay, role(fay, event.RoleMember)}, {fay, role(ann, event.RoleOwner)}, {ann, role(bob, event.RoleOwner)},
		{bob, role(cleo, event.RoleAdmin)}, {ann, event.Leave{}}, {bob, event.Rename{Name: "bob's"}}, {ann, invite(fay)},
	}},
	{"invitations of the removed", 3, []deed{
		{ann, invite(dan)}, {fay, remove(ann)}, {fay, role(dan, event.RoleOwner)}, {dan, remove(bob)}, {dan, remove(ann)}, {bob, remove(dan)},
		{dan, invite(ann)}, {bob, event.Merge{}}, {ann, event.Leave{}},
	}},
}

// everything is what five persons may try to do to each other.
func everything() []deed {
	var out []deed
	for _, who := range all {
		out = append(out, deed{who, event.Leave{}}, deed{who, event.Merge{}}, deed{who, event.Rename{Name: names[who]}}, deed{who, nil})
		for _, whom := range all {
			out = append(out, deed{who, invite(whom)}, deed{who, remove(whom)}, deed{who, remove(whom, cutAt(whom, 2))})
			for r := event.RoleMember; r <= event.RoleOwner; r++ {
				out = append(out, deed{who, role(whom, r)})
			}
		}
	}
	return out
}

// listing is what they may list of each other, and name.
func listing() []deed {
	var out []deed
	for _, who := range all {
		out = append(out, deed{who, event.Leave{Lists: naming}})
		for _, whom := range all {
			out = append(out, deed{who, event.CutList{Person: whom, Cuts: []event.Position{cutAt(whom, 2)}}}, deed{who, event.Remove{Person: whom, Lists: naming}})
		}
	}
	return out
}

// TestAllHistories makes every history of the themes, in every order of arrival. In short they are one
// event shorter.
func TestAllHistories(t *testing.T) {
	for _, theme := range themes {
		if testing.Short() {
			theme.length--
		}
		t.Run(theme.name, func(t *testing.T) {
			t.Parallel()
			seen := map[crypto.Hash]bool{}
			grow(t, theme, nil, seen)
			t.Logf("%d histories", len(seen))
		})
	}
}

// grow checks all histories that go on from one.
func grow(t *testing.T, theme theme, more []Event, seen map[crypto.Hash]bool) {
	base := office()
	var heads []crypto.Hash // that more may be made under
	heads = append(heads, base[len(base)-1].ID)
	for _, e := range more {
		heads = append(heads, e.ID)
	}
	for _, d := range theme.deeds {
		for _, parents := range antichains(group(t, append(base, more...)...), heads) {
			e := does(d.who, d.under(group(t, append(base, more...)...), parents), parents...)
			history := append(slices.Clone(more), e)
			key := crypto.Hash{}
			for _, e := range history {
				for i := range key {
					key[i] += e.ID[i]
				}
			}
			if seen[key] || slices.ContainsFunc(more, func(m Event) bool { return m.ID == e.ID }) {
				continue
			}
			seen[key] = true
			if checkHistory(t, base, history) && len(history) < theme.length {
				grow(t, theme, history, seen)
			}
		}
	}
}

// places returns where events stand in a group.
func places(g *Group, ids []crypto.Hash) (out []int) {
	for _, id := range ids {
		out = append(out, g.byID[id])
	}
	return out
}

// antichains returns what can have been the heads of somebody who knew some of the events, and at
// least the first.
func antichains(g *Group, events []crypto.Hash) [][]crypto.Hash {
	var out [][]crypto.Hash
	for mask := 1; mask < 1<<len(events); mask++ {
		var some []crypto.Hash
		for i, id := range events {
			if mask>>i&1 == 1 {
				some = append(some, id)
			}
		}
		if g.areHeads(places(g, some)) {
			out = append(out, some)
		}
	}
	return out
}

// checkHistory holds a history against the rules in each order of arrival. It says whether its last
// event is taken.
func checkHistory(t *testing.T, base, history []Event) bool {
	last := history[len(history)-1]
	first := group(t, append(base, history[:len(history)-1]...)...)
	admits := newReference(first).admits(last)
	if err := first.Add(last); (err == nil) != admits {
		t.Fatalf("%s does %T: %v, want taken: %v\n%s", names[last.Author], last.Act, err, admits, describe(first, 0))
	}
	if !admits {
		return false
	}
	hold(t, first, len(base)-2)
	want := pictureOf(first)
	orders(history, func(order []Event) {
		g := group(t, base...)
		add(t, g, order...)
		if got := pictureOf(g); !reflect.DeepEqual(got, want) {
			t.Fatalf("another order of arrival:\n%swant\n%s", describe(g, 0), describe(first, 0))
		}
	})
	return true
}

// orders calls f with each order of events in which parents come before children.
func orders(events []Event, f func([]Event)) {
	var next func(done []Event)
	next = func(done []Event) {
		if len(done) == len(events) {
			f(done)
			return
		}
		has := func(id crypto.Hash) bool { return slices.ContainsFunc(done, func(e Event) bool { return e.ID == id }) }
		for _, e := range events {
			ready := !has(e.ID)
			for _, o := range events {
				ready = ready && (has(o.ID) || !slices.Contains(e.Parents, o.ID))
			}
			if ready {
				next(append(slices.Clone(done), e))
			}
		}
	}
	next(nil)
}

// FuzzHistories makes longer histories, and shuffles them.
func FuzzHistories(f *testing.F) {
	for seed := range byte(40) {
		var history []byte
		for i := range byte(24) {
			h := crypto.Digest("seed", []byte{seed, i})
			history = append(history, h[:4]...)
		}
		f.Add(history)
	}
	deeds := append(everything(), listing()...)
	f.Fuzz(func(t *testing.T, history []byte) {
		events := office()
		g := group(t, events...)
		for ; len(history) >= 4 && len(events) < 14; history = history[4:] {
			parents := []crypto.Hash{events[len(events)-1-int(history[0])%min(3, len(events)-4)].ID}
			for _, e := range []Event{events[4+int(history[1])%(len(events)-4)]} {
				if history[1] >= 128 && g.areHeads(places(g, append(parents, e.ID))) {
					parents = append(parents, e.ID)
				}
			}
			d := deeds[int(binary.BigEndian.Uint16(history[2:]))%len(deeds)]
			e := does(d.who, d.under(g, parents), parents...)
			if !g.Has(e.ID) && g.Add(e) == nil {
				events = append(events, e)
			}
		}
		hold(t, g, 4)
		want := pictureOf(g)
		for turn := range 3 {
			again := group(t, events[0])
			rest := slices.Clone(events[1:])
			slices.SortFunc(rest, func(a, b Event) int { return bytes.Compare(a.ID[turn:], b.ID[turn:]) })
			for len(rest) > 0 {
				next := slices.IndexFunc(rest, func(e Event) bool { return again.Add(e) == nil })
				rest = slices.Delete(rest, next, next+1)
			}
			if got := pictureOf(again); !reflect.DeepEqual(got, want) {
				t.Fatalf("another order of arrival:\n%swant\n%s", describe(again, 0), describe(g, 0))
			}
		}
		slices.SortFunc(events, func(a, b Event) int { return bytes.Compare(a.ID[5:], b.ID[5:]) })
		again, err := Restore(events)
		if err != nil {
			t.Fatal(err)
		}
		if got := pictureOf(again); !reflect.DeepEqual(got, want) {
			t.Fatalf("restored:\n%swant\n%s", describe(again, 0), describe(g, 0))
		}
	})
}
