package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// visitor begins a session at a door, and returns its name and what it asks with.
func (d *door) visitor(t *testing.T) (name, secret, cookie string) {
	t.Helper()
	name, secret, cookie, err := d.table.Enter(d.table.Admit(), "Firefox", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return name, secret, d.site.cookie() + "=" + cookie
}

// What a session has under way ends with it, whatever that is, and the node has had none of its tokens.
func TestAllOfASessionEnds(t *testing.T) {
	path := "/file/" + strings.Repeat("0", 64) + "/1"
	for _, what := range []string{"a call", "a file that comes in", "a file", "a file by a ticket"} {
		d := alone(t)
		asked := make(chan http.Header, 1)
		d.api = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			asked <- r.Header
			<-r.Context().Done()
		})
		name, secret, cookie := d.visitor(t)
		done := make(chan int)
		go func() { // ends with its session
			tokens := []string{"Cookie", cookie, "Earshot-Secret", secret}
			switch what {
			case "a call":
				d.through("POST", "/earshot.v1.Node/Me", "{}", tokens...)
			case "a file that comes in":
				d.through("PUT", "/file?name=x", "x", tokens...)
			case "a file":
				d.through("GET", path, "", tokens...)
			default:
				_, value, _ := strings.Cut(cookie, "=")
				text, err := d.table.Ticket(secret, []string{value}, path)
				if err != nil {
					t.Error(err)
				}
				d.through("GET", path+"?ticket="+text, "", tokens[:2]...)
			}
			close(done)
		}()
		select {
		case h := <-asked:
			if len(h) != 1 || h.Get("Content-Type") == "" {
				t.Errorf("%s: the node has got %v", what, h)
			}
		case <-done:
			t.Fatalf("%s does not come to the node", what)
		}
		if ended, err := d.table.End(name); !ended || err != nil {
			t.Fatalf("%t %v", ended, err)
		}
		select {
		case <-done:
		case <-time.After(bodyTime):
			t.Fatalf("%s goes on when its session has ended", what)
		}
	}
}

// timed keeps the deadlines that an answer sets.
type timed struct {
	*httptest.ResponseRecorder
	read, write []time.Duration // from when they were set; 0: none any more
}

func (w *timed) SetReadDeadline(at time.Time) error {
	w.read = append(w.read, from(at))
	return nil
}

func (w *timed) SetWriteDeadline(at time.Time) error {
	w.write = append(w.write, from(at))
	return nil
}

func from(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return time.Until(at).Round(5 * time.Second)
}

// Nothing that comes in or goes out may stand still: each piece has time of its own, and nothing has more after the end.
func TestWhatStandsStillEnds(t *testing.T) {
	d := alone(t)
	d.api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for n := 1; n > 0; n, _ = r.Body.Read(make([]byte, 1)) {
			_, _ = w.Write([]byte("x"))
		}
		_ = http.NewResponseController(w).Flush()
	})
	_, secret, cookie := d.visitor(t)
	ask := func(method, path string) *timed {
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(method, path, strings.NewReader("{}"))
		r.Host = d.site.host
		for _, h := range [][2]string{{"Content-Type", "application/json"}, {"Sec-Fetch-Site", "same-origin"}, {"Cookie", cookie}, {"Earshot-Secret", secret}} {
			r.Header.Set(h[0], h[1])
		}
		d.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, new(peer))))
		return w
	}
	equal := func(got []time.Duration, want ...time.Duration) bool { return slices.Equal(got, want) }
	w := ask("PUT", "/file?name=x") // two bytes, and the end
	if !equal(w.read, stands, stands, stands, 0) {
		t.Errorf("a file that comes in: %v", w.read)
	}
	if !equal(w.write, stands, stands, stands, stands, stands, stands) {
		t.Errorf("the answer to it: %v", w.write)
	}
	if w := ask("POST", "/earshot.v1.Node/Me"); !equal(w.read, bodyTime, 0) {
		t.Errorf("a call: %v", w.read)
	}
	if w := ask("POST", "/earshot.v1.Node/Down"); !equal(w.read, restTime.Round(5*time.Second)) {
		t.Errorf("a body of which nothing is read: %v", w.read)
	}
}

// gatewayOf runs a gateway over what stands for the local API.
func gatewayOf(t *testing.T, api http.HandlerFunc) *Gateway {
	g, stop := gatewayAt(t, t.TempDir(), nil, api)
	t.Cleanup(stop)
	return g
}

func gatewayAt(t *testing.T, dir string, now func() time.Time, api http.HandlerFunc) (g *Gateway, stop func()) {
	g = New(Config{Dir: dir, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: now})
	ctx, cancel := context.WithCancel(context.Background())
	go g.Run(ctx, api)
	return g, func() {
		cancel()
		<-g.ended
	}
}

// The gateway has let go of everything when it says so.
func TestStopWaits(t *testing.T) {
	ended := false
	begun := make(chan struct{})
	g := gatewayOf(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		<-time.After(100 * time.Millisecond) // as one that has to write something down
		ended = true
	})
	b := (&world{T: t, Gateway: g}).open(&earshotv1.OpenWebRequest{}).enter()
	go func() { // ended by the gateway
		if w, err := b.client().Do(b.request("POST", "/earshot.v1.Node/Me", strings.NewReader("{}"))); err == nil {
			w.Body.Close()
		}
	}()
	<-begun
	if _, err := g.StopWeb(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if !ended {
		t.Error("a call is under way still")
	}
}

