//go:build unix

package tree

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/earshot-im/earshot/store/blob"
)

// outside is a folder with a file that nothing may change, and a check of that.
func outside(t *testing.T) (dir string, unchanged func()) {
	t.Helper()
	dir = t.TempDir()
	makeTree(t, dir, spec{path: "victim", content: "precious"}, spec{path: "folder/x", content: "of x"})
	before := readTree(t, dir)
	return dir, func() {
		t.Helper()
		if got := readTree(t, dir); !slices.Equal(got, before) {
			t.Errorf("changed:\n%q\nwas\n%q", got, before)
		}
	}
}

// Whoever may write into the destination puts something in the place of what is unfinished.
func TestPlantedPartials(t *testing.T) {
	out, unchanged := outside(t)
	for name, plant := range map[string]func(path string) error{
		"link to a file":              func(path string) error { return os.Symlink(filepath.Join(out, "victim"), path) },
		"link to a folder":            func(path string) error { return os.Symlink(out, path) },
		"link to a file beside it":    func(path string) error { return os.Symlink("beside", path) },
		"link to a folder beside it":  func(path string) error { return os.Symlink("folder", path) },
		"link to what is not there":   func(path string) error { return os.Symlink("new", path) },
		"second name of another file": func(path string) error { return os.Link(filepath.Join(out, "victim"), path) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			makeTree(t, dir, spec{path: "beside", content: "precious"}, spec{path: "folder/y", content: "of y"})
			d := destinationIn(t, dir)
			if err := plant(filepath.Join(dir, ".earshot-1.part")); err != nil {
				t.Fatal(err)
			}
			before := readTree(t, dir)
			folder, _ := streamOf(t, spec{path: "victim", content: "evil"}, spec{path: "folder/x", content: "evil"}, spec{path: "y", content: "evil"})
			for _, s := range []*Stream{File(blob.Entry{Size: 4}), folder} {
				if p, err := d.Begin("1", s); !errors.Is(err, ErrForeign) {
					t.Errorf("%v %v", p, err)
				}
			}
			if got := readTree(t, dir); !slices.Equal(got, before) {
				t.Errorf("%q\nwas\n%q", got, before)
			}
			err := d.Discard("1")
			if name == "second name of another file" { // only the name goes
				if err != nil {
					t.Error(err)
				}
			} else if !errors.Is(err, ErrForeign) {
				t.Error(err)
			}
			unchanged()
		})
	}
}

func TestPartialsOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	d := destinationIn(t, dir)
	makeTree(t, dir, spec{path: ".earshot-1.part", content: "theirs"}, spec{path: ".earshot-2.part/x", content: "theirs"})
	for id, s := range map[string]*Stream{"1": File(blob.Entry{Size: 6}), "2": Folder(nil, []blob.Entry{{Path: "x", Size: 6}})} {
		if err := os.Chown(filepath.Join(dir, ".earshot-"+id+".part"), 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Begin(id, s); !errors.Is(err, ErrForeign) {
			t.Error(err)
		}
		if err := d.Discard(id); !errors.Is(err, ErrForeign) {
			t.Error(err)
		}
	}
	wantListed(t, dir, ".earshot-1.part", ".earshot-2.part")
}

// What the sender calls it leads nowhere.
func TestHostileNames(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "files")
	d := destinationIn(t, to)
	makeTree(t, dir, spec{path: "victim", content: "evil"})
	for i, name := range []string{"../victim", "../new", filepath.Join(dir, "new"), "..", "", ".earshot-1.part", ".bashrc", "a\x00b"} {
		content := []byte{byte('a' + i)}
		s := File(blob.Entry{Size: 1})
		if _, found, err := d.Existing(t.Context(), name, s, same(content)); found || err != nil {
			t.Errorf("%q: %v", name, err)
		}
		save(t, d, "1", name, s, content)
	}
	wantListed(t, dir, "files", "victim")
	for _, name := range listed(t, to) {
		if name[0] == '.' {
			t.Errorf("%q", name)
		}
	}
	if n := len(listed(t, to)); n != 8 {
		t.Errorf("%d files", n)
	}
}

// And while a folder is being written, in it.
func TestPlantedInside(t *testing.T) {
	out, unchanged := outside(t)
	for name, plant := range map[string]func(dir string) error{
		"link to a file":   func(dir string) error { return os.Symlink(filepath.Join(out, "victim"), filepath.Join(dir, "a")) },
		"link out and up":  func(dir string) error { return os.Symlink("../beside", filepath.Join(dir, "a")) },
		"link inside":      func(dir string) error { return os.Symlink("other", filepath.Join(dir, "a")) },
		"second name":      func(dir string) error { return os.Link(filepath.Join(out, "victim"), filepath.Join(dir, "a")) },
		"link of a folder": func(dir string) error { return os.Symlink(out, filepath.Join(dir, "folder")) },
		"link up":          func(dir string) error { return os.Symlink("..", filepath.Join(dir, "folder")) },
		"folder":           func(dir string) error { return os.Mkdir(filepath.Join(dir, "a"), 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := destinationIn(t, dir)
			makeTree(t, dir, spec{path: "beside", content: "precious"})
			s, content := streamOf(t, spec{path: "a", content: "evil"}, spec{path: "folder/x", content: "evil"}, spec{path: "folder/beside", content: "evil"})
			p := begin(t, d, "1", s)
			if err := plant(filepath.Join(dir, ".earshot-1.part")); err != nil {
				t.Fatal(err)
			}
			if _, err := p.WriteAt(content, 0); err == nil {
				t.Error("written")
			}
			if _, err := p.Finish(t.Context(), "x", "", never(t)); err == nil {
				t.Error("finished")
			}
			unchanged()
			if b, err := os.ReadFile(filepath.Join(dir, "beside")); err != nil || string(b) != "precious" {
				t.Errorf("%q %v", b, err)
			}
			wantListed(t, dir, ".earshot-1.part", "beside")
			if err := d.Discard("1"); err != nil {
				t.Error(err)
			}
			unchanged()
			wantListed(t, dir, "beside")
		})
	}
}

// What is saved is read through no link that leads out.
func TestSavedFilesBecomeLinks(t *testing.T) {
	out, _ := outside(t)
	dir := t.TempDir()
	d := destinationIn(t, dir)
	s, content := streamOf(t, spec{path: "victim", content: "precious"}, spec{path: "folder/x", content: "of x"})
	save(t, d, "1", "x", s, content)
	for _, name := range []string{"x/victim", "x/folder", "x"} {
		if err := errors.Join(os.RemoveAll(filepath.Join(dir, name)), os.Symlink(filepath.Join(out, filepath.Base(name)), filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
		src, err := d.Source("x", s)
		if err != nil {
			continue
		}
		if _, err := src.ReadAt(make([]byte, s.Size()), 0); err == nil {
			t.Errorf("%s: read", name)
		}
		if err := src.Check(t.Context()); err == nil {
			t.Errorf("%s: taken for what was saved", name)
		}
		src.Close()
	}
}
