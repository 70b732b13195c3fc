package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/contacts"
	"github.com/earshot-im/earshot/node/people"
)

// running is a node with the goroutine that runs it.
type running struct {
	*Node
	t     *testing.T
	stop  context.CancelFunc
	ended chan error
}

// start runs a node on loopback until the test ends.
func start(t *testing.T, cfg Config) *running {
	t.Helper()
	cfg.NoMDNS = true
	if cfg.Listen == nil {
		cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
	}
	if os.Getenv("EARSHOT_TEST_LOG") != "" {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Node: n, t: t, stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- n.Run(ctx) }()
	select {
	case <-n.Ready():
	case err := <-r.ended:
		t.Fatalf("node ended: %v", err)
	}
	t.Cleanup(func() { r.end() })
	return r
}

// end stops the node and waits.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	if err, first := <-r.ended; first && err != nil {
		r.t.Errorf("run: %v", err)
	}
	select {
	case <-r.ended:
	default:
		close(r.ended)
	}
}

// address is where others can dial the node.
func (r *running) address() string {
	r.t.Helper()
	s, err := r.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return s.Listening[0]
}

// until waits for something that a change of messages or presence brings.
func (r *running) until(what string, ok func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, events := r.shown.Now()
		_, presence := r.presence.Now()
		if ok() {
			return
		}
		select {
		case <-events:
		case <-presence:
		case <-ctx.Done():
			r.t.Fatalf("did not happen: %s", what)
		}
	}
}

