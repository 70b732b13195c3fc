package authority

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	gosync "sync"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// The persons of the tests: the founder, whom she has invited at once, and somebody else.
var (
	fay   = crypto.PersonID{1}
	ann   = crypto.PersonID{2}
	bob   = crypto.PersonID{3}
	cleo  = crypto.PersonID{4}
	dan   = crypto.PersonID{5}
	names = map[crypto.PersonID]string{fay: "fay", ann: "ann", bob: "bob", cleo: "cleo", dan: "dan"}
	all   = []crypto.PersonID{fay, ann, bob, cleo, dan}
)

// done are all events that were made, by ID.
var done gosync.Map

// does makes an event whose ID depends on all that it says.
func does(who crypto.PersonID, act event.Control, parents ...crypto.Hash) Event {
	parents = slices.Clone(parents)
	slices.SortFunc(parents, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) })
	id := crypto.Digest("test", fmt.Appendf(nil, "%x %T %v %x", who, act, act, parents))
	e := Event{ID: id, Author: who, Parents: parents, Clock: int64(binary.BigEndian.Uint16(id[:])), Act: act, Critical: true}
	done.Store(id, e)
	return e
}

// written returns an event of a group as it was written. The group keeps less of it.
func written(n *entry) Event {
	e, _ := done.Load(n.id)
	out := e.(Event)
	out.Critical = n.critical
	return out
}

func invite(p ...crypto.PersonID) event.Control          { return event.Invite{Persons: p} }
func role(p crypto.PersonID, r event.Role) event.Control { return event.RoleChange{Person: p, Role: r} }
func remove(p crypto.PersonID, c ...event.Position) event.Control {
	return event.Remove{Person: p, Cuts: c}
}

var founding = does(fay, event.Create{Person: fay, Name: "lunch", History: event.History{Policy: event.HistoryJoined}})

// logOf is the log that a person's removals cut at 2 where they say so, and another.
func logOf(p crypto.PersonID, instance byte) event.Log {
	return event.Log{Conversation: event.Conversation(founding.ID), Device: crypto.DeviceID(p), Instance: event.Instance{instance}}
}

func cutAt(p crypto.PersonID, sequence uint64) event.Position {
	return event.Position{Device: crypto.DeviceID(p), Instance: event.Instance{1}, Sequence: sequence}
}

// chain makes events each of which follows the one before, and which all count.
func chain(acts ...func(parent crypto.Hash) Event) []Event {
	out := []Event{founding}
	for _, act := range acts {
		out = append(out, act(out[len(out)-1].ID))
	}
	return out
}

// office is a group of an owner, two admins, of whom ann is senior, and a member.
func office() []Event {
	return chain(
		func(p crypto.Hash) Event { return does(fay, invite(ann), p) },
		func(p crypto.Hash) Event { return does(fay, invite(bob, cleo), p) },
		func(p crypto.Hash) Event { return does(fay, role(ann, event.RoleAdmin), p) },
		func(p crypto.Hash) Event { return does(fay, role(bob, event.RoleAdmin), p) },
	)
}

func group(t testing.TB, events ...Event) *Group {
	t.Helper()
	g, err := New(events[0])
	if err != nil {
		t.Fatal(err)
	}
	add(t, g, events[1:]...)
	return g
}

func add(t testing.TB, g *Group, events ...Event) {
	t.Helper()
	for _, e := range events {
		if err := g.Add(e); err != nil {
			t.Fatalf("%s does %T %v: %v", names[e.Author], e.Act, e.Act, err)
		}
	}
}

// in says who is in, and as what.
func in(s *State) string {
	out := ""
	for _, m := range s.Members {
		out += names[m.Person] + " " + m.Role.String() + ", "
	}
	return out
}

func counting(g *Group) (out ids) {
	for i := range g.entries {
		if g.counts.has(i) {
			out |= 1 << i
		}
	}
	return out
}

// picture is what a Group says of its events, whatever order they came in.
type picture struct {
	counts  map[crypto.Hash]bool
	state   *State
	heads   []crypto.Hash
	locator []crypto.Hash
	limits  map[crypto.Hash][]uint64
	missing []int
}

func pictureOf(g *Group) picture {
	p := picture{map[crypto.Hash]bool{}, g.State(), g.Heads(), g.Locator(), map[crypto.Hash][]uint64{}, nil}
	for i, e := range g.entries {
		p.counts[e.id] = g.counts.has(i)
		for _, who := range all {
			p.limits[e.id] = append(p.limits[e.id], g.Limit(who, logOf(who, 1), []crypto.Hash{e.id}), g.Limit(who, logOf(who, 2), []crypto.Hash{e.id}))
		}
	}
	for _, who := range all {
		p.missing = append(p.missing, len(g.Missing(nil, who)))
	}
	return p
}

