package page_test

import (
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// lastRow focuses the last row, so that keys are for it.
func (b *tab) lastRow() {
	b.Helper()
	js[bool](b, `[...document.querySelectorAll('article')].at(-1).focus() ?? true`)
	b.is(`document.activeElement.classList.contains('selected')`)
}

// fills writes into the field of a dialog, in place of what stands there, and sends it.
func (b *tab) fills(text string) {
	b.Helper()
	b.is(`document.activeElement.matches('dialog input')`)
	js[bool](b, `document.activeElement.select() ?? true`)
	b.press(text + "\r")
}

func TestGroupFromThePage(t *testing.T) {
	t.Parallel()
	ann, bob, b, _ := pair(t)
	cy := start(t, "Cy", ann)
	cy.until("Ann", "peers")
	ann.does("accept", "Cy")
	cy.does("accept", "Ann")
	b.click("New message or group")
	b.click("Make a group")
	b.sees("dialog", "Name of the group")
	b.fills("team")
	b.sees("dialog", "Invite")
	for _, name := range []string{"Bob", "Cy"} {
		b.is(`[...document.querySelectorAll('dialog li')].some(e => e.innerText.includes('` + name + `'))`)
		js[bool](b, `[...document.querySelectorAll('dialog li')].find(e => e.innerText.includes('`+name+`')).querySelector('input').click() ?? true`)
	}
	b.click("Invite")
	bob.until("team", "group", "list")
	cy.until("team", "group", "list")
	b.sees(".talk h2", "#team")
	b.sees("article", "You added")
	b.do(chromedp.Focus(chromedp.CSS("#write")))
	b.press("@")
	b.is(`[...document.querySelectorAll('[role=option]')].map(e => e.innerText.trim()).sort().join() === 'Bob,Cy'`)
	b.press("\t")
	b.is(`/^@(Bob|Cy) $/.test(document.querySelector('#write').value)`)
	b.press("\b\b\b\b\b")
	b.click("Details")
	b.sees(".panel", "3 members")
	b.click("Rename")
	b.sees("dialog", "Name of the group")
	b.fills("crew")
	b.sees(".talk h2", "#crew")
	b.click("Topic")
	b.sees("dialog", "Topic of the group")
	b.fills("who does what")
	b.sees(".talk .bar", "who does what")
	js[bool](b, `(() => { const s = [...document.querySelectorAll('.person')].find(e => e.innerText.includes('Bob')).querySelector('select'); s.value = 'admin'; s.dispatchEvent(new Event('change', {bubbles: true})); return true; })()`)
	bob.until("admin", "group", "members", "#crew")
	js[bool](b, `[...[...document.querySelectorAll('.person')].find(e => e.innerText.includes('Cy')).querySelectorAll('button')].at(-1).click() ?? true`)
	b.sees("dialog", "from the group?")
	b.press("\r")
	b.sees("article", "You removed")
	b.sees(".panel", "2 members")
	b.click("Mute 1 hour")
	b.sees(".panel", "Muted until")
	b.sees(".list .marks", "muted")
	b.click("Pin")
	b.sees(".panel", "Unpin")
	b.click("Leave")
	b.sees("dialog", "Leave")
	b.press("\r")
	b.sees(".composer", "You are not in this group any more.")
}

func TestMessagesFromThePage(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	bob.does("send", "Ann", "the first of them all")
	b.opens("Bob")
	b.writes("to be taken back")
	b.sees("article .state", "delivered")
	b.lastRow()
	b.press("x")
	b.sees("dialog", "Take the words back everywhere?")
	b.press("\r")
	b.sees("article", "You took back what stood here")
	js[bool](b, `document.querySelector('article').focus() ?? true`)
	b.press("u")
	b.sees(".toast", "Marked unread")
	b.sees(".list .count", "1")
	b.press("i")
	b.sees(".panel", "About this message")
	b.click("Close")
	js[bool](b, `document.querySelector('article').focus() ?? true`)
	b.press("f")
	b.sees("dialog", "Forward to")
	b.is(`!!document.querySelector('dialog li input')`)
	js[bool](b, `document.querySelector('dialog li input').click() ?? true`)
	b.click("Send")
	b.sees("article.own", "the first of them all")
	b.click("Search")
	b.is(`document.activeElement.matches('.panel input')`)
	b.press("first")
	b.sees(".found", "the first of them all")
	js[bool](b, `[...document.querySelectorAll('.found .item')].at(-1).click() ?? true`)
	b.sees("article.selected", "the first of them all")
	b.click("Close")
	b.click("Details")
	b.click("Block")
	b.sees("dialog", "They are not told.")
	b.press("\r")
	b.sees(".composer", "You have blocked them")
	b.click("Unblock")
	b.is(`!!document.querySelector('#write')`)
	b.click("Nickname")
	b.sees("dialog", "which only you see")
	b.fills("Bobby")
	b.sees(".talk h2", "Bobby")
	b.do(chromedp.Focus(chromedp.CSS("#write")))
	b.press("a draft")
	bob.does("send", "Ann", "meanwhile")
	b.press(kb.ArrowDown, chromedp.ModifierAlt)
	b.is(`document.querySelector('#write').value === 'a draft'`)
}

// A picture is shown small in its row and whole on request, and a voice note is recorded, sent and played.
func TestPictureAndVoice(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	picture := filepath.Join(t.TempDir(), "cake.jpg")
	if err := os.WriteFile(picture, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	drawn := image.NewRGBA(image.Rect(0, 0, 640, 400))
	for x := range 640 {
		for y := range 400 {
			drawn.Set(x, y, color.RGBA{uint8(x / 3), uint8(y / 2), 140, 255})
		}
	}
	f, err := os.Create(picture)
	if err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(f, drawn, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	b.is(`!!document.querySelector('#write')`)
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), []string{picture}))
	b.sees(".tray", "cake.jpg")
	b.is(`!document.querySelector('.tray progress')`)
	b.writes("cake in the kitchen")
	b.is(`document.querySelector('.picture img')?.naturalWidth > 0`)
	js[bool](b, `document.querySelector('.picture').click() ?? true`)
	b.is(`document.querySelector('dialog img')?.naturalWidth === 640`)
	b.click("Close")
	b.click("Record a voice note")
	b.sees(".recording", "0:01")
	b.click("Done")
	b.sees(".tray", "Voice note")
	b.is(`!document.querySelector('.tray progress')`)
	b.writes("")
	b.is(`!!document.querySelector('.voice') && !document.querySelector('.list').innerText.includes('waits')`)
	b.looked("picture")
	b.click("Play")
	b.is(`!!document.querySelector('.voice [aria-label=Pause]') || !!document.querySelector('.voice path.done[d^=M]')`)
	bob.until("Voice note", "files", "Ann")
}

// Once the owner lets the browser do so, it shows notifications of what is not looked at.
func TestNotifications(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	b.sees(".list", "Ann")
	js[bool](b, `(() => { window.shown = []; window.Notification = class extends EventTarget {
		static permission = 'default';
		static async requestPermission() { return Notification.permission = 'granted'; }
		constructor(title, options) { super(); shown.push(title + ': ' + options.body); }
		close() {}
	}; return true; })()`)
	b.click("Settings")
	b.click("Let this browser show notifications")
	b.sees(".panel", "This browser shows notifications")
	g.until(t, func() bool { return slices.Contains(g.asked, "POST /earshot.v1.Attention/Alerts") }) // nobody is told of what came before
	js[bool](b, `window.dispatchEvent(new Event('blur')) ?? true`)
	bob.does("send", "Ann", "look here")
	b.is(`window.shown.some(t => t.includes('Bob') && t.includes('look here'))`)
}
