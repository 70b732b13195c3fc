package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
	"github.com/earshot-im/earshot/node"
	"github.com/earshot-im/earshot/node/localapi/server"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// world is a node, its local API and the gateway, as `earshot up` has them.
type world struct {
	*testing.T
	dir  string
	node *node.Node
	*Gateway
	log  *bytes.Buffer // after stop
	stop func()
}

// newWorld runs a node in a new directory until the test ends.
func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, dir: dir}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start runs the node, again if it was stopped.
func (w *world) start() {
	w.Helper()
	log := new(bytes.Buffer)
	n, err := node.Open(node.Config{Dir: w.dir, Name: "Ann", NoMDNS: true, Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		w.Fatal(err)
	}
	g := New(Config{Dir: w.dir, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	api := server.New(server.Config{Dir: w.dir, Rooms: server.RoomsOf(n), Web: g})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	go func() { ended <- n.Run(ctx) }()
	go func() { ended <- api.Run(ctx) }()
	go func() { g.Run(ctx, api.Handler(Screen())); ended <- nil }()
	w.Gateway, w.node, w.log = g, n, log
	w.stop = func() {
		cancel()
		for range cap(ended) {
			if err := <-ended; err != nil {
				w.Error(err)
			}
		}
		w.stop = func() {}
	}
	<-n.Ready()
	<-api.Ready()
	if _, err := g.WebSessions(w.Context(), nil); err != nil { // answered when the page is served again, if it is
		w.Fatal(err)
	}
}

// open opens the page.
func (w *world) open(r *earshotv1.OpenWebRequest) *link {
	w.Helper()
	opened, err := w.OpenWeb(w.Context(), r)
	if err != nil {
		w.Fatal(err)
	}
	u, err := url.Parse(opened.Url)
	if err != nil {
		w.Fatal(err)
	}
	return &link{w.T, u.Host, "http://" + u.Host, u.Fragment}
}

// link is a link to the page.
type link struct {
	*testing.T
	host, origin, code string
}

// browser is one that has a session, or none yet.
type browser struct {
	*link
	secret, cookie, name string
}

// answered is an answer.
type answered struct {
	*http.Response
	body string
}

// says reports whether it is an error of the gateway.
func (a answered) says(status int, message string) bool {
	var v told
	return a.StatusCode == status && json.Unmarshal([]byte(a.body), &v) == nil && v.Message == message
}

// ask makes a request as a page does, with headers changed: a name and its value; "" leaves it out.
func (b *browser) ask(method, path, body string, headers ...string) answered {
	b.Helper()
	r := b.request(method, path, strings.NewReader(body), headers...)
	w, err := b.client().Do(r)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	return answered{w, string(text)}
}

func (b *browser) request(method, path string, body io.Reader, headers ...string) *http.Request {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.origin+path, body)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0")
	if method != http.MethodGet {
		r.Header.Set("Origin", b.origin)
		r.Header.Set("Content-Type", "application/json")
	}
	if b.secret != "" {
		r.Header.Set("Earshot-Secret", b.secret)
	}
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	for i := 0; i < len(headers); i += 2 {
		switch name, value := headers[i], headers[i+1]; {
		case name == "Host":
			r.Host = value
		case value == "":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
	return r
}

// client connects to the node, whatever the host is called.
func (b *browser) client() *http.Client { return clientAt(b.Context(), b.host) }

func clientAt(ctx context.Context, host string) *http.Client {
	_, port, _ := net.SplitHostPort(host)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp4", "127.0.0.1:"+port)
	}}
	context.AfterFunc(ctx, transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// raw sends bytes to the node, and returns what comes until the node ends the connection.
func (l *link) raw(text string) (string, error) {
	l.Helper()
	_, port, _ := net.SplitHostPort(l.host)
	c, err := net.Dial("tcp4", "127.0.0.1:"+port)
	if err != nil {
		l.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(bodyTime)); err != nil { // the node ends it long before
		l.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		l.Fatal(err)
	}
	got, err := io.ReadAll(c)
	return string(got), err
}

// proof has the node prove that it knows a token, and reports whether it does.
func (b *browser) proof(token string) bool {
	b.Helper()
	key := sha256.Sum256([]byte("earshot web\n" + token)) // as WEB.md has it
	nonce := strings.Repeat("n", 43)
	w := b.ask("POST", "/proof", `{"name":"`+session.NameOf(key)+`","nonce":"`+nonce+`"}`)
	var got struct{ Proof string }
	if w.StatusCode != 200 || json.Unmarshal([]byte(w.body), &got) != nil {
		return false
	}
	return got.Proof == session.ProofOf(key, b.origin, nonce)
}

// enter begins a session by the link.
func (l *link) enter() *browser {
	l.Helper()
	b := &browser{link: l}
	if !b.proof(l.code) {
		l.Fatal("the node does not know the code")
	}
	w := b.ask("POST", "/session", `{"code":"`+l.code+`"}`)
	var got struct{ Secret, Session string }
	if err := json.Unmarshal([]byte(w.body), &got); w.StatusCode != 200 || err != nil || len(w.Cookies()) != 1 {
		l.Fatalf("%d %s %v", w.StatusCode, w.body, w.Header)
	}
	b.secret, b.name = got.Secret, got.Session
	b.cookie = w.Cookies()[0].Name + "=" + w.Cookies()[0].Value
	return b
}

// call calls a method of the local API.
func (b *browser) call(method, body string, headers ...string) answered {
	b.Helper()
	return b.ask("POST", "/earshot.v1."+method, body, headers...)
}

// stream begins a call whose answer is a stream.
func (b *browser) stream(method, body string) *http.Response {
	b.Helper()
	n := len(body)
	envelope := string([]byte{0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + body
	w, err := b.client().Do(b.request("POST", "/earshot.v1."+method, strings.NewReader(envelope), "Content-Type", "application/connect+json"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.Body.Close() })
	return w
}

// message reads one message of a stream, and its flags.
func message(from io.Reader) (flags byte, text string, err error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, "", err
	}
	b := make([]byte, int(head[1])<<24|int(head[2])<<16|int(head[3])<<8|int(head[4]))
	_, err = io.ReadFull(from, b)
	return head[0], string(b), err
}