// The node says so if the page can't be served any more, and serves it again when it is asked for.
func TestListenerThatFails(t *testing.T) {
	g := gatewayOf(t, func(http.ResponseWriter, *http.Request) {})
	w := &world{T: t, Gateway: g}
	was := w.open(&earshotv1.OpenWebRequest{AnyLocalUser: true}).enter()
	link := w.open(&earshotv1.OpenWebRequest{})
	fail(t, g)
	if again := w.open(&earshotv1.OpenWebRequest{}); again.origin != was.origin {
		t.Errorf("%s is %s now", was.origin, again.origin)
	}
	if was.proof(link.code) {
		t.Error("a link holds still")
	}
	if got := was.call("Node/Me", "{}"); got.StatusCode != 200 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}

	// Another program takes the port meanwhile: what browsers have for it is of no use any more.
	fail(t, g)
	_, port, _ := net.SplitHostPort(was.host)
	other, err := net.Listen("tcp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	opened, err := g.OpenWeb(t.Context(), &earshotv1.OpenWebRequest{})
	if err != nil || strings.HasPrefix(opened.Url, was.origin) || opened.AnyLocalUser {
		t.Errorf("%v %v", opened, err)
	}
	if s, err := g.WebSessions(t.Context(), nil); err != nil || len(s.Sessions) != 0 {
		t.Errorf("%v %v", s, err)
	}
}

// fail has a listener of a gateway fail, and waits until that is known.
func fail(t *testing.T, g *Gateway) {
	t.Helper()
	if err := g.do(t.Context(), func() error { return g.site.listeners[0].Close() }); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(bodyTime); ; time.Sleep(time.Millisecond) {
		s, err := g.WebSessions(t.Context(), nil)
		if err != nil || time.Now().After(until) {
			t.Fatalf("it claims to serve it still: %v %v", s, err)
		}
		if s.Address == "" {
			return
		}
	}
}

// What can't be written down is told, and no page is served of which that is so.
func TestPageThatCantBeWritten(t *testing.T) {
	dir := t.TempDir()
	g, stop := gatewayAt(t, dir, nil, nil)
	defer stop()
	b := (&world{T: t, Gateway: g}).open(&earshotv1.OpenWebRequest{}).enter()
	path := filepath.Join(dir, "web")
	if err := os.Mkdir(path+".tmp", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := g.EndWebSession(t.Context(), &earshotv1.EndWebSessionRequest{Id: b.name}); !errors.Is(err, localapi.ErrNoPage) {
		t.Errorf("the end of a session: %v", err)
	}
	if _, err := g.OpenWeb(t.Context(), &earshotv1.OpenWebRequest{AnyLocalUser: true}); !errors.Is(err, localapi.ErrNoPage) {
		t.Errorf("a link: %v", err)
	}
	if s, err := g.WebSessions(t.Context(), nil); err != nil || s.Address != "" {
		t.Errorf("%v %v", s, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil { // so it can't be removed
		t.Fatal(err)
	}
	if _, err := g.StopWeb(t.Context(), nil); !errors.Is(err, localapi.ErrNoPage) {
		t.Errorf("the end of all: %v", err)
	}
}

// When a session was used last is known after a restart too.
func TestUseIsKeptWhenTheNodeEnds(t *testing.T) {
	var seconds atomic.Int64
	seconds.Store(1_800_000_000)
	dir, now := t.TempDir(), func() time.Time { return time.Unix(seconds.Load(), 0) }
	g, stop := gatewayAt(t, dir, now, func(http.ResponseWriter, *http.Request) {})
	b := (&world{T: t, Gateway: g}).open(&earshotv1.OpenWebRequest{}).enter()
	seconds.Add(600)
	if got := b.call("Node/Me", "{}"); got.StatusCode != 200 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	stop()
	g, stop = gatewayAt(t, dir, now, nil)
	defer stop()
	if s, err := g.WebSessions(t.Context(), nil); err != nil || len(s.Sessions) != 1 || s.Sessions[0].Used.Seconds != seconds.Load() {
		t.Errorf("%v %v", s, err)
	}
}

// The owner's browsers have so many connections, and no more; and the server waits for no header.
func TestConnectionsOfTheOwner(t *testing.T) {
	g := gatewayOf(t, nil)
	l := (&world{T: t, Gateway: g}).open(&earshotv1.OpenWebRequest{})
	_, port, _ := net.SplitHostPort(l.host)
	ask := func() (net.Conn, error) {
		c, err := net.Dial("tcp4", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(bodyTime)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET /x HTTP/1.1\r\nHost: "+l.host+"\r\nSec-Fetch-Site: same-origin\r\n\r\n"); err != nil {
			return c, err
		}
		_, err = c.Read(make([]byte, 1))
		return c, err
	}
	for i := range maxConnections {
		if _, err := ask(); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if _, err := ask(); err == nil {
		t.Error("one more is taken")
	}
	if err := g.do(t.Context(), func() error {
		if s := g.site.server; s.ReadHeaderTimeout != headerTime || s.IdleTimeout != idleTime || s.MaxHeaderBytes != maxHeader {
			t.Errorf("%v %v %d", s.ReadHeaderTimeout, s.IdleTimeout, s.MaxHeaderBytes)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
