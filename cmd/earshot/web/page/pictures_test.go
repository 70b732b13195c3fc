package page_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// mostPicture bounds a picture of the README in bytes.
const mostPicture = 100_000

// What the README shows of the page: a group of which one member is off, with a picture, a file, an answer, a reaction
// and a message that waits. `make pictures` has PAGE_PICTURES name the folder in which the pictures are kept.
func TestPictures(t *testing.T) {
	t.Parallel()
	ann := start(t, "Ann")
	ann.does("me", "files", "auto", "on")
	friend := func(name string) *node {
		n := start(t, name, ann)
		n.does("me", "files", "auto", "on")
		ann.until(name, "peers")
		ann.does("accept", name)
		n.until("Ann", "peers")
		n.does("accept", "Ann")
		return n
	}
	bob, eve, cy := friend("Bob"), friend("Eve"), friend("Cy")
	ann.does("group", "create", "summer")
	ann.does("group", "invite", "#summer", "Bob", "Eve", "Cy")
	ann.does("group", "topic", "#summer", "the day out in July")
	for _, o := range []*node{bob, eve, cy} {
		o.until("summer", "group", "list")
	}
	cy.does("send", "Ann", "Thanks, see you on Monday")
	eve.does("send", "Ann", "The key is at the desk")
	bob.does("send", "#summer", "--picture", "--file", landscape(t), "Here is the lake from last year")
	for _, o := range []*node{ann, eve} {
		o.until("lake.jpg", "history", "#summer")
		o.does("react", "last:#summer", "❤")
	}
	ann.does("send", "#summer", "Beautiful. Who drives?")
	eve.until("Who drives?", "history", "#summer")
	eve.does("send", "#summer", "--reply-to", "last:#summer", "I can take four")
	ann.until("take four", "history", "#summer")
	ann.does("react", "last:#summer", "😀")
	plan := filepath.Join(t.TempDir(), "plan.pdf")
	if err := os.WriteFile(plan, make([]byte, 184_000), 0o600); err != nil {
		t.Fatal(err)
	}
	bob.does("send", "#summer", "--file", plan)
	ann.until("lake.jpg", "files", "#summer")
	ann.until("plan.pdf", "files", "#summer")
	cy.until("plan.pdf", "files", "#summer")
	cy.end()
	b := browse(t, serve(t, ann.dir, testdata()).link())
	b.opens("summer")
	for begun := time.Now(); js[bool](b, `!!document.querySelector('[aria-current] .count')`) && time.Since(begun) < patience; { // all of the group is seen
		b.wheel(200)
		b.is(`new Promise(done => setTimeout(done, 1100, true))`) // so long a message is looked at
	}
	b.is(`!document.querySelector('[aria-current] .count')`)
	b.writes("Then I book the boats. Cy, can you bring the tent?")
	b.sees("article .state", "waits for Cy")
	bob.does("send", "Ann", "Did you see the plan?")
	b.sees(".item", "Did you see the plan?")
	for _, what := range []string{".picture", ".quote", ".reactions", ".file"} {
		b.is(`!!document.querySelector('article ` + what + `')`)
	}
	for _, p := range []struct {
		name, scheme  string
		width, height int64
	}{{"light", "light", 1080, 900}, {"dark", "dark", 1080, 900}, {"narrow", "light", 360, 760}} {
		b.media(p.scheme)
		b.do(chromedp.EmulateViewport(p.width, p.height))
		js[bool](b, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
		b.keeps("page-" + p.name + ".png")
	}
}

// keeps keeps a picture of what is shown in the directory PAGE_PICTURES, if that is set.
func (b *tab) keeps(name string) {
	b.Helper()
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Fatal(err)
	}
	small, err := smaller(shot)
	if err != nil {
		b.Fatal(err)
	}
	if len(small) > mostPicture {
		b.Errorf("%s has %d bytes", name, len(small))
	}
	if dir := os.Getenv("PAGE_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), small, 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

// smaller encodes a picture again, as small as it gets: with 32 steps of each colour instead of 256.
func smaller(shot []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	to := image.NewRGBA(from.Bounds())
	draw.Draw(to, to.Bounds(), from, from.Bounds().Min, draw.Src)
	for i, v := range to.Pix {
		to.Pix[i] = v&^7 | v>>5 // what is white or black stays so
	}
	var out bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	err = e.Encode(&out, to)
	return out.Bytes(), err
}

// landscape draws a lake before mountains, and returns the file.
func landscape(t *testing.T) string {
	t.Helper()
	const width, height = 960, 600
	ridge := func(x, base, high, wave, shift float64) float64 {
		x = x/wave + shift
		return base - high*(math.Abs(math.Sin(x))+0.4*math.Abs(math.Sin(2.3*x+1))+0.12*math.Sin(9*x))
	}
	mix := func(a, b color.RGBA, part float64) color.RGBA {
		of := func(a, b uint8) uint8 { return uint8(float64(a) + part*(float64(b)-float64(a))) }
		return color.RGBA{of(a.R, b.R), of(a.G, b.G), of(a.B, b.B), 255}
	}
	sky, low := color.RGBA{96, 156, 208, 255}, color.RGBA{252, 226, 190, 255}
	// at is the colour of a point above the water, y from 0 at the top to 1 at the shore.
	at := func(x, y float64) color.RGBA {
		switch {
		case y > ridge(x, 1.02, 0.16, 0.21, 2.6):
			return color.RGBA{38, 84, 66, 255}
		case y > ridge(x, 0.95, 0.30, 0.33, 0.4):
			return mix(color.RGBA{88, 124, 130, 255}, color.RGBA{60, 104, 96, 255}, y)
		case y > ridge(x, 0.80, 0.36, 0.45, 1.7):
			return mix(color.RGBA{226, 232, 240, 255}, color.RGBA{120, 150, 176, 255}, min(1, 1.6*y))
		case math.Hypot((x-0.74)*1.6*1.3, y-0.24) < 0.075:
			return color.RGBA{255, 246, 214, 255}
		}
		return mix(sky, low, y)
	}
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for py := range height {
		for px := range width {
			x, y := float64(px)/width, float64(py)/height/0.62
			c := at(x, y)
			if y >= 1 { // in the water what is above it, the darker the nearer
				near := (y - 1) / (1/0.62 - 1)
				c = mix(at(x+0.006*math.Sin(90*near*near+40*near), max(0, 1-1.1*near)), color.RGBA{24, 62, 92, 255}, 0.30+0.40*near)
			}
			picture.SetRGBA(px, py, c)
		}
	}
	path := filepath.Join(t.TempDir(), "lake.jpg")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := jpeg.Encode(f, picture, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return path
}
