package tui

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/screen"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Words of others must not end the sequence in which they stand, nor be another field of it.
func TestNotificationsAreHarmless(t *testing.T) {
	hostile := "a\x1b\\b\a;c\x1b]52;c;aGk=\x07\u009c\u202ed\r\ne"
	a := &earshotv1.AlertsResponse{Conversation: strings.Repeat("ab", 32), Title: "Eve", Text: hostile}
	for _, w := range []way{bell, osc9, osc777, osc99} {
		out := notification(w, a)
		inside := strings.NewReplacer("\x1b]", "", "\x1b\\", "").Replace(out)
		if strings.ContainsAny(inside, "\x1b\r\n\u009c\u202e") || w != bell && strings.Contains(out, "\a") {
			t.Errorf("%d: %q", w, out)
		}
		if w == osc777 && strings.Count(out, ";") != 3 {
			t.Errorf("%q has other fields", out)
		}
		if w == osc99 && !strings.Contains(out, base64.StdEncoding.EncodeToString([]byte("Eve"))) {
			t.Errorf("%q has no title", out)
		}
	}
	if out := notification(bell, &earshotv1.AlertsResponse{Close: true}); out != "" {
		t.Errorf("closing rings: %q", out)
	}
}

func TestWayOfTerminals(t *testing.T) {
	for env, want := range map[string]way{
		"TERM=xterm-256color": bell, "TERM=xterm-kitty": osc99, "TERM=foot": osc777, "TERM_PROGRAM=WezTerm": osc9, "TERM=xterm-ghostty": osc9,
		"TERM=screen-256color": bell, "TERM=xterm-kitty,TMUX=/tmp/x": bell,
	} {
		if got := wayOf(strings.Split(env, ",")); got != want {
			t.Errorf("%s: %d, want %d", env, got, want)
		}
	}
}

// Acts of one queue are done in their order, and a panic in one reaches the goroutine that has the terminal.
func TestCallsKeepTheirOrder(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inbox := make(chan screen.Event)
	c := newCalls(ctx, nil, inbox)
	const many = 200
	var done []int
	for i := range many {
		c.start([]screen.Act{{Queue: "q", Do: func(context.Context, screen.API) screen.Then {
			done = append(done, i) // one at a time, or the race detector says so
			return func(*screen.State) []screen.Act { return nil }
		}}})
	}
	for range many {
		<-inbox
	}
	for i, n := range done {
		if i != n {
			t.Fatalf("%v", done)
		}
	}
	c.start([]screen.Act{{Do: func(context.Context, screen.API) screen.Then { panic("out of order") }}})
	b, is := (<-inbox).(broken)
	if !is || !strings.Contains(b.what.(string), "out of order") {
		t.Errorf("%v", b)
	}
}
