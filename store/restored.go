package store

import (
	"encoding/binary"
	"time"
)

// A database that is a copy of another, such as a backup that was put back, is older than what this device has said since,
// and the other may still be in use. Whoever went on writing in the logs that are in it would use sequences
// for a second time. So the database knows which file it is. When it finds itself in another one, an era begins: in each
// conversation, what is next written there begins a new log.

func eraOf(b []byte) uint32 {
	if len(b) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// putRestored notes that this disk may have gone back to an earlier time, or has.
func (b *batch) putRestored(proven bool) {
	v := append(u64(uint64(b.now)), 0)
	if proven {
		v[8] = 1
	}
	b.Put(bucketMeta, metaRestored, v)
}

// foreign notes that an event of this device came from others, which this disk did not have: it has gone back, or another
// runs with the same key.
func (b *batch) foreign(x *entry) {
	if x.header.Device != b.s.own.Device.ID() {
		return
	}
	b.putRestored(true)
	b.strange = max(b.strange, x.header.Clock)
}

// Copied reports whether the database was found in another file than before when it was opened: somebody has put a backup
// back, or has copied or moved the directory.
func (s *Store) Copied() bool { return s.copied }

// Restored returns when it was last found that this disk has gone back to an earlier time: by Copied, or proven by events of this
// device that others had and this disk had not. The zero time if never.
func (s *Store) Restored() (at time.Time, proven bool, err error) {
	err = s.view(func(r *reader) error {
		if v := r.Get(bucketMeta, metaRestored); len(v) == 9 {
			at, proven = time.UnixMilli(int64(number(v[:8]))), v[8] == 1
		}
		return nil
	})
	return at, proven, err
}
