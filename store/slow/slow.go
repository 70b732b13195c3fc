// Package slow is a disk that takes its time for each sync, so that what else takes time hardly counts. Tests use
// it, and the bench.
package slow

import (
	"time"

	"github.com/earshot-im/earshot/store/disk"
)

// Disk are the files of a directory, each sync of which takes a while.
type Disk struct {
	disk.Files
	takes     time.Duration
	Committed chan struct{} // has room for one: bbolt has begun to write
}

// New returns the disk of a directory.
func New(dir string, takes time.Duration) *Disk {
	return &Disk{Files: disk.Dir(dir), takes: takes, Committed: make(chan struct{}, 1)}
}

// Open implements disk.Files.
func (d *Disk) Open(name string, flag int) (disk.File, error) {
	f, err := d.Files.Open(name, flag)
	if err != nil {
		return nil, err
	}
	return file{f, d}, nil
}

// Commit is called where bbolt writes, which syncs twice.
func (d *Disk) Commit(_ string, f func() error) error {
	select {
	case d.Committed <- struct{}{}:
	default:
	}
	time.Sleep(2 * d.takes)
	return f()
}

type file struct {
	disk.File
	of *Disk
}

// Sync implements disk.File.
func (f file) Sync() error {
	time.Sleep(f.of.takes)
	return f.File.Sync()
}
