package web

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/earshot-im/earshot/node/localapi"
)

// withAPI is a door with a session, before something that stands for the local API, and what the session asks with.
func withAPI(t *testing.T, api http.HandlerFunc) (d *door, tokens []string) {
	t.Helper()
	d = alone(t)
	d.api = api
	_, secret, cookie := d.visitor(t)
	return d, []string{"Earshot-Secret", secret, "Cookie", cookie}
}

// Of a call the node gets its body and what says how it is to be read: nothing that has a body unpacked, and no token.
func TestHeadersThatTheNodeGets(t *testing.T) {
	var got http.Header
	d, tokens := withAPI(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	for _, r := range [][3]string{{"POST", "/earshot.v1.Node/Me", "{}"}, {"PUT", "/file?name=x", "x"}} {
		w := d.through(r[0], r[1], r[2], append(tokens, "Content-Encoding", "gzip", "Accept-Encoding", "gzip", "Connect-Content-Encoding", "gzip",
			"Origin", "http://x", "Authorization", "x", "Expect", "100-continue", "X-Forwarded-For", "x")...)
		if w.Code != 200 || len(got) != 1 || got.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", r[1], w.Code, got)
		}
	}
}

// A call has at most as much as it may have, and that much is taken.
func TestCallUpToItsLimit(t *testing.T) {
	var got int64
	d, tokens := withAPI(t, func(_ http.ResponseWriter, r *http.Request) { got, _ = io.Copy(io.Discard, r.Body) })
	for _, c := range []struct {
		path, kind string
		size       int
	}{{"/earshot.v1.Node/Me", "application/json", localapi.MaxRequest}, {"/earshot.v1.Node/Watch", "application/connect+json", localapi.MaxRequest + envelope}} {
		got = 0
		if w := d.through("POST", c.path, "{}"+strings.Repeat(" ", c.size-1), append(tokens, "Content-Type", c.kind)...); w.Code != 413 || got != 0 {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
		if w := d.through("POST", c.path, "{}"+strings.Repeat(" ", c.size-2), append(tokens, "Content-Type", c.kind)...); w.Code != 200 || got != int64(c.size) {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
	}
}

// Of a call that breaks off while it comes in, the node gets nothing.
func TestCallThatBreaksOff(t *testing.T) {
	d, tokens := withAPI(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s has come to the node", r.URL) })
	for path, kind := range map[string]string{"/earshot.v1.Node/Me": "application/json", "/earshot.v1.Node/Watch": "application/connect+json"} {
		r := httptest.NewRequest("POST", path, io.MultiReader(strings.NewReader("{}"), iotest.ErrReader(io.ErrUnexpectedEOF)))
		r.Host = d.site.host
		for _, h := range [][2]string{{tokens[0], tokens[1]}, {tokens[2], tokens[3]}, {"Content-Type", kind}, {"Sec-Fetch-Site", "same-origin"}} {
			r.Header.Set(h[0], h[1])
		}
		w := httptest.NewRecorder()
		if d.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, new(peer)))); w.Code != 400 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// What the node says of a file that can't be had goes to the page as a word, whatever it is.
func TestFailuresOfFilesHaveNoWords(t *testing.T) {
	const path = "open /home/ann/secret"
	for said, want := range map[string]string{
		path: `{"code":"internal","message":"internal"}`, "": `{"code":"internal","message":"internal"}`,
		`{"code":"unavailable","message":"` + path + `"}`: `{"code":"unavailable","message":"unavailable"}`,
		`{"code":"not_found","message":"` + path + `","details":[{"debug":{"code":"no_file"}}]}`: `{"code":"not_found","message":"no_file",` +
			`"details":[{"debug":{"code":"no_file"}}]}`,
	} {
		d, tokens := withAPI(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "999")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, said)
		})
		w := d.through("GET", "/file/"+strings.Repeat("0", 64)+"/1", "", tokens...)
		if w.Code != http.StatusTeapot || w.Body.String() != want || w.Header().Get("Content-Length") != "" {
			t.Errorf("%s: %d %s %v", said, w.Code, w.Body, w.Header())
		}
	}
}

// The node stops when nobody waits for the answer any more.
func TestWhoeverHasGoneIsNotAnswered(t *testing.T) {
	for _, path := range []string{"/earshot.v1.Node/Watch", "/file/" + strings.Repeat("0", 64) + "/1"} {
		here, leave := context.WithCancel(t.Context())
		d, tokens := withAPI(t, func(_ http.ResponseWriter, r *http.Request) {
			leave()
			if r.Context().Err() == nil {
				t.Errorf("%s goes on", path)
			}
		})
		method, body := http.MethodPost, "{}"
		if strings.HasPrefix(path, filePath) {
			method, body = http.MethodGet, ""
		}
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host = d.site.host
		for _, h := range [][2]string{{tokens[0], tokens[1]}, {tokens[2], tokens[3]}, {"Content-Type", "application/connect+json"}, {"Sec-Fetch-Site", "same-origin"}} {
			r.Header.Set(h[0], h[1])
		}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r.WithContext(context.WithValue(here, peerKey{}, new(peer))))
		if w.Code != 200 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
