package store

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/event"
	"github.com/earshot-im/earshot/store/layout"
	"github.com/earshot-im/earshot/store/tx"
)

// secrets are what somebody typed, or names. None of them may be readable in any file.
var secrets = []string{
	"the words of a message", "an answer to it", "a recalled word", "cursor of the bot", "petname Bob", "claimed Robert",
	"a setting", "a profile name", "an opening frame", "192.0.2.77",
}

func fillWithSecrets(t *testing.T, a, b *node, c event.Conversation) {
	t.Helper()
	a.say(c, secrets[0])
	meet(a, b, c)
	b.say(c, secrets[1])
	meet(b, a, c)
	m := a.say(c, secrets[2])
	_, err := a.Cancel(ctx, m.ID)
	check(t, err)
	check(t, a.book.SetCursor(ctx, secrets[3], 1))
	check(t, a.book.UpdatePerson(ctx, b.own.Person, func(p *book.Person) error {
		p.Petname, p.Claimed = secrets[4], secrets[5]
		p.Devices[b.own.Device.ID()] = book.DeviceInfo{Addrs: []string{secrets[9]}}
		return nil
	}))
	check(t, a.book.SetSetting(ctx, "x", secrets[6]))
	_, err = a.book.SignRecord(ctx, event.KindProfile, event.ProfileSubject(a.own.Person), event.Profile{Name: secrets[7]}.Marshal())
	check(t, err)
	check(t, a.book.PutRequest(ctx, book.Request{Person: crypto.PersonID{9}, Run: []byte(secrets[8])}, ""))
}

func checkFiles(t *testing.T, dir string) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = fs.ModeDir | 0o700
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if d.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		for _, s := range secrets {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%q can be read in %s", s, path)
			}
		}
		return err
	}))
}

func TestNothingReadableOnDisk(t *testing.T) {
	a, b, c := pair(t)
	fillWithSecrets(t, a, b, c)
	checkFiles(t, a.dir)
	a.stop()
	checkFiles(t, a.dir)
	// It would be found: the check is one of the right files.
	if b, err := os.ReadFile(filepath.Join(a.dir, "store.db")); err != nil || !bytes.Contains(b, []byte("arrivals")) {
		t.Fatal(err)
	}
}

// bloat leaves the database mostly free.
func (n *node) bloat() {
	check(n.t, n.do(ctx, func(b *batch) error {
		for i := range 100 {
			b.Put(bucketMeta, fmt.Append(nil, "junk", i), make([]byte, 60<<10))
		}
		return nil
	}))
	check(n.t, n.do(ctx, func(b *batch) error {
		for i := range 100 {
			b.Delete(bucketMeta, fmt.Append(nil, "junk", i))
		}
		return nil
	}))
}

func TestCompaction(t *testing.T) {
	a, b, c := pair(t)
	fillWithSecrets(t, a, b, c)
	a.bloat()
	path := filepath.Join(a.dir, "store.db")
	before, err := os.Stat(path)
	check(t, err)
	last, rows := a.Last(), words(a.rows(c))
	check(t, os.WriteFile(path+".tmp", []byte("left by a crash"), 0o644))
	a.reopen()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // in the background
		after, err := os.Stat(path)
		check(t, err)
		if after.Size() <= before.Size()/5 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes of %d are left", after.Size(), before.Size())
		}
	}
	if a.Last() != last {
		t.Fatal("the counter went back")
	}
	equalWords(t, "rows", words(a.rows(c)), rows...)
	a.say(c, "more")
	a.stop()
	checkFiles(t, a.dir)
}

// The keyring of somebody else does not open the database.
func TestKeyringOfAnother(t *testing.T) {
	a, o := newNode(t), newNode(t)
	a.stop()
	o.stop()
	copied, err := os.ReadFile(filepath.Join(o.dir, "keyring"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(a.dir, "keyring"), copied, 0o600))
	if _, err := Open(Config{Dir: a.dir}); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
}

// A crash in the first start may leave a keyring and a database that has nothing in it.
func TestFirstStartMayCrash(t *testing.T) {
	dir := t.TempDir()
	d, err := directory.Open(directory.Config{Dir: dir, Rand: rand.Reader})
	check(t, err)
	who := d.Keyring.Card.Person()
	check(t, d.Close())
	s, err := Open(Config{Dir: dir})
	check(t, err)
	if s.Own().Person != who {
		t.Error("another person")
	}
	check(t, s.Close())
}

