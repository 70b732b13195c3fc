package tx

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// The floor: one key in one bucket, one commit.
func BenchmarkFloorPut(b *testing.B) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	check(b, err)
	defer db.Close()
	value := make([]byte, 400)
	for i := 0; b.Loop(); i++ {
		check(b, db.Update(func(tx *bbolt.Tx) error {
			k, err := tx.CreateBucketIfNotExists([]byte("b"))
			check(b, err)
			return k.Put(u64(uint64(i)), value)
		}))
	}
}

// The floor of 64 and 256 at once.
func BenchmarkFloorPutGrouped(b *testing.B) {
	for _, n := range []int{64, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
			check(b, err)
			defer db.Close()
			value := make([]byte, 400)
			for i := 0; b.Loop(); i++ {
				check(b, db.Update(func(tx *bbolt.Tx) error {
					k, err := tx.CreateBucketIfNotExists([]byte("b"))
					check(b, err)
					for j := range n {
						check(b, k.Put(u64(uint64(i*n+j)), value))
					}
					return nil
				}))
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
