package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/store/disk"
)

// onSmallDisk runs the rest of a test in a process that has a file system of so many bytes for
// itself, and returns its directory. The process that started it gets "": it is to return.
func onSmallDisk(t *testing.T, bytes string) (dir string) {
	const inside = "EARSHOT_TEST_SMALL_DISK"
	if dir = os.Getenv(inside); dir != "" {
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+bytes); err != nil {
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

// A store on a disk that is full loses nothing that it said was written, and goes on as soon as
// there is room. It can be closed and opened while the disk is full.
func TestFullDiskLosesNothing(t *testing.T) {
	dir := onSmallDisk(t, "4m")
	if dir == "" {
		return
	}
	n := &node{t: t, dir: filepath.Join(dir, "data"), at: epoch, file: disk.Identity("file")}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	n.open()
	t.Cleanup(func() { n.stop() })
	other := newPen(t)
	c := other.meets(n, true)
	long := make([]byte, 20<<10)
	_, _ = rand.Read(long)
	words := hex.EncodeToString(long)
	var said []Entry
	fill := func() {
		for range 200 {
			e, err := n.Append(ctx, Draft{Conversation: c, Kind: 1, Content: text(words)})
			if errors.Is(err, ErrFull) {
				return
			}
			check(t, err)
			said = append(said, e)
		}
		t.Fatal("the disk has no end")
	}
	whole := func() {
		t.Helper()
		rows, err := n.Rows(c, Page{Limit: 1000})
		check(t, err)
		if len(rows) != len(said) {
			t.Fatalf("%d rows of %d messages", len(rows), len(said))
		}
		for i := range rows {
			if rows[i].ID != said[i].ID || rows[i].Text != words {
				t.Fatalf("row %d is another message", i)
			}
		}
	}
	fill()
	fill() // a failed commit changes nothing
	whole()
	if err := n.Room(); !errors.Is(err, ErrFull) {
		t.Errorf("room: %v", err)
	}
	n.reopen()
	whole()
	before := len(said)
	check(t, os.Remove(filler))
	fill()
	if len(said) == before {
		t.Error("nothing is written where there is room again")
	}
	whole()
	n.reopen()
	whole()
}
