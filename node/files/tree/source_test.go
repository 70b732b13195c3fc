package tree

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/blob"
)

func TestScanFile(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, spec{"a b.sh", "content", true})
	src := scan(t, filepath.Join(dir, "a b.sh"))
	e := src.Entries()[0]
	if src.Kind() != blob.File || src.Size() != 7 || src.Name() != "a b.sh" || len(src.Index()) > 0 || !e.Executable || e.Modified != uint64(longAgo.UnixMilli()) {
		t.Errorf("%+v, %q", e, src.Name())
	}
	if got := readAll(t, src); string(got) != "content" {
		t.Errorf("%q", got)
	}
	b := make([]byte, 4)
	if n, err := src.ReadAt(b, 5); n != 2 || err != io.EOF || string(b[:n]) != "nt" {
		t.Errorf("%d %v %q", n, err, b)
	}
	if n, err := src.ReadAt(b, 7); n != 0 || err != io.EOF {
		t.Errorf("%d %v", n, err)
	}
	if _, err := src.ReadAt(b, -1); err == nil || err == io.EOF {
		t.Error(err)
	}
	if err := src.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestScanFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sent")
	makeTree(t, dir, spec{path: "b", content: "of b"}, spec{path: "a/x", content: "of a/x", executable: true}, spec{path: "a!", content: ""},
		spec{path: "empty/"}, spec{path: "deep/empty/"}, spec{path: ".hidden/c", content: "of c"})
	src := scan(t, dir)
	var paths []string
	for _, e := range src.Entries() {
		paths = append(paths, e.Path)
	}
	if got := strings.Join(paths, " "); got != ".hidden/c a/x a! b deep/empty/ empty/" {
		t.Errorf("%q", got)
	}
	if got := readAll(t, src); string(got[len(src.Index()):]) != "of cof a/xof b" || !bytes.HasPrefix(got, src.Index()) {
		t.Errorf("%q", got)
	}
	if src.Name() != "sent" || !src.Entries()[1].Executable || src.Entries()[0].Executable {
		t.Errorf("%q, %+v", src.Name(), src.Entries())
	}
	received(t, src.Stream) // what is scanned, others take
	if err := src.Check(t.Context()); err != nil {
		t.Error(err)
	}
	again, err := OpenSource(dir, received(t, src.Stream))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := readAll(t, again); string(got[len(src.Index()):]) != "of cof a/xof b" {
		t.Errorf("%q", got)
	}
}

func TestScanEmptyFolder(t *testing.T) {
	src := scan(t, t.TempDir())
	if len(src.Entries()) != 0 || src.Size() != 0 || src.Kind() != blob.Folder {
		t.Errorf("%+v", src.Entries())
	}
	if n, err := src.ReadAt(make([]byte, 1), 0); n != 0 || err != io.EOF {
		t.Error(n, err)
	}
}

func TestScanFollowsWhatTheOwnerNames(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, spec{path: "real/a", content: "of a"})
	for link, to := range map[string]string{"folder": "real", "file": "real/a"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
		src := scan(t, filepath.Join(dir, link))
		if src.Name() != link || len(src.Entries()) != 1 || !strings.HasSuffix(string(readAll(t, src)), "of a") {
			t.Errorf("%q: %+v", src.Name(), src.Entries())
		}
	}
}

func TestScanRefuses(t *testing.T) {
	if _, _, _, err := Scan(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, _, _, err := Scan(t.Context(), os.DevNull); !errors.Is(err, ErrKind) {
		t.Error(err)
	}
	dir := t.TempDir()
	makeTree(t, dir, spec{path: "a/b"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, err := Scan(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestChangedSources(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"longer":   func(path string) error { return os.WriteFile(path, []byte("of b and more"), 0o644) },
		"shorter":  func(path string) error { return os.Truncate(path, 3) },
		"rewriten": func(path string) error { return os.WriteFile(path, []byte("OF B"), 0o644) },
		"touched":  func(path string) error { return os.Chtimes(path, time.Time{}, longAgo.Add(time.Hour)) },
		"longer at the same time": func(path string) error {
			info, err := os.Stat(path)
			return errors.Join(err, os.WriteFile(path, []byte("of b and more"), 0o644), os.Chtimes(path, time.Time{}, info.ModTime()))
		},
		"gone":     os.Remove,
		"a folder": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) },
		"a link to outside": func(path string) error {
			other := filepath.Join(filepath.Dir(filepath.Dir(path)), "outside")
			return errors.Join(os.Rename(path, other), os.Symlink("../outside", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "sent")
			makeTree(t, dir, spec{path: "a", content: "of a"}, spec{path: "b", content: "of b"}, spec{path: "c", content: "of c"})
			src := scan(t, dir)
			readAll(t, src)
			if err := change(filepath.Join(dir, "b")); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, src.Size())
			if _, err := src.ReadAt(b, 0); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), `"b"`) {
				t.Error(err)
			}
			if err := src.Check(t.Context()); !errors.Is(err, ErrChanged) {
				t.Error(err)
			}
			if n, err := src.ReadAt(b[:len(src.Index())+4], 0); err != nil || n != len(src.Index())+4 { // what did not change is read
				t.Error(n, err)
			}
			if n, err := src.ReadAt(b[:4], int64(src.Size())-4); err != nil || string(b[:4]) != "of c" {
				t.Error(n, err)
			}
		})
	}
}

func TestSameTime(t *testing.T) {
	for _, c := range []struct {
		given, now uint64
		want       bool
	}{
		{0, 5, true}, {1234567, 1234567, true}, {1234567, 1234568, false}, {1234567, 1234000, true}, {1235567, 1234000, true}, {1234567, 1235000, true},
		{1234567, 1232000, false}, {1234567, 0, false}, {1234567, 1236000, false},
	} {
		if got := sameTime(c.given, c.now); got != c.want {
			t.Errorf("%d, %d: %v", c.given, c.now, got)
		}
	}
}
