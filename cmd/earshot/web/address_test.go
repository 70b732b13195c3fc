package web

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func TestPageIsServedOnceItIsAskedFor(t *testing.T) {
	w := newWorld(t)
	if _, err := os.Stat(filepath.Join(w.dir, "web")); !os.IsNotExist(err) {
		t.Errorf("something is kept before: %v", err)
	}
	if s, err := w.WebSessions(t.Context(), nil); err != nil || s.Address != "" {
		t.Errorf("served before: %v, %v", s, err)
	}
	b := w.open(&earshotv1.OpenWebRequest{}).enter()
	page := b.ask("GET", "/", "")
	if page.StatusCode != 200 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.body, "<title>") {
		t.Errorf("%d %s", page.StatusCode, page.body)
	}
	if me := b.call("Node/Me", "{}"); me.StatusCode != 200 || !strings.Contains(me.body, `"name":"Ann"`) && !strings.Contains(me.body, `"name": "Ann"`) {
		t.Errorf("%d %s", me.StatusCode, me.body)
	}
	if info, err := os.Stat(filepath.Join(w.dir, "web")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// Rule 1: another user who listens on ::1 at the same port would get what browsers send.
func TestBothLoopbackAddressesOrNone(t *testing.T) {
	other, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this system has no ::1")
	}
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	if s, err := listen(port); err == nil {
		t.Fatalf("listens at %v", s.listeners)
	}
	free, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("127.0.0.1 is not let go of: %v", err)
	}
	free.Close()
	s, err := listen(0)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.listeners) != 2 || s.port < firstPort || s.port > session.MaxPort {
		t.Errorf("%v %d", s.listeners, s.port)
	}
	for _, l := range s.listeners {
		if addr := l.Addr().(*net.TCPAddr); !addr.IP.IsLoopback() || addr.Port != s.port {
			t.Errorf("%v", addr)
		}
		l.Close()
	}
}

// Rule 1: a node that restarts finds its pages again, and one that was stopped serves none.
func TestPageComesBackAfterARestart(t *testing.T) {
	w := newWorld(t)
	b := w.open(&earshotv1.OpenWebRequest{}).enter()
	w.stop()
	if _, err := net.Dial("tcp4", "127.0.0.1:"+b.origin[strings.LastIndex(b.origin, ":")+1:]); err == nil {
		t.Error("it is served without a node")
	}
	w.start()
	if !b.proof(b.secret) {
		t.Error("the session is not known any more")
	}
	if me := b.call("Node/Me", "{}"); me.StatusCode != 200 {
		t.Errorf("%d %s", me.StatusCode, me.body)
	}
	if again := w.open(&earshotv1.OpenWebRequest{}); again.origin != b.origin {
		t.Errorf("%s is %s now", b.origin, again.origin)
	}
	if stopped, err := w.StopWeb(t.Context(), nil); err != nil || stopped.Ended != 1 {
		t.Errorf("%v, %v", stopped, err)
	}
	if s, err := w.WebSessions(t.Context(), nil); err != nil || s.Address != "" {
		t.Errorf("served when it was stopped: %v, %v", s, err)
	}
	if c, err := net.Dial("tcp4", "127.0.0.1:"+b.origin[strings.LastIndex(b.origin, ":")+1:]); err == nil {
		c.Close()
		t.Error("it listens when it was stopped")
	}
	w.stop()
	w.start()
	if s, err := w.WebSessions(t.Context(), nil); err != nil || s.Address != "" || len(s.Sessions) != 0 {
		t.Errorf("served after it was stopped: %v, %v", s, err)
	}
	later := w.open(&earshotv1.OpenWebRequest{}) // a page that was left open is another program's by now
	if later.host == b.host || strings.Split(later.host, ".")[0] == strings.Split(b.host, ".")[0] {
		t.Errorf("%s is served again", b.origin)
	}
	later.enter()
}

// Rule 1: a node listens again only if somebody may use the page.
func TestLinkAloneBringsNoPageBack(t *testing.T) {
	w := newWorld(t)
	w.open(&earshotv1.OpenWebRequest{})
	w.stop()
	w.start()
	if s, err := w.WebSessions(t.Context(), nil); err != nil || s.Address != "" {
		t.Errorf("it is served without a session: %v, %v", s, err)
	}
}

func TestNewAddress(t *testing.T) {
	w := newWorld(t)
	b := w.open(&earshotv1.OpenWebRequest{AnyLocalUser: true}).enter()
	again := w.open(&earshotv1.OpenWebRequest{NewAddress: true})
	label, _, _ := strings.Cut(b.host, ".")
	if runtime.GOOS != "darwin" && strings.HasPrefix(again.host, label) {
		t.Errorf("%s and %s", b.host, again.host)
	}
	b.link = again
	if me := b.call("Node/Me", "{}"); !me.says(401, "unknown") {
		t.Errorf("the old session: %d %s", me.StatusCode, me.body)
	}
	if k, err := session.Load(w.dir); err != nil || k.Anybody {
		t.Errorf("%+v, %v", k, err)
	}
}

// Rule 1: a port that was taken meanwhile is another origin, in which no browser has a session.
func TestAnotherPortWhereTheOldOneIsTaken(t *testing.T) {
	w := newWorld(t)
	b := w.open(&earshotv1.OpenWebRequest{}).enter()
	k, err := session.Load(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	w.stop()
	other, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", k.Port))
	if err != nil {
		t.Skip("this system has no ::1")
	}
	defer other.Close()
	w.start()
	if s, err := w.WebSessions(t.Context(), nil); err != nil || s.Address != "" {
		t.Errorf("served beside another program: %v, %v", s, err)
	}
	if k, err := session.Load(w.dir); err != nil || k.Label != "" { // so it can't come back either when the port is free
		t.Errorf("%+v, %v", k, err)
	}
	again := w.open(&earshotv1.OpenWebRequest{})
	if again.origin == b.origin {
		t.Error("served beside another program")
	}
	if s, err := w.WebSessions(t.Context(), nil); err != nil || len(s.Sessions) != 0 {
		t.Errorf("%v, %v", s, err)
	}
	again.enter()
}

// A file that somebody has changed lets nobody in, and a new address writes it anew.
func TestDamagedFile(t *testing.T) {
	w := newWorld(t)
	b := w.open(&earshotv1.OpenWebRequest{}).enter()
	w.stop()
	path := filepath.Join(w.dir, "web")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "more\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start()
	if _, err := w.OpenWeb(t.Context(), &earshotv1.OpenWebRequest{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	again := w.open(&earshotv1.OpenWebRequest{NewAddress: true})
	again.enter()
	if later := w.open(&earshotv1.OpenWebRequest{}); later.origin != again.origin {
		t.Errorf("%s is %s now", again.origin, later.origin)
	}
	if s, err := w.WebSessions(t.Context(), nil); err != nil || len(s.Sessions) != 1 || s.Sessions[0].Id == b.name {
		t.Errorf("%v, %v", s, err)
	}
}
