package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
)

// gone fails the test if the words are left anywhere.
func gone(t testing.TB, e *Engine) {
	t.Helper()
	if names := kept(t, e.cfg.Dir, words); names != nil {
		t.Fatalf("%v have the words", names)
	}
}

func there(t testing.TB, e *Engine) {
	t.Helper()
	if names := kept(t, e.cfg.Dir, words); names == nil {
		t.Fatal("no file has the words")
	}
}

// eraseKey deletes a key, with its words.
func eraseKey(e *Engine, key string) error {
	return write(e, func(b *Batch) error {
		b.Delete("a", []byte(key))
		b.Erase()
		return nil
	})
}

func TestEraseLeavesNothing(t *testing.T) {
	for _, size := range []int{30, 500, 3000, 20_000, 300_000} {
		for checkpoints := range 4 {
			t.Run(fmt.Sprintf("%d/%d", size, checkpoints), func(t *testing.T) {
				t.Parallel()
				e := made(t, small(t.TempDir()))
				n, err := fill(e, "live", 40)
				must(t, err)
				must(t, write(e, func(b *Batch) error {
					return errors.Join(b.Put("alone", []byte("k"), forget(size)), b.Put("a", []byte("deleted"), forget(size)),
						b.Put("a", []byte("replaced"), forget(size)), b.Put("a", []byte("twice"), forget(size)))
				}))
				for range checkpoints {
					must(t, write(e, func(b *Batch) error { return b.Put("a", []byte("twice"), forget(size+1)) }))
					must(t, checkpoint(e))
				}
				there(t, e)
				must(t, write(e, func(b *Batch) error {
					b.Delete("a", []byte("deleted"))
					b.Delete("alone", []byte("k"))
					b.Erase()
					return errors.Join(b.Put("a", []byte("replaced"), []byte("new")), b.Put("a", []byte("twice"), nil))
				}))
				must(t, e.Erase(t.Context()))
				gone(t, e)
				has(t, e, "replaced", "new")
				has(t, e, "twice", "")
				has(t, e, "deleted", "none")
				hasFilled(t, e, "live", n)
				must(t, e.Close())
				gone(t, e)
				e = opened(t, e.cfg)
				hasFilled(t, e, "live", n)
				must(t, put(e, "after", "it"))
			})
		}
	}
}

// What is deleted is overwritten within an hour, by itself, also if it was written past the journal, and if
// the program was started again meanwhile.
func TestEraseIsDoneWhenDue(t *testing.T) {
	for _, how := range []string{"journal", "direct", "reopened", "killed"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := made(t, small(t.TempDir()))
				must(t, write(e, func(b *Batch) error { return b.Put("a", []byte("k"), forget(3000)) }))
				must(t, checkpoint(e))
				must(t, write(e, func(b *Batch) error {
					b.Delete("a", []byte("k"))
					b.Erase()
					if how == "direct" {
						return b.Put("a", []byte("large"), make([]byte, 20_000))
					}
					return nil
				}))
				switch how {
				case "reopened":
					must(t, e.Close())
					e = opened(t, e.cfg)
				case "killed":
					cfg := e.cfg
					cfg.Dir, cfg.Files = copied(t, cfg.Dir), nil
					e = opened(t, cfg)
				}
				time.Sleep(50 * time.Minute)
				synctest.Wait()
				there(t, e) // it is not done for each
				if how != "direct" {
					must(t, eraseKey(e, "another"))
				}
				time.Sleep(6 * time.Minute)
				synctest.Wait()
				gone(t, e)
				must(t, e.Close())
			})
		})
	}
}

// What was deleted stays for those who began to read before. Erase waits for them, and where one stays, it is not
// taken for done.
func TestEraseWaitsForReaders(t *testing.T) {
	for _, stays := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e := made(t, small(t.TempDir()))
			must(t, write(e, func(b *Batch) error { return b.Put("a", []byte("k"), forget(3000)) }))
			must(t, checkpoint(e))
			s, err := e.begin()
			must(t, err)
			must(t, eraseKey(e, "k"))
			ended := make(chan error, 1)
			go func() { ended <- e.Erase(t.Context()) }()
			time.Sleep(swapWait / 2)
			if !stays {
				e.end(s)
				must(t, <-ended)
				gone(t, e)
				must(t, e.Close())
				return
			}
			wants(t, <-ended, errBusy)
			there(t, e)
			e.end(s)
			time.Sleep(time.Hour)
			synctest.Wait()
			gone(t, e)
			must(t, e.Close())
		})
	}
}

// during calls f once, when the given call is made.
func during(call string, f func()) func(int, string, string) error {
	done := false
	return func(_ int, op, name string) error {
		if op+" "+name == call && !done {
			done = true
			f()
		}
		return nil
	}
}

