package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/localapi/server"
	"github.com/earshot-im/earshot/store/event"
)

// manyNode has the messages of the test, the oldest first, and notes which one something is done to.
type manyNode struct {
	groupNode
	server.People
	messages []chat.Message
	pages    int
}

func (n *manyNode) Target(_ context.Context, who, _ string) (contacts.Target, error) {
	return contacts.Target{Kind: "group", ID: testLunch.ID.String(), Name: who}, nil
}

func (n *manyNode) Matching(_ context.Context, low, high event.ID, who string) (found []chat.Message, _ error) {
	for _, m := range n.messages {
		if id := hex.EncodeToString(m.ID[:]); id >= hex.EncodeToString(low[:]) && id <= hex.EncodeToString(high[:]) && (who == "" || m.With.Name == who) {
			found = append(found, m)
		}
	}
	return found, nil
}

func (n *manyNode) History(_ context.Context, _ string, r chat.HistoryRange) ([]chat.Message, error) {
	n.pages++
	all := n.messages
	for i, m := range all {
		if r.Before != nil && m.ID == *r.Before {
			all = all[:i]
			break
		}
	}
	return all[max(0, len(all)-r.Limit):], nil
}

// A message is meant by its ID, by enough of the beginning, or as the last one that fits.
func TestWhichMessageIsMeant(t *testing.T) {
	n := &manyNode{groupNode: groupNode{changingNode: newChangingNode()}}
	dir := serve(t, server.Rooms{Node: n, People: n, Writing: n, Delivery: n, Reading: n})
	lunch, dinner := contacts.Target{Kind: "group", ID: testLunch.ID.String(), Name: "lunch"}, contacts.Target{Kind: "group", ID: testLunch.ID.String(), Name: "dinner"}
	from := chat.Author{Person: testBob.ID, Name: "Bob", Pinned: "Bob", KnownAs: "Bob", Contact: true}
	add := func(id byte, second byte, with contacts.Target, own bool, kind, text string) string {
		m := chat.Message{ID: event.ID{0xab, 0xab, 0xab, 0xab, id, second}, With: with, To: with, From: from, Own: own, Kind: kind, Text: text}
		n.messages = append(n.messages, m)
		return hex.EncodeToString(m.ID[:])
	}
	theirs := add(1, 1, lunch, false, "text", "At one?\nOr two?")
	mine := add(2, 2, lunch, true, "text", "Two")
	other := add(2, 3, dinner, false, "text", strings.Repeat("long ", 50))
	for range 250 {
		n.messages = append(n.messages, chat.Message{ID: event.ID{0xcc, byte(len(n.messages) >> 8), byte(len(n.messages))}, With: lunch, Own: true, Kind: "recalled"})
	}
	add(9, 9, lunch, false, "recalled", "")
	for _, test := range []struct {
		args, asked string
		exit        int
	}{
		{"react " + theirs + " x", "react|" + theirs + "|x", 0},
		{"react abababab01 x", "react|" + theirs + "|x", 0},
		{"react abababab010 x", "react|" + theirs + "|x", 0},
		{"edit abababab0202 x", "edit|" + mine + "|x", 0},
		{"recall abababab02 --in lunch", "recall|" + mine, 0},
		{"recall abababab02 --in dinner", "recall|" + other, 0},
		{"recall abababab02", "", problem.ExitWho},
		{"receipts abababab05", "", problem.ExitWho},
		{"recall last:lunch", "recall|" + mine, 0},
		{"edit last:#lunch x", "edit|" + mine + "|x", 0},
		{"react last:lunch x", "react|" + other + "|x", 0},
		{"react abababa x", "", problem.ExitUsage},
		{"react ABABABAB x", "", problem.ExitUsage},
		{"react last: x", "", problem.ExitUsage},
		{"history lunch --around last:lunch", "", problem.ExitUsage},
	} {
		n.asked = ""
		if exit, _, stderr := runArgs(t, append([]string{"--dir", dir}, strings.Fields(test.args)...)...); exit != test.exit || n.asked != test.asked {
			t.Errorf("%s: exit %d, asked %q, want %q: %s", test.args, exit, n.asked, test.asked, stderr)
		}
	}

	exit, stdout, stderr := runArgs(t, "--dir", dir, "recall", "abababab")
	if want := fmt.Sprintf(`earshot: 4 messages have IDs that begin with abababab
  %s  -  #lunch  Bob (b000000000000000): At one?…
  %s  -  #lunch  me: Two
  %s  -  #dinner  Bob (b000000000000000): long long long long long long long long long long long long…
  abababab0909%052d  -  #lunch  Bob (b000000000000000) [taken back]:
  give more of the ID, or say with --in in which conversation it is
`, theirs, mine, other, 0); exit != problem.ExitWho || stdout != "" || stderr != want {
		t.Errorf("exit %d, stdout %q, stderr:\n%s\nwant:\n%s", exit, stdout, stderr, want)
	}
	_, _, stderr = runArgs(t, "--dir", dir, "--json", "recall", "abababab")
	var told struct {
		Code     string
		Messages []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(stderr), &told); err != nil || told.Code != localapi.CodeAmbiguous || len(told.Messages) != 4 || told.Messages[1].ID != mine {
		t.Errorf("%v: %s", err, stderr)
	}

	n.messages, n.pages = n.messages[3:], 0
	for range 20_000 {
		n.messages = append(n.messages, chat.Message{ID: event.ID{0xdd, byte(len(n.messages) >> 8), byte(len(n.messages))}, With: lunch, Own: true, Kind: "text"})
	}
	if exit, _, stderr := runArgs(t, "--dir", dir, "react", "last:lunch", "x"); exit != problem.ExitWho || !strings.Contains(stderr, "nobody else has written") || n.pages != 100 {
		t.Errorf("exit %d after %d pages: %s", exit, n.pages, stderr)
	}
}
