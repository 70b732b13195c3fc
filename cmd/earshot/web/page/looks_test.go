package page_test

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"testing"

	"github.com/chromedp/chromedp"
)

// light is the relative luminance of a colour, by WCAG.
func light(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	part := func(v uint32) float64 {
		s := float64(v) / 0xffff
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(r) + 0.7152*part(g) + 0.0722*part(b)
}

// plain counts the pixels of an element whose contrast with its upper left corner is 3 to 1 or more (WCAG 1.4.11).
func (b *tab) plain(selector string) (n int) {
	b.Helper()
	at := js[[]float64](b, "(r => [r.left, r.top, r.width, r.height])(document.querySelector(`"+selector+"`).getBoundingClientRect())")
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.Fatal(err)
	}
	back := light(picture.At(int(at[0])+3, int(at[1])+3))
	for y := int(at[1]) + 3; y < int(at[1]+at[3])-3; y++ {
		for x := int(at[0]) + 3; x < int(at[0]+at[2])-3; x++ {
			one := light(picture.At(x, y))
			if (max(one, back)+0.05)/(min(one, back)+0.05) >= 3 {
				n++
			}
		}
	}
	return n
}

// The three dots can be seen, in light and dark.
func TestDotsAreSeen(t *testing.T) {
	t.Parallel()
	_, bob, b, _ := pair(t)
	bob.does("send", "Ann", "hello")
	b.opens("Bob")
	b.lastRow()
	b.is(`!!document.querySelector('.tools [aria-label=More]')`)
	for _, scheme := range []string{"light", "dark"} {
		b.media(scheme)
		if n := b.plain(".tools [aria-label=More]"); n < 3*4 {
			t.Errorf("%s: %d pixels can be seen", scheme, n)
		}
	}
}

// Of a field to choose in nothing is cut off, whatever is chosen.
func TestChoicesAreWhole(t *testing.T) {
	t.Parallel()
	ann, _, b, _ := pair(t)
	ann.does("group", "create", "lunch")
	ann.does("send", "#lunch", "hello")
	b.sees(".list", "Ann") // else it is loaded again before it has a session
	for _, language := range []string{"en", "de"} {
		js[bool](b, `localStorage.setItem('language', '`+language+`') ?? true`)
		b.do(chromedp.Reload())
		b.opens("lunch")
		for _, panel := range map[string][]string{"en": {"Details", "Settings"}, "de": {"Einzelheiten", "Einstellungen"}}[language] {
			b.do(chromedp.EmulateViewport(1280, 740))
			b.click(panel)
			b.is(`document.querySelectorAll('.panel[aria-label="` + panel + `"] select').length >= 2`)
			for _, width := range []int64{360, 800, 1280} {
				b.do(chromedp.EmulateViewport(width, 740))
				for _, wrong := range js[[]string](b, cut) {
					t.Errorf("%s, %s, %d: %s", language, panel, width, wrong)
				}
			}
		}
	}
}

// cut lists the fields to choose in that need more room than they have.
const cut = `[...document.querySelectorAll('.panel select')].map(e => {
	const has = e.getBoundingClientRect().width;
	e.style.width = 'max-content';
	const needs = e.getBoundingClientRect().width;
	e.style.width = '';
	return needs > has ? e.parentElement.innerText.split('\n')[0] + ' has ' + has + ' pixels and needs ' + needs : '';
}).filter(Boolean)`

// On a narrow screen the buttons of a message leave its text to be read, and the title of a dialog its content.
func TestNothingCoversText(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	cy := start(t, "Cy of the second floor", ann)
	cy.until("Ann", "peers")
	for _, text := range []string{"one", "two"} {
		cy.does("send", "Ann", text)
	}
	b := browse(t, serve(t, ann.dir, testdata()).link())
	b.do(chromedp.EmulateViewport(360, 740))
	b.opens("Cy")
	b.sees("article", "two")
	b.lastRow()
	b.is(`!!document.querySelector('.selected .tools')`)
	if over := js[float64](b, `document.querySelector('.selected .tools').getBoundingClientRect().bottom - document.querySelector('.selected .text').getBoundingClientRect().top`); over > 2 {
		t.Errorf("the buttons cover %g pixels of the text", over)
	}
	b.click("Compare words")
	b.is(`document.querySelectorAll('.words li').length === 10`)
	b.click("Show as a QR code")
	b.is(`!!document.querySelector('.qr')`)
	if over := js[float64](b, `document.querySelector('.sheet h2').getBoundingClientRect().bottom - document.querySelector('.sheet header + *').getBoundingClientRect().top`); over > 0 {
		t.Errorf("the title covers %g pixels of what is below it", over)
	}
}
