//go:build !linux

package tui

// giveBack does nothing where it is not known how.
func giveBack() {}
