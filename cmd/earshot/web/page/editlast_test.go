package page_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	return func() {
		t.Helper()
		select {
		case held <- struct{}{}:
		case <-time.After(patience):
			t.Fatalf("there is no call of %s", method)
		}
	}
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

// Enter that is pressed while the message before is on its way sends too, right after it, unless more is written.
func TestEnterWhileSending(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	send := g.holds(t, "Messages/Send")
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	b.writes("one")
	b.is(`document.querySelector('.send').disabled`)
	b.press("\r")
	b.press("two\r")
	send()
	send()
	b.sees("article.own", "two")
	b.is(`document.querySelector('#write').value === '' && !document.querySelector('.send').disabled`)
	if got := js[string](b, `[...document.querySelectorAll('article.own .text')].map(e => e.innerText).join()`); got != "one,two" {
		t.Errorf("these were sent: %s", got)
	}
	b.writes("three")
	b.is(`document.querySelector('.send').disabled`)
	b.press("four\r and five")
	send()
	b.sees("article.own", "three")
	b.is(`document.querySelector('#write').value === 'four and five' && !document.querySelector('.send').disabled`)
}
