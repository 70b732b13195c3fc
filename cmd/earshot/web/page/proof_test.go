package page_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/earshot-im/earshot/cmd/earshot/web/page"
)

// set changes how the gateway behaves.
func (g *gateway) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

// gets fails for each request that is more than a proof or a file of the page, and forgets what was asked.
func (g *gateway) gets(t *testing.T, where string) {
	t.Helper()
	g.set(func() {
		for _, path := range g.asked {
			if path != "POST /proof" && !strings.HasPrefix(path, "GET ") {
				t.Errorf("%s: it is asked for %s", where, path)
			}
		}
		g.asked = nil
	})
}

// tries does what sends something to the node, if it is there.
func (b *tab) tries(text string) {
	b.Helper()
	b.do(chromedp.Focus(chromedp.CSS("#write")))
	b.press(text + "\r")
	b.press(kb.ArrowUp)
	b.press("\x1b")
	js[bool](b, `(() => { for (const what of ['blur', 'focus', 'online', 'pagehide']) window.dispatchEvent(new Event(what)); return true; })()`)
	b.press("k", chromedp.ModifierCtrl)
	b.press("\x1b")
	js[string](b, `fetch('/testdata/empty.html').then(r => r.text())`) // what was asked for before has come
}

// Once the connection was lost, whoever answers gets nothing of what is written until it has proven to be the node:
// neither from the tab that reads the streams nor from another one.
func TestNothingIsSentBeforeTheProof(t *testing.T) {
	t.Parallel()
	_, bob, first, g := pair(t)
	bob.does("send", "Ann", "before")
	first.opens("Bob")
	second := first.beside(g.URL + "/")
	second.opens("Bob")
	tabs := []*tab{first, second}

	g.set(func() { g.busy = true })
	g.CloseClientConnections()
	for _, b := range tabs {
		b.sees(".banner", "The node is gone")
	}
	g.set(func() { g.asked = nil })
	first.tries("the first draft")
	second.tries("the second draft")
	g.gets(t, "before the proof")

	g.set(func() { g.busy = false })
	for _, b := range tabs {
		b.is(`!document.querySelector('.banner')`)
	}
	second.writes("")
	bob.until("the second draft", "history", "Ann")

	g.set(func() { g.false = true })
	g.CloseClientConnections()
	for _, b := range tabs {
		b.sees(".gate", "Another program answers")
	}
	g.set(func() { g.asked, g.false = nil, false })
	for _, b := range tabs {
		b.press("k", chromedp.ModifierCtrl)
		js[bool](b, `(() => { for (const what of ['blur', 'focus', 'online', 'pagehide']) window.dispatchEvent(new Event(what)); return true; })()`)
		js[string](b, `fetch('/testdata/empty.html').then(r => r.text())`)
	}
	g.gets(t, "after a false proof")
}

// When one call of a tab that does not read the streams breaks off, that tab has the node prove itself again.
func TestOneCallBreaksOff(t *testing.T) {
	t.Parallel()
	_, bob, first, g := pair(t)
	bob.does("send", "Ann", "before")
	first.opens("Bob")
	second := first.beside(g.URL + "/")
	second.opens("Bob")
	g.set(func() { g.asked, g.cuts = nil, "/Send" })
	second.writes("lost")
	second.sees(".toast", "")
	g.set(func() { g.cuts = "" })
	second.is(`!document.querySelector('.banner') && !document.querySelector('.send').disabled`)
	second.writes("")
	bob.until("lost", "history", "Ann")
	g.set(func() {
		proofs := 0
		for _, path := range g.asked {
			if path == "POST /proof" {
				proofs++
			}
		}
		if proofs < 2 {
			t.Errorf("there are %d proofs for two tabs", proofs)
		}
	})
}

// A tab whose session has ended goes on with the session that another tab has begun meanwhile, and never forgets that.
func TestAnotherTabBeginsASession(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	bob.does("send", "Ann", "before")
	b.opens("Bob")
	const later, last = "a secret of another session", "a secret of a third session"
	js[bool](b, `(() => { const real = fetch; window.going = 0; window.fetch = (path, options) => {
		if (window.third) {
			if (path === '/proof') localStorage.setItem('secret', '`+last+`');
			else if (localStorage.getItem('secret') !== '`+last+`') return Promise.reject(new TypeError('lost')); // a call must not learn first that the session has ended
		}
		going++;
		return real(path, options).finally(() => { going--; });
	}; return true; })()`)
	js[bool](b, `localStorage.setItem('secret', '`+later+`') ?? true`)
	g.set(func() { g.secret = later })
	b.do(chromedp.Focus(chromedp.CSS("#write")))
	b.press("refused at first") // the node is told that the owner writes
	b.is(`performance.getEntriesByType('resource').filter(r => r.name.endsWith('/proof')).length > 3`)
	b.is(`!document.querySelector('.banner') && !document.querySelector('.gate')`)
	b.writes("")
	bob.until("refused at first", "history", "Ann")

	js[bool](b, `window.third = true`)
	b.is(`going === 0`)
	g.set(func() { g.secret = last })
	g.CloseClientConnections()
	b.sees(".banner", "The node is gone")
	b.is(`!document.querySelector('.banner') && !document.querySelector('.gate')`)
	if kept := js[string](b, `localStorage.getItem('secret') ?? ''`); kept != last {
		t.Errorf("the page keeps %q", kept)
	}
}

