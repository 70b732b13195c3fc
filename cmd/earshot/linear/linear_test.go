package linear

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// fakeNode takes messages, unless it is away.
type fakeNode struct {
	earshotv1.MessagesClient
	away   error
	sent   []*earshotv1.SendRequest
	marked [][]string
}

func (f *fakeNode) Send(_ context.Context, r *earshotv1.SendRequest) (*earshotv1.Sent, error) {
	f.sent = append(f.sent, r)
	if f.away != nil {
		return nil, f.away
	}
	return &earshotv1.Sent{Id: fmt.Sprintf("sent%d", len(f.sent)), State: "queued"}, nil
}

func (f *fakeNode) MarkRead(_ context.Context, r *earshotv1.MarkReadRequest) (*earshotv1.MarkReadResponse, error) {
	if f.away != nil {
		return nil, f.away
	}
	f.marked = append(f.marked, slices.Clone(r.Ids))
	return &earshotv1.MarkReadResponse{}, nil
}

// fakeConsole is a terminal whose line is empty or not.
type fakeConsole struct {
	strings.Builder
	begun bool
}

func (f *fakeConsole) lines() <-chan typed    { return nil }
func (f *fakeConsole) empty() bool            { return !f.begun }
func (f *fakeConsole) quiet() <-chan struct{} { return nil }

func newChat() (*Chat, *fakeNode, *fakeConsole) {
	node, console := &fakeNode{}, &fakeConsole{}
	c := &Chat{Client: &localapi.Client{MessagesClient: node}, Stderr: io.Discard}
	c.console, c.typed, c.who = console, true, "bob"
	c.start()
	return c, node, console
}

func arrived(id string) news {
	return news{changes: []*earshotv1.Change{{Change: &earshotv1.Change_Arrived{Arrived: &earshotv1.Message{
		Id: id, Kind: "text", Text: "text of " + id, Unread: true, From: &earshotv1.Author{Person: "p", Name: "Bob", KnownAs: "Bob", Contact: true},
	}}}}}
}

