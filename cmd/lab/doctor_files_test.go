//go:build lab && linux

package lab

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// withoutRights runs a command as one whom the modes of files hold back, as they do everybody but root.
var withoutRights = []string{"setpriv", "--bounding-set=-dac_override,-dac_read_search"}

// smallDisk starts Ann anew on a disk of 200 MiB.
func (w *ward) smallDisk() (d *disk) {
	w.Helper()
	runs := w.ann.cmd != nil
	if runs {
		w.ann.down()
	}
	d = w.ann.onDisk("200m")
	w.ann.person = "" // another one
	w.ann.start()
	if !runs {
		w.ann.down()
	}
	return d
}

// alter changes a file of Ann's directory, in place, and returns what puts back what it was.
func (w *ward) alter(name string, change func(b []byte) []byte) func(string) {
	w.Helper()
	path := filepath.Join(w.ann.dir, name)
	was, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(bytes.Clone(was)), 0o600)
	}
	if err != nil {
		w.Fatal(err)
	}
	return undo(func() {
		if err := os.WriteFile(path, was, 0o600); err != nil {
			w.Fatal(err)
		}
	})
}

// closes takes all rights to a file, or to the directory itself, away.
func (w *ward) closes(name string) func(string) {
	w.Helper()
	path := filepath.Join(w.ann.dir, name)
	if err := os.Chmod(path, 0); err != nil {
		w.Fatal(err)
	}
	w.ann.runsIn = withoutRights
	return w.ann.follows("sudo chown", "chmod")
}

func zeroed(b []byte) []byte { return make([]byte, len(b)) }

// torn is a file of which a disk has lost the middle of what is used: a database grows by more than it needs.
func torn(b []byte) []byte {
	used := len(bytes.TrimRight(b, "\x00"))
	clear(b[used/4 : 3*used/4])
	return b
}

