package crash_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/earshot-im/earshot/store/crash"
)

var bucket = []byte("b")

// openBolt makes or opens the database through the recorder.
func openBolt(d *dir, nosync bool) (db *bbolt.DB) {
	d.Helper()
	d.check(d.Commit("db", nosync, func() (err error) {
		db, err = bbolt.Open(filepath.Join(d.path, "db"), 0o600, &bbolt.Options{NoSync: nosync, FreelistType: bbolt.FreelistMapType})
		return err
	}))
	d.Cleanup(func() { db.Close() })
	return db
}

// put writes a number under each of a few hundred keys, in one transaction.
func put(d *dir, db *bbolt.DB, i int) error {
	return d.Commit("db", db.NoSync, func() error {
		return db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(bucket)
			for k := 0; err == nil && k < 200; k++ {
				err = b.Put(fmt.Appendf(nil, "%08d", k), fmt.Appendf(nil, "%d %s", i, strings.Repeat("v", 50*i)))
			}
			return err
		})
	})
}

// contents returns the number that the database has under every key, -1 if it has no keys.
func contents(path string) (i int, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return -1, err
	}
	defer db.Close()
	seen := make(map[int]int)
	err = db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			return err
		}
		if tx.Bucket(bucket) == nil {
			return nil
		}
		return tx.Bucket(bucket).ForEach(func(k, v []byte) error {
			var i int
			_, err := fmt.Sscan(string(v), &i)
			seen[i]++
			return err
		})
	})
	if err != nil || len(seen) == 0 {
		return -1, err
	}
	for i, n := range seen {
		if n == 200 {
			return i, nil
		}
	}
	return -1, fmt.Errorf("some of it: %v", seen)
}

// examine opens every state, and returns what was lost, or damaged.
func examine(t *testing.T, r *crash.Recorder) (states int, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	for s := range r.States(1) {
		if len(s.Marks()) == 0 {
			continue // the database is being made
		}
		states++
		acknowledged := s.Marks()[len(s.Marks())-1].(int)
		if err := errors.Join(os.RemoveAll(path), s.Write(path)); err != nil {
			t.Fatal(err)
		}
		if i, err := contents(filepath.Join(path, "db")); err != nil || i != acknowledged && i != acknowledged+1 {
			return states, fmt.Errorf("%d, should be %d or the next: %w; %v", i, acknowledged, err, s)
		}
	}
	return states, nil
}

// TestCommit: a crash leaves of a transaction of bbolt all or nothing, and one without syncs is found out.
func TestCommit(t *testing.T) {
	for _, nosync := range []bool{false, true} {
		r := record(t, func(d *dir) {
			db := openBolt(d, nosync)
			d.check(d.Sync())
			for i := range 8 {
				d.Mark(i - 1)
				d.check(put(d, db, i))
			}
			d.Mark(7)
		})
		states, err := examine(t, r)
		if (err != nil) != nosync || !nosync && states < 1000 {
			t.Errorf("without syncs %v: %d states: %v", nosync, states, err)
		}
	}
}

// TestCommitOrder: what is recorded of a transaction.
func TestCommitOrder(t *testing.T) {
	r := record(t, func(d *dir) {
		db := openBolt(d, false)
		d.check(d.Sync())
		d.check(put(d, db, 1))
	})
	r.Mark("end")
	for s := range r.States(1) {
		if len(s.Marks()) == 0 {
			continue
		}
		var kinds []string
		for line := range strings.Lines(s.String()) {
			kinds = append(kinds, strings.Fields(line)[0])
		}
		if order := strings.Join(slices.Compact(kinds[1:]), " "); !strings.Contains(order, "truncate sync write sync write sync mark db x") {
			t.Errorf("%s", order)
		}
	}
}

// TestCommitMakes: a file that is empty, or zeros, becomes a database.
func TestCommitMakes(t *testing.T) {
	for _, size := range []int64{0, 1 << 14} {
		record(t, func(d *dir) {
			f := d.open("db", os.O_CREATE)
			d.check(f.Truncate(size))
			d.check(d.Commit("db", false, func() error {
				db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
				d.check(err)
				defer db.Close()
				return db.View(func(tx *bbolt.Tx) error { return tx.CopyFile(filepath.Join(d.path, "db"), 0o600) })
			}))
			d.check(d.Sync())
			d.Mark("made")
			for s := range d.States(1) {
				if len(s.Marks()) == 0 {
					continue
				}
				path := filepath.Join(t.TempDir(), "state")
				d.check(s.Write(path))
				if i, err := contents(filepath.Join(path, "db")); i != -1 || err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
}

// TestCommitFaults: a commit that fails was not begun, or nobody knows whether it is there.
func TestCommitFaults(t *testing.T) {
	for call, want := range []string{"[1]", "[1 2]"} {
		r := record(t, func(d *dir) {
			db := openBolt(d, false)
			d.check(d.Sync())
			d.check(put(d, db, 1))
			calls := d.Calls()
			d.FailAt(call+1, crash.Nothing, syscall.EIO)
			if err := put(d, db, 2); !errors.Is(err, syscall.EIO) {
				d.Errorf("fault %d: %v", call+1, err)
			}
			if d.Calls() != calls+call+1 {
				d.Errorf("%d calls", d.Calls()-calls)
			}
		})
		r.Mark(1)
		var found []int
		for s := range r.States(1) {
			if len(s.Marks()) == 0 {
				continue
			}
			path := filepath.Join(t.TempDir(), "state")
			if err := s.Write(path); err != nil {
				t.Fatal(err)
			}
			i, err := contents(filepath.Join(path, "db"))
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, i)
		}
		slices.Sort(found)
		if have := fmt.Sprint(slices.Compact(found)); have != want {
			t.Errorf("fault %d leaves %s, should be %s", call+1, have, want)
		}
	}
}

// TestCommitRefuses: a transaction that was not recorded is noticed at the next, and one that fails
// leaves no trace.
func TestCommitRefuses(t *testing.T) {
	record(t, func(d *dir) {
		db := openBolt(d, false)
		full := errors.New("full")
		if err := d.Commit("db", false, func() error { return db.Update(func(*bbolt.Tx) error { return full }) }); err != full {
			t.Errorf("%v", err)
		}
		if err := d.Commit("none", false, func() error { return bolterrors.ErrTimeout }); err != bolterrors.ErrTimeout {
			t.Errorf("%v", err)
		}
		if d.Commit("x", false, func() error { return nil }) == nil {
			t.Error("a file of text was taken for a database")
		}
		d.check(put(d, db, 1))
		d.check(db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put([]byte("beside"), nil) }))
		if put(d, db, 2) == nil {
			t.Error("a transaction beside the recorder wasn't noticed")
		}
	})
}
