//go:build !linux

package main

import "context"

// isolate does nothing: only Linux has network namespaces, so the demo uses the host's network.
func isolate(context.Context) (done bool, err error) { return false, nil }
