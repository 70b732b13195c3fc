package tree

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// onSmallDisk runs the rest of a test in a process that has a file system of so many bytes for
// itself, and returns its directory. The process that started it gets "": it is to return.
func onSmallDisk(t *testing.T, size string) (dir string) {
	const inside = "EARSHOT_TEST_SMALL_DISK"
	if dir = os.Getenv(inside); dir != "" {
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+size); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	alone := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	alone.Env = append(os.Environ(), inside+"="+t.TempDir())
	alone.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := alone.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		t.Errorf("%v\n%s", err, out)
	case err != nil:
		t.Skipf("no namespace of one's own: %v", err)
	}
	return ""
}

// What doesn't fit is written as soon as there is room, into the same Partial or after a restart.
func TestFullDisk(t *testing.T) {
	dir := onSmallDisk(t, "4m")
	if dir == "" {
		return
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "files")
	d := destinationIn(t, to)
	s, content := streamOf(t, spec{path: "a", content: string(bytes.Repeat([]byte("a"), 700_000))}, spec{path: "b", content: string(bytes.Repeat([]byte("b"), 900_000))}, spec{path: "c/d", content: "of d"})
	p := begin(t, d, "1", s)
	var failed []int64
	for at := 0; at < len(content); at += 100_000 {
		if _, err := p.WriteAt(content[at:min(len(content), at+100_000)], int64(at)); errors.Is(err, syscall.ENOSPC) {
			failed = append(failed, int64(at))
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if len(failed) < 2 {
		t.Fatal("the disk has no end")
	}
	if err := p.Sync(); err != nil {
		t.Error(err)
	}
	wantListed(t, to, ".earshot-1.part")
	if err := os.Truncate(filler, 0); err != nil {
		t.Fatal(err)
	}
	for i, at := range slices.Backward(failed) {
		if i == 1 {
			abandoned := p
			defer abandoned.Close()
			p = begin(t, d, "1", s)
		}
		if _, err := p.WriteAt(content[at:min(len(content), int(at)+100_000)], at); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, p, "x", never(t))
	back, err := d.Source("x", s)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if !bytes.Equal(readAll(t, back), content) {
		t.Error("reads otherwise than it was sent")
	}
}
