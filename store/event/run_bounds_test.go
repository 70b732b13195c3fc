package event

import (
	"errors"
	"slices"
	"testing"
)

// recallOf returns a recall that takes so many bytes.
func (w *writer) recallOf(target ID, size int) Event {
	w.t.Helper()
	w.next.Kind, w.next.Target = KindRecall, target
	for filler := size; ; {
		e := mustNew(w.t, w.next, Body{Extensions: []Extension{{"x", make([]byte, filler)}}})
		over := len(e.HeaderBytes) + len(e.Body) - size
		if over == 0 {
			e.Sign(w.key)
			return e
		}
		filler -= over
	}
}

// What a run brings has a limit of its own: events and enclosed recalls together.
func TestRunSentLimit(t *testing.T) {
	for over, want := range map[int]error{0: nil, 1: ErrUnproven} {
		w, second := newWriter(t, 1), newWriter(t, 2)
		var r Run
		size, sent := 0, 0
		add := func(e Event) {
			r.Events = append(r.Events, e)
			size += e.Size()
			sent += len(e.HeaderBytes) + len(e.Body)
		}
		for range 16 {
			add(gone(w.text("x"), Recalled))
		}
		for size+MaxHeader+MaxBody < MaxRunSize {
			add(w.append(5, make([]byte, MaxBody-minBody-4)))
		}
		r.Events[len(r.Events)-1].Sign(w.key)
		for left := MaxRunSent + over - sent; left > 0; {
			n := len(r.Recalls)
			size := min(left, MaxBody/2)
			if left > size && left < size+1000 {
				size /= 2 // else the last would be too small
			}
			r.Recalls = append(r.Recalls, second.recallOf(r.Events[n].ID, size))
			left -= size
		}
		sortRecalls(r.Recalls)
		if err := r.Prove(); !errors.Is(err, want) {
			t.Errorf("%d bytes over the limit: %v", over, err)
		}
	}
}

// What a run brings is what its receiver can have of it.
func TestGiven(t *testing.T) {
	r, _ := mixed(t)
	want := Segments{{1, 4, r.Events[3].ID}, {6, 8, r.Events[7].ID}} // the fifth is dropped
	if got := r.Given(); !slices.Equal(got, want) {
		t.Errorf("given: %v, want %v", got, want)
	}
	r.Events = r.Events[4:5]
	if got := r.Given(); len(got) != 0 {
		t.Errorf("given of one that is dropped: %v", got)
	}
}

// Numbers beside the events of a run are held to their bounds.
func TestRunBounds(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *Run)
		want   error
	}{
		{"largest number", func(r *Run) { r.Number = MaxInteger }, nil},
		{"larger number", func(r *Run) { r.Number = MaxInteger + 1 }, ErrMalformed},
		{"every cause withheld", func(r *Run) { r.Events[0].Withheld = maxWithheld }, nil},
		{"more causes withheld", func(r *Run) { r.Events[0].Withheld = maxWithheld + 1 }, ErrMalformed},
		{"causes of a recall", func(r *Run) { r.Recalls[0].Withheld = WithholdPrevious }, ErrMalformed},
	} {
		r, _ := mixed(t)
		c.change(&r)
		if _, err := ParseRun(r.Marshal()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}
