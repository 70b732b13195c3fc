package web

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func TestBodiesAreBounded(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	big := `{"to":"` + strings.Repeat("x", localapi.MaxRequest) + `"}`
	if got := b.call("Messages/Send", big); !got.says(413, "too_large") {
		t.Errorf("%d %.100s", got.StatusCode, got.body)
	}
	if got := b.ask("POST", "/session", `{"code":"`+strings.Repeat("x", maxEntry)+`"}`); !got.says(413, "too_large") {
		t.Errorf("%d %.100s", got.StatusCode, got.body)
	}
	r := b.request("POST", "/earshot.v1.Messages/Send", io.MultiReader(strings.NewReader(big))) // of no known length
	w, err := b.client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	w.Body.Close()
	if w.StatusCode != 413 {
		t.Errorf("%d", w.StatusCode)
	}
	for name, headers := range map[string][]string{
		"another type": {"Content-Type", "text/plain"}, "none": {"Content-Type", ""}, "protobuf": {"Content-Type", "application/proto"},
		"gRPC": {"Content-Type", "application/grpc"}, "a form": {"Content-Type", "application/x-www-form-urlencoded"}, "one that begins like it": {"Content-Type", "application/json2"}, "half a parameter": {"Content-Type", "application/json; charset"},
		"a stream": {"Content-Type", "application/connect+json"},
	} {
		if got := b.call("Node/Me", "{}", headers...); !got.says(400, "invalid") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	for path, body := range map[string]string{
		"/proof": `{"name":"` + b.name + `","nonce":"` + strings.Repeat("n", 43) + `"}`, "/session": `{"code":"x"}`, "/ticket": `{"id":"` + strings.Repeat("0", 64) + `","n":1}`,
	} {
		if got := b.ask("POST", path, body); got.says(400, "invalid") {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} { // which another page can send without asking
			if got := b.ask("POST", path, body, "Content-Type", kind); !got.says(400, "invalid") {
				t.Errorf("%s as %q: %d %s", path, kind, got.StatusCode, got.body)
			}
		}
		if got := b.ask("PUT", path, body); !got.says(405, "method") {
			t.Errorf("%s by PUT: %d %s", path, got.StatusCode, got.body)
		}
	}
	if got := b.ask("PUT", "/file/"+strings.Repeat("0", 64)+"/1", "x"); !got.says(405, "method") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if got := b.ask("GET", "/earshot.v1.Node/Me?encoding=json&message=%7B%7D", ""); !got.says(405, "method") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

// A header that comes twice could be read in two ways.
func TestHeadersThatComeTwice(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	for _, c := range []struct {
		name, value string
		status      int
	}{
		{"Sec-Fetch-Site", "cross-site", 403}, {"Sec-Fetch-Site", "same-origin", 403}, {"Earshot-Secret", b.secret, 401}, {"Earshot-Secret", "x", 401},
		{"Content-Type", "text/plain", 400}, {"Content-Type", "application/json", 400},
	} {
		r := b.request("POST", "/earshot.v1.Node/Me", strings.NewReader("{}"))
		r.Header.Add(c.name, c.value)
		got, err := b.client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != c.status {
			t.Errorf("%s, and %q: %d", c.name, c.value, got.StatusCode)
		}
	}
}

// What is no request of a method is refused in a word, and nothing of it comes back.
func TestBodyThatIsNoRequest(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	for _, body := range []string{"", "{", "[]", "null", `{"to":1}`, `{"to":{}}`, `{"to":"x"}{}`, `{"to":"` + strings.Repeat("x", 100_000), "\xff", `{"to":"\xff"}`} {
		if got := b.call("Messages/Send", body); !got.says(400, "invalid") || len(got.body) > 100 {
			t.Errorf("%.20q: %d %.100s", body, got.StatusCode, got.body)
		}
	}
	if got := b.call("Node/Me", `{"of a newer page":1}`); got.StatusCode != 200 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestCallsOfASessionAreBounded(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	var all []*http.Response
	for range session.MaxLasting {
		s := b.stream("Node/Watch", "{}")
		if _, _, err := message(s.Body); s.StatusCode != 200 || err != nil {
			t.Fatalf("%d %v", s.StatusCode, err)
		}
		all = append(all, s)
	}
	if s := b.stream("Node/Watch", "{}"); s.StatusCode != 429 {
		t.Errorf("%d", s.StatusCode)
	}
	if got := b.ask("PUT", "/file?name=x", "x"); !got.says(429, "busy") {
		t.Errorf("a file: %d %s", got.StatusCode, got.body)
	}
	if got := b.call("Node/Me", "{}"); got.StatusCode != 200 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	for range 2 * session.MaxLasting { // those that have ended count no more
		if got := b.call("Node/Me", "{}", "Connection", "close"); got.StatusCode != 200 {
			t.Fatalf("%d %s", got.StatusCode, got.body)
		}
	}
	for _, s := range all {
		s.Body.Close()
	}
}

// A body that never comes whole would hold a connection for ever, and with some of them all.
func TestHalfABodyHoldsNoConnection(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	page := "Host: " + b.host + "\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n"
	for head, want := range map[string]string{
		"POST /session HTTP/1.1\r\nHost: evil.example\r\n":          "403",
		"POST /earshot.v1.Node/Me HTTP/1.1\r\n" + page:              "401",
		"PUT /file?name=x HTTP/1.1\r\n" + page:                      "401",
		"DELETE /session HTTP/1.1\r\n" + page:                       "401",
		"GET / HTTP/1.1\r\n" + page:                                 "400",
		"GET /manifest.webmanifest HTTP/1.1\r\n" + page:             "400",
		"HEAD / HTTP/1.1\r\n" + page:                                "405",
		"POST /earshot.v1.Node/Down HTTP/1.1\r\n" + page:            "403",
		"POST /earshot.v1.Node/Me HTTP/1.1\r\nCookie: x\r\n" + page: "401",
	} {
		for _, body := range []string{"Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"} {
			t.Run(want, func(t *testing.T) {
				t.Parallel()
				if answer, err := b.raw(head + body); err != nil || !strings.HasPrefix(answer, "HTTP/1.1 "+want+" ") {
					t.Errorf("%s%s: %q, %v", head, body, answer, err)
				}
			})
		}
	}
}

// An answer that comes while there is more to be read is not taken back by the connection's end.
func TestRefusalArrives(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	head := "POST /session HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000000\r\n\r\n"
	if answer, err := b.raw(head + strings.Repeat("x", 100_000)); err != nil || !strings.HasPrefix(answer, "HTTP/1.1 403 ") {
		t.Errorf("%q, %v", answer, err)
	}
}

// What is no request of HTTP/1.1, or has more than one may have, gets nothing and ends the connection.
func TestConnectionsThatSpeakAnotherWay(t *testing.T) {
	l := newWorld(t).open(&earshotv1.OpenWebRequest{})
	page := "Host: " + l.host + "\r\nSec-Fetch-Site: same-origin\r\n"
	for text, want := range map[string]string{
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00":                  "HTTP/1.1 403 ",
		"GET / HTTP/1.1\r\n" + page + "X: " + strings.Repeat("x", maxHeader+8<<10) + "\r\n\r\n": "HTTP/1.1 431 ",
		"GET / HTTP/1.1\r\n" + page + page + "\r\n":                                             "HTTP/1.1 400 ",
		"OPTIONS * HTTP/1.1\r\n" + page + "Connection: close\r\n\r\n":                           "HTTP/1.1 404 ",
		"OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n":                                      "HTTP/1.1 403 ",
		"GET / HTTP/1.0\r\n\r\n":                                                       "HTTP/1.0 403 ",
		"GET / HTTP/1.1\r\n\r\n":                                                       "HTTP/1.1 400 ",
		"GET / HTTP/1.1\r\n" + page + "Transfer-Encoding: x\r\n\r\n":                   "HTTP/1.1 501 ",
		"GET / HTTP/1.1\r\n" + page + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n": "HTTP/1.1 400 ",
		"\x16\x03\x01\x00\x05hello\r\n\r\n":                                            "HTTP/1.1 400 ",
	} {
		if got, err := l.raw(text); err != nil || !strings.HasPrefix(got, want) || strings.Contains(got, "<title>") {
			t.Errorf("%.60q: %.200q, %v", text, got, err)
		}
	}
}

// Text in another encoding is refused as whatever else is no request.
func TestBodiesAreInUTF8(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	for kind, takes := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "application/json;charset=UTF-8": true, "APPLICATION/JSON": true,
		"application/json; charset=latin1": false, "application/json; charset": false, "application/json; charset=utf-8; x=y": false, "text/json": false, "application/json, text/plain": false,
	} {
		for path, body := range map[string]string{"/earshot.v1.Node/Me": "{}", "/proof": `{"name":"0123456789abcdef","nonce":"` + strings.Repeat("n", 43) + `"}`} {
			if got := b.ask("POST", path, body, "Content-Type", kind); takes == got.says(400, "invalid") || got.body == "" {
				t.Errorf("%s of %s: %d %s", path, kind, got.StatusCode, got.body)
			}
		}
	}
}
