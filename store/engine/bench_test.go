package engine_test

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/engine"
)

// benchRow is one of the rows of a message, much as package store writes them: most have keys that ascend,
// some are the same rows again and again.
type benchRow struct {
	bucket string
	size   int // of the value
	kind   int
}

const (
	benchAscending = iota
	benchMixed     // random among the latest thousand, ascending beyond
	benchAgain     // of one conversation in fifty
)

var (
	benchRows = []benchRow{
		{"events", 400, benchAscending}, {"view", 24, benchAscending}, {"arrivals", 24, benchAscending}, {"unread", 8, benchAscending},
		{"keys", 24, benchAscending}, {"ids", 12, benchMixed}, {"logs", 350, benchAgain}, {"conversations", 350, benchAgain},
	}
	benchBuckets = []string{"events", "view", "arrivals", "unread", "keys"}
	benchValue   = make([]byte, 1<<10)
)

func init() { _, _ = rand.Read(benchValue) } // never fails

// key returns the key of the row of message n.
func (r benchRow) key(n uint64) []byte {
	b := make([]byte, 24)
	switch r.kind {
	case benchMixed:
		binary.BigEndian.PutUint64(b, n>>10)
		binary.BigEndian.PutUint64(b[8:], n*0x9E3779B97F4A7C15)
	case benchAgain:
		n %= 50
		fallthrough
	default:
		binary.BigEndian.PutUint64(b[16:], n)
	}
	return b
}

// benchFill writes messages, many in a batch, until there are so many.
func benchFill(b *testing.B, e *engine.Engine, have *uint64, want uint64) {
	const atOnce = 10_000
	for *have < want {
		if err := e.Write(func(t *engine.Batch) error {
			for range min(atOnce, want-*have) {
				if err := benchMessage(*have, t.Put); err != nil {
					return err
				}
				*have++
			}
			return t.Commit()
		}); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Checkpoint(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// benchMessage puts the rows of message n.
func benchMessage(n uint64, put func(bucket string, key, value []byte) error) error {
	for _, r := range benchRows {
		if err := put(r.bucket, r.key(n), benchValue[:r.size]); err != nil {
			return err
		}
	}
	return nil
}

// benchEach measures f, and reports the quantiles; with first set, how many times the first one's median its
// own is.
func benchEach(b *testing.B, first *time.Duration, f func() error) {
	var all []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	median := all[len(all)/2]
	b.ReportMetric(float64(median), "p50-ns")
	b.ReportMetric(float64(all[len(all)*99/100]), "p99-ns")
	if first == nil {
		return
	}
	if *first == 0 {
		*first = median
	}
	b.ReportMetric(float64(median)/float64(*first), "x-first")
}

// What it takes to commit one message, however many are stored: at most 1.2 times what it takes with few. Its
// floors are one write and one sync of a file that is there already, and bbolt alone.
func BenchmarkCommit(b *testing.B) {
	b.Run("floor", benchFloor)
	b.Run("bbolt", benchBolt)

	cfg := engine.Config{Dir: b.TempDir(), Ascending: benchBuckets}
	if err := engine.Create(cfg); err != nil {
		b.Fatal(err)
	}
	e, err := engine.Open(cfg)
	if err == nil {
		e.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	}()
	have, first := uint64(0), time.Duration(0)
	for _, stored := range []uint64{10_000, 100_000, 1_000_000, 5_000_000} {
		if testing.Short() && stored > 1_000_000 {
			return
		}
		benchFill(b, e, &have, stored)
		b.Run(fmt.Sprint(stored), func(b *testing.B) {
			benchEach(b, &first, func() error {
				return e.Write(func(t *engine.Batch) error {
					if err := benchMessage(have, t.Put); err != nil {
						return err
					}
					have++
					return t.Commit()
				})
			})
		})
	}
}

// benchFloor writes as many bytes as a message has into a file that is filled with zeros, over and over.
func benchFloor(b *testing.B) {
	const size = 4 << 20
	f, err := disk.Dir(b.TempDir()).Open("floor", os.O_RDWR|os.O_CREATE)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, size), 0); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	var record []byte
	_ = benchMessage(0, func(_ string, key, value []byte) error {
		record = append(append(record, key...), value...)
		return nil
	})
	at := int64(0)
	benchEach(b, nil, func() error {
		if at+int64(len(record)) > size {
			at = 0
		}
		_, err := f.WriteAt(record, at)
		at += int64(len(record))
		if err != nil {
			return err
		}
		return f.Sync()
	})
}

// benchBolt commits the same rows to a bbolt file without a journal.
func benchBolt(b *testing.B) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bolt.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	n := uint64(0)
	commit := func(count int) error {
		return db.Update(func(tx *bbolt.Tx) error {
			for range count {
				err := benchMessage(n, func(name string, key, value []byte) error {
					bucket, err := tx.CreateBucketIfNotExists([]byte(name))
					if err != nil {
						return err
					}
					if slices.Contains(benchBuckets, name) {
						bucket.FillPercent = 0.9
					}
					return bucket.Put(key, value)
				})
				if err != nil {
					return err
				}
				n++
			}
			return nil
		})
	}
	if err := commit(10_000); err != nil {
		b.Fatal(err)
	}
	benchEach(b, nil, func() error { return commit(1) })
}