// What is deleted while an Erase runs may not be overwritten by it, but then is by the next, wherever it is by
// then: in the table that is written to, or in one that waits for a checkpoint.
func TestEraseAskedForWhileOneRuns(t *testing.T) {
	for _, more := range []int{0, 8} {
		t.Run(fmt.Sprint(more), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, f := onFaulty(t)
				e := made(t, cfg)
				must(t, write(e, func(b *Batch) error { return b.Put("a", []byte("k"), forget(60_000)) }))
				must(t, eraseKey(e, "other"))
				wiped := 0
				f.set(func(call int, op, name string) error {
					if op == "sync" && name != Database {
						wiped++
					}
					if op == "committed" && wiped == 2 {
						wiped++
						must(t, eraseKey(e, "k"))
						if n, err := fill(e, "more", more); n != more {
							t.Error(err)
						}
					}
					return nil
				})
				must(t, e.Erase(t.Context()))
				f.set(nil)
				has(t, e, "k", "none")
				there(t, e)
				time.Sleep(56 * time.Minute)
				synctest.Wait()
				gone(t, e)
				hasFilled(t, e, "more", more)
				must(t, e.Close())
			})
		})
	}
}

// A writer that fills both tables while a file of the journal is overwritten must not write into that: what it has
// been told is kept would be gone after a kill.
func TestEraseKeepsWritersFromTheFileThatItOverwrites(t *testing.T) {
	for _, call := range []string{"write", "sync"} {
		synctest.Test(t, func(t *testing.T) {
			cfg, f := onFaulty(t)
			e := made(t, cfg)
			must(t, put(e, "first", "1"))
			file := journal.Names[e.journal.Active()]
			var told atomic.Int64
			var then int
			killed := cfg
			ended := make(chan error, 1)
			f.set(during(call+" "+file, func() {
				go func() {
					for i := range 30 {
						if err := put(e, fmt.Sprint("row", i), kilobyte("row", i)); err != nil {
							ended <- err
							return
						}
						told.Add(1)
					}
					ended <- nil
				}()
				synctest.Wait()
				var once sync.Once
				f.set(func(int, string, string) error { // the file was overwritten, and nothing was done since
					once.Do(func() { then, killed.Dir = int(told.Load()), copied(t, cfg.Dir) })
					return nil
				})
			}))
			must(t, e.Erase(t.Context()))
			must(t, <-ended)
			must(t, e.Close())
			if then == 0 {
				t.Fatal("nobody wrote")
			}
			killed.Files, killed.Commit = nil, nil
			c := opened(t, killed)
			hasFilled(t, c, "row", then)
			must(t, c.Close())
		})
	}
}

// An Erase that ends early, because the program does or the disk is full, gives back what it has taken, and
// is made up for.
func TestEraseEndsEarly(t *testing.T) {
	for _, how := range []string{"ends", "full"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, f := onFaulty(t)
				must(t, Create(cfg))
				e := quiet(t, cfg)
				must(t, write(e, func(b *Batch) error { return b.Put("a", []byte("k"), forget(3_000_000)) }))
				must(t, eraseKey(e, "k"))
				ctx, cancel := context.WithCancel(t.Context())
				commits := 0
				f.set(func(_ int, op, name string) error {
					if op != "commit" {
						return nil
					}
					if commits++; commits == 6 { // some pages are overwritten
						if how == "full" {
							return syscall.ENOSPC
						}
						cancel()
					}
					return nil
				})
				err := e.Erase(ctx)
				if how == "full" {
					wants(t, err, disk.ErrFull)
				} else {
					wants(t, err, context.Canceled)
				}
				cancel()
				if commits < 7 {
					t.Fatalf("%d transactions", commits)
				}
				f.set(nil)
				there(t, e)
				must(t, e.View(func(s *Snapshot) error {
					if s.openedBucket(scratchBucket).stored != nil {
						t.Error("scratch is left")
					}
					if s.Get(ownBucket, []byte(ownErase)) == nil {
						t.Error("it is forgotten")
					}
					return nil
				}))
				must(t, e.Close())
				e = opened(t, cfg)
				time.Sleep(56 * time.Minute)
				synctest.Wait()
				gone(t, e)
				must(t, e.Close())
			})
		})
	}
}

// On a full disk it waits until there is room.
func TestEraseWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, f := onFaulty(t)
		e := made(t, cfg)
		must(t, write(e, func(b *Batch) error { return b.Put("a", []byte("k"), forget(3000)) }))
		must(t, checkpoint(e))
		must(t, eraseKey(e, "k"))
		f.set(full)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		there(t, e)
		must(t, put(e, "while", "full"))
		f.set(nil)
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		gone(t, e)
		has(t, e, "while", "full")
		must(t, e.Close())
	})
}

// Nothing of the journal is needed after an Erase, and nothing of it is left.
func TestEraseLeavesZerosInTheJournal(t *testing.T) {
	e := made(t, small(t.TempDir()))
	must(t, put(e, "k", "v"))
	must(t, e.Erase(t.Context()))
	for _, name := range journal.Names {
		f, err := e.cfg.Files.Open(name, os.O_RDONLY)
		must(t, err)
		b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
		must(t, errors.Join(err, f.Close()))
		if int64(len(b)) != e.cfg.JournalBytes || slices.Max(b) != 0 {
			t.Errorf("%s has something in it", name)
		}
	}
	must(t, put(e, "large", string(make([]byte, 20_000)))) // the database doesn't expect anything of it either
	must(t, e.Close())
	has(t, opened(t, e.cfg), "k", "v")
}
