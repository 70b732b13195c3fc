//go:build unix && !darwin

package desktop_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/desktop"
	"github.com/earshot-im/earshot/cmd/earshot/up"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/chat"
)

// start runs a node on the loopback interface.
func start(t *testing.T, name string, peers ...string) *node.Node {
	t.Helper()
	n, err := node.Open(node.Config{Dir: t.TempDir(), Name: name, NoMDNS: true, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Peers: peers})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-n.Ready()
	return n
}

// say sends words as soon as who is known.
func say(t *testing.T, n *node.Node, who, text string) chat.Message {
	t.Helper()
	for seen := uint64(0); ; {
		sent, err := n.Messages().Send(t.Context(), chat.Outgoing{To: who, Text: text})
		if err == nil {
			return sent
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		seen, err = n.PeersChanged(ctx, seen)
		if cancel(); err != nil {
			t.Fatalf("never: %s is known: %v", who, err)
		}
	}
}

// What a colleague writes is shown by the desktop, and taken away when it was read on another screen, by the
// desktop's own button, or by an answer.
func TestTwoNodes(t *testing.T) {
	address := desktop.NewBus(t)
	s := desktop.NewServer(t, address, "body", "body-markup", "actions", "inline-reply")
	ann := start(t, "Ann")
	status, err := ann.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bob := start(t, "Bob", status.Listening[0])
	say(t, ann, "Bob", "hello") // Bob is a contact of Ann's from here on
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { desktop.Run(ctx, up.Notifications(ann, nil, slog.New(slog.DiscardHandler))); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	for { // until the desktop shows what comes
		offered, more := ann.Attention().Offered()
		if offered {
			break
		}
		<-more
	}

	one := say(t, bob, "Ann", "<b>one</b>")
	s.Shows("Bob", "&lt;b&gt;one&lt;/b&gt;")
	if err := ann.Messages().MarkRead(t.Context(), one.ID); err != nil {
		t.Fatal(err)
	}
	s.None()

	say(t, bob, "Ann", "two")
	s.Emit("ActionInvoked", s.Shows("Bob", "two"), "read")
	s.None()

	three := say(t, bob, "Ann", "three")
	s.Emit("NotificationReplied", s.Shows("Bob", "three"), "four")
	s.None()
	page, err := bob.Messages().Unread(t.Context(), "", chat.Filter{}, 10)
	for ; err == nil && len(page.Messages) < 2; page, err = bob.Messages().Unread(t.Context(), "", chat.Filter{}, 10) {
		if _, err = bob.Changed(t.Context(), 0); err != nil {
			break
		}
	}
	if err != nil || page.Messages[1].Text != "four" {
		t.Errorf("%+v, %v", page.Messages, err)
	}
	if _, err := bob.Messages().Wait(t.Context(), three.ID, chat.StateRead); err != nil {
		t.Error(err)
	}
}
