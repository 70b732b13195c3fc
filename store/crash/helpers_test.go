package crash_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/store/crash"
	"github.com/earshot-im/earshot/store/disk"
)

const sector = 512

// record runs a program in a directory in which file x has two sectors, of X and of Y.
func record(t *testing.T, program func(d *dir)) *crash.Recorder {
	t.Helper()
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "x"), text("XY"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := crash.NewRecorder(path)
	if err != nil {
		t.Fatal(err)
	}
	program(&dir{t, r, path})
	return r
}

// text is a sector for each letter; a dot is zeros.
func text(letters string) (b []byte) {
	for _, c := range []byte(strings.ReplaceAll(letters, ".", "\x00")) {
		b = append(b, bytes.Repeat([]byte{c}, sector)...)
	}
	return b
}

// show shows what a crash leaves.
func show(t *testing.T, s crash.State) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	return showDir(t, path)
}

// showDir is the opposite of text, for all files: "name:" and for each sector its letter, or its letters
// and how long it is if it isn't whole.
func showDir(t *testing.T, path string) string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		line := e.Name() + ":"
		for s := range slices.Chunk(bytes.ReplaceAll(b, []byte{0}, []byte{'.'}), sector) {
			letters := string(slices.Compact(slices.Clone(s)))
			if len(letters) > 1 || len(s) < sector {
				letters = fmt.Sprintf("(%s %d)", letters, len(s))
			}
			line += letters
		}
		shown = append(shown, line)
	}
	return strings.Join(shown, " ")
}

// dir is what a program works with. The test ends if anything fails.
type dir struct {
	*testing.T
	*crash.Recorder
	path string
}

func (d *dir) check(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *dir) open(name string, flag int) disk.File {
	d.Helper()
	f, err := d.Open(name, os.O_RDWR|flag)
	d.check(err)
	d.Cleanup(func() { f.Close() })
	return f
}

func (d *dir) write(f disk.File, at int64, b []byte) {
	d.Helper()
	_, err := f.WriteAt(b, at)
	d.check(err)
}

// fails lets the next call fail.
func (d *dir) fails(how crash.Fault, call func() error) {
	d.Helper()
	d.FailAt(1, how, syscall.EIO)
	if err := call(); !errors.Is(err, syscall.EIO) {
		d.Fatalf("the call returned %v", err)
	}
}
