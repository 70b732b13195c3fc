package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/store/disk"
	"github.com/earshot-im/earshot/store/journal"
)

// files returns what stands in the files of a database.
func files(t testing.TB, dir string) (all [3][]byte) {
	t.Helper()
	for i, name := range []string{Database, journal.Names[0], journal.Names[1]} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		all[i] = b
	}
	return all
}

// Who opens a database may find that it is not theirs, as one of a newer program. Until Start nothing in it is
// changed, though there is much to be written into it.
func TestOpenedIsNotChanged(t *testing.T) {
	cfg := small(t.TempDir())
	must(t, Create(cfg))
	e := quiet(t, cfg)
	n, err := fill(e, "row", 10) // more than one file of the journal has
	must(t, err)
	cfg.Dir, cfg.Files = copied(t, cfg.Dir), nil
	before := files(t, cfg.Dir)
	o, err := Open(cfg)
	must(t, err)
	if o.frozen == nil {
		t.Fatal("there is nothing to be written")
	}
	hasFilled(t, o, "row", n)
	must(t, o.Close())
	for i, after := range files(t, cfg.Dir) {
		if !bytes.Equal(after, before[i]) {
			t.Errorf("file %d was changed", i)
		}
	}
	o, err = Open(cfg)
	must(t, err)
	more, err := fill(o, "more", 30) // before Start, room is made by who needs it
	must(t, err)
	must(t, o.Close())
	o = opened(t, cfg)
	hasFilled(t, o, "row", n)
	hasFilled(t, o, "more", more)
	must(t, checkpoint(o))
	if bytes.Equal(files(t, cfg.Dir)[0], before[0]) {
		t.Error("nothing was written into the database")
	}
}

// Nothing is built on a database that can be read, but can't be made durable, nor on a name that can't. The next
// try may seem to succeed.
func TestStartOnDiskThatFails(t *testing.T) {
	for _, call := range []string{"write " + Database, "sync " + Database, "sync names"} {
		cfg, f := onFaulty(t)
		must(t, Create(cfg))
		e, err := Open(cfg)
		must(t, err)
		f.set(on(syscall.EIO, call))
		e.Start()
		f.set(nil)
		wants(t, put(e, "k", "v"), disk.ErrUnknown)
		wants(t, e.Err(), disk.ErrUnknown)
		must(t, e.Close())
	}
}
