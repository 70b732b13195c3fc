package tree

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// claim renames what is in root, unless the name is taken: fs.ErrExist. Windows has no call for that
// which takes names below a folder that is open, so the destination goes by its path. Neither that nor
// its parents can be renamed while it is open.
func claim(root *os.Root, from, to string, _ bool) error {
	old, err := windows.UTF16PtrFromString(long(filepath.Join(root.Name(), from)))
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(long(filepath.Join(root.Name(), to)))
	if err != nil {
		return err
	}
	if err := windows.MoveFileEx(old, name, windows.MOVEFILE_WRITE_THROUGH); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// long is a path of which Windows changes nothing, and that may be longer than 260 characters.
func long(path string) string {
	switch {
	case strings.HasPrefix(path, `\\?\`):
		return path
	case strings.HasPrefix(path, `\\`):
		return `\\?\UNC` + path[1:]
	}
	return `\\?\` + path
}
