//go:build !linux

package main

import "context"

// isolate does nothing: only Linux has network namespaces.
func isolate(context.Context) (done, ours bool, err error) { return false, false, nil }
