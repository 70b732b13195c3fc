package page_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// pair is two nodes that know each other, and a page of the first.
func pair(t *testing.T) (ann, bob *node, b *tab, g *gateway) {
	t.Helper()
	ann = start(t, "Ann")
	bob = start(t, "Bob", ann)
	ann.until("Bob", "peers")
	ann.does("accept", "Bob")
	bob.does("accept", "Ann")
	g = serve(t, ann.dir, testdata())
	return ann, bob, browse(t, g.link()), g
}

// A page that is open when its address is given up says so.
func TestWebStop(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	for _, args := range [][]string{{"web", "stop"}, {"web", "--print", "--new-address"}} {
		b := browse(t, regexp.MustCompile(`http://\S+`).FindString(ann.does("web", "--print")))
		b.sees(".list", "Ann")
		b.is(`performance.getEntriesByType('resource').filter(r => r.name.endsWith('/Conversations')).length > 1`) // it follows what changes
		ann.does(args...)
		b.sees(".gate", "earshot web")
	}
}

func TestTalk(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	bob.does("send", "Ann", "hello from Bob")
	b.sees(".item", "hello from Bob")
	b.shot("list")
	b.click("New message or group")
	b.sees("dialog .item", "Bob")
	b.shot("start")
	b.click("Close")
	js[bool](b, `document.querySelector('.item').click() ?? true`)
	b.sees("article", "hello from Bob")
	b.writes("hello from Ann")
	b.sees("article", "hello from Ann")
	bob.until("hello from Ann", "history", "Ann")
	b.sees("article .state", "delivered")
	b.shot("talk")
	if hash := js[string](b, "location.hash"); hash != "" {
		t.Errorf("the code stays in the address: %s", hash)
	}
	b.is(`document.title === 'earshot'`) // all is read
}

// The page with the gateway of the node: a link opens it once, the browser is remembered, and a session that is
// ended shows nothing more.
func TestGateway(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	bob := start(t, "Bob", ann)
	if !strings.Contains(ann.does("--help"), "\n  web ") {
		t.Skip("skipped: this program serves no page")
	}
	ann.until("Bob", "peers")
	ann.does("accept", "Bob")
	bob.does("send", "Ann", "through the gateway")
	link := regexp.MustCompile(`http://\S+`).FindString(ann.does("web", "--print"))
	b := browse(t, link)
	b.opens("Bob")
	b.sees("article", "through the gateway")
	b.writes("and back")
	bob.until("and back", "history", "Ann")
	file, err := filepath.Abs("page.go")
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), []string{file}))
	b.sees(".tray", "page.go")
	b.is(`!document.querySelector('.tray progress')`)
	b.writes("with a file")
	b.sees("article.own .file", "page.go")
	bob.until("page.go", "files", "Ann")

	b.do(chromedp.Reload())
	b.opens("Bob")
	b.sees("article", "with a file")
	ann.end()
	b.sees(".banner", "The node is gone")
	ann.up()
	b.is(`!document.querySelector('.banner')`)
	bob.until("Ann", "peers")
	b.writes("after a new start")
	ann.until("after a new start", "history", "Bob")

	session := regexp.MustCompile(`\b[0-9a-f]{16}\b`).FindString(ann.does("web", "sessions"))
	ann.does("web", "end", session)
	b.sees(".gate", "earshot web")
	if secret := js[string](b, `localStorage.getItem('secret') ?? ''`); secret != "" {
		t.Error("the page keeps the secret of a session that has ended")
	}
}
