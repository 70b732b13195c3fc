package page_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// When the node says itself that a stream ends, as it does when it stops, another program may have its port next:
// nothing is sent before another proof.
func TestNothingIsSentAfterTheNodeHasEnded(t *testing.T) {
	t.Parallel()
	ends := make(chan struct{})
	always := scripted(bobTalks(object{"t": "1772368200000", "text": "hello"}), nil)
	g := serve(t, t.TempDir(), testdata())
	g.node = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/Changes") {
			always.ServeHTTP(w, r)
			return
		}
		envelope(w, 0, object{"cursor": "1", "live": true})
		select {
		case <-ends:
			envelope(w, 2, object{"error": object{"code": "unavailable", "message": "stopping"}})
		case <-r.Context().Done():
		}
	})
	b := browse(t, g.link())
	b.is(`performance.getEntriesByType('resource').filter(r => r.name.endsWith('/Conversations')).length > 1`) // all is read that is read at first
	b.opens("Bob")
	b.sees("article", "hello")
	g.set(func() { g.busy = true })
	close(ends)
	b.sees(".banner", "The node is gone")
	g.set(func() { g.asked = nil })
	b.tries("words")
	g.gets(t, "after the node has ended")
}

// A message that can't be sent leaves its files where they were, and ↑ leaves alone what is written.
func TestNothingThatIsWrittenIsLost(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	b.writes("mine")
	b.sees("article.own", "mine")
	b.is(`!document.querySelector('.send').disabled`)
	b.press("more")
	b.press(kb.ArrowUp)
	b.is(`document.querySelector('#write').value === 'more' && !document.querySelector('.context')`)
	b.press(kb.End)

	menu := filepath.Join(t.TempDir(), "menu.txt")
	if err := os.WriteFile(menu, []byte("soup\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), []string{menu}))
	b.sees(".tray", "menu.txt")
	b.is(`!document.querySelector('.tray progress')`)
	g.set(func() { g.cuts = "/Send" })
	b.writes(" words")
	b.sees(".toast", "")
	b.sees(".tray", "menu.txt")
	g.set(func() { g.cuts = "" })
	b.is(`!document.querySelector('.banner') && !document.querySelector('.send').disabled`)
	b.is(`document.querySelector('#write').value === 'more words'`)
	b.writes("")
	bob.until("more words", "history", "Ann")
	bob.until("menu.txt", "files", "Ann")
}

// What could not be sent in a conversation that was left meanwhile is kept as its draft.
func TestWordsOutliveTheirConversation(t *testing.T) {
	t.Parallel()
	ann, bob, b, g := pair(t)
	bob.does("send", "Ann", "hello")
	ann.does("group", "create", "lunch")
	ann.does("send", "#lunch", "soup")
	node, fails := g.node, make(chan struct{})
	g.node = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "Messages/Send") {
			node.ServeHTTP(w, r)
			return
		}
		select {
		case <-fails:
			refuse(w, http.StatusServiceUnavailable, "unavailable", "no room")
		case <-r.Context().Done():
		}
	})
	b.opens("Bob")
	b.writes("not to be lost")
	g.until(t, func() bool { return slices.Contains(g.asked, "POST /earshot.v1.Messages/Send") })
	b.opens("lunch")
	b.sees("article", "soup")
	close(fails)
	b.sees(".toast", "")
	b.opens("Bob")
	b.is(`document.querySelector('#write').value === 'not to be lost'`)
}
