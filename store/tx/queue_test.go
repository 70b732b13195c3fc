package tx

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// TestMuchOfOneDoesNotDelayOthers: whatever one person has brought before, what the owner writes and
// the little that others bring is in the next batch, which is small. Everybody's own things keep
// their order.
func TestMuchOfOneDoesNotDelayOthers(t *testing.T) {
	db := openDB(t)
	w, a := newWriter(t, db)
	var order []string
	note := func(name string) func(*Batch) error {
		return func(b *Batch) error {
			order = append(order, name)
			return put(name)(b)
		}
	}
	var waits []func() error
	var much []string
	for i := range 30 {
		name := fmt.Sprintf("much %02d", i)
		much = append(much, name)
		waits = append(waits, w.SubmitBy(t.Context(), "one", batchBytes/4, note(name)))
	}
	waits = append(waits,
		w.SubmitBy(t.Context(), "two", batchBytes/100, note("little 1")),
		w.SubmitBy(t.Context(), "two", batchBytes/100, note("little 2")),
		w.SubmitBy(t.Context(), "three", 2*batchBytes, note("large")),
		w.Submit(t.Context(), note("own")))
	for _, answer := range run(t, w, waits...) {
		if answer != "<nil>" {
			t.Error(answer)
		}
	}
	equal(t, "at first", order[:3], "own", "much 00", "little 1")
	if at := slices.Index(order, "little 2"); at > 4 {
		t.Errorf("the second little thing is number %d", at)
	}
	if at := slices.Index(order, "large"); at != 6 || order[7] != "much 03" {
		t.Errorf("what fits into no batch is number %d, and not first in the second: %q", at, order)
	}
	equal(t, "those of one", slices.DeleteFunc(order, func(name string) bool { return !slices.Contains(much, name) }), much...)
	batches := 0
	for _, what := range a.told() {
		if what == "committed" {
			batches++
		}
	}
	if least := 30 / 4; batches < least {
		t.Errorf("%d batches", batches)
	}
}

// Whoever waits in the queue when the writer ends is told so.
func TestClosedWithAQueue(t *testing.T) {
	db := openDB(t)
	w, _ := newWriter(t, db)
	ended, cancel := context.WithCancel(t.Context())
	first := w.SubmitBy(t.Context(), "one", batchBytes, func(b *Batch) error {
		cancel()
		return put("first")(b)
	})
	second := w.SubmitBy(t.Context(), "one", batchBytes, put("second"))
	check(t, w.Run(ended))
	check(t, first())
	if err := second(); err != ErrClosed {
		t.Error(err)
	}
	equal(t, "keys", keys(t, db), "first")
}

// Somebody's thing that fills a batch by itself leaves room in it for the little that others bring. They
// don't wait for a batch after it.
func TestLittleBesideMuch(t *testing.T) {
	var q queue
	add := func(by string, bytes int) { q.add(&op{by: by, bytes: bytes}) }
	for range 3 {
		add("one", batchBytes)
		add("two", 2*batchBytes)
	}
	add("three", 1)
	add("four", leftBytes)
	var batches []string
	for q.len > 0 {
		all := ""
		for _, o := range q.take() {
			all += o.by + " "
		}
		batches = append(batches, all)
	}
	equal(t, "batches", batches, "one three ", "two four ", "one ", "two ", "one ", "two ")
}
