package program

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a program of which a test says what there is.
type fake struct {
	now   atomic.Pointer[fs.FileInfo]
	tries int
	fails error
}

func (f *fake) look() fs.FileInfo { return *f.now.Load() }
func (f *fake) try(context.Context) error {
	f.tries++
	return f.fails
}

// infos returns what is known of some files, which all differ.
func infos(t *testing.T, n int) (list []fs.FileInfo) {
	for i := range n {
		path := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(path, []byte(strings.Repeat("x", i)), 0o755); err != nil {
			t.Fatal(err)
		}
		list = append(list, file{path}.look())
	}
	return list
}

// The node ends when its program was replaced: only once the new file is whole, and only if that can
// be run.
func TestReplacedProgramIsNoticed(t *testing.T) {
	files := infos(t, 4)
	old, half, whole, next := files[0], files[1], files[2], files[3]
	for name, test := range map[string]struct {
		looks   []fs.FileInfo // one after the other
		fails   error
		tries   int // how often the new program is run in all
		refused int
		ends    bool
	}{
		"never":                  {looks: []fs.FileInfo{old, old, old, old}},
		"replaced":               {looks: []fs.FileInfo{old, whole, whole}, tries: 1, ends: true},
		"being written":          {looks: []fs.FileInfo{old, half, whole, whole}, tries: 1, ends: true},
		"not yet whole":          {looks: []fs.FileInfo{old, half, whole}},
		"away for a while":       {looks: []fs.FileInfo{old, nil, nil, whole, nil, whole, whole}, tries: 1, ends: true},
		"removed":                {looks: []fs.FileInfo{old, nil, nil, nil}},
		"there and back":         {looks: []fs.FileInfo{old, whole, old, old, old}},
		"can't be run":           {looks: []fs.FileInfo{old, whole, whole, whole, whole}, fails: errNotExecutable, tries: 1, refused: 1},
		"can't be run, nor next": {looks: []fs.FileInfo{old, whole, whole, next, next, next}, fails: errNotExecutable, tries: 2, refused: 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			from := &fake{fails: test.fails}
			from.now.Store(&old)
			refused := 0
			ended := make(chan error, 1)
			go func() { ended <- replaced(ctx, from, func(error) { refused++ }) }() // ended by cancel
			synctest.Wait()
			for _, now := range test.looks {
				from.now.Store(&now)
				time.Sleep(lookEvery)
				synctest.Wait()
			}
			select {
			case err := <-ended:
				if !test.ends || err != nil {
					t.Errorf("%s: ended, %v", name, err)
				}
			default:
				if test.ends {
					t.Errorf("%s: not noticed", name)
				}
				cancel()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if from.tries != test.tries || refused != test.refused {
				t.Errorf("%s: %d tries, %d refused", name, from.tries, refused)
			}
		})
	}
}

// A new program is whatever prints a version.
func TestProgramIsTried(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		text string
		mode fs.FileMode
		runs bool
	}{
		"good":           {"#!/bin/sh\n[ \"$*\" = version ]\n", 0o755, true},
		"fails":          {"#!/bin/sh\nexit 1\n", 0o755, false},
		"no program":     {"half of a prog", 0o755, false},
		"not executable": {"#!/bin/sh\n", 0o644, false},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(test.text), test.mode); err != nil {
			t.Fatal(err)
		}
		if err := (file{path}).try(t.Context()); (err == nil) != test.runs {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (file{filepath.Join(dir, "none")}).try(t.Context()); err == nil {
		t.Error("what is not there runs")
	}
	if (file{dir}).look() != nil {
		t.Error("a directory is taken for a program")
	}
}

// A program that was rewritten in place, or touched, is another one.
func TestChangedFileIsAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	write := func(text string) fs.FileInfo {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return file{path}.look()
	}
	first := write("one")
	if !alike(first, file{path}.look()) {
		t.Error("unchanged, and taken for another")
	}
	if alike(first, write("three")) {
		t.Error("another size is not noticed")
	}
	first = file{path}.look()
	if err := os.Chtimes(path, time.Time{}, first.ModTime().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if alike(first, file{path}.look()) {
		t.Error("another time is not noticed")
	}
}

// What was called by a link is started by that link again, which may lead to a newer version then.
func TestPathIsAsCalled(t *testing.T) {
	if os.Getenv("EARSHOT_TEST_PATH") != "" {
		path, err := Path()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(os.Getenv("EARSHOT_TEST_PATH"), []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	dir := t.TempDir()
	link, told := filepath.Join(dir, "earshot"), filepath.Join(dir, "told")
	if err := os.Symlink(os.Args[0], link); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ called, want string }{{link, link}, {"earshot", link}, {"/nonsense/earshot", real}} {
		c := exec.Command(link, "-test.run=^TestPathIsAsCalled$")
		c.Args[0] = test.called
		c.Env = append(os.Environ(), "EARSHOT_TEST_PATH="+told, "PATH="+dir)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got, err := os.ReadFile(told); err != nil || string(got) != test.want {
			t.Errorf("called as %s: %s, %v, want %s", test.called, got, err, test.want)
		}
	}
}
