package authority

import (
	"reflect"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// How somebody went last is said by the last that counts, also when they are back.
func TestLastOut(t *testing.T) {
	g := group(t, office()...)
	head := func() crypto.Hash { return g.Heads()[0] }
	want := func(what string, kind event.Kind) {
		t.Helper()
		by, out := g.LastOut(cleo)
		if kind == 0 && out != nil || kind != 0 && (out == nil || out.Kind() != kind) || (by == cleo) != (kind == event.KindLeave) || (by == bob) != (kind == event.KindRemove) {
			t.Errorf("%s: %T by %s", what, out, names[by])
		}
	}
	want("never out", 0)
	if _, out := g.LastOut(dan); out != nil {
		t.Error("never in")
	}
	base := head()
	add(t, g, does(cleo, event.Leave{}, head()))
	want("left", event.KindLeave)
	add(t, g, does(ann, invite(cleo), head()))
	want("back", event.KindLeave)
	removal := does(bob, remove(cleo), head())
	add(t, g, removal)
	want("removed", event.KindRemove)
	add(t, g, does(fay, remove(bob), base)) // so that Bob's removal doesn't count
	want("the removal doesn't count", event.KindLeave)
}

// Who gave a role or a name last is said by what counts, and nobody is named where nobody did it.
func TestLastSetAndRole(t *testing.T) {
	g := group(t, office()...)
	head := func() crypto.Hash { return g.Heads()[0] }
	if g.LastSet(event.KindRename) != (crypto.PersonID{}) || g.LastRole(cleo, event.RoleOwner) != (crypto.PersonID{}) || g.LastRole(dan, event.RoleAdmin) != (crypto.PersonID{}) {
		t.Error("somebody is named for what nobody did")
	}
	if by := g.LastRole(bob, event.RoleAdmin); by != fay {
		t.Errorf("the role was given by %s", names[by])
	}
	base := head()
	add(t, g, does(ann, event.Rename{Name: "dinner"}, head()))
	add(t, g, does(bob, event.Rename{Name: "supper"}, head()))
	add(t, g, does(ann, event.Topic{Topic: "soup"}, head()))
	if g.LastSet(event.KindRename) != bob || g.LastSet(event.KindTopic) != ann {
		t.Errorf("renamed by %s, topic by %s", names[g.LastSet(event.KindRename)], names[g.LastSet(event.KindTopic)])
	}
	add(t, g, does(fay, remove(bob), base)) // so that what Bob wrote doesn't count
	if by := g.LastSet(event.KindRename); by != ann || g.State().Name != "dinner" {
		t.Errorf("the group is %q by %s", g.State().Name, names[by])
	}
}

// The state of some heads alone is what it was when they were all there was, also where something
// that came later keeps an event of theirs from counting.
func TestStateAlone(t *testing.T) {
	g := group(t, office()...)
	base := g.AllHeads()
	add(t, g, does(bob, event.Rename{Name: "supper"}, base...))
	told, was := g.AllHeads(), g.State()
	add(t, g, does(fay, remove(bob), base...)) // so that the rename doesn't count
	if at, err := g.StateAt(told); err != nil || at.Name != "lunch" || g.State().Name != "lunch" {
		t.Errorf("a removed admin's rename counts: %v, %v", at, err)
	}
	if alone := g.StateAlone(told); !reflect.DeepEqual(alone, was) {
		t.Errorf("%+v, want %+v", alone, was)
	}
	if alone := g.StateAlone(append(g.AllHeads(), crypto.Hash{9})); !reflect.DeepEqual(alone, g.State()) {
		t.Errorf("%+v, want %+v", alone, g.State())
	}
}

// AllHeads covers all events, also those that Heads leaves out because a header has no room.
func TestAllHeadsLeavesNothingOut(t *testing.T) {
	g := group(t, office()...)
	base := g.AllHeads()
	for i := range event.MaxControl + 3 {
		add(t, g, does(cleo, event.CutList{Person: cleo, Cuts: []event.Position{cutAt(cleo, uint64(i+1))}}, base...))
	}
	add(t, g, does(cleo, event.Leave{}, base...))
	if all := g.AllHeads(); len(all) != event.MaxControl+4 || in(g.StateAlone(all)) != in(g.State()) || in(g.State()) == in(g.StateAlone(g.Heads())) {
		t.Errorf("%d heads, in by these: %s, and all in: %s", len(all), in(g.StateAlone(all)), in(g.State()))
	}
}
