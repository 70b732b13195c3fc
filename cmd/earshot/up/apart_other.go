//go:build !unix

package up

import (
	"errors"
	"os"
)

// letGo closes the standard files. Windows gives their handles to no other file.
func letGo() error { return errors.Join(os.Stdin.Close(), os.Stdout.Close(), os.Stderr.Close()) }