// Nothing more of the page is loaded before the node has proven itself. Once it has, the page loads everything that it
// may need later, so that nothing is left to load from another program.
func TestAllIsLoadedAfterTheProof(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	g := serve(t, ann.dir, testdata())
	g.set(func() { g.busy = true })
	b := browse(t, g.URL+"/testdata/empty.html")
	js[bool](b, `localStorage.setItem('secret', '`+secret+`') ?? true`)
	b.do(chromedp.Navigate(g.URL + "/"))
	b.sees(".gate", "does not answer")
	for proofs, begun := 0, time.Now(); proofs < 3 && time.Since(begun) < patience; { // the page tries again and again
		js[string](b, `fetch('/testdata/empty.html').then(r => r.text())`)
		g.set(func() { proofs = strings.Count(strings.Join(g.asked, "\n"), "POST /proof") })
	}
	g.set(func() {
		for _, path := range g.asked {
			if strings.Contains(path, "/later-") {
				t.Errorf("it is asked for %s", path)
			}
		}
		g.busy = false
	})
	b.sees(".alone", "Nobody is on this network yet.")
	modules, err := fs.Glob(page.Assets(), "*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range modules {
		if !strings.HasPrefix(name, "de-") {
			b.is(fmt.Sprintf(`performance.getEntriesByType('resource').some(r => r.name.endsWith('/%s'))`, name))
		}
	}
}

// A link that is opened where there is a session already takes its place, if the node has proven that it knows it.
func TestLinkTakesThePlaceOfTheSession(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	g := serve(t, ann.dir, testdata())
	b := browse(t, g.link())
	b.sees(".alone", "")
	for _, stored := range []string{secret, "a secret of no session"} {
		js[bool](b, `localStorage.setItem('secret', '`+stored+`') ?? true`)
		b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(g.link()))
		b.sees(".alone", "")
	}
	g.set(func() {
		if want := []string{"", secret, ""}; !slices.Equal(g.old, want) {
			t.Errorf("the old sessions are %q and not %q", g.old, want)
		}
	})
}

// However many files are added at once, connections are left for everything else, and all files arrive.
func TestFilesLeaveConnections(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	bob.does("send", "Ann", "before")
	b.opens("Bob")
	hold := make(chan struct{})
	g.set(func() { g.hold = hold })
	release := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(release)
	var files []string
	for i := range 8 {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("file%d.txt", i))
		if err := os.WriteFile(path, []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), files))
	b.sees(".tray", "file7.txt")
	b.do(chromedp.Focus(chromedp.CSS("#write")))
	b.press("seven files\r")                                                             // too early
	js[bool](b, `[...document.querySelectorAll('.tray button')].at(-1).click() ?? true`) // one that waits is taken out
	b.click("Search")
	b.do(chromedp.SendKeys(chromedp.CSS(".panel .field"), "before"))
	b.sees(".found", "before")
	release()
	b.is(`!document.querySelector('.tray progress')`)
	if sent := g.calls("/Send"); sent != 0 {
		t.Error("a message is sent before its files are there")
	}
	b.writes("")
	bob.until("file6.txt", "files", "Ann")
	g.set(func() {
		if g.most != 1 {
			t.Errorf("%d files are on their way at once", g.most)
		}
		puts := 0
		for _, path := range g.asked {
			if path == "PUT /file" {
				puts++
			}
		}
		if puts != 7 {
			t.Errorf("%d files are sent", puts)
		}
	})
}

// A file that is taken out while it is on its way is sent no further, and makes room for others.
func TestFileTakenOut(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	bob.does("send", "Ann", "before")
	b.opens("Bob")
	hold := make(chan struct{})
	g.set(func() { g.hold = hold })
	t.Cleanup(func() { close(hold) })
	for i := range 3 {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("file%d.txt", i))
		if err := os.WriteFile(path, []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
		b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), []string{path}))
		b.sees(".tray", fmt.Sprintf("file%d.txt", i))
		g.until(t, func() bool { return g.files == 1 })
		b.click("Remove")
		b.is(`!document.querySelector('.tray')`)
		g.until(t, func() bool { return g.files == 0 })
	}
}

// until waits until something is true of the gateway.
func (g *gateway) until(t *testing.T, is func() bool) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(10 * time.Millisecond) {
		so := false
		g.set(func() { so = is() })
		if so {
			return
		}
	}
	t.Fatal("it never comes to that")
}

// A proof that was asked for before the connection was lost says nothing of whoever answers now.
func TestProofOfTheTimeBefore(t *testing.T) {
	t.Parallel()
	b := browse(t, serve(t, t.TempDir(), testdata()).URL+"/testdata/empty.html")
	for _, lost := range []bool{false, true} {
		got := js[string](b, fmt.Sprintf(`(async () => {
			localStorage.setItem('secret', %q);
			const session = await import('/src/session.js'), real = window.fetch;
			window.fetch = async (...asked) => {
				const answer = await real(...asked);
				if (%t) session.doubt();
				return answer;
			};
			const answered = await session.resume();
			window.fetch = real;
			return answered + ' ' + session.proven();
		})()`, secret, lost))
		if want := map[bool]string{false: "ok " + secret, true: " "}[lost]; got != want {
			t.Errorf("lost: %t: %q", lost, got)
		}
	}
}
