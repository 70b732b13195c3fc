//go:build !linux

package discovery

import (
	"errors"
	"io"
)

var errManyChanges = errors.New("too many changes at once")

// systemChanges does nothing where it is not known how.
func systemChanges() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }
