//go:build !linux

package process

import (
	"errors"
	"time"
)

// Usage is known on Linux alone; elsewhere the lines that need it are left out.
func Usage(...int) (time.Duration, int64, error) { return 0, 0, errors.ErrUnsupported }

// Forget has the system read a file from its disk when it is read next, on Linux alone.
func Forget(string) error { return errors.ErrUnsupported }

// Switches works on Linux only.
func Switches(int) (int64, error) { return 0, errors.ErrUnsupported }

// Peak works on Linux only.
func Peak(int) (int64, error) { return 0, errors.ErrUnsupported }

// Own works on Linux only.
func Own(int) (int64, error) { return 0, errors.ErrUnsupported }

// ForgetPeak works on Linux only.
func ForgetPeak(int) error { return errors.ErrUnsupported }
