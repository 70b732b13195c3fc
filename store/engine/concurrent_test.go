package engine

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
)

// mapAsBboltDoes reserves no addresses, as on systems with few of them.
func mapAsBboltDoes(t testing.TB) {
	was := reserve
	reserve = func() int { return 0 }
	t.Cleanup(func() { reserve = was })
}

// Each batch puts its number into the same rows of two buckets and into a sequence. No reader may see two
// numbers, nor an older one than before; and checkpoints run all the time.
func TestReadersSeeWholeBatches(t *testing.T) {
	for _, reserved := range []bool{true, false} {
		t.Run(fmt.Sprint("reserved=", reserved), func(t *testing.T) {
			if !reserved {
				mapAsBboltDoes(t)
			}
			e := made(t, small(t.TempDir()))
			const rows = 20
			batches := uint64(300)
			if testing.Short() {
				batches = 100
			}
			done := make(chan struct{})
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					last := uint64(0)
					for {
						n, err := wholeBatch(e, rows)
						if err != nil || n < last {
							t.Errorf("%d after %d: %v", n, last, err)
							return
						}
						last = n
						select {
						case <-done:
							return
						default:
						}
					}
				})
			}
			all.Go(func() {
				for {
					if err := checkpoint(e); err != nil {
						t.Error(err)
						return
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
			for n := uint64(1); n <= batches; n++ {
				size := 8
				if n%50 == 0 {
					size = 2000 // past the journal
				}
				must(t, write(e, func(b *Batch) error {
					value := append(binary.BigEndian.AppendUint64(nil, n), make([]byte, size)...)
					for i := range rows {
						key := []byte{byte(i)}
						if err := b.Put([]string{"a", "ab"}[i%2], key, value); err != nil {
							return err
						}
					}
					b.Delete("b", binary.BigEndian.AppendUint64(nil, n-1))
					b.SetSequence("b", n)
					return b.Put("b", binary.BigEndian.AppendUint64(nil, n), nil)
				}))
			}
			close(done)
			all.Wait()
			if n, err := wholeBatch(e, rows); n != batches || err != nil {
				t.Errorf("%d: %v", n, err)
			}
		})
	}
}

// wholeBatch returns the number that all rows have.
func wholeBatch(e *Engine, rows int) (n uint64, err error) {
	err = e.View(func(s *Snapshot) error {
		n = s.Sequence("b")
		seen := 0
		for _, bucket := range []string{"a", "ab"} {
			for k, v := range s.From(bucket, nil) {
				if got := binary.BigEndian.Uint64(v); got != n {
					return fmt.Errorf("row %d is of batch %d, the sequence of %d", k, got, n)
				}
				seen++
			}
		}
		marks := 0
		for k := range s.Below("b", []byte{0xff}) {
			if got := binary.BigEndian.Uint64(k); got != n {
				return fmt.Errorf("mark of batch %d, the sequence is of %d", got, n)
			}
			marks++
		}
		if n > 0 && (seen != rows || marks != 1) {
			return fmt.Errorf("%d rows and %d marks", seen, marks)
		}
		return nil
	})
	return n, err
}

// A reader that stays while the file grows holds nobody up where there are addresses; elsewhere only what must
// grow waits, and whoever begins to read behind it, until the reader has ended.
func TestReaderStaysWhileTheFileGrows(t *testing.T) {
	for _, reserved := range []bool{true, false} {
		t.Run(fmt.Sprint("reserved=", reserved), func(t *testing.T) {
			if reserved && reserve() == 0 {
				return
			}
			if !reserved {
				mapAsBboltDoes(t)
			}
			e := made(t, small(t.TempDir()))
			must(t, put(e, "k", "v"))
			s, err := e.begin()
			must(t, err)
			ended := make(chan error, 2)
			go func() {
				_, err := fill(e, "row", 100)
				if err == nil { // and past the journal
					err = put(e, "large", string(make([]byte, 3<<20)))
				}
				ended <- err
			}()
			if reserved {
				must(t, <-ended)
			}
			if v := s.Get("a", []byte("k")); string(v) != "v" {
				t.Errorf("%q", v)
			}
			for range s.From("a", []byte("row")) {
				t.Error("sees later rows")
			}
			e.end(s)
			if !reserved {
				must(t, <-ended)
			}
			hasFilled(t, e, "row", 100)
		})
	}
}

// A batch that waits for a checkpoint reads no more: what waits for readers would wait for it.
func TestBatchReadsNoMoreOnceItIsCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, f := onFaulty(t)
		e := made(t, cfg)
		readers := -1
		f.set(func(_ int, op, name string) error {
			if op == "commit" && readers < 0 {
				synctest.Wait() // the writer waits
				e.mu.Lock()
				readers = e.readers
				e.mu.Unlock()
			}
			return nil
		})
		_, err := fill(e, "row", 100)
		must(t, err)
		if readers != 0 {
			t.Errorf("%d readers", readers)
		}
		must(t, e.Close())
	})
}

