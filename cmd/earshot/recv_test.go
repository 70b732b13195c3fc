package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/journal"
	"github.com/earshot-im/earshot/node/localapi/server"
	"github.com/earshot-im/earshot/node/people"
	"github.com/earshot-im/earshot/store"
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
	batches chan journal.Batch
	stale   string // a cursor of another directory

	names   map[string]bool
	cursors []string    // to which the cursor was set
	moved   chan string // if not nil: is told of each
	marked  int
	limits  []int // of what was asked to be unread
}

type asked struct {
	after  string
	filter chat.Filter
}

var bobInLunch = chat.Filter{From: testBob.ID.String(), In: "#" + testLunch.ID.String()}

func newFeed() *feedNode {
	return &feedNode{changingNode: newChangingNode(), asked: make(chan asked), answers: make(chan chat.Page), batches: make(chan journal.Batch), names: map[string]bool{}}
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
	if after != "" && after == n.stale {
		return chat.Page{}, fmt.Errorf("%w: %q", store.ErrOtherCursor, after)
	}
	return <-n.answers, nil
}

// Follow gives the batches of the test to who asks for what arrives. One that is empty ends the node.
func (n *feedNode) Follow(ctx context.Context, after string, kinds []string, f chat.Filter, tell func(journal.Batch) error) error {
	if !slices.Contains(kinds, journal.Arrived) { // what becomes of messages: nothing
		return tell(journal.Batch{Cursor: cursor(1), Live: true})
	}
	select {
	case n.asked <- asked{after, f}:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		select {
		case b := <-n.batches:
			if b.Cursor == "" {
				return store.ErrClosed
			}
			if err := tell(b); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (n *feedNode) Unread(ctx context.Context, after string, f chat.Filter, limit int) (chat.Page, error) {
	n.mu.Lock()
	n.limits = append(n.limits, limit)
	n.mu.Unlock()
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

func (n *feedNode) MarkArrived(_ context.Context, cursors ...string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stale != "" && slices.Contains(cursors, n.stale) {
		return fmt.Errorf("%w: %q", store.ErrOtherCursor, n.stale)
	}
	n.marked += len(cursors)
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
		if turn.after == "" || turn.after != n.stale {
			n.answers <- turn.answer
		}
	}
	if slices.Contains(args, "--follow") {
		cancel()
	}
	if exit := <-ended; exit != 0 {
		t.Errorf("exit %d: %s", exit, read(files[1]))
	}
	return read(files[0])
}

// asks runs a command of a reader of --as until the node was asked for what follows after a cursor.
// end interrupts it, and returns its exit status.
func (n *feedNode) asks(t *testing.T, out *os.File, args ...string) (end func() int) {
	t.Helper()
	dir := serve(t, server.Rooms{Node: n, People: n, Reading: n, Journal: n})
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		defer log.Close()
		args = append([]string{"--dir", dir, "recv", "--as", "bot", "--from", "Bob", "--in", "lunch"}, args...)
		ended <- run(ctx, args, strings.NewReader(""), out, log)
	}()
	t.Cleanup(cancel)
	n.asksFor(t, cursor(100))
	return func() int {
		cancel()
		return <-ended
	}
}

// asksFor waits until the node is asked for what follows after a cursor.
func (n *feedNode) asksFor(t *testing.T, after string) {
	t.Helper()
	if got := <-n.asked; got != (asked{after, bobInLunch}) {
		t.Errorf("asks for %v, want what follows after %s", got, after)
	}
}

func arrive(cursor string, messages ...chat.Message) journal.Batch {
	b := journal.Batch{Cursor: cursor, Live: true}
	for i := range messages {
		b.Changes = append(b.Changes, journal.Change{Kind: journal.Arrived, Message: &messages[i]})
	}
	return b
}

// A bot that followed a group ended when somebody took its name, or when the node was started again.
func TestReaderResolvesOnceAndGoesOn(t *testing.T) {
	n := newFeed()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	n.moved = make(chan string)
	end := n.asks(t, out, "--follow")
	n.batches <- arrive(cursor(2100), said(2000, "hello")...)
	if to := <-n.moved; to != cursor(2000) {
		t.Errorf("the cursor went to %s", to)
	}
	n.batches <- journal.Batch{} // the node ends
	n.asksFor(t, cursor(2100))
	n.batches <- arrive(cursor(2300), said(2200, "again")...)
	if to := <-n.moved; to != cursor(2200) {
		t.Errorf("the cursor went to %s", to)
	}
	go func() {
		for range n.moved { // over what was passed, at the end
		}
	}()
	if exit := end(); exit != 0 {
		t.Errorf("exit status %d", exit)
	}
	close(n.moved)
	if b, err := os.ReadFile(out.Name()); err != nil || strings.Count(string(b), "hello") != 1 || strings.Count(string(b), "again") != 1 {
		t.Errorf("printed %q, %v", b, err)
	}
}

// Peeking moves nothing.
func TestPeekMovesNoCursor(t *testing.T) {
	n := newFeed()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	end := n.asks(t, out, "--peek", "--count", "2")
	n.batches <- arrive(cursor(600), said(500, "hello")...)
	n.batches <- arrive(cursor(5000))
	n.batches <- arrive(cursor(6000), said(5500, "hello")...)
	if exit := end(); exit != 0 {
		t.Errorf("exit status %d", exit)
	}
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

// The node was asked for a page only when all of the one before was printed, and had nothing to do meanwhile.
func TestNextPageIsAskedForWhileOneIsPrinted(t *testing.T) {
	n := newFeed()
	dir := serve(t, server.Rooms{Node: n, People: n, Reading: n})
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ended := make(chan int, 1)
	go func() {
		defer out.Close()
		ended <- run(t.Context(), []string{"--dir", dir, "recv", "--count", "7"}, strings.NewReader(""), out, os.Stderr)
	}()
	var messages []chat.Message
	for i := range uint64(5) { // a pipe takes one of them
		messages = append(messages, said(1+i, strings.Repeat("x", 50_000))...)
	}
	for _, turn := range []turn{
		{after: "", answer: chat.Page{Messages: messages, Cursor: cursor(5)}},
		{after: cursor(5), answer: chat.Page{Messages: append(said(6, "six"), said(7, "seven")...), Cursor: cursor(7)}},
	} {
		if got := <-n.asked; got.after != turn.after {
			t.Errorf("asks from %q on, want %q", got.after, turn.after)
		}
		n.answers <- turn.answer
	}
	all, err := io.ReadAll(in)
	if lines := strings.Count(string(all), "\n"); err != nil || lines != 7 || !strings.HasSuffix(string(all), "seven\n") {
		t.Errorf("%d lines, %v", lines, err)
	}
	if exit := <-ended; exit != 0 {
		t.Errorf("exit status %d", exit)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.marked != 7 || !slices.Equal(n.limits, []int{7, 2}) {
		t.Errorf("%d messages are marked; up to %d were asked for", n.marked, n.limits)
	}
}

// The directory was put back to an earlier time while somebody followed.
func TestFollowBeginsAnewInAnotherDirectory(t *testing.T) {
	n := newFeed()
	n.stale = cursor(60)
	out := n.follow(t, chat.Filter{}, []turn{
		{false, "", chat.Page{Messages: said(60, "before"), Cursor: cursor(60)}},
		{false, cursor(60), chat.Page{}},
		{false, "", chat.Page{Messages: said(20, "after"), Cursor: cursor(20)}},
		{false, cursor(20), chat.Page{Cursor: cursor(20)}},
		{true, cursor(20), chat.Page{Cursor: cursor(20)}},
	}, "recv", "--follow")
	if !strings.Contains(out, "before") || !strings.Contains(out, "after") {
		t.Errorf("printed %q", out)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.marked != 2 { // the first by its ID: the cursor says nothing there
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
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	end := n.asks(t, out)
	var messages []chat.Message
	for i := range uint64(5) { // a pipe takes one of them
		messages = append(messages, said(101+i, strings.Repeat("x", 50_000))...)
	}
	n.batches <- arrive(cursor(200), messages...)
	if to := <-n.moved; to != cursor(101) {
		t.Errorf("the cursor went to %s when one line was written", to)
	}
	in.Close()
	if exit := end(); exit != 1 {
		t.Errorf("exit status %d", exit)
	}
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
