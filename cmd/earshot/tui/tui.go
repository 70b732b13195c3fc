// Package tui runs the terminal screen: it puts the terminal into the state that a screen needs and back,
// reads its keys, makes the calls to the node that package screen asks for, and writes the frames that
// package panes draws. Nothing is decided here.
//
// One goroutine, that of Run, owns the state and the terminal. Others read keys, follow the node and make
// calls, and hand over what comes by one channel; all end with Run. Nothing ticks: while nothing comes,
// nothing runs. Whatever ends Run (a key, a signal, a closed terminal, a panic), the terminal is put back,
// and what the owner has begun to write is kept by the node.
//
// The terminal is driven with ultraviolet, on which Bubble Tea stands, and not with Bubble Tea: that draws
// by a clock, which wakes the process 60 times a second also where nothing happens.
package tui

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	uv "github.com/charmbracelet/ultraviolet"

	"github.com/earshot-im/earshot/cmd/earshot/act"
	"github.com/earshot-im/earshot/cmd/earshot/frame"
	"github.com/earshot-im/earshot/cmd/earshot/lock"
	"github.com/earshot-im/earshot/cmd/earshot/panes"
	"github.com/earshot-im/earshot/cmd/earshot/screen"
	"github.com/earshot-im/earshot/node/localapi"
)

const (
	// escTime is how long a key may take to arrive in parts before Esc is taken for itself.
	escTime = 50 * time.Millisecond
	// endTime is how long what has to be kept may take when the screen ends.
	endTime = 2 * time.Second
	// restTime is after what time without anything the screen gives back memory.
	restTime = 2 * time.Second
	// gcPercent keeps the heap, which is a few MiB, small: a screen allocates little.
	gcPercent = 50
	// layouts bounds how often a frame is laid out anew because what it showed has changed something.
	layouts = 5
)

// Config is where a screen runs.
type Config struct {
	Client  *localapi.Client
	In, Out *os.File
	Env     []string
	Colours bool
	Zone    *time.Location
}

// runner is one screen that runs.
type runner struct {
	cfg   Config
	state *screen.State
	term  *uv.Terminal
	in    *input
	calls *calls
	inbox chan screen.Event
	began time.Time

	shown *frame.Frame // what stands on the terminal; nil: nothing of ours
	title string
}

// Run shows the screen until the owner leaves it or ctx ends. Its error is that of the terminal.
func Run(ctx context.Context, cfg Config) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	collect(true)
	t := &runner{cfg: cfg, state: screen.New(rand.Text(), cfg.Zone, act.Menu{}), inbox: make(chan screen.Event), began: time.Now()}
	t.calls = newCalls(ctx, api{cfg.Client}, t.inbox)
	if err := t.enter(); err != nil {
		return fmt.Errorf("the terminal: %w", err)
	}
	defer func() {
		t.exit()
		t.end()
	}()
	if w, h, err := t.term.GetSize(); err == nil {
		t.handle(screen.Size{Columns: w, Rows: h})
	}
	if err := t.draw(); err != nil {
		return err
	}
	go t.follow(ctx) // ends with ctx
	go func() {      // ends with ctx
		defer t.calls.rescue()
		_ = lock.Follow(ctx, func(locked bool) { t.tell(ctx, screen.Lock{Locked: locked}) }) // without it there is no lock to know of
	}()
	t.calls.start(t.state.Start())
	return t.loop(ctx)
}

