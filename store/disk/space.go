package disk

import (
	"errors"
	"fmt"
	"strings"
)

const (
	// keepFree is how many bytes of the file system are kept for what the owner writes, and
	// keepPart is how many parts of it, where one of them is more: enough for a thousand of the
	// longest messages.
	keepFree = 64 << 20
	keepPart = 100
)

// Space is how large a file system is and how much of it this user may still fill, in bytes.
type Space struct {
	Total, Free uint64
	Disk        uint64 // tells it from other file systems; 0: not known
}

// Kept is how much of a file system is kept for the owner.
func (s Space) Kept() uint64 { return max(keepFree, s.Total/keepPart) }

// Room returns nil if there is room for what others write, else ErrFull, which says how much is
// left. Where the system does not tell, there is room until a write fails.
func Room(space Space, known bool) error {
	if kept := space.Kept(); known && space.Free < kept {
		return fmt.Errorf("%w: %d MiB are free, and %d are kept for its owner", ErrFull, space.Free>>20, kept>>20)
	}
	return nil
}

// AsFull returns an error that matches ErrFull as well if it says that there is no room. bbolt
// hands some errors of the system on as text only. Where nobody knows what was written, it stays at that.
func AsFull(err error) error {
	if err == nil || errors.Is(err, ErrFull) || errors.Is(err, ErrUnknown) {
		return err
	}
	for _, full := range fullErrors {
		if errors.Is(err, full) || strings.HasSuffix(err.Error(), full.Error()) {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
	}
	return err
}
