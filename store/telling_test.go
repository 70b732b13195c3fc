package store

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// What the owner was told of a group is there after a restart, in order, at places that messages
// don't have, and so is up to which heads it was told.
func TestNoticesArePlacedAmongTheArrivals(t *testing.T) {
	n, o := newNode(t), newNode(t)
	c := group(n, o)
	if heads, err := n.Told(c); err != nil || heads != nil {
		t.Fatalf("told %v, %v before anything was", heads, err)
	}
	first := n.say(c, "one")
	heads := []crypto.Hash{{1}, {2}}
	given := []Notice{
		{What: GroupRemoved, By: crypto.PersonID{1}, Whom: []crypto.PersonID{{3}, {2}}, Others: 7, Name: "lunch"},
		{What: GroupRenamed, Name: "Büro", Was: "lunch"},
		{What: GroupTopic, Text: "Pizza"},
		{What: GroupRole, Role: event.RoleAdmin},
		{What: GroupHistory, History: event.History{Policy: event.HistoryDays, Days: 7}},
	}
	told := n.Last()
	check(t, n.Tell(ctx, c, News{Heads: heads, Notices: given}))
	if n.Last() != told+uint64(len(given)) {
		t.Errorf("the change counter went from %d to %d", told, n.Last())
	}
	last := n.say(c, "two")
	n.reopen()
	if now, err := n.Told(c); err != nil || !slices.Equal(now, heads) {
		t.Errorf("told %v, %v", now, err)
	}
	got, err := n.Notices(0, 100)
	check(t, err)
	for i := range got {
		want := given[i]
		want.Group, want.N, want.Told, want.T = c, first.Arrival+uint64(i)+1, got[i].Told, first.T
		if !reflect.DeepEqual(got[i], want) || got[i].Told.IsZero() || got[i].N >= last.Arrival {
			t.Errorf("%+v, want %+v", got[i], want)
		}
	}
	if some, err := n.Notices(got[0].N, 2); err != nil || !reflect.DeepEqual(some, got[1:3]) {
		t.Errorf("two after the first: %+v, %v", some, err)
	}
	equalWords(t, "messages", words(n.rows(c)), "one", "two")
}

// Nothing is kept that could not be read again, and then nothing counts as told either.
func TestTellRefusesWhatIsTooLarge(t *testing.T) {
	n := newNode(t)
	c := group(n)
	for what, bad := range map[string]Notice{
		"nothing":      {},
		"unknown":      {What: lastWhat + 1},
		"many persons": {What: GroupLeft, Whom: make([]crypto.PersonID, MaxWhom+1)},
		"long name":    {What: GroupRenamed, Name: strings.Repeat("x", event.MaxName+1)},
		"long text":    {What: GroupTopic, Text: strings.Repeat("x", event.MaxTopic+1)},
		"bad text":     {What: GroupTopic, Text: "\xff"},
	} {
		if err := n.Tell(ctx, c, News{Heads: []crypto.Hash{{1}}, Notices: []Notice{{What: GroupCreated}, bad}}); err == nil {
			t.Errorf("%s: kept", what)
		}
	}
	if err := n.Tell(ctx, event.Conversation{9}, News{}); err != ErrNoConversation {
		t.Errorf("an unknown group: %v", err)
	}
	if kept, err := n.Notices(0, 10); err != nil || len(kept) > 0 {
		t.Errorf("kept %v, %v", kept, err)
	}
	if heads, err := n.Told(c); err != nil || heads != nil {
		t.Errorf("told %v, %v", heads, err)
	}
}
