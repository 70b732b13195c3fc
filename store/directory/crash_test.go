package directory

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/crash"
	"github.com/earshot-im/earshot/store/engine"
)

// TestPowerCutInFirstStart cuts the power at every moment of the first start, and a little later. The next start
// finds the same person with all that was written, or nothing yet and then makes somebody.
func TestPowerCutInFirstStart(t *testing.T) {
	dir := t.TempDir()
	files, err := crash.NewRecorder(dir)
	must(t, err)
	first := &directory{t: t, cfg: Config{
		Dir: dir, Files: files, JournalBytes: 4 << 10, Rand: rand.Reader,
		Commit: func(name string, f func() error) error { return files.Commit(name, name != engine.Database, f) },
	}}
	first.open()
	if !first.New {
		t.Fatal("it is not new")
	}
	made := first.Keyring.Card.Person()
	files.Mark("made")
	first.put("k", []byte("v"))
	files.Mark("written")
	first.close()

	states := 0
	before := make(map[bool]int) // whether a state before the end of the first start was a new one
	for s := range files.States(1) {
		states++
		path := filepath.Join(t.TempDir(), "state")
		must(t, s.Write(path))
		marks := len(s.Marks())
		d := &directory{t: t, cfg: Config{Dir: path, JournalBytes: 4 << 10, Rand: rand.Reader}}
		if d.Directory, err = Open(d.cfg); err != nil {
			t.Fatalf("%v: %v", err, s)
		}
		who := d.Keyring.Card.Person()
		switch {
		case !d.New && who != made, d.New && marks > 0:
			t.Fatalf("somebody else is there: %v", s)
		case marks == 0:
			before[d.New]++
		}
		var value []byte
		must(t, d.Engine.View(func(v *engine.Snapshot) error {
			value = append(value, v.Get("b", []byte("k"))...)
			return nil
		}))
		if string(value) != "v" && (marks > 1 || value != nil) {
			t.Fatalf("%q was written: %v", value, s)
		}
		d.again(t, who)
		must(t, os.RemoveAll(path))
	}
	if before[true] == 0 || before[false] == 0 {
		t.Errorf("before the end: %v", before)
	}
	t.Logf("%d states", states)
}

// again writes, closes and opens, and finds the same person and what was written.
func (d *directory) again(t *testing.T, who crypto.PersonID) {
	t.Helper()
	d.put("again", []byte("v"))
	d.close()
	d.open()
	if d.New || d.Keyring.Card.Person() != who || string(d.get("again")) != "v" {
		t.Fatal("another person, or what was written is gone")
	}
	d.close()
}