// collect has the runtime collect garbage, or not: by itself it does so every two minutes, also where nothing
// has happened.
func collect(garbage bool) {
	percent := gcPercent
	if !garbage {
		percent = -1
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// loop takes what comes, and draws when nothing more has come at the same time.
func (t *runner) loop(ctx context.Context) error {
	wake, rest := time.NewTimer(time.Hour), time.NewTimer(restTime)
	defer wake.Stop()
	defer rest.Stop()
	for {
		if at := t.state.WakeAt(); at > 0 {
			wake.Reset(time.Duration(at-t.now()) * time.Millisecond)
		} else {
			wake.Stop()
		}
		select {
		case e := <-t.term.Events():
			t.event(e)
		case e := <-t.inbox:
			t.take(e)
		case <-wake.C:
			t.handle(screen.Woke{})
		case <-rest.C: // once, and again only after something has happened
			giveBack()
			collect(false)
			continue
		case <-ctx.Done():
			return nil
		}
		if !rest.Reset(restTime) {
			collect(true)
		}
	more:
		for range 64 {
			select {
			case e := <-t.term.Events():
				t.event(e)
			case e := <-t.inbox:
				t.take(e)
			default:
				break more
			}
		}
		if quit, err := t.orders(); quit || err != nil {
			return err
		}
		if err := t.draw(); err != nil {
			return err
		}
	}
}

// now is the time in milliseconds since 1970, as it would be if nobody had set the clock since the start.
func (t *runner) now() int64 { return t.began.Add(time.Since(t.began)).UnixMilli() }

// take takes what has come from the node.
func (t *runner) take(e screen.Event) {
	switch e := e.(type) {
	case raw:
		_, _ = t.cfg.Out.WriteString(e.text)
		return
	case broken:
		panic(e.what)
	}
	t.handle(e)
}

func (t *runner) handle(e screen.Event) { t.calls.start(t.state.Do(t.now(), e)) }

// event takes what has come from the terminal.
func (t *runner) event(e uv.Event) {
	switch e := e.(type) {
	case uv.WindowSizeEvent:
		t.shown = nil
		t.handle(screen.Size{Columns: e.Width, Rows: e.Height})
	case uv.KeyPressEvent:
		k := screen.Key{Code: uv.Key(e).Keystroke(), Text: e.Text}
		t.handle(k)
	case uv.PasteEvent:
		t.handle(screen.Paste{Text: e.Content})
	case uv.MouseClickEvent:
		if e.Button == uv.MouseLeft {
			t.handle(screen.Click{Column: e.X, Row: e.Y})
		}
	case uv.MouseWheelEvent:
		switch e.Button {
		case uv.MouseWheelUp:
			t.handle(screen.Wheel{By: -1, Column: e.X})
		case uv.MouseWheelDown:
			t.handle(screen.Wheel{By: 1, Column: e.X})
		}
	case uv.FocusEvent:
		t.handle(screen.Focus{Here: true})
	case uv.BlurEvent:
		t.handle(screen.Focus{Here: false})
	}
}

// draw writes what has changed.
func (t *runner) draw() error {
	var f *frame.Frame
	for range layouts {
		var l screen.Layout
		f, l = panes.Draw(t.state)
		before := t.state.Layouts()
		t.handle(screen.Laid{Layout: l})
		if t.state.Layouts() == before {
			break
		}
	}
	out := frame.Draw(t.shown, f, t.cfg.Colours)
	if title := panes.Title(t.state); title != t.title {
		t.title = title
		out += "\x1b]2;" + title + "\x1b\\"
	}
	t.shown = f
	_, err := t.cfg.Out.WriteString(out)
	return err
}

// orders does what the state wants of the terminal.
func (t *runner) orders() (quit bool, err error) {
	o := t.state.Take()
	if o.Copy != "" {
		t.copy(o.Copy)
	}
	if o.Redraw {
		t.shown = nil
	}
	switch {
	case o.Quit:
		return true, nil
	case o.Suspend:
		return false, t.aside(suspend)
	case o.Edit != nil:
		var text string
		var failed error
		if err := t.aside(func() { text, failed = edit(*o.Edit, t.cfg) }); err != nil {
			return false, err
		}
		t.handle(screen.Wrote{Text: text, Err: failed})
	}
	return false, nil
}

// end keeps what is to be kept.
func (t *runner) end() {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	t.calls.last(ctx, t.state.Do(t.now(), screen.Ending{}))
}
