package page_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// on presses Enter on the first element of a selector, as who uses the keyboard does.
func (b *tab) on(selector string) {
	b.Helper()
	b.is("!!document.querySelector(`" + selector + "`)")
	js[bool](b, "document.querySelector(`"+selector+"`).focus() ?? true")
	b.is("document.activeElement.matches(`" + selector + "`)")
	b.press("\r")
}

// A button that ends what it belongs to leaves the focus to what is next.
func TestFocusGoesOn(t *testing.T) {
	t.Parallel()
	ann, bob, b, _ := pair(t)
	ann.does("me", "accept", "contacts")
	for _, name := range []string{"Cy", "Dora"} {
		other := start(t, name, ann)
		other.until("Ann", "peers")
		other.does("send", "Ann", "it is "+name)
	}
	b.click("2 requests to talk with you")
	b.sees(".request", "it is Cy")
	b.sees(".request", "it is Dora")
	b.on(".request:first-child .buttons button:last-child") // forget it
	b.is(`document.querySelectorAll('.request').length === 1 && document.activeElement.matches('.request')`)
	b.on(".request .buttons button:last-child")
	b.is(`!document.querySelector('.request') && !!document.activeElement.closest('.panel')`)
	b.on(".panel .bar .tool")
	b.is(`!document.querySelector('.panel')`)

	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "one.txt"), filepath.Join(dir, "two.txt")}
	for _, file := range files {
		if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), files))
	b.is(`document.querySelectorAll('.tray li').length === 2 && !document.querySelector('.tray progress')`)
	b.on(".tray li:first-child .tool")
	b.is(`document.querySelectorAll('.tray li').length === 1 && document.activeElement.matches('.tray .tool')`)
	b.on(".tray .tool")
	b.is(`!document.querySelector('.tray') && document.activeElement.id === 'write'`)

	b.lastRow()
	b.press("r")
	b.sees(".context", "Answering")
	b.on(".context .tool")
	b.is(`!document.querySelector('.context') && document.activeElement.id === 'write'`)

	ann.does("me", "accept", "everyone")
	eve := start(t, "Eve", ann)
	eve.until("Ann", "peers")
	eve.does("send", "Ann", "hello from Eve")
	b.opens("Eve")
	b.on(".stranger .main")
	b.is(`!document.querySelector('.stranger') && document.activeElement.id === 'write'`)
}

// Who goes to the end by its button gets there: when the button goes, the focus does not go to a message, which would
// be brought into view.
func TestToTheEnd(t *testing.T) {
	t.Parallel()
	rows := make([]object, 60)
	for i := range rows {
		rows[i] = object{"t": fmt.Sprint(1772368200000 + i), "text": fmt.Sprint("row ", i)}
	}
	g := serve(t, t.TempDir(), testdata())
	g.node = scripted(bobTalks(rows...), nil)
	b := browse(t, g.link())
	b.opens("Bob")
	atEnd := `document.querySelector('.feed').scrollTop + document.querySelector('.feed').clientHeight >= document.querySelector('.feed').scrollHeight - 1`
	for _, press := range []func(){
		func() { b.do(chromedp.Click(chromedp.CSS(".below"))) },
		func() { b.on(".below") },
	} {
		b.is(atEnd)
		b.wheel(-300)
		b.is(`!!document.querySelector('.below')`)
		press()
		b.is(`!document.querySelector('.below') && document.activeElement.id === 'write' && ` + atEnd)
	}
}

// The end of a conversation is reached past a message that is higher than the screen and not read yet.
func TestEndBelowATallMessage(t *testing.T) {
	t.Parallel()
	var rows []object
	for i, text := range append(slices.Repeat([]string{"read"}, 20), strings.Repeat("a line\n", 80), "1", "2", "3", "4", "5", "6") {
		rows = append(rows, object{"t": fmt.Sprint(1772368200000 + i), "text": text, "unread": text != "read"})
	}
	g := serve(t, t.TempDir(), testdata())
	g.node = scripted(bobTalks(rows...), nil)
	b := browse(t, g.link())
	b.opens("Bob")
	b.sees("article", "a line")
	top, left := `document.querySelector('.feed').scrollTop`, `(e => e.scrollHeight - e.clientHeight - e.scrollTop)(document.querySelector('.feed'))`
	for was, begun := -1.0, time.Now(); js[float64](b, left) > 1; {
		b.wheel(400)
		if now := js[float64](b, top); now < was {
			t.Fatalf("turned down, the screen goes up from %v to %v\n%s", was, now, b.state())
		} else if was = now; time.Since(begun) > patience {
			t.Fatalf("the end is not reached\n%s", b.state())
		}
	}
	b.is(left + ` <= 1`)
}

// A dialog begins with the first of what it asks for, and not with what closes it.
func TestDialogsBeginWithWhatTheyAsk(t *testing.T) {
	t.Parallel()
	g := serve(t, t.TempDir(), testdata())
	g.node = scripted(bobTalks(object{"t": "1772368200000", "text": "hello"}), nil)
	b := browse(t, g.link())
	b.opens("Bob")
	b.click("New message or group")
	b.is(`document.activeElement.closest('dialog') && document.activeElement.innerText === 'Make a group'`)
	b.click("One text to several")
	b.is(`document.activeElement.matches('dialog input[type=search]')`)
}
