package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
)

const (
	// secretHeader has the secret of the session in each call.
	secretHeader = "Earshot-Secret"

	// maxEntry bounds the bodies of what is here.
	maxEntry = 1 << 10

	// cookieLife is as long as browsers keep a cookie at most; the session ends before.
	cookieLife = 400 * 24 * time.Hour

	// maxCookies bounds the cookies of our name that are tried: a browser sends several where another program on
	// this machine has set one for the same host.
	maxCookies = 4

	// maxToken is longer than every token is.
	maxToken = 64
)

// prove shows the page that the node knows a code or a secret, before the page shows it to the node.
func (d *door) prove(w http.ResponseWriter, r *http.Request) error {
	var of, nonce string
	if err := entry(w, r, named{"name": &of, "nonce": &nonce}); err != nil {
		return err
	}
	if len(of) != 2*session.NameBytes || len(nonce) != session.NonceChars {
		return errInvalid
	}
	key, ok := d.table.Key(of)
	if !ok {
		answer(w, http.StatusNotFound, told{Code: "not_found", Message: session.ErrUnknown.Error()})
		return nil
	}
	answer(w, http.StatusOK, map[string]string{"proof": session.ProofOf(key, d.site.origin, nonce)})
	return nil
}

// session begins a session, or ends one.
func (d *door) session(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodDelete {
		name, err := d.table.Who(d.tokens(r))
		if err != nil {
			return err
		}
		if _, err := d.table.End(name); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	var code, old string // old: the secret of the session that the page has; "": none
	if err := entry(w, r, named{"code": &code, "old": &old}); err != nil {
		return err
	}
	if code == "" || len(code) > maxToken || len(old) > maxToken {
		return errInvalid
	}
	_, cookies := d.tokens(r)
	name, secret, cookie, err := d.table.Enter(code, r.UserAgent(), old, cookies)
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: d.site.cookie(), Value: cookie, Path: "/", MaxAge: int(cookieLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	answer(w, http.StatusOK, map[string]string{"secret": secret, "session": name})
	return nil
}

// ticket gives the address of a content that the browser itself is to save.
func (d *door) ticket(w http.ResponseWriter, r *http.Request) error {
	var (
		id string
		n  int
	)
	if err := entry(w, r, named{"id": &id, "n": &n}); err != nil {
		return err
	}
	path := fmt.Sprintf("%s/%s/%d", filePath, id, n)
	if !isContent(path) {
		return errInvalid
	}
	secret, cookies := d.tokens(r)
	text, err := d.table.Ticket(secret, cookies, path)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]string{"url": path + "?ticket=" + text})
	return nil
}

// tokens returns the secret that a request has, and the cookies of which one may be the session's. A request
// with several secrets has none.
func (d *door) tokens(r *http.Request) (secret string, cookies []string) {
	if values := r.Header.Values(secretHeader); len(values) == 1 {
		secret = values[0]
	}
	for _, c := range r.CookiesNamed(d.site.cookie()) {
		if len(cookies) < maxCookies {
			cookies = append(cookies, c.Value)
		}
	}
	return secret, cookies
}

// named is where to put what a request has, by the names there.
type named map[string]any

// entry reads a small request.
func entry(w http.ResponseWriter, r *http.Request, into named) error {
	switch {
	case r.Method != http.MethodPost:
		return errMethod
	case !isType(r, "application/json"):
		return errInvalid
	}
	b, err := read(w, r, maxEntry)
	if err != nil {
		return err
	}
	if into.read(json.NewDecoder(bytes.NewReader(b))) != nil {
		return errInvalid
	}
	return nil
}

// read reads an object, and nothing after it. Package json alone would take names in any case, and the last of two.
func (f named) read(in *json.Decoder) error {
	if begin, err := in.Token(); err != nil || begin != json.Delim('{') {
		return errInvalid
	}
	for left := maps.Clone(f); in.More(); {
		name, err := in.Token()
		if err != nil {
			return err
		}
		text, _ := name.(string)
		into, ok := left[text]
		if !ok {
			return errInvalid
		}
		delete(left, text)
		if err := in.Decode(into); err != nil {
			return err
		}
	}
	if _, err := in.Token(); err != nil { // the end of the object
		return err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errInvalid
	}
	return nil
}
