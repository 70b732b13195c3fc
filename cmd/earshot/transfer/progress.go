package transfer

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/earshot-im/earshot/cmd/earshot/attachment"
	"github.com/earshot-im/earshot/cmd/earshot/object"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

const (
	// refresh is how often bars are drawn, and barColumns how wide they are. What stands beside them takes
	// about 60 columns.
	refresh    = 200 * time.Millisecond
	barColumns = 18
)

// progress tells how far files have come. It is for one goroutine.
type progress interface {
	tell(t *earshotv1.Transfer) error
	end() // nothing more is told
}

// progress returns what suits the caller.
func (m *Mover) progress() progress {
	switch {
	case m.Out.JSON:
		return objects{m.Stdout}
	case m.Bars:
		return &bars{out: m.Stderr, rows: make(map[row]*bar)}
	}
	return silence{}
}

// silence tells nothing.
type silence struct{}

func (silence) tell(*earshotv1.Transfer) error { return nil }
func (silence) end()                           {}

// objects prints an object for each step.
type objects struct{ out io.Writer }

func (o objects) tell(t *earshotv1.Transfer) error { return object.Write(o.out, object.OfTransfer(t)) }
func (objects) end()                               {}

// bars draws a row for each file, and for each person who fetches one.
type bars struct {
	out  io.Writer
	all  *mpb.Progress // nil before the first
	rows map[row]*bar
}

// row is what a row is about.
type row struct {
	n    uint32
	name string // of a file that is taken in
	to   string // who fetches it; "": the owner
}

type bar struct {
	*mpb.Bar
	text atomic.Pointer[string] // how far it has come, which is read while bars are drawn
}

func (b *bars) tell(t *earshotv1.Transfer) error {
	a := t.GetAttachment()
	of := row{a.GetN(), a.GetName(), t.GetTo().GetPerson()}
	shown := b.rows[of]
	if shown == nil {
		if b.all == nil {
			b.all = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(barColumns), mpb.WithRefreshRate(refresh))
		}
		shown = new(bar)
		shown.text.Store(new(string))
		name := attachment.Moving(t)
		shown.Bar = b.all.New(int64(a.GetSize()), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return name }, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return *shown.text.Load() })))
		shown.EnableTriggerComplete()
		b.rows[of] = shown
	}
	text := attachment.HowFar(t)
	shown.text.Store(&text)
	shown.SetCurrent(int64(a.GetHad()))
	return nil
}

// end leaves the rows as they are. It may be called again.
func (b *bars) end() {
	if b.all == nil {
		return
	}
	defer func() { b.all = nil }()
	for _, shown := range b.rows {
		shown.Abort(false) // does nothing to one that is complete
	}
	clear(b.rows)
	b.all.Wait()
}
