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
		"gRPC": {"Content-Type", "application/grpc"}, "a form": {"Content-Type", "application/x-www-form-urlencoded"}, "a stream": {"Content-Type", "application/connect+json"},
	} {
		if got := b.call("Node/Me", "{}", headers...); !got.says(400, "invalid") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	if got := b.ask("GET", "/earshot.v1.Node/Me?encoding=json&message=%7B%7D", ""); !got.says(405, "method") {
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
	if got := b.call("Node/Me", "{}"); got.StatusCode != 200 {
		t.Errorf("%d %s", got.StatusCode, got.body)
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
		"GET /main.js HTTP/1.1\r\n" + page:                          "400",
		"POST /earshot.v1.Node/Down HTTP/1.1\r\n" + page:            "403",
		"POST /earshot.v1.Node/Me HTTP/1.1\r\nCookie: x\r\n" + page: "401",
	} {
		for _, body := range []string{"Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"} {
			if answer, err := b.raw(head + body); err != nil || !strings.HasPrefix(answer, "HTTP/1.1 "+want+" ") {
				t.Errorf("%s%s: %q, %v", head, body, answer, err)
			}
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
