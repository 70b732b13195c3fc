package tree

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/earshot-im/earshot/store/blob"
)

func TestNothingIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	makeTree(t, dir, spec{path: "a.txt", content: "another"}, spec{path: "a (2).txt/x", content: "x"})
	if err := os.Symlink("a.txt", filepath.Join(dir, "a (3).txt")); err != nil {
		t.Fatal(err)
	}
	before := readTree(t, dir)
	saved := save(t, d, "1", "a.txt", File(blob.Entry{Size: 7}), []byte("content"))
	if saved.Name != "a (4).txt" || saved.Was {
		t.Errorf("%+v", saved)
	}
	if err := os.Remove(filepath.Join(dir, "a (4).txt")); err != nil {
		t.Fatal(err)
	}
	if got := readTree(t, dir); !slices.Equal(got, before) {
		t.Errorf("%q\nwant\n%q", got, before)
	}
}

func TestTheSameIsLeft(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	makeTree(t, dir, spec{path: "a.txt", content: "CONTENT"}, spec{path: "a (2).txt", content: "content"})
	s := File(blob.Entry{Size: 7, Modified: 5e9})
	saved := save(t, d, "1", "a.txt", s, []byte("content"))
	if want := (Saved{Name: "a (2).txt", Was: true, Modified: uint64(longAgo.UnixMilli() + 1001)}); saved != want {
		t.Errorf("%+v, want %+v", saved, want)
	}
	wantListed(t, dir, "a (2).txt", "a.txt")
	found, ok, err := d.Existing(t.Context(), "a.txt", s, same([]byte("content")))
	if err != nil || !ok || found != saved {
		t.Errorf("%+v %v %v", found, ok, err)
	}
	for _, other := range []*Stream{File(blob.Entry{Size: 8}), Folder(nil, nil), Folder(nil, []blob.Entry{{Path: "x", Size: 7}})} {
		if found, ok, err := d.Existing(t.Context(), "a.txt", other, never(t)); ok || err != nil {
			t.Errorf("%+v %v", found, err)
		}
	}
	if _, ok, err := d.Existing(t.Context(), "a.txt", s, same([]byte("CoNTENT"))); ok || err != nil {
		t.Error(ok, err)
	}
	broken := errors.New("broken")
	if _, _, err := d.Existing(t.Context(), "a.txt", s, func(*Source) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestTheSameFolderIsLeft(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	s, content := streamOf(t, spec{path: "a", content: "of a"}, spec{path: "b/c", content: "of c"}, spec{path: "empty/"})
	if saved := save(t, d, "1", "x", s, content); saved.Name != "x" {
		t.Errorf("%+v", saved)
	}
	if saved := save(t, d, "2", "x", s, content); saved != (Saved{Name: "x", Was: true}) {
		t.Errorf("%+v", saved)
	}
	wantListed(t, dir, "x")
	makeTree(t, dir, spec{path: "x/b/c", content: "OF C"})
	if saved := save(t, d, "3", "x", s, content); saved != (Saved{Name: "x (2)"}) {
		t.Errorf("%+v", saved)
	}
	if err := os.Remove(filepath.Join(dir, "x (2)/a")); err != nil {
		t.Fatal(err)
	}
	if saved := save(t, d, "4", "x", s, content); saved != (Saved{Name: "x (3)"}) {
		t.Errorf("%+v", saved)
	}
	wantListed(t, dir, "x", "x (2)", "x (3)")
}

func TestNoNameIsFree(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	for n := 1; n <= maxAlternatives; n++ {
		makeTree(t, dir, spec{path: alternative("a", n, false), content: "another"})
	}
	p := begin(t, d, "1", File(blob.Entry{}))
	if _, err := p.Finish(t.Context(), "a", "", never(t)); !errors.Is(err, ErrNames) {
		t.Error(err)
	}
	if _, ok, err := d.Existing(t.Context(), "a", File(blob.Entry{}), never(t)); ok || err != nil {
		t.Error(ok, err)
	}
}

// What the caller finds that was killed after the rename and before it noted that.
func TestCrashAfterTheName(t *testing.T) {
	dir := t.TempDir()
	d := destinationIn(t, dir)
	s := File(blob.Entry{Size: 7})
	save(t, d, "1", "a", s, []byte("content"))
	if ids, err := d.Partials(); err != nil || len(ids) > 0 {
		t.Error(ids, err)
	}
	if saved, ok, err := d.Existing(t.Context(), "a", s, same([]byte("content"))); err != nil || !ok || saved.Name != "a" {
		t.Error(saved, ok, err)
	}
}

// Names that appear at any moment, in every way to take one.
func TestNameAppearsMeanwhile(t *testing.T) {
	const rounds = 100
	for name, claim := range map[string]func(*os.Root, string, string, bool) error{"claim": claim, "fallback": fallback} {
		for _, folder := range []bool{false, true} {
			t.Run(fmt.Sprint(name, folder), func(t *testing.T) {
				dir := t.TempDir()
				root, err := os.OpenRoot(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer root.Close()
				var lost, won atomic.Int64
				for i := range rounds {
					from, to := fmt.Sprint("from", i), fmt.Sprint("to", i)
					if folder {
						makeTree(t, dir, spec{path: from + "/x", content: "ours"})
					} else {
						makeTree(t, dir, spec{path: from, content: "ours"})
					}
					var both sync.WaitGroup
					both.Go(func() {
						f, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
						if err != nil {
							return
						}
						defer f.Close()
						lost.Add(1)
						if _, err := f.WriteString("theirs"); err != nil {
							t.Error(err)
						}
					})
					both.Go(func() {
						switch err := claim(root, from, to, folder); {
						case err == nil:
							won.Add(1)
						case !errors.Is(err, os.ErrExist):
							t.Error(err)
						}
					})
					both.Wait()
				}
				if lost.Load()+won.Load() != rounds {
					t.Errorf("%d and %d", lost.Load(), won.Load())
				}
				theirs, ours := 0, 0
				for _, line := range readTree(t, dir) {
					switch {
					case strings.HasSuffix(line, `"theirs"`):
						theirs++
					case strings.HasPrefix(line, `"to`) && strings.HasSuffix(line, `"ours"`):
						ours++
					}
				}
				if theirs != int(lost.Load()) || ours != int(won.Load()) {
					t.Errorf("%d of them and %d of ours, want %d and %d", theirs, ours, lost.Load(), won.Load())
				}
			})
		}
	}
}

func TestFallback(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	makeTree(t, dir, spec{path: "file", content: "f"}, spec{path: "folder/x", content: "x"}, spec{path: "taken", content: "t"}, spec{path: "empty/"}, spec{path: "full/y"})
	for _, to := range []string{"taken", "empty", "full"} {
		for from, folder := range map[string]bool{"file": false, "folder": true} {
			if err := fallback(root, from, to, folder); !errors.Is(err, os.ErrExist) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
			if err := claim(root, from, to, folder); !errors.Is(err, os.ErrExist) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
			if err := fallback(root, "none", "new", folder); !errors.Is(err, os.ErrNotExist) {
				t.Error(err)
			}
		}
	}
	if err := errors.Join(fallback(root, "file", "file2", false), fallback(root, "folder", "folder2", true)); err != nil {
		t.Error(err)
	}
	wantListed(t, dir, "empty", "file2", "folder2", "full", "taken")
}
