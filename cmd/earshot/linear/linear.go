// Package linear is a conversation line after line: what is said is printed as it comes, and what is typed
// is sent with Enter. It is for those whom a screen that is drawn over and over doesn't serve: screen
// readers, terminals that can do nothing else, and pipes.
//
// What it holds to: what comes waits while a line is being typed, so that the two don't mix; what was
// printed is marked read at the next Enter, since before that nobody may have looked; and what was typed
// is sent or, if that can't be, given back. From a pipe each line is a message, whatever it begins with,
// and nothing is marked read.
//
// Chat.Run is one run of `earshot chat`. One goroutine owns the conversation; others read the lines and the
// changes, or hand over files, and end with the process and with Run. Errors of calls are printed, and the conversation goes
// on; only what keeps it from beginning is an error of Run, and what could not be sent at its end.
package linear

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/show"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// recent is how many messages are printed at first, and above how many above what is unread.
	recent = 10
	above  = 3

	// maxWaiting is how many changes wait while a line is being typed. The node keeps the others.
	maxWaiting = 256

	// explainAfter is how long a message may take before it is said why it waits.
	explainAfter = time.Second
)

// Chat is a conversation.
type Chat struct {
	Client *localapi.Client
	Out    show.Printer
	Stdin  io.Reader // is typed at if it is a terminal, as is Stdout
	Stdout io.Writer
	Stderr io.Writer

	console console
	typed   bool // a person types
	who     string
	with    *earshotv1.Conversation

	shown   shown
	unread  []string            // printed, and not marked yet
	waiting []*earshotv1.Change // to be printed when the line is empty
	news    int                 // messages of others among them

	pasted []string   // lines that wait for an Enter by hand
	hand   []outgoing // what is to be sent
	away   bool       // the node is
	tried  int        // lines of a pipe that were to be sent
	bad    int        // of them, those that could not be

	due map[string]time.Time // when it is to be said why an own message waits

	tasks   chan *task // that have ended
	sending int        // how many files are being taken in
}

// Run is the conversation, until its owner ends it.
func (c *Chat) Run(ctx context.Context, who string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := c.begin(ctx, who); err != nil {
		return err
	}
	changes, err := c.changes(ctx)
	if err != nil {
		return err
	}
	var restore func()
	if c.console, c.typed, restore, err = open(c.Stdin, c.Stdout); err != nil {
		return err
	}
	defer restore()
	if err := c.introduce(ctx); err != nil {
		return err
	}
	err = c.converse(ctx, changes)
	restore()
	return c.end(ctx, err)
}

// begin finds out what WHO means now, and stays with that.
func (c *Chat) begin(ctx context.Context, who string) error {
	with, err := c.Client.GetConversation(ctx, &earshotv1.GetConversationRequest{Who: who})
	if err != nil {
		return err
	}
	c.with, c.who = with, with.GetWith().GetId()
	if with.GetWith().GetKind() == "group" {
		c.who = "#" + c.who
	}
	c.start()
	return nil
}

// start has nothing remembered.
func (c *Chat) start() {
	c.due = make(map[string]time.Time)
	c.tasks = make(chan *task)
}

// say prints a line of the program's own, or a row of a message.
func (c *Chat) say(format string, args ...any) {
	fmt.Fprintf(c.console, format+"\n", args...)
}

// note prints what the program has to say, a little apart.
func (c *Chat) note(format string, args ...any) {
	c.say("%s", c.Out.Style.Dim("  * "+fmt.Sprintf(format, args...)))
}

// tell prints why something could not be done.
func (c *Chat) tell(err error) {
	var w io.Writer = c.console
	if !c.typed {
		w = c.Stderr
	}
	problem.Explain(err).Print(w, false)
}

// converse does what comes, one after the other.
func (c *Chat) converse(ctx context.Context, told <-chan news) error {
	for {
		lines, more := c.console.lines(), told
		if !c.typed && len(c.hand) > 0 {
			lines = nil // a pipe waits until the node has what came before
		}
		if len(c.waiting) >= maxWaiting {
			more = nil
		}
		tasks := c.tasks
		if !c.console.empty() {
			tasks = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case t := <-tasks:
			c.finish(ctx, t)
		case n := <-more:
			if err := c.changed(ctx, n); err != nil {
				return err
			}
		case l, open := <-lines:
			if !open || errors.Is(c.line(ctx, l), errQuit) {
				c.finishSending(ctx)
				return nil
			}
		case <-c.console.quiet():
		case <-c.late():
			c.sendHand(ctx)
			c.explain(ctx)
		}
		if c.console.empty() {
			c.flush()
		}
	}
}

// late has an element when something is to be tried again, or explained; it is nil if there is nothing.
func (c *Chat) late() <-chan time.Time {
	if c.away {
		return nil
	}
	if len(c.hand) > 0 {
		return time.After(explainAfter)
	}
	var first time.Time
	for _, at := range c.due {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if first.IsZero() {
		return nil
	}
	return time.After(time.Until(first))
}

// line does what a line asks for.
func (c *Chat) line(ctx context.Context, l typed) error {
	if !c.typed {
		c.piped(ctx, l)
		return nil
	}
	c.markRead(ctx)
	if l.problem != nil {
		c.tell(l.problem)
		return nil
	}
	if l.pasted {
		if c.pasted = append(c.pasted, l.text); len(c.pasted) == 1 {
			c.note("pasted: Enter sends it as one message, /drop forgets it")
		}
		return nil
	}
	c.flush()
	if len(c.pasted) > 0 && l.text != "/drop" {
		l.text = strings.TrimSuffix(strings.Join(append(c.pasted, l.text), "\n"), "\n")
		c.pasted = nil
		c.send(ctx, outgoing{text: l.text})
		return nil
	}
	switch {
	case strings.TrimSpace(l.text) == "":
		return nil
	case strings.HasPrefix(l.text, "//"):
		c.send(ctx, outgoing{text: l.text[1:]})
	case strings.HasPrefix(l.text, "/"):
		return c.command(ctx, l.text[1:])
	default:
		c.send(ctx, outgoing{text: l.text})
	}
	return nil
}

// piped sends a line of a pipe.
func (c *Chat) piped(ctx context.Context, l typed) {
	if l.problem == nil && l.text == "" {
		return
	}
	c.tried++
	if l.problem != nil {
		c.bad++
		c.tell(l.problem)
		return
	}
	c.send(ctx, outgoing{text: l.text})
}

// markRead marks what was printed before this Enter.
func (c *Chat) markRead(ctx context.Context) {
	for len(c.unread) > 0 {
		some := c.unread[:min(len(c.unread), localapi.MaxPage)]
		if _, err := c.Client.MarkRead(ctx, &earshotv1.MarkReadRequest{Ids: some}); err != nil && localapi.Gone(err) {
			return // at the next Enter
		}
		c.unread = c.unread[len(some):]
	}
}

// end gives back what could not be sent.
func (c *Chat) end(ctx context.Context, err error) error {
	for _, o := range c.hand {
		fmt.Fprintln(c.Stderr, show.Unsent(o.text))
	}
	switch {
	case len(c.hand) > 0:
		return problem.Failed(problem.CodeLines, "%s not sent", count(len(c.hand), "message was", "messages were"))
	case err == nil && c.bad > 0:
		return problem.Failed(problem.CodeLines, "%d of %d lines could not be sent", c.bad, c.tried)
	}
	return problem.UnlessStopped(ctx, err)
}

func count(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", several)
}
