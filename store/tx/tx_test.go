package tx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/earshot-im/earshot/store/engine"
)

const (
	letters = Bucket("letters")
	numbers = Bucket("numbers") // ascending
)

// openDB opens a database with two buckets.
func openDB(t *testing.T) *DB {
	t.Helper()
	cfg := engine.Config{Dir: t.TempDir()}
	check(t, engine.Create(cfg))
	e, err := engine.Open(cfg)
	check(t, err)
	e.Start()
	t.Cleanup(func() { e.Close() })
	db := New(e)
	check(t, db.View(func(r *Reader) error {
		if !r.Blank() {
			t.Error("a new database is not blank")
		}
		return nil
	}))
	return db
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put returns a function that sets keys, each to itself.
func put(keys ...string) func(*Batch) error {
	return func(b *Batch) error {
		for _, k := range keys {
			b.Put(letters, []byte(k), []byte(k))
		}
		return nil
	}
}

// keys returns all keys of the bucket letters.
func keys(t *testing.T, db *DB) (out []string) {
	t.Helper()
	check(t, db.View(func(r *Reader) error {
		for k, v := range r.Prefix(letters, nil) {
			if !bytes.Equal(k, v) {
				t.Errorf("%q has the value %q", k, v)
			}
			out = append(out, string(k))
		}
		return nil
	}))
	return out
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestReader(t *testing.T) {
	db := openDB(t)
	check(t, db.Update(put("a", "b1", "b2", "b3", "d")))
	check(t, db.View(func(r *Reader) error {
		collect := func(seq func(func(k, v []byte) bool), most int) (out []string) {
			for k := range seq {
				if len(out) == most {
					break
				}
				out = append(out, string(k))
			}
			return out
		}
		equal(t, "prefix", collect(r.Prefix(letters, []byte("b")), 9), "b1", "b2", "b3")
		equal(t, "prefix of none", collect(r.Prefix(letters, []byte("c")), 9))
		equal(t, "prefix, broken off", collect(r.Prefix(letters, nil), 2), "a", "b1")
		equal(t, "range", collect(r.Range(letters, []byte("b2"), []byte("d")), 9), "b2", "b3")
		equal(t, "from a key", collect(r.From(letters, []byte("b2")), 9), "b2", "b3", "d")
		equal(t, "from between", collect(r.From(letters, []byte("b21")), 1), "b3")
		equal(t, "from beyond", collect(r.From(letters, []byte("e")), 9))
		equal(t, "back from a key", collect(r.Back(letters, []byte("b2")), 9), "b1", "a")
		equal(t, "back from between", collect(r.Back(letters, []byte("c")), 2), "b3", "b2")
		equal(t, "back from beyond", collect(r.Back(letters, []byte("e")), 1), "d")
		equal(t, "back from the first", collect(r.Back(letters, []byte("a")), 9))
		for _, x := range []struct{ key, at, before string }{{"a", "a", ""}, {"b", "b1", "a"}, {"c", "d", "b3"}, {"z", "", "d"}} {
			at, _ := r.Seek(letters, []byte(x.key))
			below, v := r.Before(letters, []byte(x.key))
			if string(at) != x.at || string(below) != x.before || !bytes.Equal(below, v) {
				t.Errorf("%s: at %q, before %q", x.key, at, below)
			}
		}
		if r.Count(letters, []byte("b")) != 3 || r.Count(letters, nil) != 5 {
			t.Error("count")
		}
		if r.Empty(letters) || !r.Empty(numbers) || r.Blank() {
			t.Error("what is there")
		}
		if v := r.Get(letters, []byte("d")); string(v) != "d" {
			t.Errorf("d: %q", v)
		}
		if v := r.Get(letters, []byte("c")); v != nil {
			t.Errorf("c: %q", v)
		}
		if k, _ := r.Seek(numbers, nil); k != nil {
			t.Error("a key in an empty bucket")
		}
		if k, _ := r.Before(numbers, []byte{1}); k != nil {
			t.Error("a key in an empty bucket")
		}
		return nil
	}))
}

func TestBatch(t *testing.T) {
	db := openDB(t)
	check(t, db.Update(put("a", "b")))
	check(t, db.Update(func(b *Batch) error {
		keys, values := b.Copy(letters, nil)
		for i, k := range keys {
			b.Delete(letters, k)
			b.Put(letters, values[i], values[i])
		}
		b.Delete(letters, []byte("a"))
		b.Delete(letters, []byte("never there"))
		if b.Get(letters, []byte("a")) != nil || b.Get(letters, []byte("b")) == nil {
			t.Error("a batch does not see what it wrote")
		}
		for want := uint64(1); want <= 3; want++ {
			if n := b.Next(numbers); n != want || b.Sequence(numbers) != want {
				t.Errorf("sequence %d, want %d", n, want)
			}
		}
		return nil
	}))
	equal(t, "keys", keys(t, db), "b")
	check(t, db.View(func(r *Reader) error {
		if n := r.Sequence(numbers); n != 3 {
			t.Errorf("sequence %d", n)
		}
		return nil
	}))
}

// Whatever changes something is counted: a function that fails after it must be undone.
func TestChangesAreCounted(t *testing.T) {
	db := openDB(t)
	check(t, db.Update(func(b *Batch) error {
		for i, f := range []func(){
			func() { b.Put(letters, []byte("a"), nil) },
			func() { b.Delete(letters, []byte("a")) },
			func() { b.Next(letters) },
			func() { b.Defer() },
		} {
			f()
			if b.Changes() != i+1 {
				t.Fatalf("%d changes after %d", b.Changes(), i+1)
			}
			if b.Get(letters, []byte("a")); b.Changes() != i+1 {
				t.Fatal("reading is counted")
			}
		}
		return nil
	}))
}

// A batch is undone if its function fails, or one of its writes, whatever came after that.
func TestUpdateFails(t *testing.T) {
	db := openDB(t)
	fault := errors.New("fault")
	if err := db.Update(func(b *Batch) error { b.Put(letters, []byte("a"), nil); return fault }); err != fault {
		t.Error(err)
	}
	for what, f := range map[string]func(*Batch){
		"put":    func(b *Batch) { b.Put(letters, nil, []byte("bbolt refuses an empty key")) },
		"delete": func(b *Batch) { b.Fail(fault); b.Delete(letters, []byte("a")) },
		"fail":   func(b *Batch) { b.Fail(fault); b.Fail(errors.New("later")) },
	} {
		err := db.Update(func(b *Batch) error {
			f(b)
			return put("a")(b)
		})
		if err == nil || what == "fail" && err != fault {
			t.Errorf("%s: %v", what, err)
		}
	}
	equal(t, "keys", keys(t, db))
}

// A reader sees what was there when it began, and does not keep others from writing.
func TestSnapshot(t *testing.T) {
	db := openDB(t)
	check(t, db.View(func(r *Reader) error {
		check(t, db.Update(put("a")))
		if !r.Empty(letters) {
			t.Error("a snapshot has changed")
		}
		return nil
	}))
	equal(t, "keys", keys(t, db), "a")
}

// account notes what a writer tells it.
type account struct {
	mu     sync.Mutex
	calls  []string
	finish func(*Batch) error
	idle   []func(*Batch) error
}

func (a *account) note(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, what)
}

func (a *account) told() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.calls
	a.calls = nil
	return out
}

