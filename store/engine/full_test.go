package engine

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
)

// On a full disk batches are written until both tables are full. Then they are refused, and nothing is lost.
// As soon as there is room, they are written again.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, f := onFaulty(t)
		e := made(t, cfg)
		must(t, put(e, "first", "1"))
		must(t, checkpoint(e))
		f.set(full)
		wants(t, errors.Join(put(e, "before", "2"), checkpoint(e)), disk.ErrFull)
		n, err := fill(e, "row", 100)
		wants(t, err, disk.ErrFull)
		if n < 6 || n > 16 {
			t.Errorf("%d rows of 1 KiB in two journals of 8", n)
		}
		for i := range 3 { // it stays so
			wants(t, put(e, "refused", string(make([]byte, 2000))), disk.ErrFull)
			wants(t, put(e, "refused", string(make([]byte, 20_000*(i+1)))), disk.ErrFull)
			time.Sleep(5 * time.Second)
		}
		must(t, e.Err())
		check := func() {
			t.Helper()
			has(t, e, "first", "1")
			has(t, e, "before", "2")
			has(t, e, "refused", "none")
			hasFilled(t, e, "row", n)
		}
		check()
		must(t, e.Close())
		e = opened(t, cfg) // on a disk that is full
		synctest.Wait()
		check()
		wants(t, put(e, "refused", string(make([]byte, 2000))), disk.ErrFull)
		check()
		f.set(nil)
		time.Sleep(2 * time.Second) // by itself, within a second
		synctest.Wait()
		more, err := fill(e, "more", 100)
		must(t, err)
		check()
		must(t, put(e, "direct", string(make([]byte, 20_000))))
		must(t, e.Close())
		e = opened(t, cfg)
		check()
		hasFilled(t, e, "more", more)
		has(t, e, "direct", string(make([]byte, 20_000)))
		must(t, e.Close())
	})
}

// A batch that waits for a checkpoint is told when that finds no room.
func TestBatchWaitsForACheckpointThatFindsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, f := onFaulty(t)
		e := made(t, cfg)
		var written int
		ended := make(chan error, 1)
		f.set(func(call int, op, name string) error {
			if op != "commit" {
				return nil
			}
			synctest.Wait() // the writer waits
			return syscall.ENOSPC
		})
		go func() {
			var err error
			written, err = fill(e, "row", 100)
			ended <- err
		}()
		wants(t, <-ended, disk.ErrFull)
		hasFilled(t, e, "row", written)
		f.set(nil)
		must(t, checkpoint(e))
		f.set(func(_ int, op, name string) error {
			if op == "commit" {
				synctest.Wait() // the writer waits, and is not told of what was before
			}
			return nil
		})
		go func() {
			_, err := fill(e, "more", 40)
			ended <- err
		}()
		must(t, <-ended)
		must(t, e.Close())
	})
}

// Where writing over a file takes room, as on a file system that copies on write, a batch is refused for which
// there is none.
func TestJournalTakesRoom(t *testing.T) {
	cfg, f := onFaulty(t)
	f.refuses = true
	must(t, Create(cfg))
	e := quiet(t, cfg)
	must(t, put(e, "first", "1"))
	f.set(on(syscall.ENOSPC, "write "+journal.Names[0]))
	wants(t, put(e, "refused", "2"), disk.ErrFull)
	must(t, e.Err())
	has(t, e, "refused", "none")
	f.set(nil)
	must(t, put(e, "later", "3"))
	must(t, e.Close())
	e = opened(t, cfg)
	has(t, e, "first", "1")
	has(t, e, "refused", "none")
	has(t, e, "later", "3")
}

