package system

import "syscall"

// readOnly is what the system says of a medium that can't be written (ERROR_WRITE_PROTECT).
const readOnly = syscall.Errno(19)