func TestVersions(t *testing.T) {
	a := newNode(t)
	a.stop()
	version := func(v uint64) {
		d, err := directory.Open(directory.Config{Dir: a.dir})
		check(t, err)
		check(t, tx.New(d.Engine).Update(func(b *tx.Batch) error {
			b.Put(bucketMeta, metaVersion, layout.U64(v))
			return nil
		}))
		check(t, d.Close())
	}
	version(formatVersion + 1)
	before, err := os.ReadFile(filepath.Join(a.dir, "store.db"))
	check(t, err)
	if _, err := Open(Config{Dir: a.dir}); !errors.Is(err, ErrNewer) {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(a.dir, "store.db"))
	check(t, err)
	if !bytes.Equal(before, after) {
		t.Fatal("the file was changed")
	}
	version(formatVersion)
	a.open()
	var steps []uint64
	step := func(n uint64) func(*tx.Batch) error {
		return func(*tx.Batch) error { steps = append(steps, n); return nil }
	}
	check(t, (&opening{a.Store}).prepare(formatVersion+2, map[uint64]func(*tx.Batch) error{
		formatVersion: step(formatVersion), formatVersion + 1: step(formatVersion + 1),
	}))
	if len(steps) != 2 || steps[0] != formatVersion {
		t.Fatal(steps)
	}
	check(t, a.view(func(r *reader) error {
		if v := layout.Number(r.Get(bucketMeta, metaVersion)); v != formatVersion+2 {
			t.Error("version", v)
		}
		return nil
	}))
}

// TestCrash kills a process that appends, several times and at some moment each: everything of
// which the process was told that it is on the disk is there, and can be proven.
func TestCrash(t *testing.T) {
	if dir := os.Getenv("STORE_CRASH"); dir != "" {
		var group council
		s, err := Open(Config{Dir: dir, Authority: &group})
		check(t, err)
		go s.Run(ctx)
		go func() {
			create, err := s.AppendControl(ctx, ControlDraft{Act: someGroup(s.own.Person)})
			check(t, err)
			c := create.Header.Conversation
			for e, n := create, 0; ; n++ {
				fmt.Printf("ack %x\n", e.ID)
				group.set(c, e.ID)
				_, err := s.Append(ctx, Draft{Conversation: c, Kind: event.KindText, Content: text("x")})
				check(t, err)
				e, err = s.AppendControl(ctx, ControlDraft{Conversation: c, Act: event.Topic{Topic: fmt.Sprint(n)}})
				check(t, err)
			}
		}()
		for i := range 4 {
			go func() {
				for n := 0; ; n++ {
					e, err := s.Append(ctx, Draft{
						Conversation: event.Self(s.own.Person), Kind: event.KindText, Content: text(fmt.Sprint(i, n)),
					})
					check(t, err)
					fmt.Printf("ack %x\n", e.ID)
				}
			}()
		}
		select {}
	}
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 8 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
		cmd.Env = append(os.Environ(), "STORE_CRASH="+dir)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if id, ok := strings.CutPrefix(lines.Text(), "ack "); ok {
				acknowledged[id] = true
			}
			if n == 20+round*17 {
				check(t, cmd.Process.Kill())
			}
		}
		cmd.Wait()
		s, err := Open(Config{Dir: dir})
		check(t, err)
		conversations := []event.Conversation{event.Self(s.own.Person)}
		groups, err := s.Groups()
		check(t, err)
		held := map[string]bool{}
		for _, c := range groups {
			conversations = append(conversations, c)
			controls, err := s.Controls(c)
			check(t, err)
			logged := ownControls(t, s, c)
			for _, e := range controls {
				held[fmt.Sprintf("%x", e.ID)] = true
				if !logged[e.ID] {
					t.Fatal("control event in no log")
				}
			}
			if len(controls) != len(logged) {
				t.Fatalf("%d control events, %d of them in the log", len(controls), len(logged))
			}
		}
		rows, err := s.Rows(conversations[0], Page{Limit: 1 << 20})
		check(t, err)
		for _, r := range rows {
			held[fmt.Sprintf("%x", r.ID)] = true
		}
		for id := range acknowledged {
			if !held[id] {
				t.Fatalf("%s is lost", id)
			}
		}
		for _, c := range conversations {
			logs, err := s.Logs(c)
			check(t, err)
			for log, segments := range logs {
				if len(segments) != 1 || segments[0].First != 1 {
					t.Fatal(segments)
				}
				eachRun(t, s, log, segments, func(event.Run) {})
			}
		}
		check(t, s.Close())
	}
	if len(acknowledged) < 100 {
		t.Fatalf("only %d acknowledged", len(acknowledged))
	}
}
