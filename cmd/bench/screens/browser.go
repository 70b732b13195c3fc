package screens

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/earshot-im/earshot/cmd/bench/process"
)

// probe tells within the page what was painted when.
//
//go:embed probe.js
var probe string

// chromium finds the browser; "": there is none.
func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// browser is Chromium with one tab, in which the page is.
type browser struct {
	ctx   context.Context
	close func()
}

// browse starts the browser. It paints 60 times a second, as a screen does, unless it is to be unpaced: then it paints
// as soon as there is something to paint, so that what is measured is the page's work and not a wait for the screen.
func browse(ctx context.Context, program string, unpaced bool) (*browser, error) {
	alloc, stop := chromedp.NewExecAllocator(ctx, chromedp.ExecPath(program), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU, chromedp.WindowSize(1280, 800), chromedp.Flag("lang", "en-US"),
		chromedp.Flag("disable-frame-rate-limit", unpaced), chromedp.Flag("disable-gpu-vsync", unpaced),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost"))
	tab, end := chromedp.NewContext(alloc)
	b := &browser{ctx: tab, close: func() { end(); stop() }}
	if _, err := chromedp.Call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: probe}); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// evaluate has the page compute something, also if that lasts.
func evaluate[T any](b *browser, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, process.Patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		err = fmt.Errorf("%s: %w", expression, err)
	}
	return v, err
}

// painted is when the conversations were painted, and what was loaded until then.
type painted struct {
	At     float64 // in ms, since the navigation began
	First  float64 // when anything was
	Loaded []string
}

// load navigates to the page, and waits until it shows the conversations, and for what it does then.
func (b *browser) load(url string) (l painted, err error) {
	if err = chromedp.Do(b.ctx, chromedp.Navigate(url)); err == nil {
		l, err = evaluate[painted](b, "probe.list")
	}
	if err == nil {
		err = process.Pause(b.ctx, w10Rest)
	}
	return l, err
}

// reload loads the page again where it is: the browser needs no other process for it then.
func (b *browser) reload() (l painted, err error) {
	if _, err = chromedp.Call(b.ctx, page.Reload, page.ReloadParams{}); err == nil {
		err = process.Pause(b.ctx, w10Rest)
	}
	if err == nil {
		l, err = evaluate[painted](b, "probe.list")
	}
	return l, err
}

// leave leaves the page, and has the browser forget what it has loaded if it is to be cleared.
func (b *browser) leave(clear bool) error {
	err := chromedp.Do(b.ctx, chromedp.Navigate("about:blank"))
	if err == nil && clear {
		_, err = chromedp.Call(b.ctx, network.ClearBrowserCache, cdp.Empty{})
	}
	return err
}

// open opens the first conversation.
func (b *browser) open() error {
	_, err := evaluate[bool](b, `document.querySelector('.list .item').click() ?? true`)
	for err == nil {
		there := false
		if there, err = evaluate[bool](b, `document.querySelectorAll('article').length >= 50 && document.activeElement.id === 'write'`); there {
			return nil
		}
		if err == nil {
			err = process.Pause(b.ctx, 50*time.Millisecond)
		}
	}
	return err
}

// older is how an older page came.
type older struct {
	Took  float64 // in ms
	Moved float64 // in pixels: the row that was read
}

// older goes back so many pages, one after the other.
func (b *browser) older(pages int) (all []older, err error) {
	for range pages {
		o, err := evaluate[older](b, fmt.Sprintf("probe.older(%d)", process.Patience.Milliseconds()))
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// types types so many keys, one after the other, and returns in ms how long each took until it was painted.
func (b *browser) types(count int) ([]float64, error) {
	if err := chromedp.Do(b.ctx, chromedp.Focus(chromedp.CSS("#write"))); err != nil {
		return nil, err
	}
	for i := range count {
		key := string(rune('a' + i%26))
		if i%7 == 6 {
			key = " "
		}
		for _, e := range []input.DispatchKeyEventParams{{Type: input.DispatchKeyEventTypeKeyDown, Text: key, Key: key}, {Type: input.DispatchKeyEventTypeKeyUp, Key: key}} {
			if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, e); err != nil {
				return nil, err
			}
		}
		if err := process.Pause(b.ctx, 50*time.Millisecond); err != nil { // 20 keys a second are typed at most
			return nil, err
		}
	}
	all, err := evaluate[[]float64](b, "probe.keys")
	if err == nil && len(all) != count {
		err = fmt.Errorf("%d keys were painted, want %d", len(all), count)
	}
	return all, err
}

// heap is the memory of the scripts in bytes, without what isn't used any more.
func (b *browser) heap() (float64, error) {
	for range 2 { // the first lets go of what is collected by the second
		if _, err := chromedp.Call(b.ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return 0, err
		}
	}
	u, err := chromedp.Call(b.ctx, runtime.GetHeapUsage, cdp.Empty{})
	return u.UsedSize, err
}
