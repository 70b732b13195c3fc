package page_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// focused is where the focus is, as a person would call it.
const focused = `(e => e === document.body ? 'BODY' : (e.ariaLabel || e.labels?.[0]?.innerText || e.placeholder || e.querySelector('.name')?.innerText || e.innerText || e.tagName).trim().replaceAll(/[\u2066-\u2069]/g, '').split('\n')[0])(document.activeElement)`

// tabs presses Tab, or Shift+Tab, until the focus is on something of this name.
func (b *tab) tabs(name string, modifiers ...chromedp.Modifier) {
	b.Helper()
	var passed []string
	for range 60 {
		b.press("\t", modifiers...)
		at := js[string](b, focused)
		if strings.HasPrefix(at, name) {
			return
		}
		passed = append(passed, at)
	}
	b.Fatalf("Tab never comes to %q, but to %q", name, passed)
}

// watches has the page count what a mouse does, and note where the focus is on nothing for longer than it takes to
// draw what takes it.
const watches = `(() => {
	window.mouse = 0; window.lost = [];
	for (const kind of ['pointerdown', 'pointermove', 'mousedown', 'mousemove', 'wheel', 'touchstart']) addEventListener(kind, () => window.mouse++, true);
	addEventListener('click', e => { if (e.detail) window.mouse++; }, true);
	let since = 0, key = '';
	addEventListener('keydown', e => { key = e.key + ' on ' + (e.target.ariaLabel || e.target.id || e.target.tagName); }, true);
	const look = () => {
		if (document.activeElement && document.activeElement !== document.body) since = 0;
		else if (++since === 30) window.lost.push(key);
		requestAnimationFrame(look);
	};
	look();
	return true;
})()`

