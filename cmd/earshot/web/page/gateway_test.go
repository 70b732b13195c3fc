package page_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/web/page"
)

// policy is that of every answer: the page has to work under it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

const (
	code   = "abcdefghijklmnopqrstuvwxyz" // of the link
	secret = "a secret of the session"
)

// gateway serves the page, and passes its calls to the node of a directory. It keeps to ../WEB.md as far as the
// page can see; who else may open it is no matter here.
type gateway struct {
	*httptest.Server
	node        http.Handler
	mu          sync.Mutex
	secret      string        // of the session that there is
	false       bool          // it proves nothing, as another program would
	busy        bool          // it puts off what it is to prove
	cuts        string        // the end of a path: a request for it gets no answer
	late        chan struct{} // History is answered once this is closed, if it is not nil
	ended       bool          // the session
	old         []string      // the secrets of sessions that others take the place of
	hold        chan struct{} // each file that is sent takes one of these first, if it is not nil
	files, most int           // files that are on their way, and the most that were at once
	asked       []string      // paths, in order
}

// serve starts a gateway to a node, or to one that handler stands in for.
func serve(t *testing.T, dir string, more http.FileSystem) *gateway {
	t.Helper()
	g := &gateway{secret: secret}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "control.sock"))
	}
	g.node = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "earshot", "earshot"
			for name := range r.Out.Header {
				if name != "Content-Type" && name != "Connect-Protocol-Version" && name != "Range" {
					r.Out.Header.Del(name)
				}
			}
		},
		Transport: &http.Transport{DialContext: dial}, FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			refuse(w, http.StatusServiceUnavailable, "unavailable", "stopping")
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /proof", g.proof)
	mux.HandleFunc("POST /session", g.session)
	mux.HandleFunc("POST /ticket", g.ticket)
	mux.HandleFunc("POST /{service}/{method}", g.call)
	mux.HandleFunc("PUT /file", g.call)
	mux.HandleFunc("GET /file/{id}/{n}", g.call)
	mux.Handle("GET /src/", http.StripPrefix("/src/", http.FileServer(http.Dir("src"))))
	mux.Handle("GET /testdata/", http.StripPrefix("/testdata/", http.FileServer(more)))
	mux.Handle("GET /", http.FileServer(http.FS(assets(t))))
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.asked = append(g.asked, r.Method+" "+r.URL.Path)
		cut, late := g.cuts != "" && strings.HasSuffix(r.URL.Path, g.cuts), g.late
		g.mu.Unlock()
		if late != nil && strings.HasSuffix(r.URL.Path, "/History") {
			<-late
		}
		if cut {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	return g
}

func assets(t *testing.T) fs.FS {
	t.Helper()
	all := page.Assets()
	if _, err := fs.Stat(all, "index.html"); err != nil {
		t.Fatal(err)
	}
	return all
}

// link is what `earshot web` opens.
func (g *gateway) link() string { return g.URL + "/#" + code }

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": kind, "message": message})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func keyOf(token string) []byte {
	sum := sha256.Sum256([]byte("earshot web\n" + token))
	return sum[:]
}

func nameOf(token string) string {
	sum := sha256.Sum256(keyOf(token))
	return hex.EncodeToString(sum[:8])
}

func (g *gateway) proof(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Name, Nonce string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_argument", "invalid")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy {
		refuse(w, http.StatusServiceUnavailable, "unavailable", "stopping")
		return
	}
	for _, token := range []string{code, g.secret} {
		if nameOf(token) != asked.Name || g.ended {
			continue
		}
		mac := hmac.New(sha256.New, keyOf(token))
		mac.Write([]byte("earshot web proof\n" + g.URL + "\n" + asked.Nonce))
		if g.false {
			mac.Write([]byte("not the node"))
		}
		answer(w, map[string]string{"proof": base64.RawURLEncoding.EncodeToString(mac.Sum(nil))})
		return
	}
	refuse(w, http.StatusNotFound, "not_found", "unknown")
}

func (g *gateway) session(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Code, Old string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Code != code {
		refuse(w, http.StatusUnauthorized, "unauthenticated", "unknown")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.old = append(g.old, asked.Old)
	answer(w, map[string]string{"secret": g.secret, "session": nameOf(g.secret)})
}

func (g *gateway) ticket(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		ID string
		N  int
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.Header.Get("Earshot-Secret") != secret {
		refuse(w, http.StatusBadRequest, "invalid_argument", "invalid")
		return
	}
	answer(w, map[string]string{"url": "/file/" + asked.ID + "/1?ticket=x"})
}

func (g *gateway) call(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	ended, secret, hold := g.ended, g.secret, g.hold
	g.mu.Unlock()
	if (r.Header.Get("Earshot-Secret") != secret && r.URL.Query().Get("ticket") == "") || ended {
		refuse(w, http.StatusUnauthorized, "unauthenticated", "unknown")
		return
	}
	holds := r.Method == http.MethodPut && hold != nil
	if holds {
		g.set(func() {
			g.files++
			g.most = max(g.most, g.files)
		})
		defer g.set(func() { g.files-- })
	}
	// While a body is read, it is not seen that the page gives up. And a stream whose answer begins before the proxy has
	// seen the end of the body breaks off: https://github.com/golang/go/issues/40747.
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	if holds {
		select {
		case <-hold:
		case <-r.Context().Done():
			return
		}
	}
	g.node.ServeHTTP(w, r)
}
