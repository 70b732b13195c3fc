package disk

import (
	"errors"
	"io/fs"
	"testing"
)

func TestRoomIsKeptForTheOwner(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, c := range []struct {
		space Space
		known bool
		full  bool
	}{
		{Space{Total: 100 * mib, Free: 64 * mib}, true, false},
		{Space{Total: 100 * mib, Free: 64*mib - 1}, true, true},
		{Space{Total: 100 * gib, Free: gib}, true, false},
		{Space{Total: 100 * gib, Free: gib - 1}, true, true},
		{Space{}, true, true},
		{Space{}, false, false},
	} {
		if err := Room(c.space, c.known); errors.Is(err, ErrFull) != c.full || !c.full && err != nil {
			t.Errorf("%+v: %v", c.space, err)
		}
	}
	if _, known := SpaceOf(t.TempDir()); !known {
		t.Error("the system says nothing of its file systems")
	}
}

// What the system says of a full disk is known as such, also where bbolt hands on its words only.
func TestFullDiskIsTold(t *testing.T) {
	system := &fs.PathError{Op: "write", Path: "store.db", Err: fullErrors[0]}
	for _, err := range []error{system, errors.New("file resize error: " + system.Error())} {
		if told := AsFull(err); !errors.Is(told, ErrFull) || !errors.Is(told, err) {
			t.Errorf("%v is %v", err, told)
		}
	}
	if err := AsFull(fs.ErrPermission); errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	if AsFull(nil) != nil {
		t.Error("no error is one")
	}
}
