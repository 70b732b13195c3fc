package files

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/node/files/place"
	"github.com/earshot-im/earshot/node/files/tree"
	"github.com/earshot-im/earshot/store"
	"github.com/earshot-im/earshot/store/shelf"
)

func TestWhyUnsaved(t *testing.T) {
	for why, errs := range map[string][]error{
		ReasonRefused:  {place.ErrRefused, fmt.Errorf("%w: path", place.ErrRefused)},
		ReasonNoRoom:   {store.ErrFull, &fs.PathError{Op: "write", Err: syscall.ENOSPC}},
		ReasonDamaged:  {shelf.ErrNotHeld, fmt.Errorf("%w: x", tree.ErrChanged)},
		ReasonNoFolder: {fs.ErrPermission, fs.ErrNotExist},
	} {
		for _, err := range errs {
			if got := whyUnsaved(err); got != why {
				t.Errorf("%v: %s", err, got)
			}
		}
	}
}
