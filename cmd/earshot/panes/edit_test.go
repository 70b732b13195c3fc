package panes

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/cmd/earshot/screen"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// What was just sent is edited by ↑ as soon as it is there, unless something else is written first.
func TestEditOfWhatWasJustSent(t *testing.T) {
	for _, writes := range []bool{false, true} {
		v := look(t, office(), 80, 24)
		v.press("enter", "'At one")
		v.now = v.now.Add(100 * time.Millisecond)
		sending := v.s.Do(v.now.UnixMilli(), screen.Key{Code: "enter"})
		v.press("up")
		if writes {
			v.press("'x", "up")
		}
		if at := v.s.Open.View.Composer.Edits; at != "" {
			t.Fatalf("%q is edited before what was sent is there", at)
		}
		v.acts(sending)
		m := said(6, nil, "At one")
		m.Id = "new"
		v.do(screen.Changes{Answer: &earshotv1.ChangesResponse{Changes: []*earshotv1.Change{{Change: &earshotv1.Change_Arrived{Arrived: m}}}}})
		if got := v.s.Open.View.Composer.Edits == m.Id && v.s.Editor.Text() == "At one"; got == writes {
			t.Errorf("with something else written (%v) the composer has %q, an edit of %q", writes, v.s.Editor.Text(), v.s.Open.View.Composer.Edits)
		}
		if !writes {
			v.press("esc")
		}
		v.press("ctrl+u", "up") // it is an own message like any other then
		if v.s.Open.View.Composer.Edits != m.Id {
			t.Errorf("later %q is edited", v.s.Open.View.Composer.Edits)
		}
	}
}