func (a *account) Idle() (f func(*Batch) error) {
	if len(a.idle) > 0 {
		f, a.idle = a.idle[0], a.idle[1:]
	}
	return f
}

func (a *account) Finish(b *Batch) error {
	a.note("finish")
	if a.finish != nil {
		return a.finish(b)
	}
	return nil
}

func (a *account) Committed(*Batch)   { a.note("committed") }
func (a *account) Answered(*Batch)    { a.note("answered") }
func (a *account) Undone(failed bool) { a.note(fmt.Sprint("undone ", failed)) }

// newWriter returns one that does not run yet, and what its hooks note.
func newWriter(t *testing.T, db *DB) (*Writer, *account) {
	t.Helper()
	a := &account{}
	return NewWriter(db, a, slog.New(slog.DiscardHandler)), a
}

// run has a writer write until everybody that was submitted has an answer, which it returns.
func run(t *testing.T, w *Writer, waits ...func() error) (answers []string) {
	t.Helper()
	running, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(running) }()
	for _, wait := range waits {
		answers = append(answers, fmt.Sprint(wait()))
	}
	cancel()
	check(t, <-ended)
	return answers
}

// Those that wait share one batch, in the order in which they were submitted.
func TestGroup(t *testing.T) {
	db := openDB(t)
	w, a := newWriter(t, db)
	var order []int
	var waits []func() error
	for i := range 5 {
		waits = append(waits, w.Submit(t.Context(), func(b *Batch) error {
			order = append(order, i)
			return put(fmt.Sprint(i))(b)
		}))
	}
	equal(t, "answers", run(t, w, waits...), "<nil>", "<nil>", "<nil>", "<nil>", "<nil>")
	if !slices.Equal(order, []int{0, 1, 2, 3, 4}) {
		t.Error("order", order)
	}
	equal(t, "keys", keys(t, db), "0", "1", "2", "3", "4")
	equal(t, "hooks", a.told(), "finish", "committed", "answered")
}

