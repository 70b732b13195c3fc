package authority

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// TestRules tells small stories, each with what must come of it in any order of arrival.
func TestRules(t *testing.T) {
	base := office()
	end := base[len(base)-1].ID
	took := does(ann, invite(dan), end)
	danAdmin, danOwner := does(fay, role(dan, event.RoleAdmin), took.ID), does(fay, role(dan, event.RoleOwner), took.ID)
	bobOwner := does(fay, role(bob, event.RoleOwner), end) // by which he is above ann, who doesn't know
	annGone, cleoGone := does(fay, remove(ann), end), does(fay, remove(cleo), end)
	for name, story := range map[string]struct {
		events []Event
		want   string
	}{
		"nothing happens": {nil, "fay owner, ann admin, bob admin, cleo member, "},
		"an admin does things while she is removed": {
			[]Event{annGone, took, does(ann, remove(bob), end)},
			"fay owner, bob admin, cleo member, ",
		},
		"whom she invited meanwhile brings nothing about either": {
			[]Event{took, danAdmin, does(dan, remove(cleo), danAdmin.ID), annGone},
			"fay owner, bob admin, cleo member, ",
		},
		"what a removal by such a one kept from counting counts": {
			[]Event{took, danOwner, does(dan, remove(bob), danOwner.ID), does(bob, remove(cleo), end), annGone},
			"fay owner, bob admin, ",
		},
		"two remove each other": {
			[]Event{bobOwner, does(bob, remove(ann), bobOwner.ID), does(ann, remove(bob), end)},
			"fay owner, bob owner, cleo member, ",
		},
		"a removal and an invitation at one time": {
			[]Event{cleoGone, does(bob, invite(cleo), end)},
			"fay owner, ann admin, bob admin, ",
		},
		"back after a removal": {
			[]Event{annGone, does(bob, invite(ann), annGone.ID)},
			"fay owner, ann member, bob admin, cleo member, ",
		},
		"back after one of two removals": {
			[]Event{cleoGone, does(ann, remove(cleo), end), does(bob, invite(cleo), cleoGone.ID)},
			"fay owner, ann admin, bob admin, ",
		},
		"the owner goes": {
			[]Event{does(fay, event.Leave{}, end)},
			"ann owner, bob admin, cleo member, ",
		},
		"an admin's role is taken while he invites": {
			[]Event{does(fay, role(bob, event.RoleMember), end), does(bob, invite(dan), end)},
			"fay owner, ann admin, bob member, cleo member, ",
		},
		"two roles at one time": {
			[]Event{does(fay, role(cleo, event.RoleOwner), end), does(fay, role(cleo, event.RoleAdmin), end)},
			"fay owner, ann admin, bob admin, cleo admin, ",
		},
		"somebody goes and is removed": {
			[]Event{does(cleo, event.Leave{}, end), cleoGone},
			"fay owner, ann admin, bob admin, ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			orders(story.events, func(order []Event) {
				g := group(t, base...)
				add(t, g, order...)
				if got := in(g.State()); got != story.want {
					t.Errorf("in are %s want %s\n%s", got, story.want, describe(g, 0))
				}
			})
		})
	}
}

// A demoted owner can't say that she removed an admin above her before she knew.
func TestDemotedActsAsWhatSheIs(t *testing.T) {
	g := group(t, chain(
		func(p crypto.Hash) Event { return does(fay, invite(ann), p) },
		func(p crypto.Hash) Event { return does(fay, role(ann, event.RoleAdmin), p) },
		func(p crypto.Hash) Event { return does(fay, invite(bob), p) },
		func(p crypto.Hash) Event { return does(fay, role(bob, event.RoleOwner), p) },
	)...)
	end := g.Heads()
	add(t, g, does(fay, role(bob, event.RoleAdmin), end...), does(bob, remove(ann), end...), does(bob, invite(cleo), end...))
	if got := in(g.State()); got != "fay owner, ann admin, bob admin, cleo member, " {
		t.Error(got)
	}
}

