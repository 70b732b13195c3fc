package system

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/earshot-im/earshot/node/checks"
	"github.com/earshot-im/earshot/store"
)

const (
	// syncs is how many syncs are measured at most. The quickest counts, since others who write at the
	// same moment make a sync wait, and none is quicker than the disk.
	syncs = 5
	// enough is when no further sync is measured: the disk is slow beyond doubt.
	enough = 2 * time.Second
	// diskPatience is how long the disk may take for all.
	diskPatience = 10 * time.Second
	// block is how much is written before each sync: as much as a short message takes.
	block = 4 << 10
	// probeName is the beginning of the name of the file that is written.
	probeName = "sync-test-"
)

// Disk says how the disk under the directory is.
func (m Machine) Disk() checks.Storage {
	s := checks.Storage{Dir: m.Dir}
	space := store.SpaceOf
	if m.Space != nil {
		space = m.Space
	}
	if room, known := space(m.Dir); known {
		s.Known, s.Free, s.Kept = true, room.Free, room.Kept()
	}
	var entries []fs.DirEntry
	if entries, s.Read = os.ReadDir(m.Dir); s.Read == nil {
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), probeName) { // of a process that was killed meanwhile
				_ = os.Remove(filepath.Join(m.Dir, e.Name()))
			}
		}
		s.Sync, s.Write = measure(m.Dir)
	}
	switch {
	case errors.Is(store.AsFull(s.Write), store.ErrFull):
		s.No = checks.Full
	case errors.Is(s.Write, readOnly), errors.Is(s.Write, fs.ErrPermission):
		s.No = checks.ReadOnly
	}
	return s
}

// disk is Disk for as long as somebody waits. A disk that says nothing by then is slow.
func (m Machine) disk(ctx context.Context) checks.Storage {
	began := time.Now()
	done := make(chan checks.Storage, 1)
	go func() { done <- m.Disk() }() // ends when the disk has answered
	select {
	case s := <-done:
		return s
	case <-time.After(diskPatience):
	case <-ctx.Done():
	}
	return checks.Storage{Dir: m.Dir, Sync: time.Since(began)}
}

// measure writes and syncs a small file some times, and returns how long one sync takes.
func measure(dir string) (quickest time.Duration, err error) {
	f, err := os.CreateTemp(dir, probeName)
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	b := make([]byte, block)
	for n, began := 0, time.Now(); n < syncs && (n == 0 || time.Since(began) < enough); n++ {
		if _, err := f.Write(b); err != nil {
			return 0, err
		}
		start := time.Now()
		if err := f.Sync(); err != nil {
			return 0, err
		}
		if took := time.Since(start); n == 0 || took < quickest {
			quickest = took
		}
	}
	return quickest, nil
}
