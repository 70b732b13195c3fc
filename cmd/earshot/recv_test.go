package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/localapi/server"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store/event"
)

// feedNode has the test answer what is read from it. A name means somebody the first time, and is
// ambiguous from then on.
type feedNode struct {
	changingNode
	server.People
	server.Reading
	asked   chan asked
	answers chan chat.Page

	names   map[string]bool
	cursors []string    // to which the cursor was set
	moved   chan string // if not nil: is told of each
	marked  int
}

type asked struct {
	after  string
	filter chat.Filter
}

// passedAtOnce is how far a cursor falls behind messages that don't pass its filter.
const passedAtOnce = 1000

var bobInLunch = chat.Filter{From: testBob.ID.String(), In: "#" + testLunch.ID.String()}

func newFeed() *feedNode {
	return &feedNode{changingNode: newChangingNode(), asked: make(chan asked), answers: make(chan chat.Page), names: map[string]bool{}}
}

func (n *feedNode) Target(_ context.Context, who, kind string) (contacts.Target, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names[who] {
		return contacts.Target{}, &contacts.AmbiguousError{Who: who}
	}
	n.names[who] = true
	if kind == "person" {
		return contacts.Target{Kind: "person", ID: testBob.ID.String()}, nil
	}
	return contacts.Target{Kind: "group", ID: testLunch.ID.String()}, nil
}

func (n *feedNode) page(ctx context.Context, after string, f chat.Filter) (chat.Page, error) {
	select {
	case n.asked <- asked{after, f}:
	case <-ctx.Done():
		return chat.Page{}, ctx.Err()
	}
	return <-n.answers, nil
}

func (n *feedNode) Arrivals(ctx context.Context, after string, f chat.Filter, _ int) (chat.Page, error) {
	return n.page(ctx, after, f)
}

func (n *feedNode) Unread(ctx context.Context, after string, f chat.Filter, _ int) (chat.Page, error) {
	return n.page(ctx, after, f)
}

func (n *feedNode) History(ctx context.Context, who string, _ chat.HistoryRange) ([]chat.Message, error) {
	p, err := n.page(ctx, "", chat.Filter{In: who})
	return p.Messages, err
}

func (n *feedNode) Cursor(_ context.Context, _ string, f chat.Filter) (string, error) {
	if f != bobInLunch {
		return "", people.ErrSetting
	}
	return cursor(100), nil
}

func (n *feedNode) SetCursor(_ context.Context, _ string, f chat.Filter, to string) error {
	if f != bobInLunch {
		return people.ErrSetting
	}
	n.mu.Lock()
	n.cursors = append(n.cursors, to)
	n.mu.Unlock()
	if n.moved != nil {
		n.moved <- to
	}
	return nil
}

func (n *feedNode) MarkRead(_ context.Context, ids ...event.ID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.marked += len(ids)
	return nil
}

func (n *feedNode) Groups(context.Context) ([]contacts.Group, error) { return nil, nil }

// turn is one call that a command makes, and the answer to it.
type turn struct {
	change bool // something has to change before it comes
	after  string
	answer chat.Page
}

func cursor(at uint64) string { return fmt.Sprintf("ab:%d", at) }

func said(at uint64, text string) []chat.Message {
	return []chat.Message{{ID: event.ID{byte(at)}, Cursor: cursor(at), Kind: "text", Text: text}}
}

// follow runs a command until it has taken all turns, and returns what it printed.
func (n *feedNode) follow(t *testing.T, filter chat.Filter, turns []turn, args ...string) string {
	t.Helper()
	dir := serve(t, server.Rooms{Node: n, People: n, Reading: n})
	var files []*os.File
	for range 2 {
		f, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"--dir", dir}, args...), strings.NewReader(""), files[0], files[1])
	}()
	read := func(f *os.File) string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for i, turn := range turns {
		if turn.change {
			n.change()
		}
		select {
		case got := <-n.asked:
			if got != (asked{turn.after, filter}) {
				t.Errorf("turn %d asks %v, want from %q on", i, got, turn.after)
			}
		case exit := <-ended:
			t.Fatalf("turn %d: ended with status %d: %s", i, exit, read(files[1]))
		}
		n.answers <- turn.answer
	}
	if slices.Contains(args, "--follow") {
		cancel()
	}
	if exit := <-ended; exit != 0 {
		t.Errorf("exit %d: %s", exit, read(files[1]))
	}
	return read(files[0])
}

// A bot that followed a group ended when somebody took its name, and looked at everything since its
// last message with each change.
func TestFollowResolvesOnceAndGoesOn(t *testing.T) {
	n := newFeed()
	out := n.follow(t, bobInLunch, []turn{
		{false, cursor(100), chat.Page{Cursor: cursor(100 + passedAtOnce - 1)}},
		{true, cursor(100 + passedAtOnce - 1), chat.Page{Messages: said(2000, "hello"), Cursor: cursor(2100)}},
		{false, cursor(2100), chat.Page{Cursor: cursor(2100)}},
		{true, cursor(2100), chat.Page{Cursor: cursor(2100 + passedAtOnce - 1)}},
		{true, cursor(2100 + passedAtOnce - 1), chat.Page{Cursor: cursor(2100 + passedAtOnce)}},
		{true, cursor(2100 + passedAtOnce), chat.Page{Cursor: cursor(4000), Revealed: 1}},
		{true, cursor(4000), chat.Page{Cursor: cursor(4000), Revealed: 1}},
	}, "recv", "--follow", "--as", "bot", "--from", "Bob", "--in", "lunch")
	if !strings.Contains(out, "hello") {
		t.Errorf("printed %q", out)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if want := []string{cursor(2100), cursor(2100 + passedAtOnce)}; !slices.Equal(n.cursors, want) {
		t.Errorf("the cursor went to %s, want %s", n.cursors, want)
	}
}

// Peeking moves nothing.
func TestPeekMovesNoCursor(t *testing.T) {
	n := newFeed()
	n.follow(t, bobInLunch, []turn{
		{false, cursor(100), chat.Page{Messages: said(600, "hello"), Cursor: cursor(600)}},
		{false, cursor(600), chat.Page{Cursor: cursor(5000)}},
		{true, cursor(5000), chat.Page{Cursor: cursor(5000), Revealed: 1}},
		{true, cursor(5000), chat.Page{Cursor: cursor(5000), Revealed: 1}},
	}, "recv", "--follow", "--as", "bot", "--peek", "--from", "Bob", "--in", "lunch")
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.cursors) > 0 {
		t.Errorf("the cursor went to %s", n.cursors)
	}
	newFeed().follow(t, chat.Filter{}, []turn{
		{false, "", chat.Page{Messages: said(60, "hello"), Cursor: cursor(60)}},
		{false, cursor(60), chat.Page{Cursor: cursor(60), Revealed: 1}}, // to begin again would show it twice
		{true, cursor(60), chat.Page{Cursor: cursor(60), Revealed: 1}},
	}, "recv", "--follow", "--peek")
}

// Unread messages are read on from where one was, and from the beginning again only where older
// ones may be shown again.
func TestFollowReadsAgainWhatIsRevealed(t *testing.T) {
	n := newFeed()
	out := n.follow(t, chat.Filter{}, []turn{
		{false, "", chat.Page{Cursor: cursor(50), Revealed: 3}},
		{true, cursor(50), chat.Page{Messages: said(60, "new"), Cursor: cursor(60), Revealed: 3}},
		{false, cursor(60), chat.Page{Cursor: cursor(60), Revealed: 3}},
		{true, cursor(60), chat.Page{Cursor: cursor(60), Revealed: 4}},
		{false, "", chat.Page{Messages: said(20, "old"), Cursor: cursor(60), Revealed: 4}},
		{false, cursor(60), chat.Page{Cursor: cursor(60), Revealed: 4}},
		{true, cursor(60), chat.Page{Cursor: cursor(60), Revealed: 4}},
	}, "recv", "--follow")
	if !strings.Contains(out, "new") || !strings.Contains(out, "old") {
		t.Errorf("printed %q", out)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.marked != 2 {
		t.Errorf("%d messages are marked", n.marked)
	}
}

// Each page of a conversation used to be of whomever the name meant at that moment.
func TestHistoryResolvesOnce(t *testing.T) {
	n := newFeed()
	out := n.follow(t, chat.Filter{In: "#" + testLunch.ID.String()}, []turn{
		{answer: chat.Page{Messages: said(2, "two")}},
		{answer: chat.Page{Messages: said(1, "one")}},
		{answer: chat.Page{}},
	}, "history", "lunch")
	if one, two := strings.Index(out, "one"), strings.Index(out, "two"); one < 0 || two < one {
		t.Errorf("printed %q", out)
	}
}

// The cursor moved once for a hundred lines, when the last was in the pipe: so many were lost with
// a consumer that died.
func TestCursorFollowsEachLine(t *testing.T) {
	n := newFeed()
	n.moved = make(chan string)
	dir := serve(t, server.Rooms{Node: n, People: n, Reading: n})
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"--dir", dir, "recv", "--as", "bot", "--from", "Bob", "--in", "lunch"}, strings.NewReader(""), out, log)
	}()
	<-n.asked
	var page chat.Page
	for i := range uint64(5) { // a pipe takes one of them, or none
		page.Messages = append(page.Messages, said(101+i, strings.Repeat("x", 50_000))...)
	}
	page.Cursor = cursor(200)
	n.answers <- page
	if to := <-n.moved; to != cursor(101) {
		t.Errorf("the cursor went to %s when one line was written", to)
	}
	in.Close()
	if exit := <-ended; exit != 1 {
		t.Errorf("exit status %d", exit)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.cursors) != 1 {
		t.Errorf("the cursor went to %s", n.cursors)
	}
}

// The README shows the consumer that ack.txtar runs.
func TestReadmeShowsTheConsumerOfItsTest(t *testing.T) {
	script, err := os.ReadFile("testdata/ack.txtar")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, consumer, _ := strings.Cut(string(script), "\n# README: from here\n")
	consumer, _, _ = strings.Cut(consumer, "\n# README: to here\n")
	if indented := "    " + strings.ReplaceAll(consumer, "\n", "\n    ") + "\n"; consumer == "" || !strings.Contains(string(readme), indented) {
		t.Errorf("README.md does not show:\n%s", indented)
	}
}
