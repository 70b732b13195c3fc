package authority

import (
	"bytes"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Of more heads than can be named, those are named that others must know of.
func TestTooManyHeads(t *testing.T) {
	g := group(t, office()...)
	end := g.Heads()[0]
	var topics []Event
	for i := range 2 * event.MaxControl {
		topics = append(topics, does(ann, event.Topic{Topic: string(rune('a' + i))}, end))
	}
	gone := does(bob, remove(cleo), end)
	add(t, g, append(topics, gone)...)
	heads := g.Heads()
	if len(heads) != event.MaxControl || !slices.Contains(heads, gone.ID) || !slices.IsSortedFunc(heads, func(a, b crypto.Hash) int { return bytes.Compare(a[:], b[:]) }) {
		t.Errorf("%d heads, the removal among them: %v", len(heads), slices.Contains(heads, gone.ID))
	}
	for len(g.heads) > event.MaxControl {
		add(t, g, does(fay, event.Merge{}, g.Heads()...))
	}
	if !g.Covers(g.Heads(), []crypto.Hash{gone.ID}) {
		t.Error("merges lose a head")
	}
}

func TestLocatorFindsWhatIsCommon(t *testing.T) {
	g, h := group(t, founding), group(t, founding)
	for i := range 500 {
		e := does(fay, event.Topic{Topic: string(rune('a' + i))}, g.Heads()...)
		add(t, g, e)
		if i < 300 {
			add(t, h, e)
		}
	}
	for i := range 50 {
		add(t, h, does(fay, event.Topic{Topic: string(rune('A' + i))}, h.Heads()...))
	}
	if n := len(g.Missing(h.Locator(), fay)); n < 200 || n > 200+128 {
		t.Errorf("%d are told of 200 that lack", n)
	}
	if n := len(g.Missing(g.Locator(), fay)); n != 0 {
		t.Errorf("%d are told of none that lack", n)
	}
}
