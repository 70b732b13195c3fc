package web

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/web/page"
)

// kinds are the media types of the files of the page, by the ends of their names. Others are not served.
var kinds = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".svg":         "image/svg+xml",
	".webmanifest": "application/manifest+json",
	".txt":         "text/plain; charset=utf-8",
}

// fixed are the names of files that say what is in them: it never changes, and a browser need not ask for it again.
var fixed = regexp.MustCompile(`-[0-9A-Z]{8}\.(js|css)$`)

// assets are the files of the page, by their paths: their ETags.
type assets map[string]string

// pageFiles finds the files of the page. It is called when the page is first served: until then they cost
// nothing.
func pageFiles() assets {
	found := make(assets)
	_ = fs.WalkDir(page.Assets(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || kinds[path.Ext(name)] == "" {
			return err
		}
		b, err := fs.ReadFile(page.Assets(), name)
		if err == nil {
			found["/"+name] = fmt.Sprintf(`"%x"`, sha256.Sum256(b))
		}
		return err
	})
	return found
}

func (a assets) serve(w http.ResponseWriter, r *http.Request) error {
	name := r.URL.Path
	if name == "/" {
		name = "/index.html"
	}
	tag, ok := a[name]
	switch {
	case !ok:
		return errMissing
	case r.Method != http.MethodGet:
		return errMethod
	}
	b, err := fs.ReadFile(page.Assets(), name[1:])
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", kinds[path.Ext(name)])
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache") // a newer program has a newer page
	if fixed.MatchString(name) {
		h.Set("Cache-Control", "max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	return nil
}
