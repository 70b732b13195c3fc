//go:build !linux

package disk

import "os"

// syncData has the system write everything to the disk: by F_FULLFSYNC on macOS, by FlushFileBuffers on Windows.
func syncData(f *os.File) error { return f.Sync() }