// A person without a mouse does ten things that people do, and at no time is the focus on nothing.
func TestTenTasksByKeys(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	bob.does("send", "Ann", "by keys")
	b.sees(".item", "by keys")

	// Open a conversation.
	b.press("k", chromedp.ModifierCtrl)
	b.sees("dialog", "Go to")
	js[bool](b, watches)
	b.press("bo\r")
	b.sees("article", "by keys")
	b.is(`document.activeElement.id === 'write'`)

	// Write, and send it.
	b.press("one\r")
	b.sees("article.own", "one")

	// Change what was written last.
	b.is(`!document.querySelector('.send').disabled`)
	b.press(kb.ArrowUp)
	b.sees(".context", "Changing your message")
	b.press(" more\r")
	b.sees("article.own", "one more")
	b.sees("article .about", "edited")

	// Answer.
	b.press(kb.PageUp)
	b.is(`document.activeElement.tagName === 'ARTICLE'`)
	b.press("k")
	b.sees("article.selected", "by keys")
	b.press("r")
	b.is(`document.activeElement.id === 'write'`)
	b.press("an answer\r")
	b.sees("article .quote", "by keys")

	// React.
	b.press(kb.PageUp + "+")
	b.sees("dialog", "Choose an emoji")
	b.press("tada\r")
	b.sees(".reactions", "🎉")
	b.is(`document.activeElement.tagName === 'ARTICLE'`)

	// Take it back.
	b.press("x")
	b.sees("dialog", "Take the words back everywhere?")
	b.press("\r")
	b.sees("article", "You took back what stood here")

	// Search, and go to what was found.
	b.press("/")
	b.is(`document.activeElement.matches('.panel input')`)
	b.press("more")
	b.sees(".found", "one more")
	b.tabs("you")
	b.press("\r")
	b.sees("article.selected", "one more")
	b.is(`document.activeElement.matches('article.selected')`)
	b.press("\x1b")
	b.is(`document.activeElement.id === 'write'`)

	// Add a file.
	menu := filepath.Join(t.TempDir(), "menu.txt")
	if err := os.WriteFile(menu, []byte("soup\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.tabs("Add files", chromedp.ModifierShift)
	b.chooses(func() { b.press("\r") }, menu)
	b.sees(".tray", "menu.txt")
	b.is(`!document.querySelector('.tray progress')`)
	b.tabs("Write a message")
	b.press("with the menu\r")
	b.sees("article.own .file", "menu.txt")

	// Make a group.
	b.tabs("New message or group", chromedp.ModifierShift)
	b.press("\r")
	b.sees("dialog", "Make a group")
	b.tabs("Make a group")
	b.press("\r")
	b.sees("dialog", "Name of the group")
	b.press("keys\r")
	b.sees("dialog", "Invite")
	b.sees("dialog li", "Bob")
	b.tabs("Bob")
	b.press(" ")
	b.tabs("Invite")
	b.press("\r")
	b.sees(".talk h2", "#keys")
	b.is(`!document.querySelector('dialog')`)
	bob.until("keys", "group", "list")

	// Change a setting.
	b.tabs("Settings", chromedp.ModifierShift)
	b.press("\r")
	b.sees(".panel", "Others learn that you have read")
	b.tabs("Others learn that you have read")
	was := js[bool](b, `document.activeElement.checked`)
	b.press(" ")
	b.is(fmt.Sprintf(`document.activeElement.checked === %t`, !was))
	b.press("\x1b")
	b.is(`!document.querySelector('.panel')`)
	b.press("?")
	b.sees(".panel", "While a message is selected")
	b.press("\x1b")
	b.is(`!document.querySelector('.panel')`)

	b.is(`document.activeElement !== document.body`)
	for _, key := range js[[]string](b, `window.lost`) {
		t.Errorf("after %s the focus is on nothing", key)
	}
	if used := js[int](b, `window.mouse`); used != 0 {
		t.Errorf("a mouse was used %d times", used)
	}
}

// chooses answers the browser's dialog for files that do opens.
func (b *tab) chooses(do func(), files ...string) {
	b.Helper()
	if _, err := chromedp.Call(b.ctx, page.SetInterceptFileChooserDialog, page.SetInterceptFileChooserDialogParams{Enabled: true}); err != nil {
		b.Fatal(err)
	}
	opened := make(chan *page.EventFileChooserOpened, 1)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	err := chromedp.Listen(ctx, func(ev any) {
		if ev, ok := ev.(*page.EventFileChooserOpened); ok {
			select {
			case opened <- ev:
			default:
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	do()
	select {
	case ev := <-opened:
		if _, err := chromedp.Call(b.ctx, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: files, BackendNodeID: ev.BackendNodeID}); err != nil {
			b.Fatal(err)
		}
	case <-time.After(patience):
		b.Fatal("the browser is not asked for files")
	}
}

// What Tab comes to is in the order in which it stands: the list, the conversation, what is beside it.
func TestTabOrder(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	b.sees("article", "hello")
	b.click("Help")
	b.sees(".panel", "While a message is selected")
	js[bool](b, `document.querySelector('.list .mine').focus() ?? true`)
	order := func() []string {
		js[bool](b, `document.querySelector('.list .mine').focus() ?? true`)
		lines := []string{js[string](b, focused)}
		for range 40 {
			b.press("\t")
			lines = append(lines, js[string](b, `(document.activeElement.closest('nav, section, .side')?.ariaLabel ?? '') + ': ' + `+focused))
			if last := len(lines) - 1; lines[last] == ": BODY" || strings.HasSuffix(lines[last], ": "+lines[0]) {
				return lines[:last]
			}
		}
		return lines
	}
	b.agrees("taborder.txt", func() []string {
		lines := order()
		for i := range lines {
			lines[i] = steady(lines[i])
		}
		return lines
	})
}

// Enter that an input method takes does not send, and Tab completes the name of an emoji.
func TestKeysWhileWriting(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	b.is(`document.activeElement.id === 'write'`)
	js[bool](b, `(() => { const e = document.querySelector('#write'); e.value = '候補'; e.dispatchEvent(new Event('input', {bubbles: true}));
		e.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}));
		e.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', keyCode: 229, bubbles: true, cancelable: true})); return true; })()`)
	b.is(`document.querySelector('#write').value === '候補'`)
	b.press("\r")
	b.sees("article.own", "候補")
	if all := js[int](b, `document.querySelectorAll('article').length`); all != 2 {
		t.Errorf("there are %d messages", all)
	}
	b.press(":rocket")
	b.is(`!!document.querySelector('[role=listbox] [role=option]')`)
	b.press("\t")
	b.is(`document.querySelector('#write').value === '🚀'`)
	b.press(" first", chromedp.ModifierShift)
	b.press("\r", chromedp.ModifierShift)
	b.press("second\r")
	b.sees("article.own", "second")
	b.is(`[...document.querySelectorAll('article.own .text')].at(-1).textContent === '🚀 first\nsecond'`)
}
