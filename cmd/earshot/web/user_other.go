//go:build !linux

package web

import "net"

// checkUser lets every program of this machine connect: it is not known whose it is. It gets the page, which
// anybody may have, and nothing else without a session.
func checkUser(net.Conn) error { return nil }

func checkSelf() error { return nil }
