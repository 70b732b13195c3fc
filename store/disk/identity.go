package disk

import (
	"bytes"
	"encoding/binary"
	"os"

	"go.etcd.io/bbolt"
)

// Identity tells a file from every copy of it, also from a copy that was put in its place. It has
// the file's number in the file system and, where that is known, when the file was made, since
// numbers are used again. It is nil where the file system is not known to keep the number of a
// file.
type Identity []byte

// Same reports whether two identities are of one file. When the file was made may be known to only
// one of them, since systems begin to tell it.
func (i Identity) Same(o Identity) bool {
	if len(i) != identitySize || len(o) != identitySize {
		return bytes.Equal(i, o)
	}
	made := func(i Identity) uint64 { return binary.BigEndian.Uint64(i[8:]) }
	return bytes.Equal(i[:8], o[:8]) && (made(i) == made(o) || made(i) == 0 || made(o) == 0)
}

const identitySize = 16

// identityOf returns the identity of a file.
func identityOf(path string) (Identity, error) {
	if !keepsNumbers(path) {
		return nil, nil
	}
	number, made, err := fileNumber(path)
	if err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, number), made), nil
}

// Identity returns the identity of the database file.
func (d *Disk) Identity() Identity { return d.identity }

// carryOver corrects the identity that is kept in a compacted database. If the database knew itself
// to be in the old file, it now knows the new one. If it was copied and has not noticed that yet,
// the identity stays as it is, so that it will.
func carryOver(cfg *Config, to *bbolt.DB, oldPath, newPath string) error {
	old, err := cfg.identify(oldPath)
	if err != nil {
		return err
	}
	now, err := cfg.identify(newPath)
	if err != nil {
		return err
	}
	return to.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(cfg.IdentityBucket)
		if b == nil || now == nil || !Identity(b.Get(cfg.IdentityKey)).Same(old) {
			return nil
		}
		return b.Put(cfg.IdentityKey, now)
	})
}
