//go:build lab && linux

package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A disk is a file system of a node's own.
type disk struct {
	*node
	folder string
}

// onDisk gives a node that was not started a disk of so many MiB.
func (n *node) onDisk(size string) *disk {
	n.Helper()
	d := &disk{n, filepath.Dir(n.dir)}
	if err := syscall.Mount("none", d.folder, "tmpfs", 0, "size="+size); err != nil {
		n.Fatalf("make a disk: %v", err)
	}
	n.Cleanup(func() { syscall.Unmount(d.folder, syscall.MNT_DETACH) })
	return d
}

func (d *disk) filler() string { return filepath.Join(d.folder, "filler") }

// leave fills the disk so that so many bytes are free. Who writes to it at that moment may have it tried
// again.
func (d *disk) leave(free int64) {
	d.Helper()
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		d.Fatal(err)
	}
	defer f.Close()
	poll(promised, func() bool {
		var fs syscall.Statfs_t
		if err = syscall.Statfs(d.folder, &fs); err != nil {
			return false
		}
		rest := int64(fs.Bavail)*int64(fs.Bsize) - free
		if rest <= 0 {
			return true
		}
		var end int64
		if end, err = f.Seek(0, 2); err == nil {
			err = syscall.Fallocate(int(f.Fd()), 0, end, rest)
		}
		return err == nil
	})
	if err != nil {
		d.Fatalf("fill the disk: %v", err)
	}
}

// empty gives the room back.
func (d *disk) empty() {
	d.Helper()
	if err := os.Remove(d.filler()); err != nil {
		d.Fatal(err)
	}
}

// Somebody's disk gets full. Before it is, what others write waits where it was written, and they
// can write. Once it is, they are told so, and their node can even be started again after a power
// cut, at another port. When there is room, everything comes.
func TestFullDisk(t *testing.T) {
	l := newLab(t)
	hosts, _ := l.hosts(l.bridge(), 2)
	ann, bob := hosts[0].up("Ann"), hosts[1].node("Bob")
	small := bob.onDisk("100m")
	bob.start()
	meet(promised, ann, bob)
	talk(promised, ann, bob)

	small.leave(40 << 20)
	ann.must("send", bob.person, "one")
	waitsFor := func() string {
		for _, m := range ann.must("outbox") {
			return m.text("waiting_for")
		}
		return ""
	}
	ann.until(promised, "Ann is told that his disk is full", func() bool { return waitsFor() == "no_room" })
	bob.send(promised, ann, "I can write")

	small.leave(0)
	long, sent := strings.Repeat("x", 60_000), 0
	bob.until(time.Minute, "Bob is told that his disk is full", func() bool { // the journal has room of its own
		var lines strings.Builder
		for range 64 {
			sent++
			fmt.Fprintln(&lines, sent, long)
		}
		_, stderr, code := bob.exec(lines.String(), "send", ann.person, "--lines")
		return code == 1 && strings.Contains(stderr, `"no_room"`)
	})

	where := bob.one("status").list("listening")[0]
	port := strings.Split(where, "/")[4]
	bob.kill()
	other := hosts[1].up("Eve", "--listen", "/ip4/0.0.0.0/tcp/"+port, "--no-mdns")
	bob.start()
	if now := bob.one("status").list("listening")[0]; now == where {
		t.Errorf("Bob listens at %s as before", now)
	}
	other.down()
	bob.kill()
	bob.flags = append(bob.flags, "--listen", port)
	bob.start()
	meet(promised, ann, bob)
	ann.must("send", bob.person, "two")
	ann.until(promised, "Ann is told again", func() bool { return ann.waiting() == 2 && waitsFor() == "no_room" })

	small.empty()
	ann.until(promised, "all has come", func() bool { return ann.waiting() == 0 })
	bob.got("one", "two")
	talk(promised, ann, bob)
}
