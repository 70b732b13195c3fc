package tx

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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

// TestLater: what may wait is written with what comes, before it, and otherwise when its time is up.
func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wait = time.Second
		db := openDB(t)
		w, a := newWriter(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { check(t, w.Run(ctx)) })
		defer running.Wait()
		defer cancel()
		var order []string
		note := func(name string) func(*Batch) error {
			return func(b *Batch) error {
				order = append(order, name)
				return put(name)(b)
			}
		}
		var late sync.WaitGroup
		began := time.Now()
		later := func(name string) {
			late.Go(func() { check(t, w.DoLater(ctx, wait, note(name))) })
			synctest.Wait()
		}

		later("a")
		later("b")
		equal(t, "while nothing else comes", order)
		time.Sleep(wait / 2)
		check(t, w.Do(ctx, note("c")))
		late.Wait()
		equal(t, "with what came", order, "a", "b", "c")
		if took := time.Since(began); took != wait/2 {
			t.Errorf("after %v", took)
		}
		equal(t, "batches", committed(a), "committed")

		time.Sleep(wait) // the time of the first two is up, and means nothing any more
		order, began = nil, time.Now()
		later("d")
		time.Sleep(wait / 4)
		later("e")
		late.Wait()
		equal(t, "when their time is up", order, "d", "e")
		if took := time.Since(began); took != wait {
			t.Errorf("after %v", took)
		}
		equal(t, "batches", committed(a), "committed")
	})
}

// committed returns what was told since the last call of batches that were committed.
func committed(a *account) (out []string) {
	for _, what := range a.told() {
		if what == "committed" {
			out = append(out, what)
		}
	}
	return out
}
