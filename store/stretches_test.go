package store

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Stretches are what a look at every event finds.
func TestStretches(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		n, p := newNode(t), newPen(t)
		c := group(n)
		p.restart(c)
		heads := []crypto.Hash{{1}}
		limit := uint64(40)
		var held []event.Event // as far as they count
		for range 50 {
			if rnd.IntN(6) == 0 {
				heads = []crypto.Hash{{byte(len(held) + 2)}}
			}
			e := p.say("words", func(h *event.Header) { h.Control, h.Clock = heads, h.Clock+int64(rnd.IntN(1000)) })
			if rnd.IntN(8) == 0 {
				continue
			}
			_, err := p.give(n, e)
			check(t, err)
			if e.Header.Sequence <= limit {
				held = append(held, e)
			}
		}
		check(t, n.SetLimits(ctx, c, map[event.Log]uint64{p.log: limit}))
		segments, err := n.Held(p.log)
		check(t, err)
		for _, e := range held {
			if !segments.Covers(e.Header.Sequence) {
				t.Fatalf("seed %d: %v, without %d", seed, segments, e.Header.Sequence)
			}
		}
		from := 1 + rnd.Uint64N(20)
		var want []Stretch
		for _, e := range held {
			h := &e.Header
			if h.Sequence < from {
				continue
			}
			if i := len(want) - 1; i >= 0 && want[i].Last == h.Sequence-1 && slices.Equal(want[i].Control, h.Control) {
				want[i].Last, want[i].To = h.Sequence, h.Clock
				continue
			}
			want = append(want, Stretch{h.Sequence, h.Sequence, h.Control, h.Clock, h.Clock})
		}
		same := func(a, b Stretch) bool {
			return a.First == b.First && a.Last == b.Last && slices.Equal(a.Control, b.Control) && a.From == b.From && a.To == b.To
		}
		got, more, err := n.Stretches(p.log, from, len(want))
		check(t, err)
		if more {
			t.Errorf("seed %d: there are more than %d", seed, len(want))
		}
		equal(t, "stretches", got, want, same)
		got, more, err = n.Stretches(p.log, from, len(want)-1)
		check(t, err)
		if !more {
			t.Errorf("seed %d: %d are all", seed, len(want)-1)
		}
		equal(t, "stretches", got, want[:len(want)-1], same)
		n.stop()
	}
}

func TestSince(t *testing.T) {
	n, p := newNode(t), newPen(t)
	c := p.meets(n, true)
	for i := range 9 {
		_, err := p.give(n, p.write(event.KindText, text("words"), epoch.Add(time.Duration(i/3)*time.Hour)))
		check(t, err)
	}
	for hours, want := range []uint64{1, 4, 7, 10} {
		got, err := n.Since(p.log, 1, 9, epoch.Add(time.Duration(hours)*time.Hour).UnixMilli())
		if err != nil || got != want {
			t.Errorf("after %d hours: %d, want %d, %v", hours, got, want, err)
		}
	}
	if _, err := n.Since(event.Log{Conversation: c}, 1, 9, 0); err != ErrNoEvent {
		t.Error(err)
	}
	segments, err := n.Held(event.Log{Conversation: c})
	if err != nil || segments != nil {
		t.Error(segments, err)
	}
	if got, _, err := n.Stretches(event.Log{Conversation: c}, 1, 9); err != nil || got != nil {
		t.Error(got, err)
	}
	if _, _, err := n.Stretches(event.Log{}, 1, 9); err != ErrNoConversation {
		t.Error(err)
	}
}
