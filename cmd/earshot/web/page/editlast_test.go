package page_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// holds has a gateway pass each call of a method on when the test says so.
func (g *gateway) holds(t *testing.T, method string) (pass func()) {
	t.Helper()
	node, held := g.node, make(chan struct{})
	g.node = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, method) {
			select {
			case <-held:
			case <-r.Context().Done():
				return
			}
		}
		node.ServeHTTP(w, r)
	})
	return func() { held <- struct{}{} }
}

// The message that is being sent is the last one: the key that edits the last message waits until it is there.
func TestEditOfWhatIsBeingSent(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	send := g.holds(t, "Messages/Send")
	edit := g.holds(t, "Messages/Edit")
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	b.writes("before")
	send()
	b.sees("article.own", "before")

	b.writes("the first try")
	b.press(kb.ArrowUp)
	send()
	b.sees(".context", "Changing")
	b.is(`document.querySelector('#write').value === 'the first try'`)
	b.press("!\r") // the edit
	b.press(kb.ArrowUp)
	edit()
	b.sees("article.own", "the first try!")
	b.sees(".context", "Changing")
	b.is(`document.querySelector('#write').value === 'the first try!'`)
	b.press("\x1b")
	b.is(`!document.querySelector('.context') && document.querySelector('#write').value === ''`)

	// Whoever writes on wants no edit.
	b.writes("another")
	b.press(kb.ArrowUp)
	b.press(" one")
	send()
	b.sees("article.own", "another")
	b.is(`document.querySelector('#write').value === ' one' && !document.querySelector('.context')`)
	b.press("\b\b\b\b")
	b.is(`document.querySelector('#write').value === ''`)
	b.press(kb.ArrowUp)
	b.is(`document.querySelector('#write').value === 'another'`)
}

// A message with files is sent once, however often Enter is pressed, and what is written meanwhile stays.
func TestFilesAreSentOnce(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	send := g.holds(t, "Messages/Send")
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	file, err := filepath.Abs("page.go")
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), []string{file}))
	b.sees(".tray", "page.go")
	b.is(`!document.querySelector('.tray progress')`)
	b.writes("with a file")
	b.press("\r")
	b.press(" and more")
	send()
	b.sees("article.own", "page.go")
	b.is(`document.querySelector('#write').value === ' and more'`)
	b.press("\r")
	send()
	b.sees("article.own", "and more")
	if n := js[int](b, `document.querySelectorAll('article.own').length`); n != 2 {
		t.Errorf("%d messages were sent", n)
	}
	b.press(kb.ArrowUp)
	b.is(`document.querySelector('#write').value.trim() === 'and more'`)
}
