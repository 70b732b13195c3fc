//go:build !linux

package up

// slackenTimers does nothing: there is no such setting.
func slackenTimers() error { return nil }