// What one of a Group and its clone takes in says nothing to the other.
func TestCloneIsApart(t *testing.T) {
	g := group(t, office()...)
	end := g.Heads()[0]
	for range 2 {
		c := g.Clone()
		add(t, c, does(fay, remove(cleo), end), does(ann, remove(bob), end))
		if got := in(c.State()); got != "fay owner, ann admin, " {
			t.Error("the clone:", got)
		}
		topic := does(fay, event.Topic{Topic: "soup"}, g.Heads()...)
		add(t, g, topic, does(fay, event.Rename{Name: "dinner"}, topic.ID))
		if got := in(g.State()); got != "fay owner, ann admin, bob admin, cleo member, " {
			t.Error("the Group:", got)
		}
		hold(t, g, 4)
		hold(t, c, 4)
		end = g.Heads()[0]
	}
	g = group(t, office()...)
	c, end := g.Clone(), g.Heads()[0]
	add(t, g, does(fay, remove(cleo), end))
	add(t, c, does(fay, event.Topic{Topic: "soup"}, end))
	hold(t, c, 4)
}

// What a header can't be true about is not taken, nor what somebody might never do.
func TestRefused(t *testing.T) {
	base := office()
	g := group(t, base...)
	end := base[len(base)-1].ID
	left, right := does(ann, event.Rename{Name: "left"}, end), does(bob, event.Rename{Name: "right"}, end)
	add(t, g, left, right)
	before := pictureOf(g)
	for name, e := range map[string]Event{
		"a second create event":      does(fay, event.Create{Person: fay, Name: "another"}, left.ID),
		"no parents":                 does(fay, invite(dan)),
		"a parent twice":             does(fay, invite(dan), left.ID, left.ID),
		"a parent of a parent":       does(fay, invite(dan), left.ID, end),
		"a merge of one":             does(fay, event.Merge{}, left.ID),
		"a merge by a member":        does(cleo, event.Merge{}, left.ID, right.ID),
		"by nobody":                  does(dan, invite(dan), left.ID),
		"a member invites":           does(cleo, invite(dan), left.ID),
		"a stranger goes":            does(dan, event.Leave{}, left.ID),
		"a junior removes":           does(bob, remove(ann), left.ID),
		"a removal of oneself":       does(ann, remove(ann), left.ID),
		"an admin makes admins":      does(ann, role(cleo, event.RoleAdmin), left.ID),
		"a role of a stranger":       does(fay, role(dan, event.RoleAdmin), left.ID),
		"a member does what is new":  does(cleo, nil, left.ID),
		"an admin removes the owner": does(ann, remove(fay), left.ID),
	} {
		if err := g.Add(e); err != ErrNotPermitted {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := g.Add(does(fay, invite(dan), left.ID, crypto.Hash{1})); err != ErrParent {
		t.Errorf("an unknown parent: %v", err)
	}
	if err := g.Add(left); err != nil {
		t.Errorf("once more: %v", err)
	}
	if after := pictureOf(g); len(after.counts) != len(before.counts) || in(after.state) != in(before.state) {
		t.Error("what was not taken has changed something")
	}
	if _, err := New(left); err != ErrNotPermitted {
		t.Errorf("a group that begins with something else: %v", err)
	}
	if _, err := g.StateAt([]crypto.Hash{{1}}); err != ErrParent {
		t.Errorf("a state at what is not here: %v", err)
	}
}

func TestSettings(t *testing.T) {
	base := office()
	end := base[len(base)-1].ID
	left, right := does(ann, event.Rename{Name: "left"}, end), does(bob, event.Rename{Name: "right"}, end)
	topic := does(ann, event.Topic{Topic: "soup"}, left.ID)
	days := does(fay, event.History{Policy: event.HistoryDays, Days: 7}, right.ID)
	want := "left"
	if bytes.Compare(right.ID[:], left.ID[:]) > 0 {
		want = "right"
	}
	orders([]Event{left, right, topic, days}, func(order []Event) {
		g := group(t, base...)
		add(t, g, order...)
		if s := g.State(); s.Name != want || s.Topic != "soup" || s.History.Days != 7 {
			t.Errorf("%+v", s)
		}
	})
}

// May and Add say the same of what is done under all that is here.
func TestMay(t *testing.T) {
	for _, d := range everything() {
		g := group(t, office()...)
		end := g.Heads()[0]
		add(t, g, does(ann, event.Rename{Name: "left"}, end), does(bob, event.Rename{Name: "right"}, end))
		may := g.May(d.who, d.act)
		if err := g.Add(does(d.who, d.act, g.Heads()...)); err != may {
			t.Errorf("%s may do %T %v: %v, then %v", names[d.who], d.act, d.act, may, err)
		}
	}
}

// Of two circles one has a bearing on the other: Bob and Ann remove each other, and Ann's removal of
// Dan stands in a circle of Cleo and Dan. It doesn't matter which circle is found first.
func TestCirclesInAnyOrder(t *testing.T) {
	base := chain(
		func(p crypto.Hash) Event { return does(fay, invite(bob, dan), p) },
		func(p crypto.Hash) Event { return does(fay, invite(ann, cleo), p) },
		func(p crypto.Hash) Event { return does(fay, role(ann, event.RoleAdmin), p) },
		func(p crypto.Hash) Event { return does(fay, role(bob, event.RoleAdmin), p) },
		func(p crypto.Hash) Event { return does(fay, role(cleo, event.RoleAdmin), p) },
		func(p crypto.Hash) Event { return does(fay, role(dan, event.RoleAdmin), p) },
	)
	end := base[len(base)-1].ID
	annOwner, bobOwner, cleoOwner := does(fay, role(ann, event.RoleOwner), end), does(fay, role(bob, event.RoleOwner), end), does(fay, role(cleo, event.RoleOwner), end)
	promotes := does(cleo, role(ann, event.RoleOwner), cleoOwner.ID)
	story := []Event{
		annOwner, bobOwner, cleoOwner, does(bob, remove(ann), bobOwner.ID), does(ann, remove(bob), annOwner.ID),
		does(dan, remove(cleo), end), promotes, does(ann, remove(dan), promotes.ID),
	}
	for turn := range 30 {
		g := group(t, base...)
		rest := slices.Clone(story)
		slices.SortFunc(rest, func(a, b Event) int { return bytes.Compare(a.ID[turn:], b.ID[turn:]) })
		g.takeAll(rest, func(e *Event) error { return g.Add(*e) })
		if got := in(g.State()); got != "fay owner, bob owner, dan admin, " {
			t.Fatalf("in are %s\n%s", got, describe(g, 0))
		}
		hold(t, g, len(base)-1)
	}
}

// An event of an unknown kind stops everything after it, until somebody senior who doesn't know of
// it has removed its author.
func TestUnknownKindFreezes(t *testing.T) {
	g := group(t, office()...)
	end := g.Heads()[0]
	novel := does(ann, nil, end)
	harmless := does(ann, nil, novel.ID)
	harmless.Critical = false
	later := does(fay, remove(bob), harmless.ID)
	stranger := does(dan, invite(dan), later.ID)
	beside := does(bob, event.Topic{Topic: "still here"}, end)
	add(t, g, novel, harmless, later)
	told, was := g.AllHeads(), g.State()
	add(t, g, beside)
	if alone := g.StateAlone(told); !reflect.DeepEqual(alone, was) {
		t.Errorf("what was taken unjudged counts alone: %+v", alone)
	}
	if err := g.Add(stranger); err != ErrNotPermitted {
		t.Errorf("what nobody wrote whom anybody has invited: %v", err)
	}
	if s := g.State(); !s.Frozen || s.Topic != "still here" || in(s) != "fay owner, ann admin, bob admin, cleo member, " {
		t.Errorf("%+v", s)
	}
	if err := g.May(fay, invite(dan)); err != ErrNotPermitted {
		t.Errorf("frozen: %v", err)
	}
	add(t, g, does(fay, remove(ann), end))
	if s := g.State(); s.Frozen || in(s) != "fay owner, cleo member, " {
		t.Errorf("%+v", s)
	}
	hold(t, g, 0)
}

// Who was removed writes no more, whatever heads they name and whatever log they open; what they
// wrote stays.
func TestCuts(t *testing.T) {
	g := group(t, office()...)
	end := g.Heads()
	first := does(ann, remove(cleo, cutAt(cleo, 7)), end...)
	add(t, g, first)
	out := g.Heads()
	add(t, g, does(fay, invite(cleo), out...))
	back := g.Heads()
	known, other := logOf(cleo, 1), logOf(cleo, 2)
	for _, c := range []struct {
		log      event.Log
		sequence uint64
		control  []crypto.Hash
		want     error
	}{
		{known, 7, end, nil},
		{known, 8, end, ErrCut},
		{known, 7, out, ErrNotPermitted},
		{known, 8, back, ErrCut},
		{other, 1, end, ErrCut},
		{other, 1, back, nil},
		{other, 1, nil, ErrNotPermitted},
		{other, 1, []crypto.Hash{{1}}, ErrParent},
	} {
		if err := g.Accepts(cleo, c.log, c.sequence, c.control); err != c.want {
			t.Errorf("entry %d: %v, want %v", c.sequence, err, c.want)
		}
	}
	if got := [...]uint64{g.Limit(cleo, known, end), g.Limit(cleo, other, end), g.Limit(cleo, other, back)}; got != [...]uint64{7, 0, math.MaxUint64} {
		t.Error("limits", got)
	}
	if g.Limit(fay, logOf(fay, 1), nil) != math.MaxUint64 || g.Accepts(fay, logOf(fay, 1), 1, nil) != nil {
		t.Error("the log that the create event is in")
	}
	// A second removal ends what it does not list, unless it names the list of the first.
	named := group(t, slices.Concat(office(), []Event{first, does(fay, invite(cleo), out...)})...)
	add(t, named, does(ann, event.Remove{Person: cleo, Lists: []crypto.Hash{first.ID}}, back...))
	add(t, g, does(ann, remove(cleo), back...))
	for want, g := range map[uint64]*Group{0: g, 7: named} {
		if got := [...]uint64{g.Limit(cleo, known, end), g.Limit(cleo, other, back)}; got != [...]uint64{want, 0} {
			t.Error("limits after a second removal", got)
		}
	}
}

// A person has more logs than one event can list: what is named counts as if it were listed, the
// own list before that, and of several the lowest. Who is removed has no say, nor do lists that the
// author can't have known, or that are of somebody else.
func TestCutsOfMoreLogsThanOneEventLists(t *testing.T) {
	const logs = 1500
	base := office()
	at := func(i int, sequence uint64) event.Position {
		return event.Position{Device: crypto.DeviceID(cleo), Instance: event.Instance{byte(i >> 8), byte(i), 9}, Sequence: sequence}
	}
	list := func(from, to int) event.Control {
		c := event.CutList{Person: cleo}
		for i := from; i < to; i++ {
			c.Cuts = append(c.Cuts, at(i, uint64(i+1)))
		}
		return c
	}
	log := func(i int) event.Log {
		return event.Log{Conversation: event.Conversation(founding.ID), Device: crypto.DeviceID(cleo), Instance: at(i, 1).Instance}
	}
	end := base[len(base)-1].ID
	var lists []Event
	var ids []crypto.Hash
	parent := end
	for i := 0; i < logs; i += event.MaxCuts {
		lists = append(lists, does(ann, list(i, min(i+event.MaxCuts, logs)), parent))
		parent = lists[len(lists)-1].ID
		ids = append(ids, parent)
	}
	lower := does(bob, event.CutList{Person: cleo, Cuts: []event.Position{at(5, 2)}}, parent)
	own := does(cleo, event.CutList{Person: cleo, Cuts: []event.Position{at(logs, 99)}}, lower.ID)
	others := does(ann, event.CutList{Person: bob, Cuts: []event.Position{at(logs+1, 99)}}, own.ID)
	late := does(ann, event.CutList{Person: cleo, Cuts: []event.Position{at(logs+2, 99)}}, end)
	g := group(t, base...)
	add(t, g, lists...)
	add(t, g, lower, own, others, late)
	ids = append(ids, lower.ID, own.ID, others.ID, late.ID, crypto.Hash{0xfe})
	removal := does(fay, event.Remove{Person: cleo, Cuts: []event.Position{at(7, 3)}, Lists: ids}, others.ID)
	add(t, g, removal)
	for i := range logs + 3 {
		want := uint64(i + 1)
		switch {
		case i == 5:
			want = 2
		case i == 7:
			want = 3
		case i >= logs:
			want = 0
		}
		if got := g.Limit(cleo, log(i), []crypto.Hash{end}); got != want {
			t.Fatalf("log %d ends at %d, want %d", i, got, want)
		}
	}
	// Her own list is good for her own leave.
	h := group(t, base...)
	add(t, h, lists...)
	add(t, h, lower, own, does(cleo, event.Leave{Lists: []crypto.Hash{ids[0], own.ID}}, own.ID))
	for i, want := range map[int]uint64{0: 1, 511: 512, 512: 0, logs: 99} {
		if got := h.Limit(cleo, log(i), []crypto.Hash{end}); got != want {
			t.Errorf("after her leave log %d ends at %d, want %d", i, got, want)
		}
	}
	// What a removal, and a leave, may name.
	want := []crypto.Hash{ids[0], ids[1], ids[2], lower.ID}
	for leave, want := range map[bool][]crypto.Hash{false: want, true: append(slices.Clone(want), own.ID)} {
		k := group(t, base...)
		add(t, k, lists...)
		add(t, k, lower, own, others)
		var got []crypto.Hash
		for _, l := range k.CutLists(cleo, leave) {
			got = append(got, l.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("leave %t: %d lists", leave, len(got))
		}
	}
	// Where there are more heads than can be named, some lists are in nobody's past.
	many := group(t, base...)
	for i := range event.MaxControl + 3 {
		add(t, many, does(ann, list(i, i+1), end))
	}
	if got := many.CutLists(cleo, false); len(got) != event.MaxControl {
		t.Errorf("%d lists may be named by who names %d heads", len(got), event.MaxControl)
	}
	if err := g.Add(does(bob, list(0, 1), removal.ID)); err != nil {
		t.Error("an admin's list:", err)
	}
	if err := h.Add(does(cleo, event.CutList{Person: bob, Cuts: []event.Position{at(1, 1)}}, own.ID)); err != ErrNotPermitted {
		t.Error("a member's list of somebody else's:", err)
	}
}

// Who was invited by somebody whose removal was not known yet is told nothing when it is.
func TestVoidInvitation(t *testing.T) {
	g := group(t, office()...)
	end := g.Heads()
	invited := does(ann, invite(dan), end...)
	add(t, g, invited)
	if !g.Ever(dan) || !g.Serves(dan, []crypto.Hash{invited.ID}) || len(g.Missing(nil, dan)) != len(g.entries) {
		t.Error("dan is invited, and not told")
	}
	add(t, g, does(fay, remove(ann), end...))
	if g.Ever(dan) || g.Serves(dan, []crypto.Hash{invited.ID}) || g.Missing(nil, dan) != nil {
		t.Error("dan's invitation is void, and he is told")
	}
}

// What was asked for before something came that changes it is answered anew.
func TestAskedBefore(t *testing.T) {
	g := group(t, office()...)
	end := g.Heads()
	took := does(ann, invite(dan), end...)
	ask := func() string {
		s, err := g.StateAt([]crypto.Hash{took.ID})
		if err != nil {
			t.Fatal(err)
		}
		return in(s)
	}
	add(t, g, took)
	if got := ask(); got != "fay owner, ann admin, bob admin, cleo member, dan member, " {
		t.Error("invited:", got)
	}
	locator := g.Locator()
	add(t, g, does(fay, remove(ann), end...))
	if got := ask(); got != "fay owner, ann admin, bob admin, cleo member, " {
		t.Error("while the removal of who invites is not known to her:", got)
	}
	if slices.Equal(locator, g.Locator()) {
		t.Error("the locator is what it was")
	}
}
