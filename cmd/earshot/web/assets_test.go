package web

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/web/page"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// A browser keeps for good only what has another name when it is another; it asks each time whether the rest is new.
func TestFilesOfThePageAreKept(t *testing.T) {
	b := newWorld(t).open(&earshotv1.OpenWebRequest{}).enter()
	names, err := fs.Glob(page.Assets(), "*")
	if err != nil || len(names) == 0 {
		t.Fatalf("%q %v", names, err)
	}
	kept := 0
	for _, name := range names {
		content, err := fs.ReadFile(page.Assets(), name)
		if err != nil {
			t.Fatal(err)
		}
		got := b.ask("GET", "/"+name, "")
		if got.StatusCode != 200 || got.body != string(content) {
			t.Errorf("%s: %d, %d bytes", name, got.StatusCode, len(got.body))
		}
		if again := b.ask("GET", "/"+name, "", "If-None-Match", got.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("%s has not changed, and the answer is %d", name, again.StatusCode)
		}
		want := "no-cache"
		if strings.HasSuffix(name, ".js") || strings.HasSuffix(name, ".css") {
			want = "max-age=31536000, immutable"
			kept++
		}
		if cache := got.Header.Get("Cache-Control"); cache != want {
			t.Errorf("%s: Cache-Control is %q", name, cache)
		}
	}
	if kept < 5 {
		t.Errorf("%d of %d files are kept", kept, len(names))
	}
}
