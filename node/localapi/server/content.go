package server

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/earshot-im/earshot/node/files"
	"github.com/earshot-im/earshot/node/localapi"
	"github.com/earshot-im/earshot/node/localapi/view"
)

// inert are the media types that do nothing but show or sound. Everything else is given without its type,
// so that nothing that somebody has sent runs in a browser.
var inert = []string{"image/png", "image/jpeg", "image/webp", "image/gif", "audio/ogg"}

// contents answers plain HTTP about the contents of files.
type contents struct {
	files Files
	calls *answers
}

func (c contents) handle(mux *http.ServeMux) {
	mux.HandleFunc("PUT "+localapi.FilePath, c.lasting(c.put))
	mux.HandleFunc("GET "+localapi.FilePath+"/{id}/{n}", c.lasting(c.get))
}

// lasting counts a call among those that last, and answers with its error as the calls of the schema do in
// JSON. What has begun to answer returns none.
func (c contents) lasting(do func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	failed := connect.NewErrorWriter()
	return func(w http.ResponseWriter, r *http.Request) {
		done, err := c.calls.begin()
		if err == nil {
			defer done()
			err = do(w, r)
		}
		if err != nil {
			_ = failed.Write(w, r, answer(r.Context(), err)) // the caller has gone if that fails
		}
	}
}

// put is Add for a content that is in the request.
func (c contents) put(w http.ResponseWriter, r *http.Request) error {
	in, err := adding(r.URL.RawQuery)
	if err != nil {
		return err
	}
	in.Content, in.Size = r.Body, r.ContentLength
	added, err := c.files.Add(r.Context(), in, func(uint64, uint64) error { return r.Context().Err() })
	if err != nil {
		return err
	}
	b, err := protojson.Marshal(view.Added(added))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // a caller who has gone sends it again
	return nil
}

// adding reads the parameters of put.
func adding(query string) (in files.Adding, err error) {
	given, err := url.ParseQuery(query)
	if err != nil {
		return in, fmt.Errorf("%w: %w", errInvalid, err)
	}
	flags := map[string]*bool{"picture": &in.Picture, "voice": &in.Voice, "anyway": &in.Anyway, "folder": &in.Folder}
	for name, values := range given {
		value := values[len(values)-1]
		switch flag := flags[name]; {
		case name == "name":
			in.Name = value
		case name == "type":
			in.Type = value
		case flag == nil:
			return in, fmt.Errorf("%w: parameter %q", errInvalid, name)
		default:
			if *flag, err = strconv.ParseBool(value); value != "" && err != nil {
				return in, fmt.Errorf("%w: parameter %s=%q", errInvalid, name, value)
			}
			*flag = *flag || value == ""
		}
	}
	switch {
	case in.Name == "" || len(in.Name) > localapi.MaxFileName || !utf8.ValidString(in.Name):
		return in, fmt.Errorf("%w: the name of a file has 1 to %d bytes", errInvalid, localapi.MaxFileName)
	case len(in.Type) > localapi.MaxFileType || !utf8.ValidString(in.Type):
		return in, fmt.Errorf("%w: the media type of a file has at most %d bytes", errInvalid, localapi.MaxFileType)
	case in.Picture && in.Voice, in.Folder && (in.Picture || in.Voice):
		return in, fmt.Errorf("%w: picture, voice and folder exclude each other", errInvalid)
	}
	return in, nil
}

// get gives the content of an attachment, or a part of it.
func (c contents) get(w http.ResponseWriter, r *http.Request) error {
	id, err := eventID(r.PathValue("id"))
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(r.PathValue("n"), 10, 16)
	if err != nil || n < 1 || n > localapi.MaxFiles {
		return fmt.Errorf("%w %q", files.ErrNoFile, r.PathValue("n"))
	}
	a, content, err := c.files.Open(r.Context(), id, int(n))
	if err != nil {
		return err
	}
	defer content.Close()
	name, kind := a.Name, inertType(a.Type)
	if a.Folder {
		name, kind = name+".tar", "application/x-tar"
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", asAttachment(name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store") // or a copy would outlive what is taken back
	if a.Folder {
		return pack(w, r, content)
	}
	h.Set("ETag", fmt.Sprintf(`"%s-%d"`, view.EventID(id), n))
	http.ServeContent(w, r, "", time.Time{}, content)
	return nil
}

// pack gives a folder as a tar archive, always all of it. Where it can't go on, the connection is cut, so that
// nobody takes what has come for the whole.
func pack(w http.ResponseWriter, r *http.Request, content files.Content) error {
	if r.Method == http.MethodHead {
		return nil
	}
	begun := &begun{Writer: w}
	err := content.Pack(begun)
	if err != nil && begun.yes {
		panic(http.ErrAbortHandler)
	}
	return err
}

// begun notes whether something was written.
type begun struct {
	io.Writer
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.Writer.Write(p)
}

// inertType returns the media type if it is an inert one, without its parameters.
func inertType(claimed string) string {
	if t, _, err := mime.ParseMediaType(claimed); err == nil && slices.Contains(inert, t) {
		return t
	}
	return "application/octet-stream"
}

// asAttachment is the value of a Content-Disposition by which a browser saves a content under a name: as
// RFC 6266 has it, with the name in ASCII for those who know no other, and whole as in RFC 8187. The name
// is a sender's: what divides paths or acts on a terminal is not in it.
func asAttachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\`, r) || unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) {
			return '_'
		}
		return r
	}, view.Valid(name))
	if strings.Trim(name, ".") == "" {
		name = "file"
	}
	plain := strings.Map(func(r rune) rune {
		if r > '~' || strings.ContainsRune(`"%`, r) {
			return '_'
		}
		return r
	}, name)
	value := `attachment; filename="` + plain + `"`
	if plain == name {
		return value
	}
	var whole strings.Builder
	for _, b := range []byte(name) {
		if b < utf8.RuneSelf && (unicode.IsLetter(rune(b)) || unicode.IsDigit(rune(b)) || strings.IndexByte("!#$&+-.^_`|~", b) >= 0) {
			whole.WriteByte(b)
		} else {
			fmt.Fprintf(&whole, "%%%02X", b)
		}
	}
	return value + "; filename*=UTF-8''" + whole.String()
}
