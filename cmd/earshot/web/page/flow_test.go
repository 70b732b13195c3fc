package page_test

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// opens goes to a conversation of the list.
func (b *tab) opens(name string) {
	b.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll('.list .item')].find(e => e.innerText.includes(%q))`, name)
	b.is(`!!` + find)
	js[bool](b, find+`.click() ?? true`)
	b.is(`!!document.querySelector('.feed') && !document.querySelector('.edge').innerText.includes('Loading')`)
	// The composer takes the focus after it has come: from what a test may have given it to before.
	b.is(`(at => !!document.querySelector('.composer') && (!at || at === document.activeElement))(document.querySelector('#write'))`)
}

// says has a node send many messages.
func (n *node) says(who string, texts []string) {
	n.t.Helper()
	cmd := exec.Command(program, "--dir", n.dir, "send", who, "--lines", "--wait", "delivered", "--timeout", "30s")
	cmd.Stdin = strings.NewReader(strings.Join(texts, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("send: %v: %s", err, out)
	}
}

func TestHistoryStaysStill(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	var texts []string
	for i := range 1500 {
		texts = append(texts, fmt.Sprintf("message %04d %s", i, strings.Repeat("of some length ", i%17)))
	}
	bob.says("Ann", texts)
	b.sees(".list .count", "1000+")
	b.opens("Bob")
	b.sees(".line.new", "1000")
	js[bool](b, `(() => { const e = document.querySelector('#write'); e.focus(); return true; })()`)
	b.press("\x1b") // to the end
	b.sees("article", "message 1499")
	// Up and down again, as a wheel turns: what stands on the screen moves by what was turned, and by nothing else.
	moved := js[[]float64](b, `(async () => {
		const el = document.querySelector('.feed'), frame = () => new Promise(requestAnimationFrame), jumps = [];
		for (const by of [...Array(250).fill(-400), ...Array(40).fill(400)]) {
			const mark = [...el.querySelectorAll('article')].find(a => a.querySelector('.body').getBoundingClientRect().top > el.getBoundingClientRect().top + 100);
			if (!mark) break;
			const before = mark.querySelector('.body').getBoundingClientRect().top, top = el.scrollTop;
			el.scrollTop += by;
			const went = el.scrollTop - top;
			await frame(); await frame();
			if (mark.isConnected) jumps.push(Math.abs(before - went - mark.querySelector('.body').getBoundingClientRect().top));
			for (let i = 0; i < 50 && document.querySelector('.edge').innerText.includes('Loading'); i++) await frame();
			window.most = Math.max(window.most ?? 0, el.querySelectorAll('article').length);
			window.early = Math.min(window.early ?? 9999, Number(/message (\d+)/.exec(el.querySelector('article').innerText)?.[1] ?? 0));
		}
		return jumps;
	})()`)
	if len(moved) < 200 || slices.Max(moved) > 1 {
		t.Errorf("%d steps, and what is on the screen jumps by up to %v pixels", len(moved), slices.Max(moved))
	}
	if most := js[int](b, `window.most`); most > 420 {
		t.Errorf("there are up to %d rows", most)
	}
	if early := js[int](b, `window.early`); early > 900 {
		t.Errorf("the earliest that was read is message %d", early)
	}
	js[bool](b, `document.querySelector('.below').click() ?? true`)
	b.sees("article", "message 1499")
}

// The page before the oldest row is there before it is wanted, and as it is then: what happens meanwhile to a message
// of it is seen.
func TestPageAhead(t *testing.T) {
	t.Parallel()
	ann, bob, b, g := pair(t)
	var texts []string
	const all = 700 // more than are held: as many are read at once if somebody is another than before
	for i := range all {
		texts = append(texts, fmt.Sprintf("message %04d", i))
	}
	bob.says("Ann", texts)
	ann.does("recv", "--count", fmt.Sprint(all), "--timeout", "30s")
	b.sees(".list .item", "message 0699")
	b.is(`!document.querySelector('.list .count')`) // all is read: it opens at its end
	b.opens("Bob")
	b.sees("article", "message 0699")
	settled := func() { // nothing is asked for any more
		t.Helper()
		for n := -1; n != g.calls("/History"); {
			n = g.calls("/History")
			b.is(`new Promise(done => setTimeout(done, 500, true))`)
		}
	}
	back := func(oldest string) {
		t.Helper()
		js[bool](b, `(document.querySelector('.feed').scrollTop = 0) === 0`)
		b.sees("article", oldest)
	}
	settled()
	oldest := 0
	if _, err := fmt.Sscanf(b.text("article .text"), "message %d", &oldest); err != nil || oldest < 1 {
		t.Fatalf("message %d is the oldest: %v", oldest, err)
	}
	late := make(chan struct{})
	answers := sync.OnceFunc(func() { close(late) })
	t.Cleanup(answers)
	g.set(func() { g.late = late })
	back(fmt.Sprintf("message %04d", oldest-1))
	g.set(func() { g.late = nil })
	answers()
	settled()
	if _, err := fmt.Sscanf(b.text("article .text"), "message %d", &oldest); err != nil || oldest < 1 {
		t.Fatalf("message %d is the oldest: %v", oldest, err)
	}
	id := regexp.MustCompile(fmt.Sprintf(`"id":"([0-9a-f]+)"[^\n]*"text":"message %04d"`, oldest-1)).FindStringSubmatch(bob.does("history", "Ann", "--limit", fmt.Sprint(all), "--json"))
	if id == nil {
		t.Fatal("the message before is not there")
	}
	bob.does("edit", id[1], "another text")
	bob.does("send", "Ann", "the last") // the page has heard of the edit when it shows this
	b.sees(".list .item", "the last")
	back("another text")
}

// calls returns how often a method was called.
func (g *gateway) calls(method string) (n int) {
	g.set(func() {
		for _, path := range g.asked {
			if strings.HasSuffix(path, method) {
				n++
			}
		}
	})
	return n
}

// Seven tabs of a browser, which has six connections to the node, all work, and one of them reads for all. When that
// is closed, another goes on.
func TestSevenTabs(t *testing.T) {
	t.Parallel()
	_, bob, first, g := pair(t)
	bob.does("send", "Ann", "to all")
	first.sees(".item", "to all")
	tabs := []*tab{first}
	for range 6 {
		b := first.beside(g.URL + "/")
		b.sees(".item", "to all")
		tabs = append(tabs, b)
	}
	bob.does("send", "Ann", "and once more")
	for _, b := range tabs {
		b.sees(".item", "and once more")
	}
	for _, method := range []string{"/Changes", "/Transfers"} {
		if n := g.calls(method); n != 1 {
			t.Errorf("%d calls of %s for seven tabs", n, method)
		}
	}
	for i, b := range tabs {
		b.opens("Bob")
		b.writes(fmt.Sprint("from tab ", i))
		b.sees("article.own", fmt.Sprint("from tab ", i))
	}
	for _, b := range tabs {
		b.sees("article.own", "from tab 6")
	}
	first.do(chromedp.Navigate("about:blank"))
	bob.does("send", "Ann", "with six left")
	for _, b := range tabs[1:] {
		b.sees("article", "with six left")
	}
	if n := g.calls("/Changes"); n != 2 {
		t.Errorf("%d streams were begun", n)
	}
}

// What has changed after a tab read it and before the stream of changes began is shown by every tab.
func TestChangesBeforeTheStream(t *testing.T) {
	t.Parallel()
	begins := make(chan struct{})
	before, after := scripted(bobTalks(object{"t": "1772368200000", "text": "before"}), nil), scripted(bobTalks(object{"t": "1772368200000", "text": "after"}), nil)
	g := serve(t, t.TempDir(), testdata())
	g.node = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Changes") {
			select {
			case <-begins:
			case <-r.Context().Done():
				return
			}
		}
		select {
		case <-begins:
			after.ServeHTTP(w, r)
		default:
			before.ServeHTTP(w, r)
		}
	})
	first := browse(t, g.link())
	first.sees(".item", "before")
	second := first.beside(g.URL + "/")
	for _, b := range []*tab{first, second} {
		b.opens("Bob")
		b.sees("article", "before")
	}
	close(begins)
	for _, b := range []*tab{first, second} {
		b.sees(".item", "after")
		b.sees("article", "after")
	}
}

// What is told while everything is read anew is newer than what is read.
func TestToldWhileItReads(t *testing.T) {
	t.Parallel()
	always, later := scripted(bobTalks(object{"t": "1772368200000", "text": "hello"}), nil), scripted(bobTalks(object{"t": "1772368200000", "text": "later"}), nil)
	asked, tell, read := make(chan struct{}, 9), make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(read) })
	g := serve(t, t.TempDir(), testdata())
	g.node = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/Changes"):
			envelope(w, 0, object{"cursor": "1", "live": true})
			select {
			case <-tell:
				envelope(w, 0, object{"cursor": "2", "changes": []any{object{"settings": object{"person": "0a", "name": "Anna"}}, object{"requests": 3}, object{"online": 7}}})
			case <-r.Context().Done():
			}
			<-r.Context().Done()
		case strings.HasSuffix(r.URL.Path, "/Conversations") && len(asked) > 0:
			asked <- struct{}{}
			select {
			case <-read:
			case <-r.Context().Done():
			}
			later.ServeHTTP(w, r)
		case strings.HasSuffix(r.URL.Path, "/Conversations"):
			asked <- struct{}{}
			always.ServeHTTP(w, r)
		default:
			always.ServeHTTP(w, r)
		}
	})
	b := browse(t, g.link())
	g.until(t, func() bool { return len(asked) == 2 })
	b.is(`performance.getEntriesByType('resource').filter(r => r.name.endsWith('/Status')).length > 1`)
	close(tell)
	for _, text := range []string{"hello", "later"} { // before it has read, and after
		b.sees(".item", text)
		b.sees(".mine", "Anna")
		b.sees(".mine", "7 people here")
		b.sees(".asks", "3 requests")
		release()
	}
}

func TestNodeComesBack(t *testing.T) {
	t.Parallel()
	ann, bob, b, _ := pair(t)
	bob.does("send", "Ann", "before")
	b.opens("Bob")
	b.writes("first")
	b.sees("article .state", "delivered")
	ann.end()
	b.sees(".banner", "The node is gone")
	b.do(chromedp.Focus(chromedp.CSS("#write")))
	b.press("kept meanwhile")
	b.sees(".composer", "is kept")
	ann.up()
	b.is(`!document.querySelector('.banner')`)
	b.is(`document.querySelector('#write').value === 'kept meanwhile'`)
	b.writes("")
	b.sees("article", "kept meanwhile")
	ann.until("kept meanwhile", "history", "Bob")
}

func TestAnotherProgramGetsNothing(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	g := serve(t, ann.dir, testdata())
	g.false = true
	b := browse(t, g.link())
	b.sees(".gate", "Another program answers")
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, path := range g.asked {
		if path != "POST /proof" && !strings.HasPrefix(path, "GET ") {
			t.Errorf("it is asked for %s", path)
		}
	}
}

func TestGerman(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	b := browse(t, serve(t, ann.dir, testdata()).link())
	b.sees(".alone", "Nobody is on this network yet.")
	b.click("Settings")
	b.sees(".panel", "Deutsch")
	js[bool](b, `(() => { const e = [...document.querySelectorAll('select')].find(e => e.innerText.includes('Deutsch')); e.value = 'de'; e.dispatchEvent(new Event('change', {bubbles: true})); return true; })()`)
	b.sees(".alone", "Noch ist niemand in diesem Netz.")
	b.is(`document.documentElement.lang === 'de'`)
	b.looked("german")
}

func TestFilesGoBothWays(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	dir := t.TempDir()
	menu := filepath.Join(dir, "menu.txt")
	if err := os.WriteFile(menu, []byte("soup\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bob.does("send", "Ann", "--file", menu, "the menu")
	b.opens("Bob")
	b.sees("article .file", "menu.txt")
	b.click("Fetch")
	b.is(`!!document.querySelector('.file [aria-label=Save]')`)
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), []string{menu}))
	b.sees(".tray", "menu.txt")
	b.is(`!document.querySelector('.tray progress')`)
	g.set(func() { g.cuts = "/Send" })
	b.writes("back to you")
	b.sees(".toast", "can’t be reached")
	b.sees(".tray", "menu.txt") // nothing is lost
	g.set(func() { g.cuts = "" })
	b.writes("")
	b.sees("article.own .file", "menu.txt")
	b.sees("article.own", "back to you")
	bob.until("menu.txt", "files", "Ann")
	b.is(`!document.querySelector('.tray') && !document.querySelector('.toast')`)
	b.looked("attached")
}

// What a browser packs of a folder is an archive that others read, long names included.
func TestFolderIsATarArchive(t *testing.T) {
	t.Parallel()
	b := browse(t, serve(t, t.TempDir(), testdata()).URL+"/testdata/empty.html")
	long := strings.Repeat("long name ", 20) + "ü.txt"
	packed := js[string](b, fmt.Sprintf(`import('/src/folder.js').then(async ({ofFiles}) => {
		const file = (path, text) => Object.defineProperty(new File([text], path.split('/').at(-1), {lastModified: 1772368200000}), 'webkitRelativePath', {value: 'plans/' + path});
		const bytes = new Uint8Array(await ofFiles([file('a.txt', 'one'), file('b/ä.txt', 'x'.repeat(513)), file(%q, ''), file('b/empty', '')]).arrayBuffer());
		return btoa(Array.from(bytes, c => String.fromCharCode(c)).join(''));
	})`, long))
	content, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(bytes.NewReader(content)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		if err != nil || n != h.Size || h.ModTime.Unix() != 1772368200 {
			t.Errorf("%+v: %d bytes, %v", h, n, err)
		}
		got = append(got, fmt.Sprintf("%s %d", h.Name, n))
	}
	if want := []string{"a.txt 3", "b/ä.txt 513", long + " 0", "b/empty 0"}; !slices.Equal(got, want) {
		t.Errorf("it has %q", got)
	}
}