// One that fails after it has changed something leaves nothing behind, nor does it harm the others,
// which run again without it. Each gets the answer that is its own.
func TestGroupWithoutTheOneThatFailed(t *testing.T) {
	db := openDB(t)
	w, a := newWriter(t, db)
	runs := map[string]int{}
	op := func(name string, changes bool, err error) func() error {
		return w.Submit(t.Context(), func(b *Batch) error {
			runs[name]++
			if changes {
				put(name)(b)
			}
			return err
		})
	}
	answers := run(t, w,
		op("first", true, nil),
		op("changes and fails", true, errors.New("fault 1")),
		op("only fails", false, errors.New("fault 2")),
		op("changes and fails as well", true, errors.New("fault 3")),
		op("only looks", false, nil),
		op("last", true, nil))
	equal(t, "answers", answers, "<nil>", "fault 1", "fault 2", "fault 3", "<nil>", "<nil>")
	equal(t, "keys", keys(t, db), "first", "last")
	equal(t, "hooks", a.told(), "undone false", "undone false", "finish", "committed", "answered")
	for name, want := range map[string]int{"first": 3, "changes and fails": 1, "only fails": 2, "changes and fails as well": 1, "last": 1} {
		if runs[name] != want {
			t.Errorf("%s ran %d times, want %d", name, runs[name], want)
		}
	}
}

// A failing function whose changes would only be written by Finish has changed something.
func TestDeferredChangeCounts(t *testing.T) {
	db := openDB(t)
	w, a := newWriter(t, db)
	answers := run(t, w, w.Submit(t.Context(), func(b *Batch) error { b.Defer(); return errors.New("fault") }))
	equal(t, "answers", answers, "fault")
	equal(t, "hooks", a.told(), "undone false")
}

// Where nothing is changed there is nothing to finish or to commit.
func TestGroupThatOnlyLooks(t *testing.T) {
	db := openDB(t)
	w, a := newWriter(t, db)
	answers := run(t, w, w.Submit(t.Context(), func(b *Batch) error { return nil }))
	equal(t, "answers", answers, "<nil>")
	equal(t, "hooks", a.told(), "committed", "answered")
}

// A write that fails takes all down that are in the batch: nobody is told that it was written.
func TestWriteFails(t *testing.T) {
	db := openDB(t)
	w, a := newWriter(t, db)
	refused := func(b *Batch) error { b.Put(letters, nil, []byte("bbolt refuses an empty key")); return nil }
	answers := run(t, w, w.Submit(t.Context(), put("a")), w.Submit(t.Context(), refused), w.Submit(t.Context(), put("b")))
	if len(answers) != 3 || answers[0] == "<nil>" || answers[0] != answers[1] || answers[1] != answers[2] {
		t.Errorf("answers: %q", answers)
	}
	equal(t, "keys", keys(t, db))
	equal(t, "hooks", a.told(), "undone true")

	// The same where the failing write is one of Finish, or Finish fails itself.
	for what, finish := range map[string]func(*Batch) error{"write": refused, "error": func(*Batch) error { return errors.New("fault") }} {
		w, a := newWriter(t, db)
		a.finish = finish
		if answers := run(t, w, w.Submit(t.Context(), put("a"))); answers[0] == "<nil>" {
			t.Errorf("%s in Finish: %q", what, answers)
		}
		equal(t, what+" in Finish", a.told(), "finish", "undone true")
	}
	equal(t, "keys", keys(t, db))
}

