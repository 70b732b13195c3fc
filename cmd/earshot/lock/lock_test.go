//go:build unix && !darwin

package lock

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// newBus starts a system bus of its own, on which everybody may do everything.
func newBus(t *testing.T) {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("skipped: whether the screen is locked, there is no dbus-daemon")
	}
	dir, err := os.MkdirTemp("", "bus") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := filepath.Join(dir, "bus.conf")
	rules := `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=` + dir + `/bus</listen><policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`
	if err := os.WriteFile(config, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(daemon, "--config-file="+config, "--nofork", "--nopidfile", "--print-address")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", strings.TrimSpace(address))
}

const path = dbus.ObjectPath("/org/freedesktop/login1/session/_37")

// sessions is a logind that knows one session, called 7: by its ID, and by others if by has them.
type sessions struct {
	conn   *dbus.Conn
	by     string
	locked atomic.Bool
	asked  chan struct{}
}

func newLogind(t *testing.T, by string) *sessions {
	t.Helper()
	conn, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &sessions{conn: conn, by: by, asked: make(chan struct{}, 100)}
	for at, of := range map[dbus.ObjectPath]string{manager: logind + ".Manager", path: "org.freedesktop.DBus.Properties", own: "org.freedesktop.DBus.Properties"} {
		if err := conn.Export(s, at, of); err != nil {
			t.Fatal(err)
		}
	}
	if reply, err := conn.RequestName(logind, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	return s
}

var errNone = dbus.NewError(logind+".NoSuchSession", nil)

// GetSession, GetSessionByPID and Get are called by the bus.
func (s *sessions) GetSession(id string) (dbus.ObjectPath, *dbus.Error) {
	if id != "7" {
		return "", errNone
	}
	return path, nil
}

func (s *sessions) GetSessionByPID(pid uint32) (dbus.ObjectPath, *dbus.Error) {
	if s.by != "process" || pid != uint32(os.Getpid()) {
		return "", errNone
	}
	return path, nil
}

func (s *sessions) Get(of, name string) (dbus.Variant, *dbus.Error) {
	switch of + " " + name {
	case logind + ".Session LockedHint":
		s.asked <- struct{}{}
		return dbus.MakeVariant(s.locked.Load()), nil
	case logind + ".Session Id":
		if s.by == "display" {
			return dbus.MakeVariant("7"), nil
		}
	}
	return dbus.Variant{}, errNone
}

func (s *sessions) lock(t *testing.T, locked bool) {
	t.Helper()
	s.locked.Store(locked)
	err := s.conn.Emit(path, "org.freedesktop.DBus.Properties.PropertiesChanged", logind+".Session", map[string]dbus.Variant{"LockedHint": dbus.MakeVariant(locked)}, []string{})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *sessions) follow(t *testing.T) (told chan bool) {
	told = make(chan bool, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() { // ends with ctx
		defer close(done)
		_ = Follow(ctx, func(locked bool) {
			if locked != s.locked.Load() {
				t.Errorf("told %v, which logind has not said", locked)
			}
			told <- locked
		})
	}()
	return told
}

func expect[T comparable](t *testing.T, what string, c <-chan T, want T) {
	t.Helper()
	select {
	case got := <-c:
		if got != want {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("never: %s", what)
	}
}

// The session is found by whatever logind knows of it; then it is told when it is locked and unlocked.
func TestLocked(t *testing.T) {
	for by, id := range map[string]string{"name": "7", "process": "", "display": "of a session that has ended"} {
		t.Run(by, func(t *testing.T) {
			newBus(t)
			t.Setenv("XDG_SESSION_ID", id)
			s := newLogind(t, by)
			told := s.follow(t)
			expect(t, "asked", s.asked, struct{}{})
			s.lock(t, true)
			expect(t, "locked", told, true)
			s.lock(t, false)
			expect(t, "unlocked", told, false)
		})
	}
}

func TestLockedBefore(t *testing.T) {
	newBus(t)
	s := newLogind(t, "process")
	s.locked.Store(true)
	told := s.follow(t)
	expect(t, "locked", told, true)
}

// What others say is not believed.
func TestForgedSignal(t *testing.T) {
	newBus(t)
	s := newLogind(t, "process")
	told := s.follow(t)
	expect(t, "asked", s.asked, struct{}{})
	var names []string
	if err := s.conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		t.Fatal(err)
	}
	other, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, name := range names { // to each program by itself: no match keeps it out
		m := &dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.DBus.Properties"), dbus.FieldMember: dbus.MakeVariant("PropertiesChanged"),
			dbus.FieldPath: dbus.MakeVariant(path), dbus.FieldDestination: dbus.MakeVariant(name), dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf("", map[string]dbus.Variant{}, []string{})),
		}, Body: []any{logind + ".Session", map[string]dbus.Variant{"LockedHint": dbus.MakeVariant(true)}, []string{}}}
		if call := other.Send(m, nil); call != nil && call.Err != nil {
			t.Fatal(call.Err)
		}
	}
	expect(t, "asked again", s.asked, struct{}{})
	s.lock(t, true)
	expect(t, "locked", told, true)
	s.lock(t, false)
	expect(t, "unlocked", told, false)
}

// Where nothing can be known, that is said at once, and nothing is told.
func TestNothingToKnow(t *testing.T) {
	t.Run("no bus", func(t *testing.T) {
		t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
		if err := Follow(t.Context(), nil); err == nil {
			t.Error("no error")
		}
	})
	t.Run("no logind", func(t *testing.T) {
		newBus(t)
		if err := Follow(t.Context(), nil); err == nil {
			t.Error("no error")
		}
	})
	t.Run("no session", func(t *testing.T) {
		newBus(t)
		t.Setenv("XDG_SESSION_ID", "")
		newLogind(t, "")
		if err := Follow(t.Context(), nil); err == nil {
			t.Error("no error")
		}
	})
}
