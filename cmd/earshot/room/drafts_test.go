package room

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// desk is a node that keeps the draft of one conversation, and two screens on which its owner writes there.
type desk struct {
	t        *testing.T
	rand     *rand.Rand
	now      int64
	failing  bool
	draft    words
	revision uint64
	had      map[string]bool   // texts that the node has had, as a draft or a message
	sent     map[string]string // the texts of messages, by their keys
	screens  [2]*writer
	keys     int
	log      []string
}

// writer is one of the screens.
type writer struct {
	name    string
	room    *Room
	wake    int64
	told    []Input  // drafts that are still to be told, in order
	calls   []Effect // that the node has still to take, in order
	answers []Input  // still to be given, in order
	focus   bool
	typed   bool   // since the room has set the text
	text    string // what stands in the composer
	saved   int64  // when the timer last saved the draft
}

func newDesk(t *testing.T, seed uint64) *desk {
	d := &desk{t: t, rand: rand.New(rand.NewPCG(seed, 2)), now: 1_000_000, failing: true, had: map[string]bool{"": true}, sent: make(map[string]string)}
	for i := range d.screens {
		d.screens[i] = &writer{name: fmt.Sprint(i), room: New()}
		d.do(d.screens[i], Open{Touched: d.now, Focus: FocusAway})
	}
	return d
}

func (d *desk) failf(format string, args ...any) {
	d.t.Helper()
	d.t.Fatalf("%s\nafter:\n%s", fmt.Sprintf(format, args...), strings.Join(d.log[max(0, len(d.log)-30):], "\n"))
}

func (d *desk) do(w *writer, in Input) {
	d.t.Helper()
	d.log = append(d.log, fmt.Sprintf("%d %s %s", d.now, w.name, brief(in)))
	was := w.room.View().Composer
	for _, e := range w.room.Do(d.now, in) {
		switch e := e.(type) {
		case Wake:
			w.wake = e.At
		case SaveDraft:
			if _, timer := in.(Woke); timer {
				if d.now-w.saved < SaveEvery {
					d.failf("%s saves after %d ms", w.name, d.now-w.saved)
				}
				w.saved = d.now
			}
			w.calls = append(w.calls, e)
		case Send:
			w.calls = append(w.calls, e)
		}
		if _, load := e.(Load); !load {
			d.log = append(d.log, "    "+brief(e))
		}
	}
	is := w.room.View().Composer
	switch {
	case is.Sets == was.Sets:
		if is.Text != w.text {
			d.failf("%s shows %q, and has %q", w.name, w.text, is.Text)
		}
		return
	case !d.had[w.text] && !d.had[strings.TrimSuffix(w.text, is.Text)]:
		d.failf("%q is taken from the composer, and the node does not have it", w.text)
	}
	if _, sent := in.(Sent); !sent && w.focus && w.typed {
		d.failf("%q is put over %q, which the owner is writing", is.Text, w.text)
	}
	w.text, w.typed = is.Text, false
}

// take has the node take the next call of a screen.
func (d *desk) take(w *writer) {
	if len(w.calls) == 0 {
		return
	}
	call := w.calls[0]
	w.calls = w.calls[1:]
	refused, lost := d.failing && d.rand.IntN(8) == 0, d.failing && d.rand.IntN(8) == 0
	switch e := call.(type) {
	case SaveDraft:
		if refused {
			w.answers = append(w.answers, SaveFailed{e.Request})
			return
		}
		d.set(words{e.Text, e.ReplyTo})
		if lost {
			w.answers = append(w.answers, SaveFailed{e.Request})
		} else {
			w.answers = append(w.answers, Saved{e.Request, d.revision})
		}
	case Send:
		if refused {
			w.answers = append(w.answers, SendFailed{e.Request})
			return
		}
		if was, again := d.sent[e.Key]; again && was != e.Text {
			d.failf("%q is sent with the key of %q", e.Text, was)
		}
		d.sent[e.Key], d.had[e.Text] = e.Text, true
		if e.DraftRevision != 0 && e.DraftRevision == d.revision && d.draft != (words{}) {
			d.tell(words{}, 0)
		}
		if lost {
			w.answers = append(w.answers, SendFailed{e.Request})
		} else {
			w.answers = append(w.answers, Sent{e.Request})
		}
	}
}

func (d *desk) set(w words) {
	d.revision++
	d.tell(w, d.revision)
}

// tell tells both screens of the draft.
func (d *desk) tell(w words, revision uint64) {
	d.draft, d.had[w.text] = w, true
	for _, s := range d.screens {
		s.told = append(s.told, DraftChanged{&earshotv1.Draft{Text: w.text, ReplyTo: w.replyTo, Revision: revision}})
	}
}

func (d *desk) hear(w *writer) {
	if len(w.told) > 0 {
		in := w.told[0]
		w.told = w.told[1:]
		d.do(w, in)
	}
}

func (d *desk) answer(w *writer) {
	if len(w.answers) > 0 {
		in := w.answers[0]
		w.answers = w.answers[1:]
		d.do(w, in)
	}
}

func (d *desk) pass(to int64) {
	for _, w := range d.screens {
		for w.wake != 0 && w.wake <= to {
			d.now = max(d.now, w.wake)
			w.wake = 0
			d.do(w, Woke{})
		}
	}
	d.now = max(d.now, to)
}

func (d *desk) look(w *writer, here bool) {
	w.focus = here
	d.do(w, Focus{here})
}

func (d *desk) act() {
	w := d.screens[d.rand.IntN(2)]
	switch d.rand.IntN(10) {
	case 0, 1, 2:
		if w.focus { // whoever writes has the focus
			w.text, w.typed = w.text+string(rune('a'+d.rand.IntN(26))), true
			if d.rand.IntN(6) == 0 {
				w.text = ""
			}
			d.do(w, Typed{w.text})
		}
	case 3:
		if w.focus {
			d.keys++
			d.do(w, Submit{Key: fmt.Sprint("key", d.keys)})
		}
	case 4, 5:
		d.take(w)
	case 6, 7:
		d.answer(w)
	case 8:
		d.hear(w)
	case 9:
		if d.rand.IntN(3) == 0 {
			for _, other := range d.screens {
				if other != w && other.focus {
					d.look(other, false)
				}
			}
			d.look(w, !w.focus)
		}
	}
	d.pass(d.now + int64(d.rand.IntN(300)))
}

// Two screens share a draft: see the package's doc, and offer.
func TestRandomDrafts(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			d := newDesk(t, seed)
			for range 500 {
				d.act()
			}
			d.failing = false
			for range 20 {
				for _, w := range d.screens {
					d.look(w, false)
					d.do(w, Retry{})
					for len(w.calls)+len(w.answers)+len(w.told) > 0 {
						d.take(w)
						d.answer(w)
						d.hear(w)
					}
				}
				d.pass(d.now + 2*SaveEvery)
			}
			for _, w := range d.screens {
				if w.text != d.draft.text || w.room.View().Composer.Sending {
					d.failf("screen %s has %q, and the node %q", w.name, w.text, d.draft.text)
				}
			}
			for key, text := range d.sent {
				if text == "" {
					d.failf("nothing was sent with %s", key)
				}
			}
		})
	}
}
