package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Rule 2: DNS rebinding has a browser name another host.
func TestExactHost(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	_, port, _ := net.SplitHostPort(b.host)
	for _, host := range []string{
		"evil.example:" + port, "localhost:" + port, "127.0.0.1:" + port, "[::1]:" + port, strings.ToUpper(b.host), b.host + ".", "x" + b.host,
		strings.TrimSuffix(b.host, ":"+port), "earshot", strings.Replace(b.host, ":", ".:", 1),
	} {
		if host == b.host {
			continue
		}
		if got := b.ask("GET", "/", "", "Host", host); got.StatusCode != 403 || !strings.Contains(got.body, "earshot web") {
			t.Errorf("%s: %d %s", host, got.StatusCode, got.body)
		}
		if got := b.call("Node/Me", "{}", "Host", host); !got.says(403, "host") {
			t.Errorf("%s: %d %s", host, got.StatusCode, got.body)
		}
	}
}

// Rule 4: the code holds once, and neither cookie nor secret alone is worth anything.
func TestSessionNeedsCodeCookieAndSecret(t *testing.T) {
	w := newWorld(t)
	l := w.open(&earshotv1.OpenWebRequest{})
	b := l.enter()
	if again := b.ask("POST", "/session", `{"code":"`+l.code+`"}`); !again.says(401, "unknown") {
		t.Errorf("a code holds twice: %d %s", again.StatusCode, again.body)
	}
	if b.proof(l.code) {
		t.Error("a used code is known")
	}
	if !b.proof(b.secret) {
		t.Error("the session is not known")
	}
	other := w.open(&earshotv1.OpenWebRequest{}).enter()
	for name, headers := range map[string][]string{
		"no secret":          {"Earshot-Secret", ""},
		"no cookie":          {"Cookie", ""},
		"neither":            {"Earshot-Secret", "", "Cookie", ""},
		"another's secret":   {"Earshot-Secret", other.secret},
		"another's cookie":   {"Cookie", other.cookie},
		"swapped":            {"Earshot-Secret", strings.SplitN(b.cookie, "=", 2)[1], "Cookie", strings.SplitN(b.cookie, "=", 2)[0] + "=" + b.secret},
		"the cookie as both": {"Earshot-Secret", strings.SplitN(b.cookie, "=", 2)[1]},
		"others' cookies":    {"Cookie", other.cookie + "; " + other.cookie + "x"},
		"too many cookies":   {"Cookie", strings.Repeat(other.cookie+"; ", maxCookies) + b.cookie},
		"a wrong secret":     {"Earshot-Secret", b.secret[1:] + "A"},
		"a long one":         {"Earshot-Secret", strings.Repeat("A", 4000)},
	} {
		if got := b.call("Node/Me", "{}", headers...); !got.says(401, "unknown") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		if got := b.ask("PUT", "/file?name=x", "x", headers...); !got.says(401, "unknown") {
			t.Errorf("%s: a file: %d %s", name, got.StatusCode, got.body)
		}
		if got := b.ask("DELETE", "/session", "", headers...); !got.says(401, "unknown") {
			t.Errorf("%s: the end of the session: %d %s", name, got.StatusCode, got.body)
		}
	}
	kept, err := os.ReadFile(filepath.Join(w.dir, "web"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{b.secret, strings.SplitN(b.cookie, "=", 2)[1], l.code} {
		if bytes.Contains(kept, []byte(secret)) {
			t.Errorf("%s is kept", secret)
		}
	}
}

// Another program on this machine that sets a cookie of our name shuts nobody out.
func TestCookieOfAnotherProgram(t *testing.T) {
	w := newWorld(t)
	b, other := w.open(&earshotv1.OpenWebRequest{}).enter(), w.open(&earshotv1.OpenWebRequest{}).enter()
	name, _, _ := strings.Cut(b.cookie, "=")
	for _, cookies := range []string{other.cookie + "; " + b.cookie, b.cookie + "; " + name + "=x", name + "=" + strings.Repeat("x", 4000) + "; " + b.cookie, strings.Repeat(name+"=x; ", maxCookies-1) + b.cookie} {
		if got := b.call("Node/Me", "{}", "Cookie", cookies); got.StatusCode != 200 {
			t.Errorf("%.200s: %d %s", cookies, got.StatusCode, got.body)
		}
	}
}

// Rule 4: what the page does not check first, a program that squats on the port would get.
func TestNodeProvesFirst(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	key := session.KeyOf(b.secret)
	nonce := strings.Repeat("A", 43)
	w := b.ask("POST", "/proof", `{"name":"`+b.name+`","nonce":"`+nonce+`"}`, "Earshot-Secret", "", "Cookie", "")
	if w.StatusCode != 200 || !strings.Contains(w.body, session.ProofOf(key, b.origin, nonce)) {
		t.Errorf("%d %s", w.StatusCode, w.body)
	}
	for what, other := range map[string]string{
		"another origin": session.ProofOf(key, "http://localhost:1", nonce), "another nonce": session.ProofOf(key, b.origin, nonce[1:]+"B"),
		"another key": session.ProofOf(session.KeyOf(b.secret+"x"), b.origin, nonce),
	} {
		if strings.Contains(w.body, other) {
			t.Errorf("the proof is the same for %s", what)
		}
	}
	if w := b.ask("POST", "/proof", `{"name":"0123456789abcdef","nonce":"`+nonce+`"}`); !w.says(404, "unknown") {
		t.Errorf("%d %s", w.StatusCode, w.body)
	}
}

// Each click on the icon opens the page by a new link: it would be one session more each time.
func TestPageBeginsAnotherSession(t *testing.T) {
	w := newWorld(t)
	b := w.open(&earshotv1.OpenWebRequest{}).enter()
	for _, old := range []string{strings.Repeat("x", maxToken+1), `","x":"`} {
		if got := b.ask("POST", "/session", `{"code":"`+w.open(&earshotv1.OpenWebRequest{}).code+`","old":"`+old+`"}`); !got.says(400, "invalid") {
			t.Errorf("%s: %d %s", old, got.StatusCode, got.body)
		}
	}
	got := b.ask("POST", "/session", `{"code":"`+w.open(&earshotv1.OpenWebRequest{}).code+`","old":"`+b.secret+`"}`)
	if got.StatusCode != 200 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if me := b.call("Node/Me", "{}"); !me.says(401, "unknown") {
		t.Errorf("%d %s", me.StatusCode, me.body)
	}
	if s, err := w.WebSessions(t.Context(), nil); err != nil || len(s.Sessions) != 1 || s.Sessions[0].Id == b.name {
		t.Errorf("%v, %v", s, err)
	}
}

func TestCookie(t *testing.T) {
	w := newWorld(t)
	l := w.open(&earshotv1.OpenWebRequest{})
	b := &browser{link: l}
	got := b.ask("POST", "/session", `{"code":"`+l.code+`"}`)
	if got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	c := got.Cookies()[0]
	if _, port, _ := net.SplitHostPort(l.host); c.Name != "earshot-"+port { // what listens at another port has one of its own
		t.Error(c.Name)
	}
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Domain != "" || c.Path != "/" || c.MaxAge != 400*24*60*60 || strings.Contains(got.body, c.Value) {
		t.Errorf("%+v", c)
	}
}

// Rule 4: sessions can be listed and ended, and what they have under way ends with them.
func TestSessionIsEnded(t *testing.T) {
	w := newWorld(t)
	for name, end := range map[string]func(*browser) error{
		"by the owner": func(b *browser) error {
			_, err := w.EndWebSession(t.Context(), &earshotv1.EndWebSessionRequest{Id: b.name})
			return err
		},
		"by its page": func(b *browser) error {
			if got := b.ask("DELETE", "/session", ""); got.StatusCode != 204 {
				return fmt.Errorf("%d %s", got.StatusCode, got.body)
			}
			return nil
		},
	} {
		b, other := w.open(&earshotv1.OpenWebRequest{}).enter(), w.open(&earshotv1.OpenWebRequest{}).enter()
		follows, others := b.stream("Journal/Changes", `{}`), other.stream("Journal/Changes", `{}`)
		for _, s := range []*http.Response{follows, others} {
			if flags, text, err := message(s.Body); flags != 0 || err != nil {
				t.Fatalf("%s: %d %s %v", name, flags, text, err)
			}
		}
		list, err := w.WebSessions(t.Context(), nil)
		if err != nil || !slices.ContainsFunc(list.Sessions, func(s *earshotv1.WebSession) bool {
			return s.Id == b.name && s.Browser == "Firefox on Linux" && s.Calls == 1
		}) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
		if err := end(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for { // what was on its way may come first
			flags, text, err := message(follows.Body)
			if err != nil || flags == 2 {
				break
			}
			_ = text
		}
		if got := b.call("Node/Me", "{}"); !got.says(401, "unknown") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		if got := other.call("Node/Me", "{}"); got.StatusCode != 200 {
			t.Errorf("%s: another session: %d %s", name, got.StatusCode, got.body)
		}
	}
	if _, err := w.EndWebSession(t.Context(), &earshotv1.EndWebSessionRequest{Id: "0123456789abcdef"}); err == nil || !strings.Contains(err.Error(), localapi.ErrNoSession.Error()) {
		t.Errorf("%v", err)
	}
}

// Rule 5: another page must not have a browser ask with the cookie that it has.
func TestOnlyThePageAsks(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	for _, site := range []string{"", "none", "same-site", "cross-site", "same-origin, same-origin", "Same-Origin"} {
		for _, r := range [][3]string{{"GET", "/manifest.webmanifest"}, {"GET", "/icon.svg"}, {"POST", "/proof", "{}"}, {"POST", "/session", "{}"}, {"POST", "/earshot.v1.Node/Me", "{}"},
			{"PUT", "/file?name=x", "x"}, {"GET", "/file/" + strings.Repeat("0", 64) + "/1"}, {"POST", "/ticket", "{}"}, {"DELETE", "/session"}, {"POST", "/", "x"}, {"OPTIONS", "/", ""}} {
			got := b.ask(r[0], r[1], r[2], "Sec-Fetch-Site", site)
			if got.StatusCode != 403 {
				t.Errorf("%s %s from %q: %d %s", r[0], r[1], site, got.StatusCode, got.body)
			}
		}
		if got := b.ask("GET", "/", "", "Sec-Fetch-Site", site); got.StatusCode != 200 {
			t.Errorf("/ from %q: %d", site, got.StatusCode)
		}
	}
	for name, headers := range map[string][]string{
		"another origin": {"Origin", "http://evil.example"},
		"null":           {"Origin", "null"},
	} {
		// Browsers that send the one send the other; whoever sends both in contradiction is none.
		if got := b.call("Node/Me", "{}", append(headers, "Sec-Fetch-Site", "cross-site")...); !got.says(403, "origin") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	if got := b.ask("OPTIONS", "/earshot.v1.Node/Me", ""); got.StatusCode == 200 || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
}

// Rules 5 and 6: the headers are on every answer, also on those that refuse.
func TestHeadersOfEveryAnswer(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	for _, r := range [][]string{
		{"GET", "/", ""}, {"GET", "/index.html", ""}, {"GET", "/missing.js", ""}, {"GET", "/../page.go", ""}, {"POST", "/proof", "{}"}, {"POST", "/session", "x"},
		{"POST", "/earshot.v1.Node/Me", "{}"}, {"POST", "/earshot.v1.Node/Down", "{}"}, {"GET", "/earshot.v1.Node/Me", ""},
		{"GET", "/file/" + strings.Repeat("0", 64) + "/1", ""}, {"GET", "/", "", "Host", "evil.example"}, {"GET", "/x", "", "Sec-Fetch-Site", ""},
		{"DELETE", "/", ""},
	} {
		got := b.ask(r[0], r[1], r[2], r[3:]...)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; " +
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
				t.Errorf("%v: %d: %s: %q", r, got.StatusCode, name, values)
			}
		}
		if got.Header.Get("Access-Control-Allow-Origin") != "" || got.Header.Get("Cache-Control") == "" {
			t.Errorf("%v: %v", r, got.Header)
		}
	}
}

// Rule 7: whatever was sent is saved, or shown by the page as one of the inert types.
func TestAttachmentsDoNothing(t *testing.T) {
	w := newWorld(t)
	b := w.open(&earshotv1.OpenWebRequest{}).enter()
	b.call("Groups/CreateGroup", `{"name":"lunch"}`)
	var added struct{ File string }
	up := b.ask("PUT", "/file?name="+"a%3Cb%3E.html&type=text/html", "<script>alert(1)</script>", "Content-Type", "text/html")
	if err := json.Unmarshal([]byte(up.body), &added); up.StatusCode != 200 || err != nil || added.File == "" {
		t.Fatalf("%d %s", up.StatusCode, up.body)
	}
	var sent struct{ ID string }
	if got := b.call("Messages/Send", `{"to":"#lunch","text":"look","files":["`+added.File+`"]}`); json.Unmarshal([]byte(got.body), &sent) != nil || sent.ID == "" {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	path := "/file/" + sent.ID + "/1"
	check := func(name string, got answered) {
		if got.StatusCode != 200 || got.body != "<script>alert(1)</script>" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/octet-stream", "Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if value := got.Header.Get(name); value != want {
				t.Errorf("%s: %q", name, value)
			}
		}
		if d := got.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; filename=") {
			t.Errorf("%s", d)
		}
	}
	check("with the secret", b.ask("GET", path, ""))
	if got := b.ask("GET", path, "", "Range", "bytes=1-6"); got.StatusCode != 206 || got.body != "script" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if got := b.ask("GET", path, "", "Range", "bytes=999-"); got.StatusCode != 416 || strings.Contains(got.body, "code") {
		t.Errorf("beyond its end: %d %s", got.StatusCode, got.body)
	}
	var ticket struct{ URL string }
	if got := b.ask("POST", "/ticket", `{"id":"`+sent.ID+`","n":1}`); json.Unmarshal([]byte(got.body), &ticket) != nil || !strings.HasPrefix(ticket.URL, path+"?ticket=") {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	browserAlone := []string{"Earshot-Secret", ""}
	if got := b.ask("GET", path, "", browserAlone...); !got.says(401, "unknown") {
		t.Errorf("without a ticket: %d %s", got.StatusCode, got.body)
	}
	if got := b.ask("GET", ticket.URL, "", append(browserAlone, "Cookie", "")...); !got.says(401, "unknown") {
		t.Errorf("without the cookie: %d %s", got.StatusCode, got.body)
	}
	if got := b.ask("GET", strings.Replace(ticket.URL, "/1?", "/2?", 1), "", browserAlone...); !got.says(401, "unknown") {
		t.Errorf("for another file: %d %s", got.StatusCode, got.body)
	}
	if got := b.ask("GET", ticket.URL+"&ticket=x", "", browserAlone...); !got.says(401, "unknown") {
		t.Errorf("one of two: %d %s", got.StatusCode, got.body)
	}
	check("with a ticket", b.ask("GET", ticket.URL, "", browserAlone...))
	if got := b.ask("GET", ticket.URL, "", browserAlone...); !got.says(401, "unknown") {
		t.Errorf("twice: %d %s", got.StatusCode, got.body)
	}
	if got := b.ask("GET", "/file/"+sent.ID+"/7", ""); !got.says(404, "no_file") {
		t.Errorf("a file that is not there: %d %s", got.StatusCode, got.body)
	}
	for _, wrong := range []string{"/file/../main.js", "/file//" + sent.ID + "/1", path + "/", path + "/1", "/file/", "/file/" + strings.Repeat("A", 64) + "/1",
		"/file/" + sent.ID, "/file/" + sent.ID + "/", "/file/" + sent.ID + "/0", "/file/" + sent.ID + "/01", "/file/" + sent.ID + "/33"} {
		if got := b.ask("GET", wrong, ""); !got.says(400, "invalid") {
			t.Errorf("%s: %d %s", wrong, got.StatusCode, got.body)
		}
	}
	if got := b.ask("PUT", "/file?name=x&picture=true", "no picture"); !got.says(400, "picture") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

// Rule 8: a page that may name a path of this machine has everything; and it learns of none.
func TestNoPathsOfThisMachine(t *testing.T) {
	w := newWorld(t)
	b := w.open(&earshotv1.OpenWebRequest{}).enter()
	saved := t.TempDir()
	owner := localapi.Dial(w.dir)
	defer owner.Close()
	if _, err := owner.UpdateMe(t.Context(), &earshotv1.UpdateMeRequest{FilesDir: &saved}); err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]string{
		{"Node/UpdateMe", `{"filesDir":"/tmp"}`}, {"Node/UpdateMe", `{"filesDir":""}`}, {"Node/UpdateMe", `{"files_dir":"/tmp","typing":true}`},
		{"Node/Down", `{}`}, {"Files/SaveFiles", `{}`}, {"Files/Add", `{"path":"/etc/passwd"}`}, {"Web/OpenWeb", `{}`}, {"Web/WebSessions", `{}`}, {"Nothing/Known", `{}`},
		{"Node/", `{}`}, {"Node/Me/", `{}`}, {"Node//Me", `{}`},
	} {
		if got := b.call(r[0], r[1]); got.StatusCode != 403 || !strings.Contains(got.body, "not_permitted") {
			t.Errorf("%s %s: %d %s", r[0], r[1], got.StatusCode, got.body)
		}
	}
	for _, r := range [][2]string{{"Node/Me", `{}`}, {"Node/UpdateMe", `{"typing":false}`}} {
		if got := b.call(r[0], r[1]); got.StatusCode != 200 || strings.Contains(got.body, saved) || !strings.Contains(got.body, "Ann") {
			t.Errorf("%s: %d %s", r[0], got.StatusCode, got.body)
		}
	}
	s := b.stream("Journal/Changes", `{"kinds":["settings"],"after":"0"}`)
	for {
		flags, text, err := message(s.Body)
		if err != nil || flags != 0 {
			t.Fatalf("no settings were told: %d %s %v", flags, text, err)
		}
		if strings.Contains(text, saved) {
			t.Error(text)
		}
		if strings.Contains(text, "settings") {
			break
		}
	}
	if got := b.call("Messages/History", `{"with":"Nobody"}`); !got.says(404, "unknown") {
		t.Errorf("an error with words: %d %s", got.StatusCode, got.body)
	}
	if flags, text, err := message(b.stream("Journal/Changes", `{"kinds":["nothing"]}`).Body); err != nil || flags != 2 || !strings.Contains(text, `"message":"invalid"`) {
		t.Errorf("an error of a stream with words: %d %s %v", flags, text, err)
	}
	down := b.stream("Node/Down", `{}`)
	if down.StatusCode != 403 {
		t.Errorf("%d", down.StatusCode)
	}
	if got := b.call("Doctor/Examine", "{}"); !got.says(400, "invalid") { // as a stream only
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	examined := b.stream("Doctor/Examine", `{}`)
	all, err := io.ReadAll(examined.Body)
	if err != nil || bytes.Contains(all, []byte(w.dir)) || !bytes.Contains(all, []byte(`"disk"`)) {
		t.Errorf("%s %v", all, err)
	}
}
