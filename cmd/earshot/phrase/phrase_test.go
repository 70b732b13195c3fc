package phrase

import (
	"strings"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// The node says by kinds why a message waits, and here each has words.
func TestEveryReasonToWaitHasWords(t *testing.T) {
	for _, c := range []struct{ waitingFor, reason, people, programs string }{
		{"offline", "", "offline", "not on this network"},
		{"unreachable", "", "can't be reached: no route (dials that failed: 3)", "no route (dials that failed: 3)"},
		{"no_network", "", "this machine is on no network", "this machine is on no network"},
		{"unanswered", "", "connected, but not taken yet", "connected, but not taken yet"},
		{"unanswered", "blocked", "you have blocked them", "you have blocked them"},
		{"unanswered", "not_contact", "you have removed them, and accept contacts only", "you have removed them, and accept contacts only"},
		{"unanswered", "acceptance", "they may have to accept you first", "they may have to accept you first"},
		{"incompatible", "", "runs another version of earshot", "runs another version of earshot"},
		{"refused", "acceptance", "their limit is used up: they may have to accept you first", "their limit is used up: they may have to accept you first"},
		{"refused", "limit", "their node keeps as much from you as it may", "their node keeps as much from you as it may"},
		{"refused", "logs", "their node keeps as much from you as it may", "their node keeps as much from you as it may"},
		{"no_room", "", "their disk is full", "their disk is full"},
		{"refused", "later", "later", "later"},
		{"later", "anything", "later: anything", "anything"},
	} {
		q := &earshotv1.Pending{WaitingFor: c.waitingFor, Reason: c.reason, Dials: 3, Error: "no route"}
		if people, programs := Waiting(q, q.Error, nil), WaitingDetail(q, q.Error); people != c.people || programs != c.programs {
			t.Errorf("%s %s: %q, and in JSON %q", c.waitingFor, c.reason, people, programs)
		}
	}
}

func TestReactionsAreBounded(t *testing.T) {
	bob := &earshotv1.Author{Person: strings.Repeat("b0", 32), Name: "Bob", Pinned: "Bob", KnownAs: "Bob", Contact: true}
	var all []*earshotv1.Reaction
	for i := range 100 {
		emoji := "👍"
		if i >= 80 {
			emoji = string(rune('a' + i - 80))
		}
		all = append(all, &earshotv1.Reaction{From: bob, Emoji: emoji})
	}
	want := "👍 Bob (b0b0b0b0b0b0b0b0), Bob (b0b0b0b0b0b0b0b0), Bob (b0b0b0b0b0b0b0b0) and 77 more"
	for r := 'a'; r <= 'g'; r++ {
		want += `; "` + string(r) + `" Bob (b0b0b0b0b0b0b0b0)`
	}
	if got := Reactions(all); got != want+"; 13 others" {
		t.Errorf("%s", got)
	}
}
