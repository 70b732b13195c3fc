package authority

import (
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
		out := g.LastOut(cleo)
		if kind == 0 && out != nil || kind != 0 && (out == nil || out.Kind() != kind) {
			t.Errorf("%s: %T", what, out)
		}
	}
	want("never out", 0)
	if g.LastOut(dan) != nil {
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
