package web

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/node/files/naming"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// A page may say any name of what it sends. What others get is a name that a file can have, as where the command line
// sends a file, and what they save it as leads nowhere.
func TestNamesOfFilesThatAPageSends(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	b.call("Groups/CreateGroup", `{"name":"lunch"}`)
	for name, want := range map[string]string{
		"..": "file", ".": "file", "/": "file", "a/b": "b", "../../etc/passwd": "passwd", "a/..": "file", "a\x00b": "a_b", "\x00": "_",
		"a\r\nb": "a\r\nb", "con": "con", "\u202egnp.exe": "\u202egnp.exe", strings.Repeat("x", 255): strings.Repeat("x", 255),
	} {
		up := b.ask("PUT", "/file?name="+url.QueryEscape(name), "content")
		var added struct{ File string }
		if err := json.Unmarshal([]byte(up.body), &added); up.StatusCode != 200 || err != nil {
			t.Fatalf("%q: %d %s", name, up.StatusCode, up.body)
		}
		var sent struct{ ID string }
		if got := b.call("Messages/Send", `{"to":"#lunch","files":["`+added.File+`"]}`); json.Unmarshal([]byte(got.body), &sent) != nil || sent.ID == "" {
			t.Fatalf("%q: %d %s", name, got.StatusCode, got.body)
		}
		var told struct {
			Messages []struct{ Attachments []struct{ Name string } }
		}
		got := b.call("Messages/GetMessages", `{"ids":["`+sent.ID+`"]}`)
		if err := json.Unmarshal([]byte(got.body), &told); err != nil || len(told.Messages) != 1 || len(told.Messages[0].Attachments) != 1 {
			t.Fatalf("%q: %d %s", name, got.StatusCode, got.body)
		}
		if got := told.Messages[0].Attachments[0].Name; got != want {
			t.Errorf("%q is sent as %q, not as %q", name, got, want)
		}
		if saved := naming.Own(want); saved == "" || strings.Trim(saved, ".") == "" || strings.ContainsAny(saved, "/\\\r\n\x00\u202e") {
			t.Errorf("%q is saved as %q", name, saved)
		}
		d := b.ask("GET", "/file/"+sent.ID+"/1", "").Header.Get("Content-Disposition")
		if !strings.HasPrefix(d, `attachment; filename="`) || strings.ContainsAny(d, "/\\\r\n\x00") {
			t.Errorf("%q: %q", name, d)
		}
	}
	for _, name := range []string{"", strings.Repeat("x", 256), "\xff"} {
		if got := b.ask("PUT", "/file?name="+url.QueryEscape(name), "content"); !got.says(400, "invalid") {
			t.Errorf("%.20q: %d %s", name, got.StatusCode, got.body)
		}
	}
}
