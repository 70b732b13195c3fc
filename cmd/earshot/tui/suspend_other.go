//go:build !unix

package tui

// suspend does nothing where nothing can be suspended.
func suspend() {}