// hold holds a group against the rules as they are written, and against what must be so whatever
// they are. It looks at all pairs of events from one on.
func hold(t testing.TB, g *Group, from int) {
	t.Helper()
	r := newReference(g)
	counts := r.judge(r.all())
	if counting(g) != counts {
		t.Fatalf("other events count than should\n%s", describe(g, counts))
	}
	if want := r.state(counts); !reflect.DeepEqual(g.State(), want) {
		t.Fatalf("the state is %v, want %v\n%s", *g.State(), *want, describe(g, counts))
	}
	for i, e := range r.events {
		if i == 0 || !counts.has(i) {
			continue
		}
		if !r.permitted(e, counts&r.pasts[i], event.RoleOwner) {
			t.Fatalf("what wasn't permitted counts\n%s", describe(g, counts))
		}
		_, outs, _ := r.of(e.Author, counts)
		if _, leaves := e.Act.(event.Leave); !leaves && outs.any(func(o int) bool { return r.concurrent(o, i) }) {
			t.Fatalf("what was done during a removal counts\n%s", describe(g, counts))
		}
	}
	for i, a := range r.events[from:] {
		for _, b := range r.events[from : from+i+1] {
			heads := []crypto.Hash{a.ID, b.ID}
			past := r.reach(heads)
			if got, err := g.StateAt(heads); err != nil || !reflect.DeepEqual(got, r.state(counts&past)) {
				t.Fatalf("at two heads: %v, %v\n%s", got, err, describe(g, counts))
			}
			for _, who := range all {
				holdAccess(t, g, r, counts, who, heads, past)
			}
			if g.Covers(heads[:1], heads[1:]) {
				holdLimits(t, g, r, counts, b.ID, a.ID)
			}
		}
	}
	for _, who := range all {
		holdMissing(t, g, r, counts, who)
	}
}

func holdAccess(t testing.TB, g *Group, r *reference, counts ids, who crypto.PersonID, heads []crypto.Hash, past ids) {
	t.Helper()
	for _, instance := range []byte{1, 2} {
		for sequence := uint64(2); sequence <= 3; sequence++ {
			log := logOf(who, instance)
			got, want := g.Accepts(who, log, sequence, heads), r.accepts(who, log, sequence, past, counts)
			if !errors.Is(got, want) {
				t.Fatalf("accepts %s: %v, want %v\n%s", names[who], got, want, describe(g, counts))
			}
		}
	}
	serves := g.Serves(who, heads)
	if want := r.serves(who, past, counts); serves != want {
		t.Fatalf("serves %s: %v, want %v\n%s", names[who], serves, want, describe(g, counts))
	}
	joins, outs, _ := r.of(who, counts&past)
	if serves && outs.any(func(o int) bool { return !joins.any(func(j int) bool { return r.pasts[j].has(o) }) }) {
		t.Fatalf("%s is served what was written by who knew that they are out\n%s", names[who], describe(g, counts))
	}
}

// holdLimits compares what is refused of a log that goes from a head to a later one with where it
// is said to end.
func holdLimits(t testing.TB, g *Group, r *reference, counts ids, first, later crypto.Hash) {
	t.Helper()
	before, after := r.reach([]crypto.Hash{first}), r.reach([]crypto.Hash{later})
	for _, who := range all {
		_, then, _ := r.of(who, counts&before)
		_, now, _ := r.of(who, counts&after)
		if r.place(who, counts&before).role == 0 || then != now {
			continue // they write without being in, or go on in a log that their removal ended
		}
		for _, instance := range []byte{1, 2} {
			log := logOf(who, instance)
			limit := g.Limit(who, log, []crypto.Hash{first})
			for sequence := uint64(1); sequence <= 4; sequence++ {
				if err := g.Accepts(who, log, sequence, []crypto.Hash{later}); (err == nil) != (sequence <= limit) {
					t.Fatalf("entry %d of %s: %v, and the limit is %d\n%s", sequence, names[who], err, limit, describe(g, counts))
				}
			}
		}
	}
}

func holdMissing(t testing.TB, g *Group, r *reference, counts ids, who crypto.PersonID) {
	t.Helper()
	got := g.Missing(nil, who)
	var has ids
	for _, id := range got {
		i := r.index[id]
		if r.pasts[i]&^has != 0 {
			t.Fatalf("%s is given a child before its parent\n%s", names[who], describe(g, counts))
		}
		has |= 1 << i
	}
	joins, outs, _ := r.of(who, counts)
	last := outs // that nobody has invited them after
	joins.each(func(j int) { last &^= r.pasts[j] })
	_, member := g.State().Member(who)
	switch {
	case joins == 0:
		if has != 0 {
			t.Fatalf("%s never was in, and is told of it\n%s", names[who], describe(g, counts))
		}
	case member:
		if has != r.all() {
			t.Fatalf("%s is in, and is told %d of %d\n%s", names[who], len(got), len(r.events), describe(g, counts))
		}
	default:
		if outs&has == 0 {
			t.Fatalf("%s is out, and not told so\n%s", names[who], describe(g, counts))
		}
		for i := range r.events {
			if has.has(i) && r.pasts[i]&last != 0 {
				t.Fatalf("%s is told what came after their removal\n%s", names[who], describe(g, counts))
			}
			if !has.has(i) && r.pasts[i]&outs == 0 {
				t.Fatalf("%s is not told what came before their removal\n%s", names[who], describe(g, counts))
			}
		}
	}
	for _, e := range r.events {
		known := []crypto.Hash{e.ID}
		want := has &^ r.reach(known)
		for _, id := range g.Missing(known, who) {
			if !want.has(r.index[id]) {
				t.Fatalf("%s is told what they know\n%s", names[who], describe(g, counts))
			}
			want &^= 1 << r.index[id]
		}
		if want != 0 {
			t.Fatalf("%s is not told all\n%s", names[who], describe(g, counts))
		}
	}
}

func describe(g *Group, want ids) string {
	out := ""
	for i, n := range g.entries {
		e := written(n)
		act := fmt.Sprintf("%T %v", e.Act, e.Act)
		out += fmt.Sprintf("%x %-4s %-60.60s after", e.ID[:3], names[e.Author], act)
		for _, p := range e.Parents {
			out += fmt.Sprintf(" %x", p[:3])
		}
		out += fmt.Sprintf(": counts %v, want %v\n", g.counts.has(i), want.has(i))
	}
	return out
}
