package web

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"runtime"
	"strings"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
)

// policy is what a browser lets the page do: nothing but what is here. WEB.md has the reasons of rules.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// headers are those of every answer.
var headers = map[string]string{
	"Content-Security-Policy":      policy,
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

// door is what every request to a site comes through.
type door struct {
	site  *site
	table *session.Table
	api   http.Handler
	files assets
}

func newDoor(g *Gateway, s *site) *door {
	return &door{site: s, table: g.table, api: g.api, files: pageFiles()}
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	in := &asked{r.Body, r.ContentLength == 0}
	r = r.WithContext(r.Context()) // a copy: the server goes by the body of its own
	r.Body = in
	slow := newSlow(w, in)
	defer slow.end()
	if err := d.check(r); err != nil {
		slow.Header().Set("Connection", "close")
		if r.URL.Path == "/" {
			explain(slow, err)
			return
		}
		refuse(slow, err)
		return
	}
	if err := d.route(slow, r); err != nil {
		refuse(slow, err)
	}
}

// check returns why a request is refused, whatever it asks for.
func (d *door) check(r *http.Request) error {
	switch p, ok := r.Context().Value(peerKey{}).(*peer); {
	case !ok:
		return errUser
	case p.refused != nil:
		return p.refused
	case r.Host != d.site.host:
		return errHost
	case r.URL.Path == "/" && r.Method == http.MethodGet: // a link may come from anywhere
		return nil
	case r.Header.Get("Sec-Fetch-Site") != "same-origin" || len(r.Header.Values("Sec-Fetch-Site")) != 1:
		return errOrigin
	}
	return nil
}

// route does what is asked for.
func (d *door) route(w http.ResponseWriter, r *http.Request) error {
	path := r.URL.Path
	switch {
	case r.Method == http.MethodGet && r.ContentLength != 0:
		return errInvalid // the server would wait for the body before it sends a long answer
	case path == "/proof":
		return d.prove(w, r)
	case path == "/session":
		return d.session(w, r)
	case path == "/ticket":
		return d.ticket(w, r)
	case path == filePath || strings.HasPrefix(path, filePath+"/"):
		return d.file(w, r)
	case strings.HasPrefix(path, apiPrefix):
		return d.call(w, r)
	}
	return d.files.serve(w, r)
}

// explain tells a person who has opened the page why it is refused.
func explain(w http.ResponseWriter, err error) {
	text := "This is not the address of the page.\n\nOpen the page with: earshot web\n"
	if errors.Is(err, errUser) {
		_, why, _ := strings.Cut(err.Error(), ": ")
		text = fmt.Sprintf("This page is for the user of its node alone: %s.\n\n"+
			"If this is your own node, and the system can't tell so, as in WSL and in some containers,\n"+
			"open the page with: earshot web --any-local-user\n", why)
	} else if errors.Is(err, errOrigin) {
		text = "Another page has sent this.\n"
	}
	if runtime.GOOS == "darwin" && errors.Is(err, errHost) {
		text += "On macOS its address begins with http://localhost:\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write([]byte(text))
}

// isType reports whether a body is of a media type, in UTF-8.
func isType(r *http.Request, want string) bool {
	values := r.Header.Values("Content-Type")
	if len(values) != 1 {
		return false
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if charset, ok := params["charset"]; ok && strings.EqualFold(charset, "utf-8") {
		delete(params, "charset")
	}
	return err == nil && kind == want && len(params) == 0
}
