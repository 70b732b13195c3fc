package store

import (
	"testing"
	"time"

	"github.com/earshot-im/earshot/store/directory"
	"github.com/earshot-im/earshot/store/disk"
)

// A database that finds itself in another file goes on in new logs: in each conversation when
// something is written there, and from then on in that one.
func TestCopyGoesOnInNewLogs(t *testing.T) {
	a, b, c := pair(t)
	d := group(a, b)
	a.say(c, "1")
	a.say(d, "1")
	direct, room, self := a.log(c), a.log(d), a.own.Store
	a.file = disk.Identity("copy")
	a.wait(1)
	a.reopen()
	at, proven, err := a.Restored()
	check(t, err)
	if !a.Copied() || proven || !at.Equal(a.now().Truncate(1e6)) || a.own.Store == self {
		t.Fatalf("copied %t, restored %v, store instance %x", a.Copied(), at, a.own.Store)
	}
	if a.log(c) != direct || a.log(d) != room || len(a.logs(c)) != 1 {
		t.Fatal("logs were opened in which nothing is written")
	}
	a.say(c, "2")
	next := a.log(c)
	if next == direct || a.log(d) != room || a.logs(c)[direct].Last() != 1 {
		t.Fatal("the log that is in the other copy goes on, or all begin anew")
	}
	self = a.own.Store
	a.reopen()
	if again, _, err := a.Restored(); err != nil || a.Copied() || !again.Equal(at) || a.own.Store != self {
		t.Fatal("the same file is a copy again")
	}
	a.say(c, "3")
	a.say(d, "2")
	if a.log(c) != next || a.log(d) == room {
		t.Fatal("not one new log in each conversation")
	}
	made := group(a, b)
	in := a.log(made)
	a.say(made, "x")
	if a.log(made) != in {
		t.Fatal("a group that was made since begins a second log")
	}
	meet(a, b, c)
	equalWords(t, "rows", words(b.rows(c)), "1", "2", "3")
	if a.pending() != 3 { // "1", "2" and "x" in the groups
		t.Fatal(a.pending())
	}
}

// A backup that is put back in another file never forks a log, whoever writes first.
func TestBackupInAnotherFileDoesNotFork(t *testing.T) {
	a, b, c := pair(t)
	a.say(c, "1")
	meet(a, b, c)
	old := a.backup()
	a.say(c, "2, which only b has")
	meet(a, b, c)
	a.file = disk.Identity("copy")
	a.restore(old)
	m := a.say(c, "3")
	meet(a, b, c)
	meet(b, a, c)
	for _, n := range []*node{a, b} {
		rows := n.rows(c)
		if len(rows) != 3 {
			t.Fatalf("%q", words(rows))
		}
		for _, r := range rows {
			if r.Forked || r.Gap {
				t.Errorf("%q: forked %t, gap %t", r.Text, r.Forked, r.Gap)
			}
		}
	}
	acknowledge(b, a, c)
	a.views(c)
	if a.state(m.ID) != Delivered || a.pending() != 0 {
		t.Errorf("%v, %d pending", a.state(m.ID), a.pending())
	}
}

// Where files have no numbers that last, nothing is suspected; who goes there from elsewhere has
// been copied.
func TestFilesWithoutNumbers(t *testing.T) {
	a := newNode(t)
	for _, step := range []struct {
		file disk.Identity
		want bool
	}{{disk.Identity("file"), false}, {nil, true}, {nil, false}, {disk.Identity("other"), false}, {disk.Identity("third"), true}} {
		a.file = step.file
		a.reopen()
		if a.Copied() != step.want {
			t.Errorf("in %q: copied %t", step.file, a.Copied())
		}
	}
}

// Compaction moves the database into another file, which is no copy; but what was one stays one.
func TestCompactedFileIsNoCopy(t *testing.T) {
	a := newNode(t)
	compact := func() {
		t.Helper()
		before, err := a.identify(a.Store.dir.Engine.Path())
		check(t, err)
		check(t, a.Store.dir.Engine.Compact(ctx))
		if after, err := a.identify(a.Store.dir.Engine.Path()); err != nil || after.Same(before) {
			t.Fatal("it is the same file", err)
		}
	}
	compact()
	a.reopen()
	if a.Copied() {
		t.Error("compacted, and taken for a copy")
	}
	a.stop()
	a.file = disk.Identity("copy")
	d, err := directory.Open(directory.Config{Dir: a.dir, IdentityBucket: string(bucketMeta), IdentityKey: metaFile, Identify: a.identify})
	check(t, err)
	check(t, d.Engine.Compact(ctx))
	check(t, d.Close())
	a.open()
	if !a.Copied() {
		t.Error("copied, compacted, and not taken for a copy")
	}
}

// What nobody has acknowledged in the log of an earlier era still comes first to who is given
// nothing yet.
func TestFirstPendingOfAnEarlierEra(t *testing.T) {
	a, _, c := pair(t)
	a.say(c, "1")
	log := a.log(c)
	a.file = disk.Identity("copy")
	a.reopen()
	a.say(c, "2")
	if got, first, err := a.FirstPending(c); err != nil || got != log || first != 1 {
		t.Errorf("%v from %d, %v", got, first, err)
	}
	check(t, a.NoteDelivered(ctx, []Delivery{{Person: pending(t, a).To, Log: log, Segments: a.logs(c)[log]}}))
	if got, first, err := a.FirstPending(c); err != nil || got != a.log(c) || first != 1 {
		t.Errorf("%v from %d, %v", got, first, err)
	}
}

func pending(t *testing.T, n *node) Pending {
	t.Helper()
	out := n.outbox()
	return out[0]
}

// Events of this device that come from others prove that this disk has gone back, or that another
// has its key, and tell when they were written. What comes a second time, or was written here,
// proves nothing.
func TestRestoreIsProven(t *testing.T) {
	f := fork(t, 2, 0)
	if at, proven, err := f.a.Restored(); err != nil || !at.IsZero() || proven {
		t.Fatal(at, proven, err)
	}
	strange := func() (latest time.Time) {
		f.a.told()
		f.a.mu.Lock()
		defer f.a.mu.Unlock()
		for _, c := range f.a.changes {
			if c.Strange.After(latest) {
				latest = c.Strange
			}
		}
		f.a.changes = nil
		return latest
	}
	strange()
	f.a.say(f.c, "written here")
	if got := strange(); !got.IsZero() {
		t.Fatal(got)
	}
	for _, want := range []time.Time{f.a.now(), {}} { // of the last event; then nothing is new
		if err := f.bring(f.common+1, f.common+2); err != nil && err != ErrForked {
			t.Fatal(err)
		}
		if got := strange(); !got.Equal(want) {
			t.Errorf("written at %v, want %v", got, want)
		}
	}
	at, proven, err := f.a.Restored()
	if err != nil || !at.Equal(f.a.now()) || !proven {
		t.Error(at, proven, err)
	}
	meet(f.a, f.b, f.c)
	if at, _, err := f.b.Restored(); err != nil || !at.IsZero() {
		t.Error("others' events prove something of this disk:", at, err)
	}
}
