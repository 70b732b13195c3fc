package floor

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"
)

const (
	messageSize = 100 // bytes
	numberSize  = 8   // of them, the digits of its number, at the beginning

	// maxGroup is how many messages a floor commits together at most.
	maxGroup = 4096
)

// Message is the text that carries a number, messageSize bytes long.
func Message(n int) []byte {
	return fmt.Appendf(nil, "%0*d%s", numberSize, n, strings.Repeat("x", messageSize-numberSize))
}

var bucket = []byte("messages")

// disk is the database of a floor: messages by number, opened as the store opens its own.
type disk struct {
	db *bbolt.DB
	n  uint64
}

func openDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(filepath.Join(dir, "floor.db"), 0o600, &bbolt.Options{
		FreelistType: bbolt.FreelistMapType, NoFreelistSync: true, NoStatistics: true})
	if err != nil {
		return nil, err
	}
	return &disk{db: db}, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
}

// put commits messages in one transaction.
func (d *disk) put(messages ...[]byte) error {
	return d.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		for _, m := range messages {
			d.n++
			if err := b.Put(binary.BigEndian.AppendUint64(nil, d.n), m); err != nil {
				return err
			}
		}
		return nil
	})
}

// each gives every message in turn.
func (d *disk) each(f func(message []byte) error) error {
	return d.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(_, m []byte) error { return f(m) })
	})
}

// group commits whatever waits in one transaction, then calls done, until in is closed.
func (d *disk) group(in <-chan []byte, done func(messages [][]byte) error) error {
	for first := range in {
		messages := [][]byte{first}
	gather:
		for len(messages) < maxGroup {
			select {
			case m, more := <-in:
				if !more {
					break gather
				}
				messages = append(messages, m)
			default:
				break gather
			}
		}
		if err := d.put(messages...); err != nil {
			return err
		}
		if err := done(messages); err != nil {
			return err
		}
	}
	return nil
}
