package localapi_test

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/chat"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/localapi/server"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// README: from here

// echo answers every message with its own words. It can be killed at any moment: the cursor moves
// only after the answer is on this disk, and the key keeps an answer that is sent again from
// arriving twice.
func echo(ctx context.Context, dir string) error {
	const name = "echo"
	earshot := localapi.Dial(dir)
	defer earshot.Close()
	at, err := earshot.GetCursor(ctx, &earshotv1.GetCursorRequest{Name: name})
	if err != nil {
		return err
	}
	changes, err := earshot.Watch(ctx, &earshotv1.WatchRequest{})
	if err != nil {
		return err
	}
	defer changes.Close()
	for changes.Receive() { // "something has changed": at once, then after every change
		for {
			new, err := earshot.Arrivals(ctx, &earshotv1.ArrivalsRequest{After: at.Cursor})
			if err != nil {
				return err
			}
			if len(new.Messages) == 0 {
				break
			}
			for _, m := range new.Messages {
				answer := &earshotv1.SendRequest{To: m.From.Person, Text: "echo: " + m.Text, ReplyTo: m.Id, Key: name + m.Id}
				if _, err := earshot.Send(ctx, answer); err != nil {
					return err
				}
				if at, err = earshot.SetCursor(ctx, &earshotv1.SetCursorRequest{Name: name, Cursor: m.Cursor}); err != nil {
					return err
				}
			}
		}
	}
	return changes.Err()
}

// README: to here

func TestReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "// README: from here\n\n")
	code, _, _ = strings.Cut(code, "\n// README: to here")
	if !strings.Contains(string(readme), "```go\n"+code+"```\n") {
		t.Fatal("README.md shows another program than example_test.go")
	}
}

// runNode runs a node and its local API until the test ends.
func runNode(t *testing.T, cfg node.Config) *node.Node {
	t.Helper()
	cfg.NoMDNS, cfg.Listen = true, []string{"/ip4/127.0.0.1/tcp/0"}
	n, err := node.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	api := server.New(server.Config{Dir: cfg.Dir, Rooms: server.RoomsOf(n)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- n.Run(ctx) }()
	go func() { ended <- api.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range cap(ended) {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	<-n.Ready()
	<-api.Ready()
	return n
}

func TestExampleAnswersEveryMessageOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	botDir := t.TempDir()
	bot := runNode(t, node.Config{Dir: botDir, Name: "Bot"})
	status, err := bot.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ann := runNode(t, node.Config{Dir: t.TempDir(), Name: "Ann", Peers: status.Listening})
	for n := uint64(0); ; {
		if _, err := ann.Contacts().Resolve(ctx, "Bot"); err == nil {
			break
		}
		if n, err = ann.PeersChanged(ctx, n); err != nil {
			t.Fatal(err)
		}
	}

	want := []string{"one", "two", "three"}
	for i, text := range want {
		if _, err := ann.Messages().Send(ctx, chat.Outgoing{To: "Bot", Text: text}); err != nil {
			t.Fatal(err)
		}
		// Each message meets a bot that was killed after the one before.
		botCtx, kill := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- echo(botCtx, botDir) }()
		for n := uint64(0); ; {
			got, err := ann.Messages().Arrivals(ctx, "", chat.Filter{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Messages) > i {
				break
			}
			if n, err = ann.Changed(ctx, n); err != nil {
				t.Fatal(err, len(got.Messages))
			}
		}
		kill()
		if err := <-ended; err != nil && botCtx.Err() == nil && err != io.EOF {
			t.Fatal(err)
		}
	}
	got, err := ann.Messages().Arrivals(ctx, "", chat.Filter{}, 10)
	if err != nil || len(got.Messages) != len(want) {
		t.Fatalf("%d answers, %v", len(got.Messages), err)
	}
	for i, m := range got.Messages {
		if m.Text != "echo: "+want[i] {
			t.Errorf("answer %d: %q", i, m.Text)
		}
	}
}
