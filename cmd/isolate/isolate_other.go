//go:build !linux

package isolate

import "context"

// Run returns ErrNone: only Linux has network namespaces.
func Run(context.Context) (done bool, err error) { return false, ErrNone }
