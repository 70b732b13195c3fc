package store

import (
	"testing"

	"github.com/earshot-im/earshot/store/event"
)

// A group that the owner hides is hidden after a restart too, whatever is said in it, and the
// change is one that people see.
func TestHiddenGroupStaysHidden(t *testing.T) {
	n := newNode(t)
	c, other := group(n), group(n)
	before := n.Last()
	check(t, n.Hide(ctx, c, true))
	check(t, n.Hide(ctx, c, true))
	if n.Last() != before+1 {
		t.Errorf("the change counter went from %d to %d", before, n.Last())
	}
	n.say(c, "hello")
	n.reopen()
	for group, want := range map[event.Conversation]bool{c: true, other: false, {9}: false} {
		if hidden, err := n.Hidden(group); err != nil || hidden != want {
			t.Errorf("hidden %v, want %v, %v", hidden, want, err)
		}
	}
	equalWords(t, "messages", words(n.rows(c)), "hello")
	check(t, n.Hide(ctx, c, false))
	if hidden, err := n.Hidden(c); err != nil || hidden {
		t.Errorf("shown again: hidden %v, %v", hidden, err)
	}
	if err := n.Hide(ctx, event.Conversation{9}, true); err != ErrNoConversation {
		t.Errorf("an unknown group: %v", err)
	}
}
