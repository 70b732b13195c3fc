package page_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for what a node or a browser has to do.
const patience = 30 * time.Second

// update has the tests write what they compare with, in testdata.
var update = flag.Bool("update", false, "write the expected texts into testdata")

// program is earshot, which is built once for all tests; chromium is the browser, "" if there is none.
var program, chromium string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	// The first is Chromium without what is around a page: a window of the other costs as much as the page in it.
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome"} {
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
	if out, err := exec.Command("go", "build", "-ldflags", "-w", "-o", program, "../..").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build earshot: %w: %s", err, out)
	}
	if err := widen(2 * runtime.GOMAXPROCS(0)); err != nil {
		return 1, err
	}
	defer func() { end() }()
	return m.Run(), nil
}

// widen has so many tests run at once unless the command line says how many: they mostly wait.
func widen(n int) error {
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if said {
		return nil
	}
	return flag.Set("test.parallel", fmt.Sprint(n))
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

// end ends the browser, if one was started.
var end = func() {}

// browser is the one of all tests: each has a context in it that shares nothing with the others. It is started by the
// first that needs it. If it does not start, that is told, and it is tried once more. It is not started again if it
// ends while a test runs.
var browser = sync.OnceValues(func() (context.Context, error) {
	ctx, err := launch()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the browser does not start, and is started once more:", err)
		ctx, err = launch()
	}
	return ctx, err
})

// launch starts a browser: one that needs no graphics card and no room in /dev/shm, lets pages that are not in front
// work as those that are, has a camera and a microphone that are not there, and knows no host but this machine.
func launch() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Env("LC_ALL=C.UTF-8"), // for names of files
		chromedp.Flag("lang", "en-US"), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost"))
	alloc, _ := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(alloc)
	late := time.AfterFunc(2*patience, stop)
	err := chromedp.Do(ctx)
	if !late.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		stop()
		return nil, err
	}
	end = stop
	return ctx, nil
}
