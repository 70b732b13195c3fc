package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
	"github.com/earshot-im/earshot/node/localapi"
)

// alone is a door without a node: nothing comes as far as that.
func alone(t testing.TB) *door {
	s := &site{port: 22350, host: "x.localhost:22350", origin: "http://x.localhost:22350"}
	c := session.New(t.TempDir(), nowOf(1_800_000_000))
	if err := c.Place(session.NewLabel(), s.port, false); err != nil {
		t.Fatal(err)
	}
	return &door{site: s, table: c, files: pageFiles(), api: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Fatalf("%s has come to the node", r.URL)
	})}
}

// through asks a door as a page does.
func (d *door) through(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = d.site.host
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	r = r.WithContext(context.WithValue(r.Context(), peerKey{}, new(peer)))
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestEntryIsStrict(t *testing.T) {
	d := alone(t)
	code := d.table.Admit()
	for _, body := range []string{
		"", "{}", "[]", "null", `"` + code + `"`, `{"code":"` + code + `"`, `{"code":"` + code + `"} x`, `{"code":"` + code + `"}{}`, `{"code":"` + code + `","more":1}`, `{"code":["` + code + `"]}`,
		`{"Code":"` + code + `"}`, `{"code":"` + code + `","code":"` + code + `"}`, `{"code":"` + code + `","old":"","old":""}`, `{"code":"` + code + `","OLD":""}`, `{"code":"` + code + `",}`,
		`{"code":null}`, `{"code":"` + strings.Repeat("x", 65) + `"}`,
	} {
		if w := d.through("POST", "/session", body); w.Code != 400 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	for _, wrong := range []string{code + "x", strings.ToUpper(code), "x"} {
		if w := d.through("POST", "/session", `{"code":"`+wrong+`"}`); w.Code != 401 {
			t.Errorf("%s: %d %s", wrong, w.Code, w.Body)
		}
	}
	for _, body := range []string{"{}", `{"name":"0123456789abcdef"}`, `{"name":"x","nonce":"` + strings.Repeat("n", 43) + `"}`, `{"name":"0123456789abcdef","nonce":"` + strings.Repeat("n", 44) + `"}`} {
		if w := d.through("POST", "/proof", body); w.Code != 400 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	id := strings.Repeat("0", 64)
	for _, body := range []string{"{}", `{"id":"` + id + `","n":0}`, `{"id":"` + id + `","n":33}`, `{"id":"../` + id[3:] + `","n":1}`, `{"id":"` + id + `0","n":1}`, `{"id":"` + id + `","n":"1"}`} {
		if w := d.through("POST", "/ticket", body); w.Code != 400 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := d.through("POST", "/session", `{"code":"`+code+`"}`); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, path := range []string{"/session", "/proof", "/ticket"} {
		if w := d.through("GET", path, ""); w.Code != 405 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// A connection of which nobody has said whose it is gets nothing.
func TestConnectionThatIsNotKnown(t *testing.T) {
	d := alone(t)
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = d.site.host
	w := httptest.NewRecorder()
	if d.ServeHTTP(w, r); w.Code != 403 || strings.Contains(w.Body.String(), "<title>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The node gets of a request what it is to go by: not what the browser has added, and no token.
func TestOnlyWhatIsNamedGoesOn(t *testing.T) {
	r := httptest.NewRequest("POST", "/earshot.v1.Node/Me?encoding=json", strings.NewReader("{}"))
	for _, name := range []string{"Content-Type", "Cookie", "Earshot-Secret", "Origin", "Sec-Fetch-Site", "Authorization", "Content-Encoding"} {
		r.Header.Set(name, "x")
	}
	in := onward(t.Context(), r, "Content-Type", "Range")
	if len(in.Header) != 1 || in.Header.Get("Content-Type") != "x" || in.URL.String() != "/earshot.v1.Node/Me" || in.RequestURI != "" || in.Host != localapi.Host {
		t.Errorf("%v %v %q", in.Header, in.URL, in.Host)
	}
}

// No body but the one with the code begins a session.
func FuzzSession(f *testing.F) {
	for _, body := range []string{"{}", `{"code":"abcdefghijklmnopqrstuvwxyz"}`, `{"code":"a"}{"code":"b"}`, "\xff", `{"CODE":"x"}`, strings.Repeat("[", 2000)} {
		f.Add(body)
	}
	d := alone(f)
	f.Fuzz(func(t *testing.T, body string) {
		code := d.table.Admit()
		for _, path := range []string{"/session", "/proof", "/ticket"} {
			w := d.through("POST", path, body)
			if w.Code < 400 && !strings.Contains(body, code) || w.Code >= 500 {
				t.Fatalf("%s %q: %d %s", path, body, w.Code, w.Body)
			}
		}
		if len(d.table.List()) > 0 {
			t.Fatalf("%q has begun a session", body)
		}
	})
}

// Whatever is asked for, what is not the page is not given, and nothing comes to the node without a session.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/", "/index.html", "/../file.go", "//etc/passwd", "/file", "/file/", "/file/x/1?ticket=x", "/earshot.v1.Node/Me", "/%2e%2e/x", "/session"} {
		f.Add("GET", path)
		f.Add("POST", path)
	}
	d := alone(f)
	f.Fuzz(func(t *testing.T, method, path string) {
		r, err := http.NewRequest(method, "http://x"+path, strings.NewReader("{}"))
		if err != nil || r.URL.Path == "" {
			return
		}
		r.Host = d.site.host
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, new(peer))))
		if _, file := d.files[r.URL.Path]; w.Code < 400 && !file && r.URL.Path != "/" || w.Code >= 500 {
			t.Fatalf("%s %q: %d %s", method, path, w.Code, w.Body)
		}
	})
}

// nowOf is a clock that stands.
func nowOf(seconds int64) func() time.Time {
	return func() time.Time { return time.Unix(seconds, 0) }
}