// What the writer has to do by itself shares a batch with what others want.
func TestIdle(t *testing.T) {
	db := openDB(t)
	w, a := newWriter(t, db)
	a.idle = []func(*Batch) error{put("idle"), func(b *Batch) error { put("fails")(b); return errors.New("fault") }}
	answers := run(t, w, w.Submit(t.Context(), put("asked")))
	equal(t, "answers", answers, "<nil>")
	equal(t, "keys", keys(t, db), "asked", "idle")
}

// Who waits when the writer ends, or comes later, is told so.
func TestClosed(t *testing.T) {
	db := openDB(t)
	w, _ := newWriter(t, db)
	wait := w.Submit(t.Context(), put("a"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	check(t, w.Run(ended))
	if err := wait(); err != ErrClosed {
		t.Error("submitted before:", err)
	}
	for range 2 * mailbox { // whether there is room in the mailbox or not
		if err := w.Do(t.Context(), put("b")); err != ErrClosed {
			t.Fatal("submitted after:", err)
		}
	}
	equal(t, "keys", keys(t, db))
	check(t, db.engine.Close())
	if err := db.View(func(*Reader) error { return nil }); err != ErrClosed {
		t.Error("viewed after:", err)
	}
}

// A context bounds the wait for room in the mailbox.
func TestMailboxIsFull(t *testing.T) {
	db := openDB(t)
	w, _ := newWriter(t, db)
	for range mailbox {
		w.Submit(t.Context(), put("a"))
	}
	given, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Do(given, put("b")); err != context.Canceled {
		t.Error(err)
	}
}

// What follows a batch is done when it is on the disk, before anybody gets an answer, and not where
// the batch was undone: only once, though its functions have run twice.
func TestThen(t *testing.T) {
	db := openDB(t)
	w, a := newWriter(t, db)
	then := func(name string, f func(*Batch) error) func(*Batch) error {
		return func(b *Batch) error {
			b.Then(func() {
				if len(keys(t, db)) == 0 {
					t.Error("before the commit")
				}
				a.note("then " + name)
			})
			return f(b)
		}
	}
	answers := run(t, w,
		w.Submit(t.Context(), then("a", put("a"))),
		w.Submit(t.Context(), then("fails", func(b *Batch) error { put("b")(b); return errors.New("fault") })))
	equal(t, "answers", answers, "<nil>", "fault")
	equal(t, "calls", a.told(), "undone false", "finish", "then a", "committed", "answered")
}

// A batch may have deleted all keys of some pages, or of all. bbolt then went around for ever where it was
// asked for the last key, and ended too early where it went back.
func TestBackOverEmptiedPages(t *testing.T) {
	const count = 1000 // several pages
	key := func(i int) []byte { return fmt.Appendf(nil, "%020d", i) }
	for _, left := range [][]int{{}, {0}, {count - 1}, {0, count - 1}, {1, count / 2, count - 2}} {
		db := openDB(t)
		check(t, db.Update(func(b *Batch) error {
			for i := range count {
				b.Put(letters, key(i), []byte{})
			}
			return nil
		}))
		check(t, db.Update(func(b *Batch) error {
			for i := range count {
				if !slices.Contains(left, i) {
					b.Delete(letters, key(i))
				}
			}
			var want, got []string
			for _, i := range slices.Backward(left) {
				want = append(want, string(key(i)))
			}
			for k := range b.Back(letters, key(count)) {
				got = append(got, string(k))
			}
			equal(t, "back", got, want...)
			for i := range count {
				below := slices.DeleteFunc(slices.Clone(left), func(l int) bool { return l >= i })
				k, _ := b.Before(letters, key(i))
				if len(below) == 0 && k != nil || len(below) > 0 && !bytes.Equal(k, key(below[len(below)-1])) {
					t.Fatalf("left %v: before %d is %q", left, i, k)
				}
			}
			return nil
		}))
	}
}

// TestPrefixAtTheEnd: keys that begin with the highest byte have none behind them.
func TestPrefixAtTheEnd(t *testing.T) {
	db := openDB(t)
	check(t, db.Update(put("a", "a\xff", "a\xffb", "b", "\xff", "\xff\xff", "\xff\xffa")))
	check(t, db.View(func(r *Reader) error {
		for prefix, want := range map[string]int{"a": 3, "a\xff": 2, "b": 1, "\xff": 3, "\xff\xff": 2, "": 7} {
			if n := r.Count(letters, []byte(prefix)); n != want {
				t.Errorf("%d keys begin with %q, want %d", n, prefix, want)
			}
		}
		return nil
	}))
}
