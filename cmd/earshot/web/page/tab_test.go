package page_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a page in a browser.
type tab struct {
	*testing.T
	ctx context.Context
	mu  sync.Mutex
	bad []string // what the browser has complained of
}

// browse opens a page in a browser that keeps nothing of what other tests do.
func browse(t *testing.T, url string) *tab {
	t.Helper()
	browsing(t)
	all, err := browser()
	if err != nil {
		t.Fatal(err)
	}
	return newTab(t, all, url, chromedp.WithNewBrowserContext())
}

// beside opens another tab of the same browser.
func (b *tab) beside(url string) *tab {
	b.Helper()
	return newTab(b.T, b.ctx, url)
}

func newTab(t *testing.T, in context.Context, url string, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, shut := chromedp.NewContext(in, options...)
	t.Cleanup(shut)
	b := &tab{T: t, ctx: ctx}
	b.watch()
	// Other tests have pages in the same browser: each takes itself for the one in front.
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url))
	// A page with requests under way is closed slowly.
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_ = chromedp.Do(ctx, chromedp.Navigate("about:blank"))
	})
	return b
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
		case *inspector.EventTargetCrashed:
			complain("the page has crashed")
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
			b.Fatalf("step %d: %v\n%s", i, err, b.state())
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
	b.Fatalf("%s never becomes true: %v\n%s", expression, err, b.state())
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

// state is what the page shows when a test fails: its words, what is written in it, what can't be pressed, where the
// focus is, and the calls that have been answered last.
func (b *tab) state() string {
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`[document.body.innerText,
		...[...document.querySelectorAll('input, textarea')].map(e => 'written in ' + (e.ariaLabel || e.id || e.type) + ': ' + e.value),
		...[...document.querySelectorAll(':disabled')].map(e => 'disabled: ' + (e.ariaLabel || e.innerText)),
		'focus, ' + document.hasFocus() + ': ' + document.activeElement?.outerHTML.slice(0, 200),
		...performance.getEntriesByType('resource').slice(-8).map(r => 'answered: ' + new URL(r.name).pathname)].join('\n')`))
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
	b.press(text)
	b.is(fmt.Sprintf(`document.querySelector('#write').value.includes(%q)`, text))
	b.press("\r")
}

// wheel turns the wheel of the mouse over the messages, by pixels.
func (b *tab) wheel(by float64) {
	b.Helper()
	x := js[float64](b, `(r => r.x + r.width / 2)(document.querySelector('.feed').getBoundingClientRect())`)
	turn := input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseWheel, X: x, Y: 300, DeltaX: 1, DeltaY: by} // both are wanted, and one that is 0 is left out
	if _, err := chromedp.Call(b.ctx, input.DispatchMouseEvent, turn); err != nil {
		b.Fatal(err)
	}
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