// newerKeyring is one that a later version has written: it begins with its version, and ends with a
// checksum.
func newerKeyring(b []byte) []byte {
	b = b[:len(b)-sha256.Size]
	b[len("earshot keyring\n")+1]++
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// newerDatabase is one that a later version has written: the value that follows this key is its version.
func newerDatabase(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte("version\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("version\x00\x00\x00\x00\x00\x00\x00\x02"))
}

const (
	keyringFile  = "keyring"
	databaseFile = "store.db"
)

var fileFaults = []fault{
	{name: "nothing is left", both: true, check: "disk", code: "full", beside: []string{"limits full"}, make: func(w *ward) func(string) {
		d := w.smallDisk()
		d.leave(0)
		return undo(d.empty)
	}},
	{name: "little is left", check: "disk", code: "full", beside: []string{"limits full"}, make: func(w *ward) func(string) {
		d := w.smallDisk()
		d.leave(40 << 20)
		return undo(d.empty)
	}},
	{name: "it gets less", check: "disk", code: "nearly_full", make: func(w *ward) func(string) {
		d := w.smallDisk()
		d.leave(80 << 20)
		return undo(d.empty)
	}},
	{name: "each sync takes a second", check: "disk", code: "slow", make: func(w *ward) func(string) {
		w.ann.anew(func() { w.ann.slow = &slowDisk{} })
		w.ann.slow.set(time.Second)
		return undo(func() { w.ann.slow.set(0) })
	}},
	{name: "read-only", check: "disk", code: "read_only", stopped: true, make: func(w *ward) func(string) {
		d := w.smallDisk()
		remount := func(flags uintptr) {
			if err := syscall.Mount("none", d.folder, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
				w.Fatalf("mount the disk again: %v", err)
			}
		}
		remount(syscall.MS_RDONLY)
		return undo(func() { remount(0) })
	}},
	{name: "no rights", check: "disk", code: "unreadable", stopped: true, needs: "setpriv", make: func(w *ward) func(string) { return w.closes("") }},

	{name: "all zeros", check: "database", code: "damaged", stopped: true, make: func(w *ward) func(string) {
		return w.alter(databaseFile, zeroed)
	}},
	{name: "torn", check: "database", code: "damaged", stopped: true, make: func(w *ward) func(string) {
		return w.alter(databaseFile, torn)
	}},
	{name: "of a later version", check: "database", code: "newer", stopped: true, make: func(w *ward) func(string) {
		return w.alter(databaseFile, newerDatabase)
	}},
	{name: "no rights", check: "database", code: "unreadable", stopped: true, needs: "setpriv", make: func(w *ward) func(string) { return w.closes(databaseFile) }},

	{name: "torn", check: "keyring", code: "damaged", stopped: true, make: func(w *ward) func(string) {
		w.alter(keyringFile, torn)
		w.ann.fill = []string{"NAME", "Ann"}
		return w.ann.follows("mv", "earshot up") // there is no backup
	}},
	{name: "of a later version", check: "keyring", code: "newer", stopped: true, make: func(w *ward) func(string) {
		return w.alter(keyringFile, newerKeyring)
	}},
	{name: "gone", check: "keyring", code: "missing", stopped: true, make: func(w *ward) func(string) {
		path := filepath.Join(w.ann.dir, keyringFile)
		if err := os.Rename(path, path+".away"); err != nil {
			w.Fatal(err)
		}
		return undo(func() {
			if err := os.Rename(path+".away", path); err != nil {
				w.Fatal(err)
			}
		})
	}},
	{name: "no rights", check: "keyring", code: "unreadable", stopped: true, needs: "setpriv", make: func(w *ward) func(string) { return w.closes(keyringFile) }},
	{name: "others may read it", check: "keyring", code: "not_private", stopped: true, make: func(w *ward) func(string) {
		if err := os.Chmod(filepath.Join(w.ann.dir, keyringFile), 0o644); err != nil {
			w.Fatal(err)
		}
		return w.ann.follows("chmod")
	}},
	{name: "no passphrase", check: "keyring", code: "passphrase", stopped: true, make: func(w *ward) func(string) {
		w.protected()
		return w.ann.follows("earshot up")
	}},
	{name: "another passphrase", check: "keyring", code: "wrong_passphrase", stopped: true, make: func(w *ward) func(string) {
		w.protected()
		w.ann.env = []string{"EARSHOT_PASSPHRASE=open barley"}
		return func(fix string) { w.ann.env = nil; w.ann.follows("earshot up")(fix) }
	}},

	{name: "copied", check: "copies", code: "copied", make: func(w *ward) func(string) {
		w.ann.down()
		w.ann.copies()
		w.ann.start()
		return undo(w.weekLater)
	}},
	{name: "put back", check: "copies", code: "restored", beside: []string{"copies copied"}, make: func(w *ward) func(string) {
		w.ann.down()
		old := w.ann.dir
		w.ann.copies()
		backup := w.ann.dir
		w.ann.dir = old
		w.ann.start()
		w.ann.send(promised, w.bob, "written after the backup")
		w.ann.down()
		w.ann.dir = backup
		w.ann.start()
		meet(promised, w.ann, w.bob)
		return undo(w.weekLater)
	}},
	{name: "another machine runs it", check: "copies", code: "twin", beside: []string{"copies copied", "copies restored", "multicast", "peers"},
		make: func(w *ward) func(string) {
			w.ann.down()
			twin := w.hostAt("10.9.0.3/16").node("Twin")
			w.ann.copies()
			twin.dir, w.ann.dir = w.ann.dir, w.ann.dir[:len(w.ann.dir)-len(copied)]
			w.ann.start()
			meet(promised, w.ann, w.bob)
			// What it writes only counts if it can't have been written before Ann has started.
			twin.binary = odd
			twin.setClock(10 * time.Minute)
			twin.start()
			twin.must("send", w.bob.person, "from the other machine")
			return undo(func() { twin.down(); w.weekLater() })
		}},
}

// copied is what the name of a copy of a directory ends with.
const copied = "-copy"

// copies has a node that is stopped use a copy of its directory.
func (n *node) copies() {
	n.Helper()
	n.command("cp", "-a", n.dir, n.dir+copied)
	n.dir += copied
}

// weekLater has Ann look again when what was told for a week is over. Bob, who has no such clock, is
// gone by then.
func (w *ward) weekLater() {
	w.Helper()
	w.bob.down()
	w.ann.down()
	w.ann.binary = odd
	w.ann.setClock(8 * 24 * time.Hour)
	w.ann.start()
}

// protected gives Ann a directory that is protected by a passphrase from the start.
func (w *ward) protected() {
	w.Helper()
	const passphrase = "open sesame"
	file := filepath.Join(filepath.Dir(w.ann.log), "passphrase")
	if err := os.WriteFile(file, []byte(passphrase+"\n"), 0o600); err != nil {
		w.Fatal(err)
	}
	w.ann.fill = []string{"FILE", file}
	w.ann.dir += "2"
	w.ann.env = []string{"EARSHOT_PASSPHRASE=" + passphrase}
	w.ann.start()
	w.ann.down()
	w.ann.env = nil
}