// A checkpoint keeps the disk for shorter while there is room for batches, which wait for it meanwhile.
func TestCheckpointInParts(t *testing.T) {
	for _, soonFull := range []bool{false, true} {
		t.Run(fmt.Sprint("soonFull=", soonFull), func(t *testing.T) {
			cfg, f := onFaulty(t)
			cfg.JournalBytes, cfg.TableBytes = 1<<20, 1<<20
			must(t, Create(cfg))
			e := quiet(t, cfg)
			_, err := fill(e, "row", 400)
			must(t, err)
			commits := 0
			f.set(func(_ int, op, name string) error {
				if op != "commit" {
					return nil
				}
				if commits++; commits == 1 && soonFull {
					_, err := fill(e, "more", 300)
					return err
				}
				return nil
			})
			e.mu.Lock()
			e.freeze()
			e.mu.Unlock()
			must(t, e.locked(t.Context(), e.drain))
			if whole := commits <= 2; whole != soonFull {
				t.Errorf("%d transactions", commits)
			}
			hasFilled(t, e, "row", 400)
		})
	}
}

// A batch that fails or is not committed leaves nothing.
func TestBatchThatIsNotCommitted(t *testing.T) {
	e := made(t, small(t.TempDir()))
	must(t, put(e, "k", "v"))
	must(t, e.Write(func(b *Batch) error { return b.Put("a", []byte("k"), []byte("w")) }))
	wants(t, e.Write(func(b *Batch) error {
		b.Delete("a", []byte("k"))
		return disk.ErrNewer
	}), disk.ErrNewer)
	has(t, e, "k", "v")
	must(t, write(e, func(*Batch) error { return nil }))
	if n := e.journal.Last().Number; n != 1 {
		t.Errorf("%d batches", n)
	}
	for _, key := range [][]byte{nil, {}, make([]byte, bbolt.MaxKeySize+1)} {
		if err := write(e, func(b *Batch) error { return b.Put("a", key, nil) }); err == nil {
			t.Errorf("a key of %d bytes", len(key))
		}
	}
	if e.readers != 0 {
		t.Errorf("%d readers", e.readers)
	}
}

// An empty key is never there. What is written of a batch can be read again, whatever was deleted.
func TestDeletingNoKey(t *testing.T) {
	e := made(t, small(t.TempDir()))
	must(t, write(e, func(b *Batch) error {
		b.Delete("a", nil)
		b.Delete("a", []byte("not there"))
		return b.Put("a", []byte("k"), nil)
	}))
	cfg := e.cfg
	cfg.Dir, cfg.Files = copied(t, cfg.Dir), nil
	has(t, opened(t, cfg), "k", "")
}

// A checkpoint that begins while a record is written waits until the table has what the record says.
func TestCheckpointWhileARecordIsWritten(t *testing.T) {
	for _, call := range []string{"write " + journal.Names[0], "sync " + journal.Names[0]} {
		synctest.Test(t, func(t *testing.T) {
			cfg, f := onFaulty(t)
			must(t, Create(cfg))
			e := quiet(t, cfg)
			must(t, put(e, "before", "1"))
			ended := make(chan error, 1)
			f.set(during(call, func() {
				go func() { ended <- checkpoint(e) }()
				synctest.Wait()
			}))
			must(t, put(e, "k", "2"))
			must(t, <-ended)
			must(t, put(e, "after", "3"))
			cfg.Dir, cfg.Files, cfg.Commit = copied(t, cfg.Dir), nil, nil
			c := quiet(t, cfg)
			for _, e := range []*Engine{e, c} {
				has(t, e, "before", "1")
				has(t, e, "k", "2")
				has(t, e, "after", "3")
				must(t, e.Close())
			}
		})
	}
}

// A table is bounded also where the journal has room.
func TestTableIsBounded(t *testing.T) {
	cfg := small(t.TempDir())
	cfg.JournalBytes, cfg.TableBytes = 64<<10, 8<<10
	e := made(t, cfg)
	for i := range 300 {
		must(t, put(e, fmt.Sprint(i), "v"))
		e.mu.Lock()
		bytes := int64(e.active.Bytes())
		e.mu.Unlock()
		if bytes > cfg.TableBytes {
			t.Fatalf("%d bytes", bytes)
		}
	}
}