// hear does with a piece of news what converse does.
func (c *Chat) hear(t *testing.T, n news) {
	t.Helper()
	if err := c.changed(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if c.console.empty() {
		c.flush()
	}
}

func TestWhatComesWaitsForTheLine(t *testing.T) {
	c, node, console := newChat()
	c.hear(t, arrived("a"))
	if got := console.String(); !strings.Contains(got, "1  ") || !strings.Contains(got, "Bob: text of a") {
		t.Errorf("printed %q", got)
	}
	if len(node.marked) != 0 {
		t.Error("it is marked before an Enter")
	}
	console.begun = true
	console.Reset()
	c.hear(t, arrived("b"))
	c.hear(t, arrived("c"))
	if got := console.String(); strings.Contains(got, "text of") || strings.Count(got, "1 new") != 1 {
		t.Errorf("while a line is typed: %q", got)
	}
	console.begun = false // Enter
	if err := c.line(t.Context(), typed{text: "mine"}); err != nil {
		t.Fatal(err)
	}
	if got := console.String(); !strings.Contains(got, "2  ") || !strings.Contains(got, "text of c") {
		t.Errorf("after Enter: %q", got)
	}
	if len(node.marked) != 1 || !slices.Equal(node.marked[0], []string{"a"}) || len(node.sent) != 1 || node.sent[0].Text != "mine" {
		t.Errorf("marked %v, sent %v", node.marked, node.sent)
	}
	if err := c.line(t.Context(), typed{}); err != nil || len(node.marked) != 2 || len(node.marked[1]) != 2 {
		t.Errorf("marked %v", node.marked)
	}
}

// A message whose answer was lost is sent with its key again, and those behind it wait for it.
func TestWhatIsTypedIsKeptWhileTheNodeIsAway(t *testing.T) {
	c, node, console := newChat()
	c.unread = []string{"a"}
	node.away = fmt.Errorf("%w: gone", localapi.ErrNotRunning)
	for _, text := range []string{"one", "//two"} {
		if err := c.line(t.Context(), typed{text: text}); err != nil {
			t.Fatal(err)
		}
	}
	if got := console.String(); !strings.Contains(got, "1 message is kept") || !strings.Contains(got, "2 messages are kept") {
		t.Errorf("printed %q", got)
	}
	c.hear(t, news{away: node.away})
	if err := c.line(t.Context(), typed{text: "three"}); err != nil {
		t.Fatal(err)
	}
	if c.late() != nil {
		t.Error("something is tried while the node is known to be away")
	}
	tried := len(node.sent)
	node.away = nil
	c.hear(t, news{})
	got := node.sent[tried:]
	if len(got) != 3 || got[0].Text != "one" || got[1].Text != "/two" || got[2].Text != "three" || got[0].Key != node.sent[0].Key || got[0].Key == got[1].Key {
		t.Errorf("sent %v", got)
	}
	if err := c.line(t.Context(), typed{}); err != nil || len(node.marked) != 1 {
		t.Errorf("marked %v", node.marked)
	}
	if err := c.end(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotSentIsGivenBack(t *testing.T) {
	c, node, _ := newChat()
	var stderr strings.Builder
	c.Stderr = &stderr
	node.away = localapi.ErrNotRunning
	if err := c.line(t.Context(), typed{text: "precious\x1b"}); err != nil {
		t.Fatal(err)
	}
	var p *problem.Problem
	if err := c.end(t.Context(), nil); !errors.As(err, &p) || p.Exit != problem.ExitFailed || !strings.Contains(stderr.String(), `precious\x1b`) {
		t.Errorf("%v, %q", err, stderr.String())
	}
}

func TestPastedLinesAreOneMessage(t *testing.T) {
	c, node, _ := newChat()
	for _, l := range []typed{{text: "/recall last", pasted: true}, {text: "b", pasted: true}, {text: "c"}, {text: "d", pasted: true}, {text: "/drop"}, {text: "e"}} {
		if err := c.line(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if len(node.sent) != 2 || node.sent[0].Text != "/recall last\nb\nc" || node.sent[1].Text != "e" {
		t.Errorf("sent %v", node.sent)
	}
}

func TestAPipeGivesNoCommands(t *testing.T) {
	c, node, _ := newChat()
	c.typed = false
	for _, l := range []typed{{text: "/quit"}, {}, {text: "//x"}, {problem: problem.Failed(localapi.CodeText, "bad")}} {
		if err := c.line(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if len(node.sent) != 2 || node.sent[0].Text != "/quit" || node.sent[1].Text != "//x" {
		t.Errorf("sent %v", node.sent)
	}
	if err := c.end(t.Context(), nil); err == nil || err.Error() != "1 of 3 lines could not be sent" {
		t.Error(err)
	}
}

func TestNumbersAreForgottenFromTheFront(t *testing.T) {
	var s shown
	for i := range maxShown + 2 {
		if n := s.number(&earshotv1.Message{Id: fmt.Sprint("id", i)}); n != i+1 {
			t.Fatalf("message %d has the number %d", i, n)
		}
	}
	if n := s.number(&earshotv1.Message{Id: "id9"}); n != 10 || s.id(10) != "id9" || s.id(2) != "" || s.id(0) != "" || s.id(-1) != "" || s.id(maxShown+3) != "" || len(s.looks) != maxShown {
		t.Errorf("%d, %q, %d looks", n, s.id(10), len(s.looks))
	}
}

func TestWhetherTheLineIsEmpty(t *testing.T) {
	for keys, empty := range map[string]bool{
		"": true, "a": false, "a\x7f": true, "ä\x7f": true, "ab\x7f": false, "\x7f": true, "ab\x15": true, "a\r": true, "a\rb": false,
		"\x1b[A": false, "\x1b[A\x7f": false, "\x1b[A\r": true, "a\x17": false, "\x1b[A\x7fa\x7f": false,
	} {
		e := &editor{emptied: make(chan struct{}, 1), untyped: true}
		for i := range len(keys) {
			e.saw([]byte{keys[i]})
		}
		e.took()
		if e.empty() != empty {
			t.Errorf("%q: empty is %t", keys, e.empty())
		}
		if told := len(e.emptied) > 0; empty && strings.Trim(keys, "\x7f") != "" && !told {
			t.Errorf("%q: it is not told", keys)
		}
	}
}

// What waits for Enter is printed after it, so that the same Enter does not mark it read.
func TestLineIsNotEmptyBeforeItIsTaken(t *testing.T) {
	e := &editor{emptied: make(chan struct{}, 1), untyped: true}
	e.saw([]byte("abc\r"))
	if e.empty() || len(e.emptied) > 0 {
		t.Error("the line is empty before it was taken")
	}
	if e.took(); !e.empty() || len(e.emptied) == 0 {
		t.Fatal("the line was taken, and is not empty")
	}
	<-e.emptied
	e.saw([]byte("abc\rd"))
	if e.took(); e.empty() || len(e.emptied) > 0 {
		t.Error("the next line has begun, and is empty")
	}
	e.saw([]byte{21})
	if !e.empty() {
		t.Error("the line was taken away, and is not empty")
	}
}
