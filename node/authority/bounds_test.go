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

// sized is an event that has that many pieces.
func sized(e Event, pieces int) Event {
	e.Size = pieces * event.ControlPiece
	return e
}

// goes is a member's leave at one of many places.
func goes(who crypto.PersonID, i int, parents ...crypto.Hash) Event {
	return does(who, event.Leave{Cuts: []event.Position{cutAt(who, uint64(i)+1)}}, parents...)
}

// A removal of somebody whom nobody has invited, as its author knew, is refused, and so is a list of
// where their logs end, and whatever somebody writes whom nobody has invited.
func TestNobodyIsRemovedWhoWasNeverInvited(t *testing.T) {
	g := group(t, office()...)
	end := g.Heads()[0]
	invited := does(bob, invite(dan), end)
	add(t, g, invited)
	for name, e := range map[string]Event{
		"a removal":                does(fay, remove(somebody(1)), end),
		"a removal with cuts":      does(fay, remove(somebody(1), cutAt(somebody(1), 1)), end),
		"before they were invited": does(fay, remove(dan), end),
		"a list":                   does(fay, event.CutList{Person: dan, Cuts: []event.Position{cutAt(dan, 1)}}, end),
	} {
		if err := g.Add(e); err != ErrNotPermitted {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Their invitation doesn't count, but was there.
	add(t, g, does(fay, remove(bob), end), does(fay, remove(dan, cutAt(dan, 1)), invited.ID))
}

// Somebody is out 64 times at most, by what an event knows, and does not come back after that.
func TestNobodyComesAndGoesForEver(t *testing.T) {
	g := group(t, office()...)
	for i := range usual.outs {
		if i > 0 {
			add(t, g, does(fay, invite(cleo), g.Heads()...))
		}
		add(t, g, does(fay, remove(cleo), g.Heads()...))
	}
	for name, act := range map[string]event.Control{"once more": remove(cleo, cutAt(cleo, 1)), "back": invite(cleo, dan)} {
		if err := g.May(fay, act); err != ErrFull {
			t.Errorf("%s: %v", name, err)
		}
		if err := g.Add(does(fay, act, g.Heads()...)); err != ErrNotPermitted {
			t.Errorf("%s: %v", name, err)
		}
		if err := g.May(dan, act); err != ErrNotPermitted {
			t.Errorf("%s, by somebody who is not in: %v", name, err)
		}
	}
	if err := g.May(fay, invite(dan)); err != nil {
		t.Error("another:", err)
	}
}

// However often somebody was taken out by what doesn't count, they can be removed as long as they
// are in.
func TestWhoIsInCanBeRemoved(t *testing.T) {
	g := group(t, office()...)
	start := g.Heads()[0]
	for i := range usual.outs + 8 { // by an admin who is removed herself
		add(t, g, does(ann, remove(cleo, cutAt(cleo, uint64(i+1))), start))
	}
	add(t, g, does(fay, remove(ann), start))
	for len(g.heads) > 1 {
		add(t, g, does(fay, event.Merge{}, g.Heads()...))
	}
	if err := g.May(fay, remove(cleo)); err != nil {
		t.Error(err)
	}
}

// A member who knows of all they wrote may write 64 events. An event that takes much counts for
// more.
func TestBoundsOfOneMember(t *testing.T) {
	for _, pieces := range []int{1, 11} {
		g := group(t, office()...)
		last, taken := g.Heads()[0], 0
		for i := range usual.byMember + 1 {
			e := sized(does(cleo, event.CutList{Person: cleo, Cuts: []event.Position{cutAt(cleo, uint64(i+1))}}, last), pieces)
			if err := g.Add(e); err == ErrNotPermitted {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			last = e.ID
			taken++
		}
		if taken != usual.byMember/pieces {
			t.Errorf("%d of %d pieces each are taken", taken, pieces)
		}
		if err := g.May(ann, invite(dan)); err != nil {
			t.Error("an admin:", err)
		}
	}
}

// Nothing that a plain member does stops the others, not even leaves that don't know of each other:
// one member takes no more room than the others have left, and an admin needs not name them.
func TestMemberFloods(t *testing.T) {
	g := group(t, chain(
		func(p crypto.Hash) Event { return does(fay, invite(ann, bob, cleo), p) },
		func(p crypto.Hash) Event { return does(fay, role(ann, event.RoleAdmin), p) },
	)...)
	end := g.Heads()[0]
	flood := func(who crypto.PersonID) (taken int) {
		for i := range 4 * usual.by[event.RoleMember] {
			switch err := g.Add(goes(who, i, end)); err {
			case nil:
				taken++
			case ErrFull:
				return taken
			default:
				t.Fatal(err)
			}
		}
		return taken
	}
	all := usual.here(usual.by[event.RoleMember])
	if n := flood(cleo); n != all/2 {
		t.Errorf("one takes %d of %d", n, all)
	}
	if n := flood(bob); n != all/4 {
		t.Errorf("the next takes %d of %d", n, all)
	}
	if heads := g.Heads(); !slices.Equal(heads, []crypto.Hash{end}) {
		t.Errorf("%d heads are to be named", len(heads))
	}
	gone := does(ann, remove(cleo), g.Heads()...)
	add(t, g, gone)
	if heads := g.Heads(); !slices.Equal(heads, []crypto.Hash{gone.ID}) {
		t.Errorf("%d heads are to be named after the removal", len(heads))
	}
	if n := len(g.Locator()); n > event.MaxLocator {
		t.Errorf("a locator of %d", n)
	}
}

// Members together leave room for admins, and those for an owner: by the past of an event, and of
// what is here.
func TestRoomForWhoCanHelp(t *testing.T) {
	big := usual.by[event.RoleMember] / 8 // as if they were many
	for _, concurrent := range []bool{false, true} {
		g := group(t, chain(
			func(p crypto.Hash) Event { return does(fay, invite(ann), p) },
			func(p crypto.Hash) Event { return does(fay, role(ann, event.RoleAdmin), p) },
		)...)
		end := g.Heads()[0]
		limit, refusal := func(most int) int { return most }, ErrNotPermitted
		if concurrent {
			limit, refusal = usual.here, ErrFull
		}
		fill := func(who crypto.PersonID) {
			for i := 0; ; i++ {
				parents := g.Heads()
				if concurrent {
					parents = []crypto.Hash{end}
				}
				e := sized(does(who, event.History{Policy: event.HistoryDays, Days: uint64(i + 1)}, parents...), big)
				if err := g.Add(e); err == refusal {
					return
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		fill(ann)
		if free := limit(usual.by[event.RoleAdmin]) - (g.weight - 3); free < 0 || free >= big {
			t.Errorf("concurrent %t: an admin leaves %d", concurrent, free)
		}
		if !concurrent {
			add(t, g, does(fay, remove(ann), g.Heads()...))
		} else {
			add(t, g, does(fay, remove(ann), end))
		}
		fill(fay)
		if free := limit(usual.by[event.RoleOwner]) - g.weight; free < 0 || free >= big {
			t.Errorf("concurrent %t: an owner leaves %d", concurrent, free)
		}
	}
}

// A group has a bound of persons, who came or not, and who was invited already doesn't count again.
func TestBoundOfPersons(t *testing.T) {
	g := group(t, founding)
	add(t, g, does(fay, invite(ann), g.Heads()...))
	before := g.Heads()
	many := func(from, to int) event.Control {
		var all []crypto.PersonID
		for i := from; i < to; i++ {
			all = append(all, somebody(i))
		}
		return event.Invite{Persons: all}
	}
	most := usual.persons - 2
	for i := 0; i < most; i += event.MaxInvited {
		add(t, g, does(fay, many(i, min(i+event.MaxInvited, most)), g.Heads()...))
	}
	if err := g.May(fay, many(0, event.MaxInvited)); err != nil {
		t.Error("again:", err)
	}
	if err := g.May(fay, many(most, most+1)); err != ErrFull {
		t.Error("one more:", err)
	}
	next := most
	for ; next < most+usual.persons; next += event.MaxInvited { // by whom nobody of the others is known
		if err := g.Add(does(fay, many(next, next+event.MaxInvited), before...)); err == ErrFull {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(g.persons); n > usual.here(usual.persons) || n <= usual.here(usual.persons)-event.MaxInvited {
		t.Errorf("%d persons are known", n)
	}
}

// What is too dear to judge is left out, and leaves the group as it was.
func TestTooDear(t *testing.T) {
	g := group(t, bombs["late removals"](40)[:25]...)
	last := bombs["late removals"](40)[25]
	want := pictureOf(g)
	g.bounds.steps = 200
	if err := g.Add(last); err != ErrDear {
		t.Error(err)
	}
	if got := pictureOf(g); g.Has(last.ID) || !reflect.DeepEqual(got, want) {
		t.Error("it has changed something")
	}
	g.bounds.steps = usual.steps
	add(t, g, last)
	hold(t, g, len(g.entries)-4)
}

// The dearest of what is made to be dear keeps to a bound of steps, which is how the cost is counted.
// Each is taken in whole as far as its events keep to the bounds by their past.
func TestBombsAreBounded(t *testing.T) {
	for name, make := range bombs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := make(512)
			g := group(t, events[0])
			for _, e := range events[1:] {
				if err := g.Add(e); err != nil && err != ErrNotPermitted && err != ErrParent {
					t.Fatal(err)
				}
				if g.steps > usual.steps/10 {
					t.Fatalf("event %d takes %d steps", len(g.entries), g.steps)
				}
			}
		})
	}
}

// FuzzBounds makes histories that come to bounds, and holds against the reference what is taken,
// also in other orders of arrival.
func FuzzBounds(f *testing.F) {
	for seed := range byte(60) {
		var history []byte
		for i := range byte(40) {
			h := crypto.Digest("bounds", []byte{seed, i})
			history = append(history, h[:4]...)
		}
		f.Add(history)
	}
	small := bounds{by: [...]int{event.RoleMember: 3, event.RoleAdmin: 9, event.RoleOwner: 14}, byMember: 2, outs: 2, persons: 5, quarters: 400, steps: usual.steps}
	var deeds []deed
	for _, d := range append(everything(), listing()...) {
		switch d.act.(type) {
		case event.RoleChange, nil: // rarely
		default:
			deeds = append(deeds, d)
		}
	}
	deeds = append(deeds, deed{fay, role(cleo, event.RoleAdmin)}, deed{fay, role(ann, event.RoleOwner)}, deed{fay, invite(somebody(1))}, deed{ann, invite(somebody(2))}, deed{bob, nil})
	f.Fuzz(func(t *testing.T, history []byte) {
		all := office()
		taken := slices.Clone(all)
		g := group(t, all...)
		g.bounds = small
		for ; len(history) >= 4 && len(all) < 40 && len(taken) < 20; history = history[4:] {
			parents := []crypto.Hash{taken[len(taken)-1-int(history[0])%min(3, len(taken)-4)].ID}
			if other := taken[4+int(history[1])%(len(taken)-4)].ID; history[1] >= 128 && g.areHeads(places(g, append(parents, other))) {
				parents = append(parents, other)
			}
			d := deeds[int(binary.BigEndian.Uint16(history[2:]))%len(deeds)]
			e := does(d.who, d.under(g, parents), parents...)
			if slices.ContainsFunc(all, func(o Event) bool { return o.ID == e.ID }) {
				continue
			}
			r := newReference(g)
			want := r.admits(e) && r.bounded(e, small)
			if err := g.Add(e); (err == nil) != want {
				t.Fatalf("%s does %T: %v, want taken: %v\n%s", names[d.who], e.Act, err, want, describe(g, 0))
			} else if err == nil {
				taken = append(taken, e)
			}
			all = append(all, e)
		}
		want := pictureOf(g)
		for turn := range 3 {
			again := group(t, founding)
			again.bounds = small
			rest := slices.Clone(all[1:])
			slices.SortFunc(rest, func(a, b Event) int { return bytes.Compare(a.ID[turn:], b.ID[turn:]) })
			for before := -1; before != len(rest); {
				before = len(rest)
				rest = slices.DeleteFunc(rest, func(e Event) bool { return again.Add(e) != ErrParent })
			}
			if got := pictureOf(again); !reflect.DeepEqual(got, want) {
				t.Fatalf("another order of arrival:\n%swant\n%s", describe(again, 0), describe(g, 0))
			}
		}
	})
}
