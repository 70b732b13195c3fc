//go:build !linux

package isolate

import "context"

// Run returns ErrNone: only Linux has network namespaces.
func Run(context.Context) (done bool, err error) { return false, ErrNone }

// Check returns ErrOutside, for the same reason.
func Check() error { return ErrOutside }
