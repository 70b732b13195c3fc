//go:build !windows

package system

import "syscall"

// readOnly is what the system says of a file system that can't be written.
const readOnly = syscall.EROFS
