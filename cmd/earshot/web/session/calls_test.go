package session

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A file that is saved by a ticket is one of the calls that last, until it is saved.
func TestSavingIsCounted(t *testing.T) {
	c := newClocked(t)
	p := c.visit()
	cookies := []string{p.cookie}
	redeem := func() (func(), error) {
		t.Helper()
		text, err := c.Ticket(p.secret, cookies, "/file/x/1")
		if err != nil {
			t.Fatal(err)
		}
		return c.Redeem(text, cookies, "/file/x/1", func() {})
	}
	saved, err := redeem()
	if err != nil {
		t.Fatal(err)
	}
	for range MaxLasting - 1 {
		if _, err := c.Begin(p.secret, cookies, true, func() {}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Begin(p.secret, cookies, true, func() {}); !errors.Is(err, ErrBusy) {
		t.Errorf("while a file is saved: %v", err)
	}
	saved()
	if _, err := c.Begin(p.secret, cookies, true, func() {}); err != nil {
		t.Errorf("when it is saved: %v", err)
	}
	if _, err := redeem(); !errors.Is(err, ErrBusy) {
		t.Errorf("one more than may last: %v", err)
	}
	if c.List()[0].Calls != MaxLasting {
		t.Errorf("%+v", c.List())
	}
}

// A ticket holds no longer than its session.
func TestTicketEndsWithItsSession(t *testing.T) {
	c := newClocked(t)
	p := c.visit()
	c.at = c.at.Add(sessionRest)
	text, err := c.Ticket(p.secret, []string{p.cookie}, "/file/x/1")
	if err != nil {
		t.Fatal(err)
	}
	c.at = c.at.Add(time.Second)
	if _, err := c.Redeem(text, []string{p.cookie}, "/file/x/1", func() {}); !errors.Is(err, ErrUnknown) {
		t.Errorf("%v", err)
	}
}

// Where the page is, and who may connect, is written down as it is, and once.
func TestPlaceIsKept(t *testing.T) {
	c := newClocked(t)
	was := c.Stored()
	for _, want := range []Kept{{Label: NewLabel(), Port: was.Port}, {Label: was.Label, Port: was.Port + 1}, {Label: was.Label, Port: was.Port, Anybody: true}, {Label: was.Label, Port: was.Port}} {
		if err := c.Place(want.Label, want.Port, want.Anybody); err != nil {
			t.Fatal(err)
		}
		if k, err := Load(c.dir); err != nil || k.Label != want.Label || k.Port != want.Port || k.Anybody != want.Anybody {
			t.Errorf("%+v %v, want %+v", k, err, want)
		}
		if err := c.Place(was.Label, was.Port, was.Anybody); err != nil {
			t.Fatal(err)
		}
	}
}

// What can't be written down is not begun.
func TestUseThatCantBeWritten(t *testing.T) {
	c := newClocked(t)
	p := c.visit()
	if err := os.Mkdir(filepath.Join(c.dir, "web.tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.at = c.at.Add(usedApart)
	if _, err := c.Begin(p.secret, []string{p.cookie}, true, func() {}); err == nil || c.List()[0].Calls != 0 {
		t.Errorf("%v %+v", err, c.List())
	}
}
