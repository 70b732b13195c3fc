//go:build !linux && !darwin && !windows

package tree

import "os"

// claim renames what is in root, unless the name is taken: fs.ErrExist.
func claim(root *os.Root, from, to string, folder bool) error {
	return fallback(root, from, to, folder)
}
