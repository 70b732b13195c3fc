package tree

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/earshot-im/earshot/store/blob"
)

func TestMarks(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	save(t, d, "1", "file", File(blob.Entry{Size: 1}), []byte("x"))
	s, content := streamOf(t, spec{path: "a", content: "of a"})
	save(t, d, "2", "folder", s, content)
	for _, name := range []string{"file", "folder"} {
		b := make([]byte, 100)
		n, err := unix.Getxattr(filepath.Join(dir, name), "user.xdg.origin.url", b)
		if err == unix.ENOTSUP {
			t.Skip(err)
		}
		if err != nil || string(b[:n]) != "earshot:somebody" {
			t.Errorf("%s: %q %v", name, b[:max(n, 0)], err)
		}
	}
}