func (r *running) sees(name string) {
	r.t.Helper()
	r.until("sees "+name, func() bool {
		peers, err := r.Peers(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		for _, p := range peers {
			if p.Name == name && p.Online {
				return true
			}
		}
		return false
	})
}

// texts waits until n unread messages are there, marks them read and returns their words.
func (r *running) texts(n int) (texts []string) {
	r.t.Helper()
	r.until("messages arrive", func() bool {
		got, err := unread(r.Node, chat.Filter{})
		if err != nil {
			r.t.Fatal(err)
		}
		if len(got) < n {
			return false
		}
		for _, m := range got {
			texts = append(texts, m.Text)
			if err := r.Messages().MarkRead(r.t.Context(), m.ID); err != nil {
				r.t.Fatal(err)
			}
		}
		return true
	})
	return texts
}

func (r *running) send(to, text string) chat.Message {
	r.t.Helper()
	m, err := r.Messages().Send(r.t.Context(), chat.Outgoing{To: to, Text: text})
	if err != nil {
		r.t.Fatalf("send to %s: %v", to, err)
	}
	return m
}

func (r *running) wait(m chat.Message, state string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	if _, err := r.Messages().Wait(ctx, m.ID, state); err != nil {
		r.t.Fatalf("wait for %s: %v", state, err)
	}
	r.Messages().Settle(ctx)
}

func TestTwoNodesTalk(t *testing.T) {
	defer goleak.VerifyNone(t)
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	bob := start(t, Config{Dir: t.TempDir(), Name: "Bob", Peers: []string{ann.address()}})
	ann.sees("Bob")
	bob.sees("Ann")

	m := ann.send("Bob", "hello")
	ann.wait(m, chat.StateDelivered)
	if got := bob.texts(1); len(got) != 1 || got[0] != "hello" {
		t.Fatalf("Bob got %q", got)
	}
	ann.wait(m, chat.StateRead)
	ann.end()
	bob.end()
}

func TestMessageWaitsForAbsentReader(t *testing.T) {
	dir := t.TempDir()
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	bob := start(t, Config{Dir: dir, Name: "Bob", Peers: []string{ann.address()}})
	ann.sees("Bob")
	ann.wait(ann.send("Bob", "first"), chat.StateDelivered)
	bob.texts(1)
	bob.end()
	ann.until("Bob is gone", func() bool {
		s, err := ann.Status(t.Context())
		return err == nil && s.Peers == 0
	})

	m := ann.send("Bob", "second")
	waiting, err := outboxOf(ann)
	if err != nil || len(waiting) != 1 || waiting[0].ID != m.ID || waiting[0].To.Name != "Bob" {
		t.Fatalf("outbox: %+v, %v", waiting, err)
	}
	bob = start(t, Config{Dir: dir}) // finds Ann where she was
	if got := bob.texts(1); len(got) != 1 || got[0] != "second" {
		t.Fatalf("Bob got %q", got)
	}
	ann.wait(m, chat.StateRead)
}

func TestContactsOnly(t *testing.T) {
	ctx := t.Context()
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	if err := ann.Owner().SetAccept(ctx, people.AcceptContacts); err != nil {
		t.Fatal(err)
	}
	bob := start(t, Config{Dir: t.TempDir(), Name: "Bob", Peers: []string{ann.address()}})
	bob.sees("Ann")
	m := bob.send("Ann", "may I?")
	ann.until("a request comes", func() bool {
		r, err := ann.Contacts().Requests(ctx)
		return err == nil && len(r) == 1 && r[0].Text == "may I?" && r[0].Name == "Bob"
	})
	if got, err := unread(ann.Node, chat.Filter{}); err != nil || len(got) != 0 {
		t.Fatalf("a stranger's message was let in: %v, %v", got, err)
	}
	if _, err := ann.Contacts().Accept(ctx, "Bob", ""); err != nil {
		t.Fatal(err)
	}
	bob.wait(m, chat.StateDelivered)
	if got := ann.texts(1); got[0] != "may I?" {
		t.Fatalf("Ann got %q", got)
	}
	if r, err := ann.Contacts().Requests(ctx); err != nil || len(r) != 0 {
		t.Fatalf("the request is still there: %v, %v", r, err)
	}
}

// A stranger who was here before the owner wanted contacts only is one like any other.
func TestContactsOnlyFromNowOn(t *testing.T) {
	ctx := t.Context()
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	bob := start(t, Config{Dir: t.TempDir(), Name: "Bob", Peers: []string{ann.address()}})
	bob.sees("Ann")
	ann.sees("Bob")
	if err := ann.Owner().SetAccept(ctx, people.AcceptContacts); err != nil {
		t.Fatal(err)
	}
	bob.send("Ann", "may I?")
	ann.until("a request comes", func() bool {
		r, err := ann.Contacts().Requests(ctx)
		return err == nil && len(r) == 1 && r[0].Text == "may I?"
	})
}

func TestBlockedIsNotHeard(t *testing.T) {
	ctx := t.Context()
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	bob := start(t, Config{Dir: t.TempDir(), Name: "Bob", Peers: []string{ann.address()}})
	bob.sees("Ann")
	ann.sees("Bob")
	if _, err := ann.Contacts().Block(ctx, "Bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := ann.Messages().Send(ctx, chat.Outgoing{To: "Bob", Text: "x"}); !errors.Is(err, contacts.ErrBlocked) {
		t.Fatalf("send to a blocked person: %v", err)
	}
	m := bob.send("Ann", "hey")
	if _, err := ann.Contacts().Unblock(ctx, "Bob"); err != nil {
		t.Fatal(err)
	}
	bob.wait(m, chat.StateDelivered) // by the session of then: nothing was lost, only not heard
}

func TestWhoWasJustHereCanBeWrittenTo(t *testing.T) {
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	dir := t.TempDir()
	bob := start(t, Config{Dir: dir, Name: "Bob", Peers: []string{ann.address()}})
	ann.sees("Bob")
	bob.end()
	ann.until("Bob is gone", func() bool {
		s, err := ann.Status(t.Context())
		return err == nil && s.Peers == 0
	})
	m := ann.send("Bob", "still there?")
	start(t, Config{Dir: dir, Peers: []string{ann.address()}})
	ann.wait(m, chat.StateDelivered)
}

func TestRenameReachesEveryone(t *testing.T) {
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	bob := start(t, Config{Dir: t.TempDir(), Name: "Bob", Peers: []string{ann.address()}})
	bob.sees("Ann")
	ann.sees("Bob")
	if err := ann.Owner().SetName(t.Context(), "Anna"); err != nil {
		t.Fatal(err)
	}
	bob.sees("Anna")
}

func TestOneselfIsNobodyElse(t *testing.T) {
	ann := start(t, Config{Dir: t.TempDir(), Name: "Ann"})
	for _, who := range []string{"ann", ann.me.person.String()} {
		if _, err := ann.Messages().Send(t.Context(), chat.Outgoing{To: who, Text: "x"}); !errors.Is(err, contacts.ErrSelf) {
			t.Errorf("send to %q: %v", who, err)
		}
	}
	other := start(t, Config{Dir: t.TempDir(), Name: "Ann", Peers: []string{ann.address()}})
	ann.sees("Ann")
	ann.wait(ann.send("Ann", "hello, namesake"), chat.StateDelivered)
	other.texts(1)
}
