package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/blob"
)

// spec is a file that a test makes. A path that ends with a slash is an empty folder.
type spec struct {
	path, content string
	executable    bool
}

var longAgo = time.Date(2019, 3, 4, 5, 6, 7, 8e6, time.UTC)

func makeTree(t testing.TB, dir string, files ...spec) {
	t.Helper()
	for i, f := range files {
		path := filepath.Join(dir, f.path)
		if strings.HasSuffix(f.path, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		mode := fs.FileMode(0o644)
		if f.executable {
			mode = 0o755
		}
		at := longAgo.Add(time.Duration(i) * 1001 * time.Millisecond)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(f.content), mode), os.Chtimes(path, at, at))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readTree describes all that is in a folder, as a line each.
func readTree(t testing.TB, dir string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		line := fmt.Sprintf("%q %v", filepath.ToSlash(rel), info.Mode())
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %q", info.ModTime().UnixMilli(), content)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func scan(t testing.TB, path string) *Source {
	t.Helper()
	src, left, n, err := Scan(context.Background(), path)
	if err != nil || n != len(left) {
		t.Fatal(n, err)
	}
	for _, l := range left {
		t.Errorf("%q is left out: %d, %v", l.Path, l.Reason, l.Err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

func readAll(t testing.TB, src *Source) []byte {
	t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(src, 0, int64(src.Size())+1))
	if err != nil || uint64(len(b)) != src.Size() {
		t.Fatalf("%d of %d: %v", len(b), src.Size(), err)
	}
	return b
}

func destinationIn(t testing.TB, dir string) *Destination {
	t.Helper()
	d, err := OpenDestination(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// received is the stream of s as it is known to who receives it.
func received(t testing.TB, s *Stream) *Stream {
	t.Helper()
	if s.Kind() == blob.File {
		return File(blob.Entry{Size: s.Size()})
	}
	entries, err := blob.ParseIndex(s.Index(), &blob.Manifest{Kind: blob.Folder, Size: s.Size(), Index: uint64(len(s.Index()))})
	if err != nil {
		t.Fatal(err)
	}
	return Folder(s.Index(), entries)
}

// same compares with content.
func same(content []byte) Same {
	return func(src *Source) (bool, error) {
		b := make([]byte, src.Size())
		if _, err := src.ReadAt(b, 0); err != nil && (err != io.EOF || len(b) > 0) {
			return false, err
		}
		return bytes.Equal(b, content), nil
	}
}

// never is for names that are free.
func never(t testing.TB) Same {
	return func(src *Source) (bool, error) {
		t.Errorf("asked about %q", src.Name())
		return false, nil
	}
}

func begin(t testing.TB, d *Destination, id string, s *Stream) *Partial {
	t.Helper()
	p, err := d.Begin(id, s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// write writes all of a stream in pieces of up to so many bytes, in random order.
func write(t testing.TB, p *Partial, content []byte, most int, rnd *rand.Rand) {
	t.Helper()
	for _, i := range rnd.Perm((len(content) + most - 1) / most) {
		from, to := i*most, min(len(content), (i+1)*most)
		if n, err := p.WriteAt(content[from:to], int64(from)); err != nil || n != to-from {
			t.Fatalf("%d of %d: %v", n, to-from, err)
		}
	}
}

func finish(t testing.TB, p *Partial, name string, same Same) Saved {
	t.Helper()
	saved, err := p.Finish(t.Context(), name, "earshot:somebody", same)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// save saves a stream as a whole.
func save(t testing.TB, d *Destination, id, name string, s *Stream, content []byte) Saved {
	t.Helper()
	p := begin(t, d, id, s)
	write(t, p, content, 1<<20, rand.New(rand.NewPCG(1, 1)))
	return finish(t, p, name, same(content))
}

func listed(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantListed(t testing.TB, dir string, want ...string) {
	t.Helper()
	if got := listed(t, dir); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
