package shelf

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/earshot-im/earshot/crypto/canon"
	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/tx"
)

// Listed is a blob in a list.
type Listed struct {
	ID
	Info
}

// List returns blobs as they were committed last, up to limit, that come after one in the order of
// their IDs; the zero ID is before all. What can't be read is left out, here and in what follows.
func (s *Shelf) List(after ID, limit int) (list []Listed, err error) {
	err = s.cfg.DB.View(func(r *tx.Reader) error {
		for key, row := range r.From(bucketBlobs, append(after[:], 0)) {
			if len(list) == limit {
				break
			}
			id, err := idAt(key)
			if err != nil {
				return err
			}
			info, _, err := parseRow(s.cfg.Keyring, id, row)
			if s.skips(key, err) {
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, Listed{id, info})
		}
		return nil
	})
	return list, err
}

// Sum returns how many blobs there are, and how many bytes their sealed chunks take.
func (s *Shelf) Sum() (blobs int, bytes uint64, err error) {
	err = s.cfg.DB.View(func(r *tx.Reader) error {
		for _, row := range r.Prefix(bucketBlobs, nil) {
			h, _, err := parseHead(row)
			if err != nil {
				return err
			}
			blobs, bytes = blobs+1, bytes+h.sealed
		}
		return nil
	})
	return blobs, bytes, err
}

// dueKey sorts by time.
func dueKey(ms int64, id ID) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(ms)), id[:]...)
}

func idAt(b []byte) (ID, error) {
	if len(b) < len(ID{}) {
		return ID{}, disk.Damaged("key of a blob of %d bytes", len(b))
	}
	return ID(b[len(b)-len(ID{}):]), nil
}

// Due returns up to limit blobs whose Due has come, the earliest first. It reads no others.
func (s *Shelf) Due(limit int) (due []Listed, err error) {
	now := s.cfg.Now().UnixMilli()
	err = s.cfg.DB.View(func(r *tx.Reader) error {
		for key := range r.Prefix(bucketDue, nil) {
			if len(due) == limit || len(key) < 8 || int64(binary.BigEndian.Uint64(key)) > now {
				break
			}
			id, err := idAt(key)
			if err != nil {
				return err
			}
			info, h, err := parseRow(s.cfg.Keyring, id, r.Get(bucketBlobs, id[:]))
			if err == nil && h.due != int64(binary.BigEndian.Uint64(key)) {
				err = disk.Damaged("a blob is due at another time")
			}
			if s.skips(key, err) {
				continue
			}
			if err != nil {
				return err
			}
			due = append(due, Listed{id, info})
		}
		return nil
	})
	return due, err
}

// Leftover is what a forgotten blob has left in a folder of the owner's: it was not finished, and is to
// be removed there.
type Leftover struct {
	Folder, Part string
	name         fileName
}

func leftoverAAD(name fileName) []byte { return append([]byte("leftover"), name[:]...) }

func (s *Shelf) putLeftover(b *tx.Batch, name fileName, p Partial) {
	var w canon.Writer
	w.Bytes(1, []byte(p.Folder))
	w.Bytes(2, []byte(p.Part))
	b.Put(bucketLeftovers, name[:], s.cfg.Keyring.Seal(w.Out(), leftoverAAD(name)))
}

// Leftovers returns what is to be removed from folders of the owner's.
func (s *Shelf) Leftovers() (all []Leftover, err error) {
	err = s.cfg.DB.View(func(r *tx.Reader) error {
		for key, v := range r.Prefix(bucketLeftovers, nil) {
			l, err := s.parseLeftover(key, v)
			if s.skips(key, err) {
				continue
			}
			if err != nil {
				return err
			}
			all = append(all, l)
		}
		return nil
	})
	return all, err
}

func (s *Shelf) parseLeftover(key, v []byte) (l Leftover, err error) {
	if len(key) != nameSize {
		return l, disk.Damaged("leftover with a key of %d bytes", len(key))
	}
	l.name = fileName(key)
	plain, err := s.cfg.Keyring.Open(v, leftoverAAD(l.name))
	if err != nil {
		return l, disk.Damaged("leftover: %w", err)
	}
	r := canon.NewReader(plain)
	l.Folder, l.Part = string(r.Bytes(1, maxPath)), string(r.Bytes(2, maxPart))
	if err := r.End(); err != nil {
		return l, disk.Damaged("leftover: %w", err)
	}
	return l, nil
}

// skips reports whether an error is that a row is damaged, which is left out then, and says so once.
func (s *Shelf) skips(key []byte, err error) bool {
	if !errors.Is(err, disk.ErrDamaged) {
		return false
	}
	if s.skipped.Add(key) {
		s.cfg.Log.Warn("what is kept of a file is left out", "err", err)
	}
	return true
}

// Removed notes that a leftover was removed.
func (s *Shelf) Removed(ctx context.Context, l Leftover) error {
	return s.cfg.Writer.Do(ctx, func(b *tx.Batch) error {
		b.Delete(bucketLeftovers, l.name[:])
		return nil
	})
}
