package page_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe is axe-core, which finds what keeps people with disabilities from using a page.
func axe(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// sound fails for each rule of WCAG 2.2, up to AA, that what is shown now violates.
func (b *tab) sound(state string) {
	b.Helper()
	if !js[bool](b, `typeof axe !== 'undefined'`) {
		js[chromedp.Void](b, axe(b.T)+"; undefined")
	}
	found := js[string](b, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], rules: {'page-has-heading-one': {enabled: false}}})
		.then(r => JSON.stringify(r.violations.map(v => [v.id, v.help, v.nodes.slice(0, 5).map(n => n.html.slice(0, 300) + ' ' + n.failureSummary)])))`)
	var violations [][]any
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.Fatal(err)
	}
	for _, v := range violations {
		b.Errorf("%s: %v: %v\n%v", state, v[0], v[1], v[2])
	}
}

// unsteady are states of which no tree is kept: words to compare are others each time, and what is found in the way
// depends on the machine.
var unsteady = []string{"words", "replace", "doctor"}

// looked has what a screen reader makes of a state compared. Then it takes pictures, wide and narrow, light and dark,
// looks in each for what is too wide or too small, and has axe look at some.
func (b *tab) looked(state string) {
	b.Helper()
	if !slices.Contains(unsteady, state) {
		b.reads(state)
	}
	for _, v := range []struct {
		scheme string
		width  int64
		axe    bool // the others differ by nothing that it looks at
	}{{"light", 1280, true}, {"light", 800, false}, {"light", 360, false}, {"dark", 1280, false}, {"dark", 800, false}, {"dark", 360, true}} {
		b.media(v.scheme)
		b.do(chromedp.EmulateViewport(v.width, 740))
		at := fmt.Sprintf("%s-%s-%d", state, v.scheme, v.width)
		b.shot(at)
		for _, wrong := range js[[]string](b, ill) {
			b.Errorf("%s: %s", at, wrong)
		}
		if v.axe {
			b.sound(at)
		}
	}
	b.media("light")
	b.do(chromedp.EmulateViewport(1280, 740))
}

// ill lists what is wider than there is room for, and what is too small to be hit: less than 24 pixels (WCAG 2.5.8),
// but for links within a text.
const ill = `(() => {
	const wrong = [], seen = e => e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().width > 1;
	const name = e => e.tagName.toLowerCase() + [...e.classList].map(c => '.' + c).join('') + ' “' + (e.ariaLabel ?? e.innerText ?? '').trim().slice(0, 40) + '”';
	for (const e of document.querySelectorAll('html, body, body *')) {
		if (!seen(e) || !e.clientWidth) continue;
		const style = getComputedStyle(e);
		if (style.textOverflow === 'ellipsis' || e.matches('.out, .mono, input, select, textarea')) continue; // they are cut, or scroll, on purpose
		if (style.overflowX !== 'visible' && e.scrollWidth > e.clientWidth) wrong.push(name(e) + ' holds ' + e.scrollWidth + ' pixels in ' + e.clientWidth);
		const {left, right} = e.getBoundingClientRect();
		if (left < 0 || right > innerWidth + .5) wrong.push(name(e) + ' reaches from ' + left + ' to ' + right);
	}
	for (const e of document.querySelectorAll('button, a, input:not([type=file]), select, textarea, [role=option]')) {
		if (!seen(e) || e.matches('.text a')) continue;
		const {width, height} = (e.closest('label') ?? e).getBoundingClientRect();
		if (Math.min(width, height) < 24) wrong.push(name(e) + ' is ' + width + ' by ' + height);
	}
	return wrong;
})()`

// Each state is looked at by axe, and pictures are made of it where PAGE_SHOTS says so.
func TestStates(t *testing.T) {
	t.Parallel()
	ann, bob, b, g := pair(t)
	cy := start(t, "Cy", ann)
	cy.until("Ann", "peers")
	ann.does("me", "accept", "contacts")
	ann.does("group", "create", "lunch")
	ann.does("group", "invite", "#lunch", "Bob")
	bob.until("lunch", "group", "list")
	for _, text := range []string{"At one?", "The place by the river has soup today, and they take a table of six if somebody calls before noon: https://example.org/menu", "Who comes?"} {
		bob.does("send", "#lunch", text)
	}
	bob.does("send", "Ann", "hello, did you see the plan?")
	cy.does("send", "Ann", "Hi, I am the new one from the second floor.")
	b.sees(".asks", "1 request")
	b.sees(".list", "Who comes?")
	b.looked("list")

	b.click("New message or group")
	b.sees("dialog .item", "Bob")
	b.looked("start")
	b.click("Close")

	js[bool](b, `[...document.querySelectorAll('.item')].find(e => e.innerText.includes('lunch')).click() ?? true`)
	b.sees("article", "Who comes?")
	b.writes("I do. Half past?")
	b.sees("article .state", "delivered")
	id := js[string](b, `[...document.querySelectorAll('article')].at(-1).dataset.id`)
	bob.does("react", id[:16], "👍")
	b.sees(".reactions", "1")
	bob.end()
	b.writes("And who calls them?")
	b.sees("article .state", "waits for Bob")
	b.sees(".list .item", "waits")
	b.sees(".talk header", "1 here")
	b.looked("group")

	js[bool](b, `[...document.querySelectorAll('article')].at(-1).focus() ?? true`)
	b.sees("article.selected .tools", "")
	b.looked("selected")
	b.press("r")
	b.sees(".context", "Answering you:")
	b.looked("reply")
	b.press("\x1b")
	b.is(`!document.querySelector('.context')`)

	js[bool](b, `Object.defineProperty(Notification, 'permission', {value: 'default'}) && true`) // a browser that has no windows says denied
	for _, panel := range []struct{ button, waits, name string }{
		{"Details", "Members", "details"}, {"People", "Cy", "people"}, {"1 request to talk with you", "second floor", "requests"}, {"Search", "Only what I wrote", "search"},
		{"Settings", "Quiet hours", "settings"}, {"Files", "No files", "files"}, {"What waits", "Bob", "outbox"}, {"Help", "Anywhere", "help"},
	} {
		b.do(chromedp.EmulateViewport(1280, 740))
		b.click(panel.button)
		if panel.name == "details" {
			panel.waits = "Your role"
		}
		b.sees(".panel", panel.waits)
		if panel.name == "settings" {
			b.click("Add quiet hours")
			b.sees("fieldset", "From")
		}
		if panel.name == "search" {
			b.do(chromedp.SendKeys(chromedp.CSS(".panel .field"), "soup"))
			b.sees(".found", "soup")
		}
		b.looked(panel.name)
	}
	b.click("Close")
	for _, dialog := range []struct {
		open  func()
		waits string
		name  string
	}{
		{func() { b.press("k", chromedp.ModifierCtrl) }, "lunch", "switcher"},
		{func() { b.click("Emoji") }, "👍", "emoji"},
		{func() {
			js[bool](b, `[...document.querySelectorAll('article')].at(-1).focus() ?? true`)
			b.press("m")
		}, "Forward", "menu"},
		{func() {
			js[bool](b, `[...document.querySelectorAll('article')].at(-1).focus() ?? true`)
			b.press("f")
		}, "Bob", "forward"},
		{func() {
			js[bool](b, `[...document.querySelectorAll('article')].at(-1).focus() ?? true`)
			b.press("x")
		}, "take it back?", "takeback"},
	} {
		dialog.open()
		b.sees("dialog", dialog.waits)
		b.looked(dialog.name)
		b.click("Close")
		b.is(`!document.querySelector('dialog')`)
	}

	b.click("1 request to talk with you")
	b.sees(".request", "second floor")
	b.click("Compare words")
	b.sees(".words", "")
	b.is(`document.querySelectorAll('.words li').length === 10`)
	b.click("Show as a QR code")
	b.is(`!!document.querySelector('.qr')`)
	b.looked("words")
	b.click("Close")
	b.click("Accept")
	b.sees(".toast", "Cy is a contact now")
	b.sees(".talk h2", "Cy")
	b.is(`!document.querySelector('.toast') && document.title === '(1) earshot'`) // that is over, and what Cy wrote is read
	b.looked("accepted")

	ann.kill()
	b.sees(".banner", "The node is gone")
	b.looked("gone")
	g.mu.Lock()
	g.ended = true
	g.mu.Unlock()
	b.sees(".gate", "earshot web")
	b.looked("session")
}

func TestFirstRun(t *testing.T) {
	t.Parallel()
	eve := start(t, "")
	b := browse(t, serve(t, eve.dir, testdata()).link())
	b.sees("dialog", "What do colleagues call you?")
	b.is(`document.activeElement.tagName === 'INPUT'`)
	b.looked("first")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "Eve"))
	b.click("Contacts only; others wait to be accepted")
	b.click("Continue")
	b.sees("dialog", "your node goes on")
	b.looked("ready")
	b.click("Done")
	b.sees(".alone", "Nobody is on this network yet.")
	b.looked("alone")
	if me := eve.does("me"); !strings.Contains(me, "Eve") || !strings.Contains(me, "contacts") {
		t.Errorf("the node was told: %s", me)
	}
	b.click("What may stand in the way")
	b.sees(".panel", "This is what was found")
	b.looked("doctor")
}
