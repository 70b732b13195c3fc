package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/earshot-im/earshot/node/localapi"
)

const (
	filePath = localapi.FilePath

	// idChars is how many characters the ID of a message has.
	idChars = 64
)

// isContent reports whether a path is as that of a content: it has the ID of a message and the number of a file.
func isContent(path string) bool {
	id, number, _ := strings.Cut(strings.TrimPrefix(path, filePath+"/"), "/")
	n, err := strconv.Atoi(number)
	return err == nil && n >= 1 && n <= localapi.MaxFiles && number == strconv.Itoa(n) &&
		len(id) == idChars && strings.Trim(id, "0123456789abcdef") == ""
}

// file takes in the content of a file, or gives one.
func (d *door) file(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	secret, cookies := d.tokens(r)
	begin := func() (func(), error) { return d.table.Begin(secret, cookies, true, cancel) }
	in := onward(ctx, r, "Content-Type", "Range")
	switch {
	case r.Method == http.MethodPut && r.URL.Path == filePath:
		in.URL.RawQuery = r.URL.RawQuery
		in.Body = body{r.Body, http.NewResponseController(w)}
	case r.Method != http.MethodGet, r.URL.Path == filePath:
		return errMethod
	case !isContent(r.URL.Path):
		return errInvalid
	default:
		if text := r.URL.Query()["ticket"]; len(text) == 1 {
			begin = func() (func(), error) { return d.table.Redeem(text[0], cookies, r.URL.Path, cancel) }
		}
	}
	done, err := begin()
	if err != nil {
		return err
	}
	defer done()
	out := &silent{ResponseWriter: w}
	d.api.ServeHTTP(out, in)
	out.end()
	return nil
}

// silent is an answer that says of a failure what a page may know. A content goes through it as it is.
type silent struct {
	http.ResponseWriter
	status int // 0: not known yet
	failed bytes.Buffer
}

func (s *silent) WriteHeader(status int) {
	s.status = status
	if !s.fails() {
		s.ResponseWriter.WriteHeader(status)
	}
}

// fails reports whether this is a failure. That a part can't be had, since it is beyond the end, is none.
func (s *silent) fails() bool {
	return s.status >= http.StatusBadRequest && s.status != http.StatusRequestedRangeNotSatisfiable
}

func (s *silent) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.WriteHeader(http.StatusOK)
	}
	if !s.fails() {
		return s.ResponseWriter.Write(b)
	}
	return s.failed.Write(b)
}

func (s *silent) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// end tells of a failure.
func (s *silent) end() {
	if !s.fails() {
		return
	}
	var v told
	if err := json.NewDecoder(&s.failed).Decode(&v); err != nil {
		v = told{Code: "internal"}
	}
	v.Message = v.Code
	for _, d := range v.Details {
		var detail struct{ Debug struct{ Code string } }
		if json.NewDecoder(bytes.NewReader(d)).Decode(&detail) == nil && detail.Debug.Code != "" {
			v.Message = detail.Debug.Code
		}
	}
	s.Header().Del("Content-Length")
	answer(s.ResponseWriter, s.status, v)
}
