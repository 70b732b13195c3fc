package store

import (
	"encoding/binary"
	"time"

	"github.com/earshot-im/earshot/store/layout"
)

// A database may be a copy of another one, such as a backup that was put back. A copy does not know
// what this device has written since, and the other database may still be in use. If this device
// went on in the logs of the copy, it would use sequences a second time. So the database remembers
// which file it is in. When it finds itself in another one, a new era begins: in each conversation,
// the next event goes into a new log.

func eraOf(b []byte) uint32 {
	if len(b) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// putRestored notes that this disk may have gone back to an earlier time, or has, if that is
// proven.
func (b *batch) putRestored(proven bool) {
	v := append(layout.U64(uint64(b.now)), 0)
	if proven {
		v[8] = 1
	}
	b.Put(bucketMeta, metaRestored, v)
}

// foreign notes that an event of this device came from others although this disk did not have it.
// So the disk has gone back in time, or another one is used with the same key.
func (b *batch) foreign(x *entry) {
	if x.header.Device != b.s.own.Device.ID() {
		return
	}
	b.putRestored(true)
	b.strange = max(b.strange, x.header.Clock)
}

// Copied reports whether the database was in another file than before when it was opened: somebody
// has put a backup back, or has copied or moved the directory.
func (s *Store) Copied() bool { return s.copied }

// Restored returns when it was last found that this disk may have gone back to an earlier time.
// That is proven where others had events of this device that this disk did not have, else it is a
// guess of Copied. The zero time if never.
func (s *Store) Restored() (at time.Time, proven bool, err error) {
	err = s.view(func(r *reader) error {
		if v := r.Get(bucketMeta, metaRestored); len(v) == 9 {
			at, proven = time.UnixMilli(int64(layout.Number(v[:8]))), v[8] == 1
		}
		return nil
	})
	return at, proven, err
}
