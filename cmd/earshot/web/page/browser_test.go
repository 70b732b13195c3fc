package page_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a test waits for what a node or a browser has to do.
const patience = 30 * time.Second

// program is earshot, which is built once for all tests; chromium is the browser, "" if there is none.
var program, chromium string

func TestMain(m *testing.M) {
	flag.Parse() // for testing.Short
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" || testing.Short() {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "page")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "earshot")
	if out, err := exec.Command("go", "build", "-o", program, "../..").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build earshot: %w: %s", err, out)
	}
	return m.Run(), nil
}

// browsing skips a test where there is no browser. The tests with the race detector leave it out too: nothing of
// this package runs at once.
func browsing(t *testing.T) {
	t.Helper()
	switch {
	case testing.Short():
		t.Skip("skipped: the page is tested in a browser without -short")
	case chromium == "":
		t.Skip("skipped: Chromium is not installed, so the page is not tested")
	}
}

// node is a running node of somebody, on loopback.
type node struct {
	t    *testing.T
	dir  string
	args []string
	addr string
	cmd  *exec.Cmd
}

// start starts a node that is told of others.
func start(t *testing.T, name string, others ...*node) *node {
	t.Helper()
	browsing(t)
	n := &node{t: t, dir: t.TempDir()}
	n.args = []string{"--dir", n.dir, "up", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"}
	if name != "" {
		n.args = append(n.args, "--name", name)
	}
	for _, o := range others {
		n.args = append(n.args, "--peer", o.addr)
	}
	n.up()
	return n
}

func (n *node) up() {
	n.t.Helper()
	cmd := exec.Command(program, n.args...)
	cmd.Env = append(os.Environ(), "HOME="+n.dir, "EARSHOT_DIR=", "DBUS_SESSION_BUS_ADDRESS=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		n.t.Fatalf("start a node: %v: %s", err, stderr.String())
	}
	fields := strings.Fields(line)
	n.addr, n.cmd = fields[len(fields)-1], cmd
	n.t.Cleanup(n.end)
}

func (n *node) end() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	_ = n.cmd.Wait()
	n.cmd = nil
}

// does runs a command on a node, and returns what it prints.
func (n *node) does(args ...string) string {
	n.t.Helper()
	out, err := exec.Command(program, append([]string{"--dir", n.dir}, args...)...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("earshot %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// until runs a command until it prints a text.
func (n *node) until(text string, args ...string) {
	n.t.Helper()
	var out []byte
	for begun := time.Now(); time.Since(begun) < patience; {
		out, _ = exec.Command(program, append([]string{"--dir", n.dir}, args...)...).CombinedOutput()
		if strings.Contains(string(out), text) {
			return
		}
	}
	n.t.Fatalf("earshot %s never says %q: %s", strings.Join(args, " "), text, out)
}

// tab is a page in a browser.
type tab struct {
	*testing.T
	ctx context.Context
	mu  sync.Mutex
	bad []string // what the browser has complained of
}

// browse opens a browser, and there a page.
func browse(t *testing.T, url string) *tab {
	t.Helper()
	browsing(t)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU, chromedp.Flag("lang", "en-US"), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost"))
	t.Cleanup(stop)
	ctx, close := chromedp.NewContext(alloc)
	t.Cleanup(close)
	b := &tab{T: t, ctx: ctx}
	b.watch()
	b.do(chromedp.EmulateViewport(1280, 800))
	b.do(chromedp.Navigate(url))
	return b
}

// beside opens another tab of the same browser.
func (b *tab) beside(url string) *tab {
	b.Helper()
	ctx, close := chromedp.NewContext(b.ctx)
	b.Cleanup(close)
	o := &tab{T: b.T, ctx: ctx}
	o.watch()
	o.do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url))
	return o
}

// watch keeps what the browser complains of: errors of scripts, and what the policy has refused.
func (b *tab) watch() {
	b.Helper()
	complain := func(text string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.bad = append(b.bad, text)
	}
	err := chromedp.Listen(b.ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			complain(fmt.Sprintf("%s %+v", ev.ExceptionDetails.Text, ev.ExceptionDetails.Exception))
		case *log.EventEntryAdded:
			if ev.Entry.Source == "security" || ev.Entry.Source == "violation" {
				complain(ev.Entry.Text)
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, text := range b.bad {
			b.Errorf("the browser complains: %s", text)
		}
	})
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	for i, s := range steps {
		if err := chromedp.Do(b.ctx, s); err != nil {
			b.shot("failed")
			b.Fatalf("step %d: %v\n%s", i, err, b.text("body"))
		}
	}
}

// is waits until an expression is true, also in the page that is loaded next.
func (b *tab) is(expression string) {
	b.Helper()
	var err error
	for begun := time.Now(); time.Since(begun) < patience; {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		_, err = chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience)))
		cancel()
		if err == nil {
			return
		}
	}
	b.shot("failed")
	b.Fatalf("%s never becomes true: %v\n%s", expression, err, b.text("body"))
}

// sees waits until a text stands in an element.
func (b *tab) sees(selector, text string) {
	b.Helper()
	b.is(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => (e.innerText || e.textContent).replaceAll(/[\u2068\u2069]/g, '').includes(%q))`, selector, text))
}

func (b *tab) text(selector string) string {
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ''`, selector)))
	return text
}

// js evaluates an expression, which may be a promise.
func js[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// click clicks a button, by its words or its label.
func (b *tab) click(label string) {
	b.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll('button, [role=option], label, a')].filter(e => e.checkVisibility() && !e.disabled && (e.ariaLabel ?? e.innerText).trim().replaceAll(/[\u2068\u2069]/g, '') === %q)`, label)
	last := `(e => e[e.length - 1])(` + find + `)`
	b.is(last + ` !== undefined`)
	js[bool](b, last+`.click() ?? true`)
}

// press presses keys as a keyboard does: what the page prevents writes nothing. Modifiers are held meanwhile.
func (b *tab) press(keys string, modifiers ...chromedp.Modifier) {
	b.Helper()
	held := int64(0)
	for _, m := range modifiers {
		held |= int64(m)
	}
	for _, r := range keys {
		events := kb.Encode(r)
		down, up := *events[0], *events[len(events)-1]
		down.Modifiers |= held
		up.Modifiers |= held
		if len(events) > 2 && held&^int64(chromedp.ModifierShift) == 0 {
			down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
		}
		for _, e := range []input.DispatchKeyEventParams{down, up} {
			if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, e); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// writes sends a message in the open conversation.
func (b *tab) writes(text string) {
	b.Helper()
	b.is(`!!document.querySelector('#write') && !document.querySelector('.send').disabled`)
	b.do(chromedp.Focus(chromedp.CSS("#write")))
	b.press(text + "\r")
}

// media sets light or dark.
func (b *tab) media(scheme string) {
	b.Helper()
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, params); err != nil {
		b.Fatal(err)
	}
}

// shot keeps a picture of the page in the directory PAGE_SHOTS, if that is set.
func (b *tab) shot(name string) {
	dir := os.Getenv("PAGE_SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(b.Name(), "/", "_")+"-"+name+".png"), picture, 0o644)
	}
	if err != nil {
		b.Log(err)
	}
}

func testdata() http.FileSystem { return http.Dir("testdata") }
