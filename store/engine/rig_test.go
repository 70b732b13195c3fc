package engine

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/crash"
	"github.com/earshot-im/earshot/store/disk"
)

// rig has an engine write over a recorder, and keeps what it should have after each batch. It runs in a bubble
// of synctest: the keeper and the writer sleep between their steps, each as its own random numbers say, so that
// they meet in many ways, and in the same ones each time.
type rig struct {
	t       *testing.T
	cfg     Config
	files   *crash.Recorder
	rng     *rand.Rand // of the writer
	e       *Engine
	rows    map[string]map[string]string // as the last batch has left them, by bucket and key
	numbers map[string]uint64            // the sequences
	tries   []try                        // the first one is the database with nothing in it
	calls   int                          // how many there were that can be made to fail
	beside  sync.WaitGroup               // what runs beside the writer
}

// try is a batch that was begun.
type try struct {
	has     string // what there is with it, see show
	outcome outcome
	rows    map[string]map[string]string // if it is unknown
	numbers map[string]uint64
}

type outcome int

const (
	begun     outcome = iota // the writer waits
	confirmed                // it was acknowledged
	refused                  // nothing of it is there
	unknown                  // the disk has failed: it is there or not
)

// rigBuckets have names of which one begins another.
var rigBuckets = []string{"a", "ab", "number", "z"}

const rigKeys = 12

