//go:build !linux && !darwin && !windows

package link

import (
	"errors"
	"time"
)

// unconfirmed is not told here.
func unconfirmed(int) int { return 0 }

// confirmWithin can't be had here.
func confirmWithin(int, time.Duration) error { return errors.ErrUnsupported }
