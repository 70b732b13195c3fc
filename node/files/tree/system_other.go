//go:build unix && !linux && !darwin

package tree

import "os"

func syncAll(*os.Root) (done bool, err error) { return false, nil }

func lightSync(f *os.File) error { return f.Sync() }
