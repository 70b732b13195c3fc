package session

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// clocked is a table in a directory, at a time that the test sets.
type clocked struct {
	*Table
	t  *testing.T
	at time.Time
}

func newClocked(t *testing.T) *clocked {
	c := &clocked{t: t, at: time.Unix(1_800_000_000, 0)}
	c.Table = &Table{dir: t.TempDir(), now: func() time.Time { return c.at }}
	c.Restore(Kept{})
	if err := c.Place(NewLabel(), 22350, false); err != nil {
		t.Fatal(err)
	}
	return c
}

type pass struct{ name, secret, cookie string }

func (c *clocked) visit() (p pass) {
	c.t.Helper()
	var err error
	if p.name, p.secret, p.cookie, err = c.Enter(c.Admit(), "Firefox", "", nil); err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c *clocked) knows(p pass) bool {
	done, err := c.Begin(p.secret, []string{p.cookie}, false, func() {})
	if err == nil {
		done()
	}
	return err == nil
}

func TestCodesEnd(t *testing.T) {
	c := newClocked(t)
	code := c.Admit()
	c.at = c.at.Add(codeLife - time.Second)
	if _, ok := c.Key(NameOf(KeyOf(code))); !ok {
		t.Error("it ends too early")
	}
	c.at = c.at.Add(time.Second)
	if _, ok := c.Key(NameOf(KeyOf(code))); ok {
		t.Error("it is still known")
	}
	if _, _, _, err := c.Enter(code, "Firefox", "", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("it still holds: %v", err)
	}
	first := c.Admit()
	for range maxCodes {
		c.Admit()
	}
	if _, _, _, err := c.Enter(first, "Firefox", "", nil); !errors.Is(err, ErrUnknown) || len(c.codes) != maxCodes {
		t.Errorf("%d codes wait: %v", len(c.codes), err)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	c := newClocked(t)
	var all []pass
	for range MaxSessions {
		all = append(all, c.visit())
		c.at = c.at.Add(time.Minute)
	}
	if !c.knows(all[0]) { // so the second was not used for longest
		t.Fatal("the first is not known")
	}
	ended := false
	if _, err := c.Begin(all[1].secret, []string{all[1].cookie}, true, func() { ended = true }); err != nil {
		t.Fatal(err)
	}
	c.visitors[1].last = c.visitors[2].last - 1
	later := c.visit()
	if c.knows(all[2]) || !c.knows(all[1]) || ended {
		t.Error("it was not the one that has nothing under way and was used longest ago")
	}
	for _, p := range append(all[3:], all[0], all[1], later) {
		if !c.knows(p) {
			t.Errorf("%s has gone", p.name)
		}
	}
	k, err := Load(c.dir)
	if err != nil || len(k.sessions) != MaxSessions {
		t.Errorf("%d are kept: %v", len(k.sessions), err)
	}
}

func TestSessionsEndWhenTheyRest(t *testing.T) {
	c := newClocked(t)
	p, other := c.visit(), c.visit()
	c.at = c.at.Add(sessionRest)
	if !c.knows(p) {
		t.Error("it ends too early")
	}
	c.at = c.at.Add(time.Second)
	if c.knows(other) || !c.knows(p) {
		t.Error("the wrong one has ended")
	}
	if _, ok := c.Key(other.name); ok {
		t.Error("it is proven still")
	}
	again := &Table{dir: c.dir, now: c.now}
	k, err := Load(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Restore(k)
	if list := again.List(); len(list) != 1 || list[0].ID != p.name {
		t.Errorf("%+v", list)
	}
}

// When a session was used is written down now and then, and when the node ends.
func TestUseIsKept(t *testing.T) {
	c := newClocked(t)
	p := c.visit()
	used := func() int64 {
		k, err := Load(c.dir)
		if err != nil || len(k.sessions) != 1 {
			t.Fatalf("%+v, %v", k, err)
		}
		return k.sessions[0].used
	}
	begun := c.at
	c.at = c.at.Add(usedApart - time.Second)
	if !c.knows(p) || used() != begun.Unix() {
		t.Error("it is written down too often")
	}
	if err := c.Flush(); err != nil || used() != c.at.Unix() {
		t.Errorf("it is not written down in the end: %v", err)
	}
	c.at = c.at.Add(usedApart)
	if !c.knows(p) || used() != c.at.Unix() {
		t.Error("it is not written down")
	}
}

// A session that could not be written down would be gone after a restart, and one that has ended would be back.
func TestWhatCantBeWritten(t *testing.T) {
	for name, again := range map[string]func(*clocked, pass) error{
		"asked again": func(c *clocked, p pass) error { _, err := c.End(p.name); return err },
		"at the end":  func(c *clocked, _ pass) error { return c.Flush() },
		"a link":      func(c *clocked, _ pass) error { k := c.Stored(); return c.Place(k.Label, k.Port, k.Anybody) },
	} {
		c := newClocked(t)
		p := c.visit()
		if err := os.Mkdir(filepath.Join(c.dir, "web.tmp"), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := c.Enter(c.Admit(), "Firefox", "", nil); err == nil || len(c.List()) != 1 {
			t.Errorf("%s: a session begins: %v", name, err)
		}
		if ended, err := c.End(p.name); !ended || err == nil || c.knows(p) {
			t.Errorf("%s: %t, %v", name, ended, err)
		}
		if err := again(c, p); err == nil {
			t.Errorf("%s: it is on the disk still, and nobody is told", name)
		}
		if err := os.Remove(filepath.Join(c.dir, "web.tmp")); err != nil {
			t.Fatal(err)
		}
		if err := again(c, p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if k, err := Load(c.dir); err != nil || len(k.sessions) != 0 {
			t.Errorf("%s: %+v, %v", name, k, err)
		}
	}
}

func TestTicketsEnd(t *testing.T) {
	c := newClocked(t)
	p := c.visit()
	redeem := func(text string) error {
		done, err := c.Redeem(text, []string{p.cookie}, "/file/x/1", func() {})
		if err == nil {
			done()
		}
		return err
	}
	text, err := c.Ticket(p.secret, []string{p.cookie}, "/file/x/1")
	if err != nil {
		t.Fatal(err)
	}
	c.at = c.at.Add(ticketLife)
	if err := redeem(text); !errors.Is(err, ErrUnknown) {
		t.Errorf("%v", err)
	}
	again, err := c.Ticket(p.secret, []string{p.cookie}, "/file/x/1")
	if err != nil {
		t.Fatal(err)
	}
	if err := redeem(text); !errors.Is(err, ErrUnknown) {
		t.Errorf("the one before: %v", err)
	}
	if err := redeem(again); err != nil {
		t.Errorf("the latest: %v", err)
	}
	if err := redeem(again); !errors.Is(err, ErrUnknown) {
		t.Errorf("twice: %v", err)
	}
}

// A session saves one file at a time: there is no ticket for another while one holds, or its file is under way.
func TestOneFileIsSavedAtATime(t *testing.T) {
	c := newClocked(t)
	p, other := c.visit(), c.visit()
	ticket := func(p pass) (string, error) { return c.Ticket(p.secret, []string{p.cookie}, "/file/x/1") }
	text, err := ticket(p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ticket(p); !errors.Is(err, ErrBusy) {
		t.Errorf("while a ticket waits: %v", err)
	}
	done, err := c.Redeem(text, []string{p.cookie}, "/file/x/1", func() {})
	if err != nil {
		t.Fatal(err)
	}
	c.at = c.at.Add(ticketLife)
	if _, err := ticket(p); !errors.Is(err, ErrBusy) {
		t.Errorf("while a file is saved: %v", err)
	}
	if _, err := ticket(other); err != nil {
		t.Errorf("another session: %v", err)
	}
	done()
	if text, err = ticket(p); err != nil {
		t.Errorf("when it is saved: %v", err)
	}

	// A browser that has not begun to save keeps the next file waiting for a moment only.
	c.at = c.at.Add(ticketStart - 1)
	if _, err := ticket(p); !errors.Is(err, ErrBusy) {
		t.Errorf("while the browser may begin: %v", err)
	}
	c.at = c.at.Add(1)
	if _, err := ticket(p); err != nil {
		t.Errorf("when it has not begun: %v", err)
	}
	if _, err := c.Redeem(text, []string{p.cookie}, "/file/x/1", func() {}); !errors.Is(err, ErrUnknown) {
		t.Errorf("the one that was not used: %v", err)
	}
}

func TestCallsAreCounted(t *testing.T) {
	c := newClocked(t)
	p := c.visit()
	var dones []func()
	begin := func(lasts bool) error {
		done, err := c.Begin(p.secret, []string{p.cookie}, lasts, func() {})
		if err == nil {
			dones = append(dones, done)
		}
		return err
	}
	for range MaxLasting {
		if err := begin(true); err != nil {
			t.Fatal(err)
		}
	}
	if err := begin(true); !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	for range maxCalls - MaxLasting {
		if err := begin(false); err != nil {
			t.Fatal(err)
		}
	}
	if err := begin(false); !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	dones[0]()
	if err := begin(true); err != nil {
		t.Errorf("%v", err)
	}
}

// What is forgotten stays so after a restart, as soon as that can be written.
func TestAddressIsForgotten(t *testing.T) {
	c := newClocked(t)
	p, code := c.visit(), c.Admit()
	path := filepath.Join(c.dir, "web")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil { // so it can't be removed
		t.Fatal(err)
	}
	if ended, err := c.EndAll(); ended != 1 || err == nil || c.knows(p) {
		t.Errorf("%d, %v", ended, err)
	}
	if err := os.Remove(filepath.Join(path, "full")); err != nil {
		t.Fatal(err)
	}
	if ended, err := c.EndAll(); ended != 0 || err != nil {
		t.Errorf("%d, %v", ended, err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is there still: %v", err)
	}
	if k := c.Stored(); k.Label != "" || k.Port != 0 {
		t.Errorf("%+v", k)
	}
	if _, ok := c.Key(NameOf(KeyOf(code))); ok {
		t.Error("a code holds still")
	}
}

// Where all have something under way, that which was used longest ago makes room.
func TestSessionsThatAreOpenAreBounded(t *testing.T) {
	c := newClocked(t)
	ended := make([]bool, MaxSessions)
	for i := range MaxSessions {
		p := c.visit()
		c.at = c.at.Add(time.Minute)
		if _, err := c.Begin(p.secret, []string{p.cookie}, true, func() { ended[i] = true }); err != nil {
			t.Fatal(err)
		}
	}
	c.visit()
	if !ended[0] || slices.Contains(ended[1:], true) || len(c.List()) != MaxSessions {
		t.Errorf("%v", ended)
	}
}

// A page that is opened by a further link has one session still, and loses none that can't be replaced.
func TestSessionTakesThePlaceOfAnother(t *testing.T) {
	c := newClocked(t)
	p, other := c.visit(), c.visit()
	ended := false
	if _, err := c.Begin(p.secret, []string{p.cookie}, true, func() { ended = true }); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []pass{{secret: p.secret, cookie: other.cookie}, {secret: p.secret}, {cookie: p.cookie}, {secret: p.secret + "x", cookie: p.cookie}} {
		if _, _, _, err := c.Enter(c.Admit(), "Firefox", wrong.secret, []string{wrong.cookie}); err != nil || !c.knows(p) || ended {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if _, _, _, err := c.Enter("x", "Firefox", p.secret, []string{p.cookie}); err == nil || !c.knows(p) {
		t.Errorf("without a code: %v", err)
	}
	if err := os.Mkdir(filepath.Join(c.dir, "web.tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := c.Enter(c.Admit(), "Firefox", p.secret, []string{p.cookie}); err == nil || !c.knows(p) || ended {
		t.Errorf("a session that can't be written down: %v", err)
	}
	if err := os.Remove(filepath.Join(c.dir, "web.tmp")); err != nil {
		t.Fatal(err)
	}
	before := len(c.List())
	if _, _, _, err := c.Enter(c.Admit(), "Firefox", p.secret, []string{p.cookie}); err != nil || c.knows(p) || !ended || !c.knows(other) || len(c.List()) != before {
		t.Errorf("%v", err)
	}
	if k, err := Load(c.dir); err != nil || len(k.sessions) != before {
		t.Errorf("%d are kept: %v", len(k.sessions), err)
	}
}