// A disk that fails ends all writing. What was acknowledged is there, now and after the next start.
func TestDiskFails(t *testing.T) {
	for _, call := range []string{
		"write " + journal.Names[0], "sync " + journal.Names[0], "write " + journal.Names[1], "sync " + journal.Names[1],
		"commit " + Database, "committed " + Database,
	} {
		for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
			if call == "commit "+Database && fault == syscall.ENOSPC {
				continue // TestFullDisk
			}
			t.Run(fmt.Sprintf("%s/%v", call, fault), func(t *testing.T) {
				cfg, f := onFaulty(t)
				e := made(t, cfg)
				must(t, put(e, "first", "1"))
				must(t, checkpoint(e))
				before, err := fill(e, "before", 5)
				must(t, err)
				f.set(on(fault, call))
				n, err := fill(e, "row", 200)
				wants(t, err, disk.ErrUnknown)
				<-e.Failed()
				wants(t, e.Err(), disk.ErrUnknown)
				f.set(nil)
				for _, size := range []int{1, 20_000} { // also if the disk does not fail any more
					wants(t, put(e, "later", string(make([]byte, size))), disk.ErrUnknown)
				}
				wants(t, checkpoint(e), disk.ErrUnknown)
				wants(t, e.Erase(t.Context()), disk.ErrUnknown)
				wants(t, e.Compact(t.Context()), disk.ErrUnknown)
				check := func() {
					t.Helper()
					has(t, e, "first", "1")
					has(t, e, "later", "none")
					hasFilled(t, e, "before", before)
					hasFilled(t, e, "row", n)
				}
				check()
				must(t, e.Close())
				e = opened(t, cfg)
				check()
				must(t, put(e, "again", "works"))
				must(t, e.Close())
			})
		}
	}
}

// A batch that is too large for the journal and fails is not there, or it is unknown.
func TestDirectCommitFails(t *testing.T) {
	for _, call := range []string{"commit", "committed"} {
		t.Run(call, func(t *testing.T) {
			cfg, f := onFaulty(t)
			e := made(t, cfg)
			must(t, put(e, "k", "v"))
			must(t, checkpoint(e))
			f.set(on(syscall.EIO, call+" "+Database))
			large := string(make([]byte, 20_000))
			wants(t, put(e, "large", large), disk.ErrUnknown)
			<-e.Failed()
			must(t, e.Close())
			f.set(nil)
			e = opened(t, cfg)
			has(t, e, "k", "v")
			if call == "commit" {
				large = "none"
			}
			has(t, e, "large", large)
			must(t, put(e, "k", "w"))
			has(t, e, "k", "w")
		})
	}
}

// A writer that waits while the disk fails is told.
func TestBatchWaitsForACheckpointThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, f := onFaulty(t)
		e := made(t, cfg)
		f.set(func(call int, op, name string) error {
			if op != "commit" {
				return nil
			}
			synctest.Wait()
			return syscall.EIO
		})
		ended := make(chan error, 1)
		go func() {
			_, err := fill(e, "row", 100)
			ended <- err
		}()
		wants(t, <-ended, disk.ErrUnknown)
		wants(t, e.Err(), disk.ErrUnknown)
		must(t, e.Close())
	})
}

// What is in the journal and in memory is written into the database after a while, without anybody asking.
func TestCheckpointByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := made(t, small(t.TempDir()))
		must(t, put(e, "k", "v"))
		stored := func() bool {
			e.mu.Lock()
			defer e.mu.Unlock()
			return e.active.Len() == 0 && e.frozen == nil
		}
		time.Sleep(idle - time.Second)
		synctest.Wait()
		must(t, put(e, "l", "w")) // does not put it off
		if stored() || e.InMemory() == 0 {
			t.Error("too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !stored() || e.InMemory() != 0 {
			t.Error("not in the database")
		}
		must(t, e.Close())
		wants(t, put(e, "k", "v"), ErrClosed)
		wants(t, e.View(func(*Snapshot) error { return nil }), ErrClosed)
	})
}

// A checkpoint of several transactions that ends before any of them.
func TestCheckpointIsCutOff(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
		for at, last := 1, false; !last; at++ {
			cfg, f := onFaulty(t)
			cfg.JournalBytes, cfg.TableBytes = 4<<20, 8<<20
			must(t, Create(cfg))
			e := quiet(t, cfg)
			large := string(make([]byte, 700_000))
			for i := range 3 {
				must(t, put(e, fmt.Sprint("k", i), large))
			}
			commits := 0
			f.set(func(_ int, op, name string) error {
				if op == "commit" {
					if commits++; commits == at {
						return fault
					}
				}
				return nil
			})
			err := checkpoint(e)
			if last = err == nil; last && at < 3 {
				t.Errorf("%d transactions", at-1)
			}
			f.set(nil)
			must(t, e.journal.Close()) // as a kill
			must(t, e.db.Close())
			e = quiet(t, cfg)
			must(t, checkpoint(e))
			for i := range 3 {
				has(t, e, fmt.Sprint("k", i), large)
			}
			must(t, e.Close())
		}
	}
}
