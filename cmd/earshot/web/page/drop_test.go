package page_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// drags has files and folders dragged over the conversation, as from another program, and dropped there, or away from
// it.
func (b *tab) drags(drop bool, paths ...string) {
	b.Helper()
	data := &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}
	at := func(kind input.DispatchDragEventType, x float64) {
		b.Helper()
		if _, err := chromedp.Call(b.ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: x, Y: 300, Data: data}); err != nil {
			b.Fatal(err)
		}
	}
	at("dragEnter", 700)
	at("dragOver", 700)
	b.sees(".drop", "Drop files here")
	if drop {
		at("drop", 700)
	} else {
		at("dragOver", 100) // where the list is
		defer at("dragCancel", 100)
	}
	b.is(`!document.querySelector('.drop')`)
}

// idOf returns the beginning of the ID of the message that has a file.
func (n *node) idOf(file string) string {
	n.t.Helper()
	n.until(file, "files", "Ann")
	for _, line := range strings.Split(n.does("files", "Ann"), "\n") {
		if id := regexp.MustCompile(`[0-9a-f]{8,}`).FindString(line); strings.Contains(line, file) && id != "" {
			return id
		}
	}
	n.t.Fatalf("no ID in %s", n.does("files", "Ann"))
	return ""
}

// Files and a folder that are dropped on a conversation go with the next message, the folder as it was.
func TestDrop(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	dir := t.TempDir()
	for path, text := range map[string]string{"menu.txt": "soup\n", "list.txt": "bread\n", "plans/first.txt": "one\n", "plans/deep/er/ünder.txt": "two\n"} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "plans", "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.drags(false, filepath.Join(dir, "menu.txt"))
	if b.text(".tray") != "" {
		t.Error("what was not dropped is added")
	}
	b.drags(true, filepath.Join(dir, "menu.txt"), filepath.Join(dir, "plans"), filepath.Join(dir, "list.txt"))
	for _, name := range []string{"menu.txt", "list.txt", "plans"} {
		b.sees(".tray li", name)
	}
	b.is(`!document.querySelector('.tray progress')`)
	b.writes("all that was dropped")
	b.sees("article.own .file", "plans")
	id := bob.idOf("plans")
	to := t.TempDir()
	bob.does("get", id, "--to-dir", to, "--timeout", "30s")
	if out, err := exec.Command("diff", "-r", dir, to).CombinedOutput(); err != nil {
		t.Errorf("something else arrives: %v\n%s", err, out)
	}
}

// A picture that is pasted goes with the next message, and a text that is pasted goes into it.
func TestPaste(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	b.is(`document.activeElement.id === 'write'`)
	js[bool](b, `(async () => {
		const c = new OffscreenCanvas(64, 48), draws = c.getContext('2d');
		draws.fillStyle = 'teal';
		draws.fillRect(0, 0, 64, 48);
		const data = new DataTransfer();
		data.items.add(new File([await c.convertToBlob({type: 'image/png'})], 'image.png', {type: 'image/png'}));
		return !document.querySelector('#write').dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
	})()`)
	b.sees(".tray li", "image.png")
	b.is(`!document.querySelector('.tray progress')`)
	taken := js[bool](b, `(() => {
		const data = new DataTransfer();
		data.setData('text/plain', 'words');
		return !document.querySelector('#write').dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
	})()`)
	if taken {
		t.Error("the page takes the text that is pasted from the browser")
	}
	// What can't be freed of what it may tell is sent as it is only if the owner says so.
	js[bool](b, `(() => {
		const data = new DataTransfer();
		data.items.add(new File(['no picture'], 'odd.png', {type: 'image/png'}));
		return !document.querySelector('#write').dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
	})()`)
	b.sees("dialog", "odd.png may tell where it was taken")
	b.click("Send it as it is")
	b.sees(".tray li", "odd.png")
	b.is(`!document.querySelector('.tray progress')`)
	b.writes("")
	b.is(`document.querySelector('article.own .picture img')?.naturalWidth > 0`)
	bob.until("image.png", "files", "Ann")
	bob.until("odd.png", "files", "Ann")
}

// Files that wait to be sent outlive the node: those that it has no more are read in again when they are to be sent, and
// those that were added while it was away when it is back.
func TestTrayOutlivesTheNode(t *testing.T) {
	t.Parallel()
	ann, bob, b, _ := pair(t)
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	dir := t.TempDir()
	add := func(name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), []string{path}))
		b.sees(".tray", name)
	}
	add("before.txt")
	b.is(`!document.querySelector('.tray progress')`)
	ann.end()
	b.sees(".banner", "The node is gone")
	add("meanwhile.txt")
	ann.up()
	b.is(`!document.querySelector('.banner') && !document.querySelector('.tray progress')`)
	b.writes("")
	b.sees(".toast", "read in once more")
	b.is(`document.querySelectorAll('.tray li').length === 2 && !document.querySelector('.tray progress')`)
	b.writes("")
	b.sees("article.own .file", "before.txt")
	b.sees("article.own .file", "meanwhile.txt")
	ann.until("before.txt", "files", "Bob")
	ann.until("meanwhile.txt", "files", "Bob")
}

// A name of a file that would turn its letters around is written out, so that a program does not look like a picture.
func TestFileNamesAreAsTheyAre(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	path := filepath.Join(t.TempDir(), "evil\u202egpj.exe")
	if err := os.WriteFile(path, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	bob.does("send", "Ann", "--file", path)
	const shown = `evil\u202egpj.exe`
	b.sees(".item", shown)
	b.opens("Bob")
	b.sees("article .file", shown)
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), []string{path}))
	b.sees(".tray", shown)
	b.click("Files")
	b.sees(".panel .file", shown)
	b.click("Search")
	b.do(chromedp.SendKeys(chromedp.CSS(".panel .field"), "evil"))
	b.sees(".found", shown)
}

// A file that was changed since it was added can't be read by the browser: that is told, and nobody takes the node for
// gone.
func TestFileChangedMeanwhile(t *testing.T) {
	t.Parallel()
	_, bob, b, g := pair(t)
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	hold := make(chan struct{})
	g.set(func() { g.hold = hold })
	release := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(release)
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "same.txt"), filepath.Join(dir, "other.txt")}
	for _, file := range files {
		if err := os.WriteFile(file, []byte("as it was added"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]:not([webkitdirectory])"), files))
	b.sees(".tray", "other.txt")
	if err := os.WriteFile(files[1], []byte("and another way since"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(files[1], time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	release()
	b.sees(".toast", "other.txt: The browser can’t read it any more.")
	b.is(`document.querySelectorAll('.tray li').length === 1 && !document.querySelector('.tray progress') && !document.querySelector('.banner')`)
}
