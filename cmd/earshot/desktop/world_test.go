//go:build unix && !darwin

package desktop

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// newBus starts a session bus of its own and has this process's programs find it.
func newBus(t *testing.T) (address string) {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("skipped: notifications of a desktop, there is no dbus-daemon")
	}
	dir, err := os.MkdirTemp("", "bus") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := filepath.Join(dir, "bus.conf")
	rules := `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=` + dir + `/bus</listen><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`
	if err := os.WriteFile(config, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(daemon, "--config-file="+config, "--nofork", "--print-address")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	address, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimSpace(address)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	return address
}

// server is a desktop's service.
type server struct {
	t    *testing.T
	conn *dbus.Conn
	can  []string
	anew bool // gives another number to what replaces something

	mu    gosync.Mutex
	shown map[uint32]shown
	last  uint32
	calls int
	more  chan struct{} // closed and replaced with each change
}

type shown struct {
	app, title, body string
	actions          []string
	silent           bool
}

func newServer(t *testing.T, address string, can ...string) *server {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, conn: conn, can: can, shown: make(map[uint32]shown), more: make(chan struct{})}
	if err := conn.Export(methods{s}, object, service); err != nil {
		t.Fatal(err)
	}
	s.own()
	t.Cleanup(func() { _ = conn.Close() })
	return s
}

func (s *server) own() {
	s.t.Helper()
	if reply, err := s.conn.RequestName(service, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		s.t.Fatal(reply, err)
	}
}

// methods are what the bus calls.
type methods struct{ *server }

func (s methods) GetCapabilities() ([]string, *dbus.Error) { return s.can, nil }

func (s methods) Notify(app string, replaces uint32, _, title, body string, actions []string, hints map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	id := replaces
	if _, there := s.shown[id]; !there || s.anew {
		if delete(s.shown, id); there {
			_ = s.conn.Emit(object, service+".NotificationClosed", id, uint32(4))
		}
		s.last++
		id = s.last
	}
	_, silent := hints["suppress-sound"]
	s.shown[id] = shown{app, title, body, actions, silent}
	close(s.more)
	s.more = make(chan struct{})
	return id, nil
}

func (s methods) CloseNotification(id uint32) *dbus.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shown, id)
	close(s.more)
	s.more = make(chan struct{})
	_ = s.conn.Emit(object, service+".NotificationClosed", id, uint32(3))
	return nil
}

// until waits until what is shown is as it is to be.
func (s *server) until(what string, ok func(map[uint32]shown) bool) {
	s.t.Helper()
	late := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		done, more, have := ok(s.shown), s.more, fmt.Sprintf("%+v", s.shown)
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-more:
		case <-late:
			s.t.Fatalf("%s: %s", what, have)
		}
	}
}

// one waits until one notification is shown, and returns it.
func (s *server) one(what string, ok func(shown) bool) (id uint32, n shown) {
	s.t.Helper()
	s.until(what, func(all map[uint32]shown) bool {
		for i, one := range all {
			id, n = i, one
		}
		return len(all) == 1 && ok(n)
	})
	return id, n
}

func (s *server) none() {
	s.t.Helper()
	s.until("nothing", func(all map[uint32]shown) bool { return len(all) == 0 })
}

// node is what the desktop asks of a node.
type node struct {
	Config
	alerts chan Alert
	begun  chan struct{} // gets one each time that alerts are asked for
	ended  chan struct{}
	did    chan string
	end    func() // returns when Run has
}

func newNode(t *testing.T) *node {
	n := &node{alerts: make(chan Alert), begun: make(chan struct{}, 16), ended: make(chan struct{}, 16), did: make(chan string, 16)}
	n.Config = Config{
		Alerts: func(ctx context.Context, tell func(Alert) error) error {
			n.begun <- struct{}{}
			defer func() { n.ended <- struct{}{} }()
			for {
				select {
				case a := <-n.alerts:
					if err := tell(a); err != nil {
						return err
					}
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		},
		Dismissed: func(a About) { n.did <- "dismissed " + a.Conversation },
		Read:      func(_ context.Context, a About) error { n.did <- "read " + a.Who; return nil },
		Reply: func(_ context.Context, a About, text string) error {
			n.did <- "reply " + a.Who + ": " + text
			return nil
		},
		Open: func() error { n.did <- "open"; return nil },
		Log:  slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { Run(ctx, n.Config); close(done) }()
	n.end = func() { cancel(); <-done }
	t.Cleanup(n.end)
	return n
}

// does waits for what the node is asked to do.
func (n *node) does(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-n.did:
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("never: %s", want)
	}
}

func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("never: %s", what)
	}
}
