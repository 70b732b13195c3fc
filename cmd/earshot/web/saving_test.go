package web

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// While a browser saves one file it gets no ticket for another, so that connections are left for calls.
func TestOneFileIsSavedAtATime(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	if got := b.call("Groups/CreateGroup", `{"name":"lunch"}`); got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	large := strings.Repeat("x", 32<<20) // more than what lies on the way while nobody reads
	var added struct{ File string }
	if got := b.ask("PUT", "/file?name=large", large); json.Unmarshal([]byte(got.body), &added) != nil || added.File == "" {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	var sent struct{ ID string }
	if got := b.call("Messages/Send", `{"to":"#lunch","files":["`+added.File+`"]}`); json.Unmarshal([]byte(got.body), &sent) != nil || sent.ID == "" {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	ticket := func() (url string, got answered) {
		got = b.ask("POST", "/ticket", `{"id":"`+sent.ID+`","n":1}`)
		var v struct{ URL string }
		if err := json.Unmarshal([]byte(got.body), &v); err != nil {
			t.Fatal(err)
		}
		return v.URL, got
	}
	url, got := ticket()
	if url == "" {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	if _, got := ticket(); !got.says(429, "busy") {
		t.Errorf("while a ticket waits: %d %s", got.StatusCode, got.body)
	}
	saved, err := b.client().Do(b.request("GET", url, nil, "Earshot-Secret", ""))
	if err != nil || saved.StatusCode != 200 {
		t.Fatalf("%v %v", saved, err)
	}
	if _, got := ticket(); !got.says(429, "busy") {
		t.Errorf("while a file is saved: %d %s", got.StatusCode, got.body)
	}
	if n, err := io.Copy(io.Discard, saved.Body); n != int64(len(large)) || err != nil {
		t.Errorf("%d bytes: %v", n, err)
	}
	saved.Body.Close()
	for url, got = ticket(); url == ""; url, got = ticket() { // the node ends a moment after the browser has all
		if !got.says(429, "busy") {
			t.Fatalf("when it is saved: %d %s", got.StatusCode, got.body)
		}
	}
}