// newRig makes a database.
func newRig(t *testing.T, seed uint64, journal int64) (*rig, error) {
	dir := t.TempDir()
	files, err := crash.NewRecorder(dir)
	fatal(t, err)
	r := &rig{
		t: t, files: files, rng: rand.New(rand.NewPCG(seed, 1)),
		rows: make(map[string]map[string]string), numbers: make(map[string]uint64),
	}
	for _, b := range rigBuckets {
		r.rows[b] = make(map[string]string)
	}
	var mu sync.Mutex
	keeper := rand.New(rand.NewPCG(seed, 2))
	r.cfg = Config{Dir: dir, Files: files, JournalBytes: journal, Ascending: []string{"z"}}
	r.cfg.Commit = func(name string, f func() error) error {
		mu.Lock()
		d := time.Duration(keeper.IntN(60)) * time.Millisecond // often both files of the journal are full meanwhile
		mu.Unlock()
		time.Sleep(d)
		return files.Commit(name, name != Database || options(false).NoSync, f)
	}
	t.Cleanup(func() {
		if r.e != nil {
			r.e.stop()
		}
	})
	r.tries = []try{{has: r.show(), outcome: confirmed}}
	if err := Create(r.cfg); err != nil {
		return r, err
	}
	files.Mark(0)
	return r, nil
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// show writes down what there should be.
func (r *rig) show() string {
	var b strings.Builder
	for _, name := range rigBuckets {
		fmt.Fprintf(&b, "%s %d\n", name, r.numbers[name])
		for _, k := range slices.Sorted(maps.Keys(r.rows[name])) {
			fmt.Fprintf(&b, " %s=%s\n", k, r.rows[name][k])
		}
	}
	return b.String()
}

// shown writes down what there is.
func shown(e *Engine) (string, error) {
	var b strings.Builder
	err := e.View(func(s *Snapshot) error {
		for _, name := range rigBuckets {
			fmt.Fprintf(&b, "%s %d\n", name, s.Sequence(name))
			for k, v := range s.From(name, nil) {
				fmt.Fprintf(&b, " %s=%s\n", k, v)
			}
		}
		return nil
	})
	return b.String(), err
}

// open opens the database, and learns of a batch of which nobody knew whether it is there.
func (r *rig) open() error {
	e, err := started(r.cfg)
	if err != nil {
		return err
	}
	r.e = e
	n, err := r.known(e, r.acknowledged())
	fatal(r.t, err)
	for i := range r.tries {
		switch t := &r.tries[i]; {
		case t.outcome != unknown:
		case i == n:
			t.outcome, r.rows, r.numbers = confirmed, t.rows, t.numbers
			r.files.Mark(n)
		default:
			t.outcome = refused
		}
	}
	return nil
}

// end ends the engine: orderly, or as a program that is killed, when the keeper has a moment.
func (r *rig) end(kill bool) error {
	r.beside.Wait()
	if !kill {
		return r.e.Close()
	}
	r.e.stop()
	r.e.kept.Wait()
	return r.e.closeFiles()
}

// kind is what kind of batch.
type kind int

const (
	ordinary kind = iota
	large         // it does not fit the journal
	many          // a checkpoint takes several transactions for it
)

// batch writes its number everywhere, and changes some other rows.
func (r *rig) batch(k kind) error {
	n := len(r.tries)
	wasRows, wasNumbers := make(map[string]map[string]string), maps.Clone(r.numbers)
	for name, rows := range r.rows {
		wasRows[name] = maps.Clone(rows)
	}
	failed := r.e.Err() != nil
	err := r.e.Write(func(b *Batch) error {
		put := func(bucket, key, value string) {
			r.rows[bucket][key] = value
			fatal(r.t, b.Put(bucket, []byte(key), []byte(value)))
		}
		for _, name := range rigBuckets {
			put(name, "n", fmt.Sprint(n))
			if r.rng.IntN(2) == 0 {
				r.numbers[name] = uint64(n)
				b.SetSequence(name, uint64(n))
			}
		}
		size := 300
		switch k {
		case large:
			size = int(r.cfg.JournalBytes)
			put("z", "large", strings.Repeat(fmt.Sprintf("%08d", n), size/8))
		case many:
			for i := range checkpointKeys * 5 / 4 {
				put("z", fmt.Sprintf("%04d", i), fmt.Sprint(n))
			}
		}
		for range 1 + r.rng.IntN(6) {
			bucket, key := rigBuckets[r.rng.IntN(len(rigBuckets))], fmt.Sprint(r.rng.IntN(rigKeys))
			if k != large && r.rng.IntN(3) == 0 {
				delete(r.rows[bucket], key)
				b.Delete(bucket, []byte(key))
				continue
			}
			put(bucket, key, fmt.Sprint(n)+strings.Repeat(".", r.rng.IntN(size)))
		}
		if r.rng.IntN(8) == 0 {
			b.Erase()
		}
		r.tries = append(r.tries, try{has: r.show()})
		return b.Commit()
	})
	if len(r.tries) == n { // it could not begin
		return err
	}
	switch t := &r.tries[n]; {
	case err == nil:
		t.outcome = confirmed
		r.files.Mark(n)
		return nil
	case errors.Is(err, disk.ErrUnknown) && !failed:
		t.outcome, t.rows, t.numbers = unknown, r.rows, r.numbers
	default:
		t.outcome = refused
		if !failed && !errors.Is(err, disk.ErrFull) {
			r.t.Errorf("batch %d: %v", n, err)
		}
	}
	r.rows, r.numbers = wasRows, wasNumbers
	return err
}

// step does something at random: half of the time it writes a batch. Errors of batches and of opening are
// returned; those of everything else don't matter: nothing may be lost by them.
func (r *rig) step() error {
	time.Sleep(time.Duration(r.rng.IntN(6)) * time.Millisecond)
	ctx := r.t.Context()
	background := func(f func() error) {
		if r.rng.IntN(2) == 0 {
			_ = f()
			return
		}
		r.beside.Go(func() { _ = f() })
	}
	switch r.rng.IntN(24) {
	case 0, 1, 2:
		_ = r.e.Checkpoint(ctx)
	case 3, 4:
		background(func() error { return r.e.Erase(ctx) })
	case 5:
		background(func() error { return r.e.Compact(ctx) })
	case 6:
		time.Sleep(2 * idle)
	case 7:
		time.Sleep(2 * eraseAfter)
	case 8, 9:
		_ = r.end(r.rng.IntN(2) == 0)
		return r.open()
	case 10:
		return r.batch(large)
	case 11: // more than both files of the journal have room for
		for range 24 {
			if err := r.batch(ordinary); err != nil {
				return err
			}
		}
		fallthrough
	default:
		return r.batch(ordinary)
	}
	_, err := r.known(r.e, r.acknowledged())
	return err
}

// acknowledged returns the number of the last batch that was.
func (r *rig) acknowledged() int {
	n := len(r.tries) - 1
	for r.tries[n].outcome != confirmed {
		n--
	}
	return n
}

// known returns the number of the batch that a database has, or what is wrong with it: it must have the one
// that was acknowledged last, or the next one, of which nobody has heard yet.
func (r *rig) known(e *Engine, acknowledged int) (int, error) {
	has, err := shown(e)
	if err != nil {
		return 0, err
	}
	if has == r.tries[acknowledged].has {
		return acknowledged, nil
	}
	for i := acknowledged + 1; i < len(r.tries); i++ {
		switch t := r.tries[i]; {
		case t.outcome == refused:
			continue
		case t.has == has:
			return i, nil
		}
		if r.tries[i].outcome == confirmed {
			break
		}
	}
	for i, t := range r.tries {
		if t.has == has {
			return 0, fmt.Errorf("it has batch %d, not %d or the next", i, acknowledged)
		}
	}
	return 0, fmt.Errorf("it has a part of a batch: %.300q", has)
}

// survives opens what a crash has left, and goes on with it.
func (r *rig) survives(dir string, acknowledged int) error {
	cfg := Config{Dir: dir}
	if err := wellFormed(dir); err != nil {
		return err
	}
	e, err := started(cfg)
	if err != nil {
		return err
	}
	defer func() {
		if e != nil {
			_ = e.Close()
		}
	}()
	n, err := r.known(e, acknowledged)
	if err != nil {
		return err
	}
	const more = "one more"
	if err := e.Write(func(b *Batch) error {
		return errors.Join(b.Put("more", []byte("a"), []byte(more)), b.Commit())
	}); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if acknowledged%2 == 0 {
		err = e.Close()
	} else { // without a checkpoint
		e.stop()
		e.kept.Wait()
		err = e.closeFiles()
	}
	if err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if e, err = started(cfg); err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	if again, err := r.known(e, acknowledged); err != nil || again != n {
		return fmt.Errorf("batch %d is now %d: %w", n, again, err)
	}
	return e.View(func(s *Snapshot) error {
		if got := s.Get("more", []byte("a")); string(got) != more {
			return fmt.Errorf("what was written after it is %q", got)
		}
		return nil
	})
}

// wellFormed checks the pages of a database, and that its free ones are those that nothing uses.
func wellFormed(dir string) error {
	db, err := openBolt(path(dir, Database), options(true))
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) (err error) {
		for e := range tx.Check() {
			err = errors.Join(err, e)
		}
		return err
	})
}

// states opens what crashes may leave, about one in so many.
func (r *rig) states(t *testing.T, seed uint64, every int) (n int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	dir := filepath.Join(t.TempDir(), "state")
	for s := range r.files.States(seed) {
		if rng.IntN(every) > 0 {
			continue
		}
		marks := s.Marks()
		if len(marks) == 0 {
			continue // the database is being made
		}
		n++
		fatal(t, errors.Join(os.RemoveAll(dir), s.Write(dir)))
		if err := r.survives(dir, marks[len(marks)-1].(int)); err != nil {
			t.Fatalf("seed %d: %v\n%v", seed, err, s)
		}
	}
	return n
}
