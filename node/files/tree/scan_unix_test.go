//go:build unix

package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestScanLeavesOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	makeTree(t, dir, spec{path: "file", content: "content"}, spec{path: "only links/"}, spec{path: "x\\y"}, spec{path: "not\xffutf8/z"}, spec{path: ".earshot-1.part/a"}, spec{path: ".earshot-2.part"})
	deep := filepath.Join(dir, "deep", filepath.FromSlash(strings.Repeat("d/", 63)))
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	makeTree(t, deep, spec{path: "too deep", content: "x"})
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"only links/out": secret, "link": "file", "folder": ".", "dead": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("unix", filepath.Join(dir, "socket")); err == nil {
		defer l.Close()
	}
	src, left, n, err := Scan(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	got := map[string]Reason{}
	for _, l := range left {
		got[l.Path] = l.Reason
		if (l.Err != nil) != (l.Reason == Unfit) {
			t.Errorf("%q: %v", l.Path, l.Err)
		}
	}
	want := map[string]Reason{"only links/out": Link, "link": Link, "folder": Link, "dead": Link, "pipe": Special, "socket": Special, "x\\y": Unfit, "not\xffutf8": Unfit,
		".earshot-1.part": Unfinished, ".earshot-2.part": Unfinished, "deep/" + strings.Repeat("d/", 63) + "too deep": Unfit}
	for path, reason := range want {
		if got[path] != reason {
			t.Errorf("%q: %d, want %d", path, got[path], reason)
		}
	}
	if n != len(want) || len(got) != n {
		t.Errorf("%d of %d", len(got), n)
	}
	var paths []string
	for _, e := range src.Entries() {
		paths = append(paths, e.Path)
	}
	if !slices.Equal(paths, []string{"deep/" + strings.Repeat("d/", 63), "file", "only links/"}) {
		t.Errorf("%q", paths)
	}
	if content := readAll(t, src); !bytes.HasSuffix(content, []byte("content")) || bytes.Contains(content, []byte("secret")) {
		t.Errorf("%q", content)
	}
}

func TestScanTellsTheFirst(t *testing.T) {
	dir := t.TempDir()
	for i := range maxSkipped + 50 {
		if err := os.Symlink("x", filepath.Join(dir, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	src, left, n, err := Scan(t.Context(), dir)
	if err != nil || len(left) != maxSkipped || n != maxSkipped+50 {
		t.Fatal(len(left), n, err)
	}
	src.Close()
}

// TestUnreadable runs itself again as nobody, since root may read everything.
func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		c := exec.Command("/proc/self/exe", "-test.run", "^TestUnreadable$", "-test.v")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		c.Dir, c.Env = "/", append(os.Environ(), "TMPDIR=/tmp", "HOME=/")
		out, err := c.CombinedOutput()
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			t.Skip(err)
		}
		if err != nil || !bytes.Contains(out, []byte("--- PASS: TestUnreadable")) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	makeTree(t, dir, spec{path: "a", content: "of a"}, spec{path: "b", content: "of b"}, spec{path: "closed/x", content: "of x"}, spec{path: "in/closed/x", content: "of x"})
	for _, name := range []string{"b", "closed", "in/closed"} {
		if err := os.Chmod(filepath.Join(dir, name), 0); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(filepath.Join(dir, name), 0o700)
	}
	src, left, _, err := Scan(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var got []string
	for _, l := range left {
		if l.Reason != Unreadable || !errors.Is(l.Err, fs.ErrPermission) {
			t.Errorf("%+v", l)
		}
		got = append(got, l.Path)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"b", "closed", "in/closed"}) || len(src.Entries()) != 2 || src.Entries()[1].Path != "in/" {
		t.Errorf("%q, %+v", got, src.Entries())
	}
	if _, _, _, err := Scan(t.Context(), filepath.Join(dir, "b")); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
	if _, _, _, err := Scan(t.Context(), filepath.Join(dir, "closed")); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
	if err := os.Chmod(filepath.Join(dir, "a"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := src.ReadAt(make([]byte, src.Size()), 0); !errors.Is(err, fs.ErrPermission) { // not changed, only closed
		t.Error(err)
	}
}

// A pipe or a device in the place of a file must not be waited for or read.
func TestPipeInThePlaceOfAFile(t *testing.T) {
	dir := t.TempDir()
	makeTree(t, dir, spec{path: "a", content: "of a"})
	src := scan(t, dir)
	if err := errors.Join(os.Remove(filepath.Join(dir, "a")), syscall.Mkfifo(filepath.Join(dir, "a"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := src.ReadAt(make([]byte, src.Size()), 0); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
}
